"""The report as a page: the verdict and the faults above the derivation, whose equations carry their verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from backproof.checking.checked import Checked
from backproof.checking.findings import Judged, Verdict
from backproof.checking.writing.marking import notation_of
from backproof.checking.writing.page_parts import diff_lines, doubts, findings, picture, quantities, spoken
from backproof.checking.writing.signs import SIGNS, target_id, verdicts
from backproof.checking.writing.wording import headline, numbers, place, sentence, subject, summary
from backproof.render.document import Badge, Block, Display, Document, Heading, Paragraph
from backproof.render.html import HtmlSection
from backproof.render.html import to_html as document_html
from backproof.render.outline import outline
from backproof.render.outline_alike import left_out
from backproof.render.outline_parts import base_id
from backproof.render.pages import template
from backproof.version import __version__

SAID: Mapping[Verdict, str] = {Verdict.RIGHT: "right in yours", Verdict.WRONG: "wrong in yours"}


def to_html(report: Checked) -> str:
    """One HTML file that loads nothing: the report, and the derivation with every verdict beside its equation."""
    return document_html(_document(report), extra_sections=list(_sections(report)))


def to_fragment(report: Checked) -> str:
    """The report for a notebook: HTML that needs no script and no style but its own."""
    return str(_set("fragment", _view(report)))


# --- the report -------------------------------------------------------------------------------------------------------


def _sections(report: Checked) -> Iterator[HtmlSection]:
    view = _view(report)
    yield HtmlSection("The verdict", "check-verdict", _set("verdict", view), "before")
    if report.findings:
        title = "The fault" if len(report.findings) == 1 else "The faults"
        yield HtmlSection(title, "check-faults", _set("faults", view), "before")
    if any(quantity["values"] for quantity in view["quantities"]):
        yield HtmlSection("Your values beside the right ones", "check-values", _set("values", view), "before")
    if view["conventions"] or view["notes"]:
        yield HtmlSection("What else is known", "check-notes", _set("notes", view), "before")
    if view["diff"]:
        yield HtmlSection("The program mended", "check-program", _set("program", view), "before")


def _view(report: Checked) -> dict[str, Any]:
    """What the template shows."""
    sign = SIGNS[report.verdict]
    return {
        "mark": sign.mark,
        "style": sign.style,
        "headline": headline(report),
        "summary": summary(report),
        "picture": picture(report),
        "findings": findings(report),
        "doubts": doubts(report),
        "quantities": quantities(report),
        "conventions": [spoken(sentence(convention.sentence)) for convention in report.conventions],
        "notes": [spoken(sentence(note)) for note in report.notes],
        "diff": diff_lines(report),
    }


# --- the derivation ---------------------------------------------------------------------------------------------------


def _document(report: Checked) -> Document:
    trace, structure = report.trace, report.trace.source.structure
    folded = left_out(structure) if structure is not None else {}
    badges = _badges(report)
    by_number = trace.by_number
    hides = any(not badge.holds and base_id(by_number[number].target) in folded for number, badge in badges.items())
    facts = {"made by": f"Backproof {__version__}", "checked": _precision(report)}
    document = outline(
        trace,
        view="matrix",
        notation=notation_of(trace),
        badges=badges,
        trace_badges=badges,
        fold=not hides,
        facts=facts,
    )
    blocks = (Heading(1, ("The derivation",), "derivation"), *map(_one_level_down, document.blocks))
    title = (f"{subject(report)}, checked against the derivation of its gradients",)
    return replace(document, title=title, blocks=tuple(_with_values(blocks, report)))


def _precision(report: Checked) -> str:
    return f"in {report.dtype}" if report.dtype != "exact" else "by algebra"


def _one_level_down(block: Block) -> Block:
    return replace(block, level=block.level + 1) if isinstance(block, Heading) else block


def _badges(report: Checked) -> dict[int, Badge]:
    """What is said of each equation, by the number of its step."""
    found = verdicts(report)
    judged = {j.id: j for j in report.judged}
    badges = {}
    for step in report.trace.steps:
        id = target_id(step, report.trace)
        verdict = found.get(id)
        if verdict is not None and verdict in SAID:
            badges[step.number] = Badge(verdict is Verdict.RIGHT, SAID[verdict], _detail(report, id, judged.get(id)))
    return badges


def _detail(report: Checked, id: str, judged: Judged | None) -> str:
    said = [finding.sentence for finding in report.findings if finding.equation == id]
    if judged is not None:
        where = place(judged.variable, judged.line)
        said += [where] if where else []
        said += [numbers(judged.deviation)] if judged.deviation is not None else []
    return "; ".join(said) or "by its equation"


def _with_values(blocks: tuple[Block, ...], report: Checked) -> Iterator[Block]:
    """The right values under each equation whose values the user's program has shown."""
    judged = {j.id: j for j in report.judged if j.right}
    by_number = report.trace.by_number
    for block in blocks:
        if isinstance(block, Display) and block.number in by_number and not block.restated:
            found = judged.get(target_id(by_number[block.number], report.trace))
            if found is not None and not block.values:
                yield replace(block, values=found.right)
                yield from _in_its_place(block, found)
                continue
        yield block


def _in_its_place(block: Display, judged: Judged) -> Iterator[Block]:
    """The user's values of a quantity that is wrong."""
    if judged.verdict is Verdict.WRONG and judged.values != judged.right:
        where = place(judged.variable, judged.line)
        yield Paragraph((f"✗ {where} has in its place" if where else "✗ In its place yours has",))
        yield Display(number=0, target=block.target, lines=(), values=judged.values)


# --- the template -----------------------------------------------------------------------------------------------------


def _set(macro: str, *arguments: object) -> Markup:
    text = str(getattr(template("backproof.checking.writing", "report.html.j2").module, macro)(*arguments))
    return Markup(re.sub(r"\n{2,}", "\n", text))
