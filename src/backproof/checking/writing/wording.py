"""The words of a report: its headline, the numbers of a deviation, places in the user's program."""

from __future__ import annotations

import re

from backproof.checking.checked import Checked
from backproof.checking.findings import Deviation, Finding, Judged, Verdict

FLOATS = ("float16", "bfloat16", "float32", "float64")
LONGEST_SUBJECT = 200


def headline(report: Checked) -> str:
    """The verdict in a few words."""
    match report.verdict:
        case Verdict.RIGHT:
            return f"Right: {subject(report)}"
        case Verdict.WRONG:
            return f"Wrong: {subject(report)}"
        case Verdict.NOT_INFORMATIVE | Verdict.NOT_SEEN:
            return f"Cannot be told here: {subject(report)}"


def subject(report: Checked) -> str:
    """What was checked; of a long claim the beginning."""
    name = report.subject
    return name if len(name) <= LONGEST_SUBJECT else f"{name[: LONGEST_SUBJECT - 1]}…"


def summary(report: Checked) -> str:
    """How many quantities and faults, and how that was found."""
    match report.verdict:
        case Verdict.RIGHT:
            told = [j for j in report.judged if j.verdict is Verdict.RIGHT]
            verb = "agrees" if len(told) == 1 else "agree"
            return f"{count(len(told), 'quantity', 'quantities')} {verb} with the derivation, {how(report)}."
        case Verdict.WRONG:
            found = max(1, len(report.findings))
            mended = sum(f.repair is not None and f.repair.checked for f in report.findings)
            said = "" if not mended else ", mended" if mended == found == 1 else f", {mended} mended"
            said = ", each mended" if mended == found > 1 else said
            checked = f"; checked {how(report)}" if report.points or report.dtype == "exact" else ""
            return f"{count(found, 'fault')} found{said}{checked}."
        case Verdict.NOT_INFORMATIVE | Verdict.NOT_SEEN:
            if all(j.verdict is Verdict.NOT_SEEN for j in report.judged):
                return f"Nothing in it could be matched with the derivation, {how(report)}."
            return f"Nothing is wrong as far as can be seen, but not everything could be decided, {how(report)}."


def how(report: Checked) -> str:
    """In what arithmetic, and at how many points."""
    if report.dtype == "exact":
        return "by algebra"
    precision = f"within rounding in {report.dtype}" if report.dtype in FLOATS else f"to {report.dtype}"
    if not report.points:
        return precision
    what = ("pass of the program", "passes of the program") if report.source else ("point", "points")
    return f"{precision}, at {count(report.points, *what)}"


def count(number: int, what: str, many: str = "") -> str:
    """``1 point``, ``2 points``."""
    return f"{number} {what if number == 1 else many or f'{what}s'}"


def place(variable: str, line: int | None) -> str:
    """``l1_error, line 34``; either alone, or nothing."""
    return ", ".join(piece for piece in (variable, "" if line is None else f"line {line}") if piece)


def numbers(deviation: Deviation) -> str:
    """The worst entry: what is there, what is right, and how far rounding could take the two apart."""
    at = f"entry [{', '.join(map(str, deviation.index))}] is" if deviation.index else "it is"
    outside = f"; {deviation.outside} of {count(deviation.entries, 'entry', 'entries')} are off"
    if deviation.entries == 1:
        outside = ""
    elif deviation.outside == 1:
        outside = f"; only this one of {deviation.entries} entries is off"
    bound = f" ± {deviation.bound:.1g}"
    return f"{at} {number(deviation.value)}, but {number(deviation.right)}{bound} is right{outside}"


def number(value: float) -> str:
    """A number as the reports print it."""
    return f"{value:.8g}".replace("-", "−")


def undecided(report: Checked) -> list[tuple[Judged, str]]:
    """What could not be told, with the reason and what to do about it; gradients that were not seen among it."""
    told = [(j, j.reason) for j in report.judged if j.verdict is Verdict.NOT_INFORMATIVE]
    if report.ok or report.findings:
        return told
    gradients = set(report.trace.gradients.values())
    missing = [j for j in report.judged if j.verdict is Verdict.NOT_SEEN and j.id in gradients]
    return [*told, *((j, j.reason or "it was not seen among the values") for j in missing)]


def repair_words(finding: Finding) -> str:
    """How sure the repair is."""
    if finding.repair is None:
        return ""
    line = "" if finding.repair.line is None else f", line {finding.repair.line}"
    if finding.repair.checked:
        return f"Repair{line}, tried and found right"
    return f"Repair{line}" if line else "Repair, in the names of the derivation"


_OPENING = re.compile(r"(line \d|(the|every|entry|layers?|loss|no) )")


def sentence(text: str) -> str:
    """The text with a full stop; its first letter stays small where it may belong to a name.

    Example:
        >>> sentence("line 3: `x` is wrong"), sentence("d1 is wrong")
        ('Line 3: `x` is wrong.', 'd1 is wrong.')
    """
    text = text.strip()
    if _OPENING.match(text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
