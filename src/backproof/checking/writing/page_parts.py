"""The parts of a page: the picture, the faults and the values, each as what the template shows; formulas as markup."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from backproof.checking.checked import Checked
from backproof.checking.findings import Finding, Grid, Judged, Verdict
from backproof.checking.writing.marking import marked_tex, marked_text, notation_of, part_label, part_of
from backproof.checking.writing.picture import Cell, Column, Gap, picture_of
from backproof.checking.writing.signs import LEGEND, SIGNS, TOLD, equation_number, equation_words, numbers_of
from backproof.checking.writing.wording import number, numbers, place, repair_words, sentence, undecided
from backproof.ir.expr import Name
from backproof.notation import Notation
from backproof.render.dialects import LATEX, UNICODE
from backproof.render.html_blocks import clean
from backproof.render.inline import inline
from backproof.render.layout import WIDTH

_CODE = re.compile(r"`([^`]+)`")
CONTEXT = 2
"""Unchanged lines shown around a change."""


def spoken(text: str) -> Markup:
    """A sentence of a report: what stands between backticks as code, all of it escaped."""
    parts = _CODE.split(clean(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else Markup.escape(part) for place, part in enumerate(parts)
    )


def formula(id: str, notation: Notation) -> Markup:
    """A quantity's name as a formula, and as text where no script runs."""
    tex, text = (inline(Name(id), dialect, notation) for dialect in (LATEX, UNICODE))
    return Markup('<span class="math" data-tex="{}">{}</span>').format(tex, clean(text))


# --- the picture ------------------------------------------------------------------------------------------------------


def picture(report: Checked) -> dict[str, Any]:
    """The table of the backward pass: rows of cells; None where a row has nothing."""
    drawn, notation = picture_of(report), notation_of(report.trace)
    faults = {finding.equation: place for place, finding in reversed(list(enumerate(report.findings, start=1)))}

    def shown(cell: Cell) -> dict[str, Any]:
        sign = None if cell.verdict is None else SIGNS[cell.verdict]
        return {
            "name": formula(cell.id, notation),
            "mark": sign.mark if sign else "",
            "style": sign.style if sign else "",
            "word": LEGEND[cell.verdict] if cell.verdict else "",
            "fault": faults.get(cell.id, 0),
        }

    columns: list[dict[str, Any]] = []
    for column in drawn.columns:
        if isinstance(column, Gap):
            columns.append({"gap": True})
            continue
        columns.append(
            {
                "gap": False,
                "parameters": Markup(", ").join(formula(id, notation) for id in column.parameters),
                "forward": shown(column.forward),
                "delta": None if column.delta is None else shown(column.delta),
                "gradients": [shown(cell) for cell in column.gradients],
            }
        )
    return {
        "source": None if drawn.source is None else formula(drawn.source, notation),
        "columns": columns,
        "deepest": max((len(c.gradients) for c in drawn.columns if isinstance(c, Column)), default=0),
        "loss": shown(drawn.loss),
        "others": [shown(cell) for cell in drawn.others],
        "gaps": [sentence(column.sentence()) for column in drawn.columns if isinstance(column, Gap)],
        "legend": [(SIGNS[v].mark, SIGNS[v].style, LEGEND[v]) for v in SIGNS if v in drawn.shown],
    }


# --- the faults -------------------------------------------------------------------------------------------------------


def findings(report: Checked) -> list[dict[str, Any]]:
    """Every fault."""
    return [_finding(report, number, finding) for number, finding in enumerate(report.findings, start=1)]


