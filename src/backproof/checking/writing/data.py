"""The report as plain data that JSON can hold; its keys are stable and documented in docs/checking.md."""

from __future__ import annotations

import math
from typing import Any

from backproof.checking.checked import Checked
from backproof.checking.findings import Convention, Deviation, Finding, Judged, Repair
from backproof.checking.writing.marking import notation_of
from backproof.ir.expr import Expr
from backproof.notation import Notation
from backproof.render.typeset import typeset


def to_data(report: Checked) -> dict[str, Any]:
    """Everything that the report says, by name.

    Numbers that JSON cannot hold are the strings ``"nan"``, ``"inf"`` and ``"-inf"``.

    Example:
        >>> from backproof.checking.claims import check_claim
        >>> data = to_data(check_claim("delta_2 = y_hat - y", "3-2-1"))
        >>> data["ok"], data["verdict"], data["findings"][0]["equation"]
        (False, 'wrong', 'delta_2')
    """
    notation = notation_of(report.trace)
    return {
        "ok": report.ok,
        "verdict": str(report.verdict),
        "subject": report.subject,
        "sentence": report.sentence,
        "precision": report.dtype,
        "points": report.points,
        "quantities": [_judged(judged) for judged in report.judged],
        "findings": [_finding(finding, notation) for finding in report.findings],
        "conventions": [_convention(convention) for convention in report.conventions],
        "notes": list(report.notes),
        "mended": report.mended or None,
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "id": judged.id,
        "verdict": str(judged.verdict),
        "variable": judged.variable,
        "line": judged.line,
        "shape": list(judged.shape),
        "deviation": _deviation(judged.deviation),
        "reason": judged.reason,
        "follows": judged.follows,
    }


def _finding(finding: Finding, notation: Notation) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "equation": finding.equation,
        "sentence": finding.sentence,
        "variable": finding.variable,
        "line": finding.line,
        "right": _formula(finding.right, notation),
        "part": _formula(finding.part, notation),
        "wrong": _formula(finding.wrong, notation),
        "alternatives": list(finding.alternatives),
        "deviation": _deviation(finding.deviation),
        "repair": _repair(finding.repair),
    }


def _formula(expr: Expr | None, notation: Notation) -> str | None:
    return None if expr is None else typeset(expr, notation=notation)


def _deviation(deviation: Deviation | None) -> dict[str, Any] | None:
    if deviation is None:
        return None
    return {
        "index": [int(place) for place in deviation.index],
        "value": _number(deviation.value),
        "right": _number(deviation.right),
        "bound": _number(deviation.bound),
        "outside": int(deviation.outside),
        "entries": int(deviation.entries),
    }


def _repair(repair: Repair | None) -> dict[str, Any] | None:
    if repair is None:
        return None
    return {"before": repair.before, "after": repair.after, "line": repair.line, "checked": repair.checked}


def _convention(convention: Convention) -> dict[str, Any]:
    return {"kind": convention.kind, "sentence": convention.sentence}


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))
