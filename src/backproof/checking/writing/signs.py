"""How each verdict shows: a sign, a word and a colour, never the colour alone; and which verdict a quantity has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backproof.checking.checked import Checked
from backproof.checking.findings import Finding, Judged, Verdict
from backproof.ir.traverse import names


@dataclass(frozen=True, slots=True)
class Sign:
    """How a verdict shows.

    Args:
        mark: one character.
        style: the name of a style, in a terminal as on a page.
    """

    mark: str
    style: str


SIGNS: Mapping[Verdict, Sign] = {
    Verdict.RIGHT: Sign("✓", "right"),
    Verdict.WRONG: Sign("✗", "wrong"),
    Verdict.NOT_INFORMATIVE: Sign("?", "unsure"),
    Verdict.NOT_SEEN: Sign("·", "absent"),
}

LEGEND: Mapping[Verdict, str] = {
    Verdict.RIGHT: "right",
    Verdict.WRONG: "wrong",
    Verdict.NOT_INFORMATIVE: "cannot be told here",
    Verdict.NOT_SEEN: "not looked at",
}
"""What the signs mean, in the fewest words."""


def verdicts(report: Checked) -> Mapping[str, Verdict]:
    """The verdict of every quantity that has one; the equation that a finding blames is wrong."""
    found = {judged.id: judged.verdict for judged in report.judged}
    blamed = {finding.equation: Verdict.WRONG for finding in report.findings if finding.equation}
    return {**found, **blamed}


def numbers_of(report: Checked, finding: Finding) -> tuple[Judged, ...]:
    """The quantities whose numbers show a fault: the one it is about, otherwise what is made from that and is wrong.

    What another finding is about is left to that one, where something else shows this one.
    """
    judged = {j.id: j for j in report.judged if j.verdict is Verdict.WRONG and j.deviation is not None}
    if finding.equation in judged:
        return (judged[finding.equation],)
    others = {other.equation for other in report.findings if other is not finding}
    made = [judged[id] for id in _made_from(report, finding.equation) if id in judged]
    return tuple(j for j in made if j.id not in others) or tuple(made)


def _made_from(report: Checked, id: str) -> Iterator[str]:
    """The quantities that are made from this one, in the order of computation."""
    reached = {id}
    for equation in report.trace.joint.equations:
        if names(equation.value) & reached:
            reached.add(equation.name.id)
            yield equation.name.id
