"""What a check found, as a whole: the data of a report, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backproof.backprop.trace import Trace
from backproof.checking.findings import Convention, Finding, Judged, Verdict
from backproof.errors import WrongGradientError


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Args:
        verdict: of the whole: wrong if anything is, otherwise not informative if anything that matters is.
        judged: each quantity that was looked at.
        findings: the faults, in the order in which they should be mended.
        conventions: legitimate ways of writing that differ from the derivation's.
        trace: the derivation that was compared with.
        subject: what was checked: the name of a function or file.
        dtype: the precision that the bounds are for.
        points: at how many points.
        source: the text of a script.
        mended: the whole corrected text, where there is one.
        notes: anything else worth knowing, a sentence each.
        allow_uninformative: whether ``raise_if_wrong`` lets pass what could not be decided.
    """

    verdict: Verdict
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    conventions: tuple[Convention, ...]
    trace: Trace
    subject: str
    dtype: str
    points: int
    source: str = ""
    mended: str = ""
    notes: tuple[str, ...] = ()
    allow_uninformative: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything is right; what could not be decided is not."""
        return self.verdict is Verdict.RIGHT

    @property
    def passes(self) -> bool:
        """Whether nothing is wrong, and nothing undecided that must not be."""
        return self.ok or (self.allow_uninformative and self.verdict is Verdict.NOT_INFORMATIVE)

    def raise_if_wrong(self, *, allow_uninformative: bool | None = None) -> None:
        """Nothing where all is right; for use in tests.

        Args:
            allow_uninformative: whether what could not be decided passes, too; as the check was told where not given.

        Raises:
            WrongGradientError: something is wrong, or could not be decided; has the first sentence of the report.
        """
        allowed = self.allow_uninformative if allow_uninformative is None else allow_uninformative
        if not (self.ok or (allowed and self.verdict is Verdict.NOT_INFORMATIVE)):
            raise WrongGradientError(f"{self.subject}: {self.sentence}")

    @property
    def sentence(self) -> str:
        """The most important thing in one sentence."""
        match self.verdict:
            case Verdict.WRONG:
                return self.findings[0].sentence if self.findings else next(self._wrong(), "something is wrong")
            case Verdict.NOT_INFORMATIVE:
                reasons = (f"{j.id}: {j.reason}" for j in self.judged if j.verdict is Verdict.NOT_INFORMATIVE)
                return f"not informative here; {next(reasons, 'nothing could be decided')}"
            case _:
                return f"{_count(len(self.judged), 'quantity', 'quantities')} right at {_count(self.points, 'point')}"

    def _wrong(self) -> Iterator[str]:
        for judged in self.judged:
            if judged.verdict is Verdict.WRONG:
                yield f"{judged.variable or judged.id} is wrong{described(judged)}"


def described(judged: Judged) -> str:
    """What is to be said of a quantity that is not simply right: its worst entry, or why nothing can be said."""
    if judged.deviation is None:
        return f": {judged.reason}" if judged.reason else ""
    d = judged.deviation
    at = f" at [{', '.join(map(str, d.index))}]" if d.index else ""
    entries = f"; {d.outside} of {d.entries} entries" if d.entries > 1 else ""
    return f"{at}: {d.value:.8g}, but {d.right:.8g} ± {d.bound:.1g} is right{entries}"


def _count(number: int, what: str, many: str = "") -> str:
    return f"{number} {what}" if number == 1 else f"{number} {many or f'{what}s'}"
