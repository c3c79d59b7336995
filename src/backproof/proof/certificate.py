"""The certificate of a derivation: for each step whether it holds, how that was shown, the chance of being wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backproof.proof.numbers import NumberProof
from backproof.proof.slopes import SlopeProof

Method = Literal["definition", "field identity", "equal derivatives and one value", "many digits"]

NOTHING = "nothing"
"""In place of a reference, where no numbers were compared."""

METHODS: dict[Method, str] = {
    "definition": "it states what the program states",
    "field identity": "an exact identity modulo a prime, at random points",
    "equal derivatives and one value": "equal derivatives exactly, modulo a prime, and equal values to many digits",
    "many digits": "equal to many digits at random points, for want of a law that free functions obey",
}
"""What each method shows."""


@dataclass(frozen=True, slots=True)
class StepProof:
    """What was shown of one step; of the gradients all at once where ``number`` is None.

    Args:
        number, subject, rule, equation: which step it is, in words.
        holds: whether all that has to be shown of it was shown.
        method: how; the weakest of the methods that were needed.
        degree: of the tested identity, at most.
        points: the number of independent points that count.
        bound: the chance that a false step passes, at most: (degree / prime)^points; None where it is not known.
        complaints: what is wrong, in sentences.
    """

    number: int | None
    subject: str
    rule: str
    equation: str
    holds: bool
    method: Method
    degree: float
    points: int
    bound: float | None
    complaints: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The step in a few words, for a sentence."""
        if self.number is None:
            return self.subject
        return f"step {self.number} ({self.subject}, in the equation for {self.equation})"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that does not hold: the step that it belongs to, if it does, and a sentence."""

    step: int | None
    sentence: str


@dataclass(frozen=True)
class Certificate:
    """All that was shown of a derivation.

    Args:
        about: the loss that was differentiated.
        steps: one proof per step, in order.
        whole: the gradients together against one pass of forward mode.
        numbers: each equation in floating point against many digits.
        slopes: the gradients against difference quotients of the loss, to many digits.
        prime, points, seed: of the field and its random points.
        one_sided: the number of comparisons that came out one way at all points: their other branch was not tested.
        reference: what floating-point numbers were compared with.
        sizes: the sizes that symbolic dimensions had for that.
        steps_of: the step that gives each name.
    """

    about: str
    steps: tuple[StepProof, ...]
    whole: StepProof
    numbers: tuple[NumberProof, ...]
    slopes: tuple[SlopeProof, ...]
    prime: int
    points: int
    one_sided: int
    seed: int
    digits: int
    reference: str
    sizes: Mapping[str, int]
    steps_of: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.failures

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What does not hold: the steps in order, the whole, then the numbers."""
        return tuple(self._failures())

    def _failures(self) -> Iterator[Failure]:
        for step in (*self.steps, self.whole):
            if not step.holds:
                yield Failure(step.number, f"{step.name}: {'; '.join(step.complaints)}")
        for number in self.numbers:
            if not number.holds:
                worst = max(number.whole.used, number.alone.used)
                times = f"{worst:.2g} times" if math.isfinite(worst) else "beyond all measure,"
                sentence = f"{number.name} in {number.dtype} is off by {times} what rounding explains"
                yield Failure(self.steps_of.get(number.name), sentence)
        for slope in self.slopes:
            if not slope.holds:
                sentence = (
                    f"{slope.gradient}: differs from the difference quotient of {self.about} by {slope.difference:.1e}"
                )
                yield Failure(self.steps_of.get(slope.gradient), sentence)
        if self.reference == NOTHING and self.whole.holds and all(step.holds for step in self.steps):
            yield Failure(None, "no place was found at which all quantities are numbers, so none could be compared")

    @property
    def bound(self) -> float:
        """The chance that any false step passed, at most: the sum over the steps whose chance is known."""
        return min(1.0, math.fsum(step.bound or 0.0 for step in (*self.steps, self.whole)))

    def worst(self, dtype: str) -> tuple[NumberProof, NumberProof] | None:
        """The equations with the largest difference, at the end and alone, in the dtype; None where not evaluated."""
        found = [number for number in self.numbers if number.dtype == dtype]
        if not found:
            return None
        return max(found, key=lambda n: n.whole.difference), max(found, key=lambda n: n.alone.difference)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The floating-point types that were looked at."""
        return tuple(dict.fromkeys(number.dtype for number in self.numbers))

    def summary(self) -> tuple[str, ...]:
        """The certificate in a few lines of text."""
        held = sum(step.holds for step in self.steps)
        verdict = "Proved" if self.ok else "NOT proved"
        lines = [
            f"{verdict}: {held} of {len(self.steps)} steps hold.",
            f"Identities: exact modulo {self.prime} at {self.points} random points; "
            f"a false step passes with a chance of at most {self.bound:.1e}.",
        ]
        if self.one_sided:
            noun = "comparison" if self.one_sided == 1 else "comparisons"
            lines.append(f"{self.one_sided} {noun} came out one way at all points; the other branch was not tested.")
        exceptions = [s for s in self.steps if s.method == "many digits"]
        if exceptions:
            numbers = ", ".join(str(step.number) for step in exceptions)
            lines.append(f"Steps {numbers} were compared to {self.digits} digits instead: {METHODS['many digits']}.")
        if self.whole.holds:
            lines.append("All gradients together give the directional derivative of the loss, by forward mode.")
        lines += [self._numbers_line(dtype) for dtype in self.dtypes]
        lines += [
            f"Difference quotient of {self.about}: {slope.gradient} agree to {_digits(slope.difference)} digits."
            for slope in self.slopes
            if slope.holds
        ]
        lines += [failure.sentence for failure in self.failures]
        return tuple(lines)

    def _numbers_line(self, dtype: str) -> str:
        found = [number for number in self.numbers if number.dtype == dtype]
        held = sum(number.holds for number in found)
        difference = max(number.whole.difference for number in found)
        alone = max(number.alone.difference for number in found)
        bound = max(number.alone.bound for number in found)
        return (
            f"Numbers: {dtype} agrees with {self.reference} in {held} of {len(found)} equations; largest relative "
            f"difference {difference:.1e} at the end, {alone:.1e} in one equation (bound {bound:.1e})."
        )

    def table(self) -> str:
        """A line for every step: its number, whether it holds, what it is about, how that was shown."""
        marks = {True: "holds", False: "FAILS"}
        return "\n".join(
            f"{step.number:>5}  {marks[step.holds]}  {step.subject:<16}  {step.method}"
            + (f", at most {step.bound:.1e}" if step.bound else "")
            for step in self.steps
        )

    def __str__(self) -> str:
        return "\n".join((*self.summary(), "", self.table()))

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON can hold it: numbers that are not finite become None."""
        return {
            "ok": self.ok,
            "about": self.about,
            "bound": self.bound,
            "prime": self.prime,
            "points": self.points,
            "one_sided": self.one_sided,
            "seed": self.seed,
            "digits": self.digits,
            "reference": self.reference,
            "sizes": dict(self.sizes),
            "steps": [_step(step) for step in self.steps],
            "whole": _step(self.whole),
            "numbers": [_number(number) for number in self.numbers],
            "slopes": [
                {
                    "gradient": slope.gradient,
                    "holds": slope.holds,
                    "difference": _finite(slope.difference),
                    "tolerance": _finite(slope.tolerance),
                }
                for slope in self.slopes
            ],
            "failures": [{"step": failure.step, "sentence": failure.sentence} for failure in self.failures],
        }


def _step(step: StepProof) -> dict[str, Any]:
    return {
        "number": step.number,
        "subject": step.subject,
        "rule": step.rule,
        "equation": step.equation,
        "holds": step.holds,
        "method": step.method,
        "degree": _finite(step.degree),
        "points": step.points,
        "bound": None if step.bound is None else _finite(step.bound),
        "complaints": list(step.complaints),
    }


def _number(number: NumberProof) -> dict[str, Any]:
    agreements = {"whole": number.whole, "alone": number.alone}
    return {
        "name": number.name,
        "dtype": number.dtype,
        "holds": number.holds,
        **{
            label: {"difference": _finite(a.difference), "bound": _finite(a.bound), "used": _finite(a.used)}
            for label, a in agreements.items()
        },
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _digits(difference: float) -> int:
    return round(-math.log10(difference)) if difference > 0 else 99
