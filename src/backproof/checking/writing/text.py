"""The report as text: the verdict first, then the picture, the faults with their repairs, and what else is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backproof.checking.checked import Checked
from backproof.checking.findings import Finding, Judged, Verdict
from backproof.checking.writing.marking import marked_lines, notation_of, part_label, part_of
from backproof.checking.writing.picture import Gap, picture_of
from backproof.checking.writing.picture_text import legend_line, picture_lines
from backproof.checking.writing.signs import SIGNS, TOLD, equation_words, numbers_of
from backproof.checking.writing.spans import Line, Span, painted, wrapped
from backproof.checking.writing.wording import headline, numbers, place, repair_words, sentence, summary, undecided
from backproof.ir.expr import Expr, Name
from backproof.render.layout import WIDTH
from backproof.render.symbols import plain_text
from backproof.render.typeset import typeset

NARROWEST = 40
INDENT = "    "
ASCII_SIGNS = str.maketrans("✓✗·─▶◀┘–−…ΔσΣ∂∘×ᵀ±", "vX.-><'---DsSdoxT~")
"""What stands for signs that a terminal lacks: another sign for each verdict, as wide."""
MOST_TOLD = 12
"""Quantities that are told one by one."""


def to_text(report: Checked, *, width: int = WIDTH, color: bool = False, ascii: bool = False) -> str:
    """The report as text of at most ``width`` columns; code of the user's is never broken.

    Args:
        report: what was found.
        width: columns; at least 40 are taken.
        color: whether verdicts are coloured too, for a terminal.
        ascii: whether signs that a terminal may lack are replaced; names stay as they are.
    """
    page = _Page(report, max(width, NARROWEST))
    text = "\n".join(painted(line, color=color) for line in page.lines())
    return text.translate(ASCII_SIGNS) if ascii else text


@dataclass(frozen=True)
class _Page:
    """A report and how wide it may be."""

    report: Checked
    width: int

    def lines(self) -> Iterator[Line]:
        """All of it."""
        report = self.report
        sign = SIGNS[report.verdict]
        yield from wrapped(headline(report), self.width, f"{sign.mark} ", "  ", sign.style)
        yield from wrapped(summary(report), self.width, "  ", "  ")
        yield ()
        yield from self._picture()
        for number, finding in enumerate(report.findings, start=1):
            yield ()
            yield from self._finding(number, finding)
        yield from self._undecided()
        yield from self._unexplained()
        yield from self._listed("Recognised, and no fault", [c.sentence for c in report.conventions])
        yield from self._listed("Note", list(report.notes))

    def _picture(self) -> Iterator[Line]:
        picture = picture_of(self.report)
        room = self.width - len(INDENT)
        for line in picture_lines(picture, notation_of(self.report.trace), room):
            yield (Span(INDENT), *line) if line else ()
        for column in picture.columns:
            if isinstance(column, Gap):
                yield from self._wrapped(sentence(column.sentence()), style="quiet")
        yield ()
        yield (Span(INDENT), *legend_line(picture.shown))

    def _wrapped(self, text: str, first: str = "", style: str = "") -> Iterator[Line]:
        begin = INDENT + first
        return wrapped(text, self.width, begin, " " * len(begin), style)

    # --- a fault --------------------------------------------------------------------------------------------------

    def _finding(self, number: int, finding: Finding) -> Iterator[Line]:
        begin = f"{number}. "
        yield from wrapped(sentence(finding.sentence), self.width, begin, " " * len(begin), "strong")
        if finding.right is not None and finding.equation:
            yield ()
            yield from self._equation(finding, finding.right)
        told = numbers_of(self.report, finding)
        if told or (finding.deviation is not None and finding.kind not in TOLD):
            yield ()
        yield from self._numbers(finding, told)
        if finding.repair is not None:
            yield ()
            yield from self._repair(finding)
        if finding.alternatives:
            yield ()
            yield from self._wrapped("The same values could also mean:")
            for other in finding.alternatives:
                yield from self._wrapped(sentence(other), "– ")

    def _equation(self, finding: Finding, right: Expr) -> Iterator[Line]:
        notation = notation_of(self.report.trace)
        room, part = self.width - len(INDENT) * 2, part_of(self.report.trace, finding)
        yield (Span(f"{INDENT}{equation_words(self.report.trace, finding.equation)}:", "quiet"),)
        for line in marked_lines(finding.equation, right, part, notation, room):
            spans = (Span(c, "wrong" if mark else "") for c, mark in zip(line.text, line.marks, strict=True))
            yield (Span(INDENT * 2), *_joined(spans))
            if line.underline:
                label = part_label(finding)
                short = len(line.underline) + 1 + len(label) <= room
                yield (Span(INDENT * 2), Span(f"{line.underline} {label}" if short else line.underline, "wrong"))
                if not short:
                    yield (Span(INDENT * 2), Span(label, "wrong"))
        if finding.repair is None and finding.wrong is not None and finding.wrong != right:
            yield (Span(f"{INDENT}What was computed instead:", "quiet"),)
            for line in marked_lines(finding.equation, finding.wrong, None, notation, room):
                yield (Span(INDENT * 2 + line.text),)

    def _numbers(self, finding: Finding, told: tuple[Judged, ...]) -> Iterator[Line]:
        notation = notation_of(self.report.trace)
        for judged in told[:MOST_TOLD]:
            assert judged.deviation is not None  # numbers_of takes no others
            name = typeset(Name(judged.id), notation=notation)
            where = place(judged.variable, judged.line)
            of = f"{name} ({where}): " if where and where != judged.id else f"{name}: "
            yield from self._wrapped(of + numbers(judged.deviation))
        if not told and finding.deviation is not None and finding.kind not in TOLD:
            yield from self._wrapped(f"The worst entry: {numbers(finding.deviation)}")

    def _repair(self, finding: Finding) -> Iterator[Line]:
        repair = finding.repair
        assert repair is not None  # the caller has looked
        yield (Span(f"{INDENT}{repair_words(finding)}:", "quiet"),)
        for sign, style, text in (("-", "gone", repair.before), ("+", "come", repair.after)):
            for line in text.splitlines():
                yield (Span(f"{INDENT}{sign} {plain_text(line.expandtabs(4))}", style),)

    # --- what else is known ---------------------------------------------------------------------------------------

    def _undecided(self) -> Iterator[Line]:
        told = undecided(self.report)
        notation = notation_of(self.report.trace)
        if told:
            yield ()
            yield (Span("Cannot be told here", "strong"),)
        for judged, reason in told[:MOST_TOLD]:
            where = place(judged.variable, judged.line)
            name = typeset(Name(judged.id), notation=notation)
            yield from self._wrapped(f"{name} ({where}): {reason}" if where else f"{name}: {reason}", "? ")
        if len(told) > MOST_TOLD:
            yield from self._wrapped(f"and {len(told) - MOST_TOLD} more")

    def _unexplained(self) -> Iterator[Line]:
        """What is wrong with nothing about it in a finding; the picture alone shows what there are no words for."""
        report = self.report
        told = {judged.id for finding in report.findings for judged in numbers_of(report, finding)}
        told |= {finding.equation for finding in report.findings}
        wrong = [j for j in report.judged if j.verdict is Verdict.WRONG and j.id not in told]
        left = [j for j in wrong if j.deviation is not None or j.reason or j.follows or not report.findings]
        if left:
            yield ()
            yield (Span("Wrong, too", "strong"),)
        for judged in left[:MOST_TOLD]:
            where = place(judged.variable, judged.line)
            said = numbers(judged.deviation) if judged.deviation is not None else judged.reason
            if judged.follows:
                said = (
                    f"{said}; it follows from what is wrong before it" if said else "it follows from what is before it"
                )
            name = typeset(Name(judged.id), notation=notation_of(report.trace))
            yield from self._wrapped(f"{name}{f' ({where})' if where else ''}{f': {said}' if said else ''}", "✗ ")
        if len(left) > MOST_TOLD:
            yield from self._wrapped(f"and {len(left) - MOST_TOLD} more")

    def _listed(self, title: str, found: list[str]) -> Iterator[Line]:
        if found:
            yield ()
            yield (Span(title, "strong"),)
        for text in found:
            yield from self._wrapped(sentence(text))


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    """Neighbours of one style as one span."""
    text, style = "", ""
    for span in spans:
        if span.style != style and text:
            yield Span(text, style)
            text = ""
        text, style = text + span.text, span.style
    if text:
        yield Span(text, style)