def _finding(report: Checked, number: int, finding: Finding) -> dict[str, Any]:
    notation = notation_of(report.trace)
    told = [(formula(j.id, notation), place(j.variable, j.line), _numbers(j)) for j in numbers_of(report, finding)]
    if not told and finding.deviation is not None and finding.kind not in TOLD:
        told = [(Markup(""), "", numbers(finding.deviation))]
    right = wrong = None
    if finding.right is not None and finding.equation:
        target, label, part = finding.equation, part_label(finding), part_of(report.trace, finding)
        right = (
            marked_tex(target, finding.right, part, notation, label),
            marked_text(target, finding.right, part, notation, WIDTH),
        )
    if finding.wrong is not None and finding.wrong != finding.right and finding.equation:
        wrong = (
            marked_tex(finding.equation, finding.wrong, None, notation, ""),
            marked_text(finding.equation, finding.wrong, None, notation, WIDTH),
        )
    repair = finding.repair
    return {
        "number": number,
        "sentence": spoken(sentence(finding.sentence)),
        "law": equation_words(report.trace, finding.equation),
        "law_number": equation_number(report.trace, finding.equation),
        "right": right,
        "wrong": wrong,
        "numbers": told,
        "repair": repair_words(finding),
        "before": [] if repair is None else repair.before.splitlines(),
        "after": [] if repair is None else repair.after.splitlines(),
        "alternatives": [spoken(sentence(other)) for other in finding.alternatives],
    }


def _numbers(judged: Judged) -> str:
    return "" if judged.deviation is None else numbers(judged.deviation)


def doubts(report: Checked) -> list[tuple[Markup, str, Markup]]:
    """What could not be told: its name, where it is, and why."""
    notation = notation_of(report.trace)
    return [
        (formula(j.id, notation), place(j.variable, j.line), spoken(sentence(reason)))
        for j, reason in undecided(report)
    ]


# --- the values -------------------------------------------------------------------------------------------------------


def quantities(report: Checked) -> list[dict[str, Any]]:
    """Every quantity that was seen, the wrong ones first, with the user's values and the right ones."""
    notation = notation_of(report.trace)
    order = list(SIGNS)
    seen = [j for j in report.judged if j.verdict is not Verdict.NOT_SEEN]
    ranked = sorted(seen, key=lambda j: (j.verdict is not Verdict.WRONG, order.index(j.verdict)))
    return [
        {
            "name": formula(judged.id, notation),
            "mark": SIGNS[judged.verdict].mark,
            "style": SIGNS[judged.verdict].style,
            "word": LEGEND[judged.verdict],
            "variable": judged.variable,
            "line": judged.line,
            "shape": "×".join(map(str, judged.shape)),
            "values": _grid(judged.values, judged),
            "right": _grid(judged.right, judged),
            "reason": judged.reason or _used_wrongly(judged),
            "numbers": _numbers(judged),
        }
        for judged in ranked
    ]


def _used_wrongly(judged: Judged) -> str:
    """Why a quantity is wrong though its value is right."""
    if judged.verdict is not Verdict.WRONG or judged.deviation is not None or not judged.right:
        return ""
    return "its value is right, but not what is done with it" if judged.values == judged.right else ""


def _grid(grid: Grid, judged: Judged) -> list[list[dict[str, Any]]]:
    """The entries as texts; the worst one is known where it is among those that are kept."""
    worst = _worst_place(grid, judged)
    return [
        [
            {"text": "⋯" if value is None else f"{number_short(value)}", "worst": (row, column) == worst}
            for column, value in enumerate(values)
        ]
        for row, values in enumerate(grid)
    ]


def number_short(value: float) -> str:
    """A number for a table."""
    return number(float(f"{value:.5g}"))


def _worst_place(grid: Grid, judged: Judged) -> tuple[int, int] | None:
    """Where the worst entry stands among those that are kept: rows and columns left out are those in the middle."""
    deviation = judged.deviation
    if deviation is None or not grid or not judged.values:
        return None
    row, column = deviation.index if len(deviation.index) == 2 else (0, 0)
    wanted = (deviation.value, deviation.right)
    for r, (mine, right) in enumerate(zip(judged.values, judged.right, strict=False)):
        for c, pair in enumerate(zip(mine, right, strict=False)):
            if pair == wanted and r <= row and c <= column:
                return (r, c)
    return None


# --- the program ------------------------------------------------------------------------------------------------------


def diff_lines(report: Checked) -> Sequence[tuple[str, str]]:
    """The lines of the difference between the program and its mended copy, each with its style."""
    if not report.mended:
        return ()
    before, after = report.source.splitlines(), report.mended.splitlines()
    styles = {"+": "come", "-": "gone", "@": "quiet"}
    lines = list(difflib.unified_diff(before, after, lineterm="", n=CONTEXT))[2:]
    return [(line, styles.get(line[:1], "")) for line in lines]
