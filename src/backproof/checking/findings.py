"""What a check found, as data: a verdict for each quantity, the faults with their repairs, the conventions recognised.

Source:
    The three verdicts follow from one comparison: |user − right| against a bound on the rounding errors of the
    computation at hand (Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from backproof.ir.expr import Expr

Grid = tuple[tuple[float | None, ...], ...]
"""Rows of numbers; None where some of a large array are left out."""


class Verdict(Enum):
    """What can be said of a quantity."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_INFORMATIVE = "not informative here"
    NOT_SEEN = "not seen"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Deviation:
    """The entry that lies farthest outside its bound.

    Args:
        index: its row and column, counted from 0; empty for a scalar.
        value: what the user's program has there.
        right: what the derivation gives.
        bound: how far rounding in the user's precision can take the two apart.
        outside, entries: how many entries of how many lie outside their bounds.
    """

    index: tuple[int, ...]
    value: float
    right: float
    bound: float
    outside: int
    entries: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A quantity of the derivation and what became of it.

    Args:
        id: its identifier in the derivation, such as ``delta_1`` or ``grad_W_1``.
        verdict: right, wrong, not informative here, or not seen.
        variable: the user's name for it, as they would write it (``d1``, ``grads["W_1"]``, ``result[0]``).
        line: of the user's file, counted from 1; None where there is none.
        shape: of the user's array.
        deviation: for a wrong quantity, the worst entry.
        reason: for what is not informative, why, and what to do about it.
        follows: for a wrong quantity, whether it is right given the user's own upstream values: then the fault is
            upstream of it.
        values, right: the user's entries and the right ones where they differ most, of a large array the corners; in
            the derivation's shape, empty where they were not kept.
    """

    id: str
    verdict: Verdict
    variable: str = ""
    line: int | None = None
    shape: tuple[int, ...] = ()
    deviation: Deviation | None = None
    reason: str = ""
    follows: bool = False
    values: Grid = ()
    right: Grid = ()


@dataclass(frozen=True, slots=True)
class Repair:
    """A correction, applied and checked before it is proposed.

    Args:
        before, after: the line or expression in the user's own variables.
        line: where it stands; None where there is no source text.
        checked: whether the corrected program was run, and the quantity was right.
    """

    before: str
    after: str
    line: int | None = None
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    Args:
        kind: a stable identifier of the kind of fault, such as ``factor-missing``, ``transposed``, ``stale-weights``.
        equation: the identifier of the equation of the derivation that is not followed; empty if there is none.
        sentence: the finding in one sentence, in the user's variables, shapes and line numbers.
        variable, line: where it stands in the user's program.
        right: the right-hand side of the equation as it should be.
        part: the sub-expression of ``right`` that is missing or replaced; None where no one part is.
        wrong: the right-hand side that the user's values follow, where it was identified.
        alternatives: sentences of other faults that the same values would show; the most common first.
        deviation: the worst entry.
        repair: the correction, where one is known.
    """

    kind: str
    equation: str
    sentence: str
    variable: str = ""
    line: int | None = None
    right: Expr | None = None
    part: Expr | None = None
    wrong: Expr | None = None
    alternatives: tuple[str, ...] = ()
    deviation: Deviation | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Convention:
    """A legitimate way of writing that differs from the derivation's, recognised and not blamed.

    Args:
        kind: a stable identifier, such as ``error-reversed``, ``one-over-n``, ``column-samples``.
        sentence: what was recognised, in the user's variables.
    """

    kind: str
    sentence: str
