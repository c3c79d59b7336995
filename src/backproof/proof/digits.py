"""Places of many digits, for programs that obey laws which the field does not know.

The field knows no square root of 1 + x², and not that exp(2x) = exp(x)²; a derivative that someone wrote with such a
law is right all the same. Where an identity fails in the field, and the program has anything of that kind, the same
identity is looked at in many digits instead, and the certificate says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Power
from backproof.ir.program import Program
from backproof.ir.traverse import walk
from backproof.proof.identity import outcomes
from backproof.proof.obligations import Obligation
from backproof.proof.precise import PreciseArithmetic, PrecisePoint
from backproof.proof.rows import functions_in, row_holds_in_digits, row_holds_in_field
from backproof.proof.samples import finite_place, small_sizes

DEEP_DIGITS = 200
"""Adjoints of a deep network may be as small as 1e-150 and must still be compared."""

PLACES = 2
"""How many places are looked at."""


def needs_digits(program: Program) -> bool:
    """Whether the program has a root, or a function whose derivative holds in many digits but not in the field."""
    roots = (
        isinstance(node, Power) and node.exponent.denominator % 2 == 0
        for equation in program.equations
        for node in walk(equation.value)
    )
    return any(roots) or any(not row_holds_in_field(f) and row_holds_in_digits(f) for f in functions_in(program))


def precise_point(program: Program, seed: int, working: int, digits: int) -> PrecisePoint:
    """A place where nothing has a value yet.

    Args:
        program: whose sizes and assumptions it has.
        seed: of what is drawn there.
        working: the digits that are computed with.
        digits: to how many of them values must agree.
    """
    evaluator = Evaluator(PreciseArithmetic(working), small_sizes(program))
    return PrecisePoint(evaluator, {}, np.random.default_rng(seed), program.assumptions, digits)


@dataclass(frozen=True, slots=True)
class Place:
    """A place with the values of all that the obligations bind, and their outcomes there."""

    point: PrecisePoint
    outcomes: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class ManyDigitPlaces:
    """The obligations of a trace in many digits; evaluated when first asked for.

    Args:
        trace: the derivation.
        obligations: what is looked at.
        seed: of the places.
        digits: to how many digits values must agree, less ten.
    """

    trace: Trace
    obligations: Sequence[Obligation]
    seed: int
    digits: int

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Two places; none where the field knows all laws, or where the program has no real value."""
        return tuple(self._places()) if needs_digits(self.trace.program) else ()

    def holds(self, position: int) -> bool:
        """Whether the identity at that position, counted among those that are tested, holds at every place."""
        return bool(self.places) and all(any(place.outcomes[position]) for place in self.places)

    def _places(self) -> Iterator[Place]:
        for seed in range(self.seed, self.seed + PLACES):
            point = precise_point(self.trace.program, seed, DEEP_DIGITS, self.digits - 10)
            inputs = finite_place(self.trace.program, point.evaluator.sizes, seed)
            if inputs is not None:
                point.env.update({id: point.arithmetic.array(value) for id, value in inputs.items()})
                for equation in self.trace.program.equations:
                    point.env[equation.name.id] = point(equation.value)
                yield Place(point, tuple(outcomes(self.obligations, point)))
