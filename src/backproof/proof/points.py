"""Random points of the field at which a derivation is tested, and every value that its equations take there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backproof.dims import concrete
from backproof.errors import BackproofError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Name
from backproof.ir.program import Program
from backproof.proof.field import FieldArithmetic
from backproof.proof.modular import P, PoleError, Residues

MOST_DRAWS = 64
"""A comparison that has come out one way at this many points is taken to have one outcome only."""


@dataclass(frozen=True)
class FieldPoint:
    """Values of a program's quantities at one random point, in arithmetic modulo P.

    Args:
        program: the program that is evaluated.
        evaluator: values any expression over the names in ``env``.
        env: the named quantities; what a proof adds are directions, tangents and adjoints.
    """

    program: Program
    evaluator: Evaluator
    env: dict[str, Residues]
    random: np.random.Generator = field(repr=False)

    def __call__(self, expr: Any) -> Residues:
        """The value of the expression here."""
        return np.asarray(self.evaluator(expr, self.env))

    def draw(self, name: Name, direction_of: str | None = None) -> Residues:
        """Random elements of the shape; a direction of a quantity whose samples sum to 1 has samples that sum to 0."""
        shape = concrete(name.shape, self.evaluator.sizes)
        values = self.random.integers(0, P, shape, dtype=np.int64)
        total = 1 if direction_of is None else 0
        for assumption in self.program.assumptions:
            if assumption.name == (direction_of or name.id):
                values = _with_sum(values, assumption.axis, total)
        return np.asarray(values)

    def compare(self, a: Residues, b: Residues) -> bool:
        """Whether the two are equal, entry by entry."""
        return bool(np.array_equal(a, b))

    @property
    def comparisons(self) -> list[tuple[bool, bool]]:
        """How each comparison came out so far: true somewhere, false somewhere."""
        arithmetic = self.evaluator.arithmetic
        return arithmetic.comparisons if isinstance(arithmetic, FieldArithmetic) else []


def _with_sum(values: Residues, axis: int, total: int) -> Residues:
    last = (slice(None), -1) if axis == 1 else (-1, slice(None))
    values = values.copy()
    values[last] = 0
    values[last] = (total - values.sum(axis=axis)) % P
    return values


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a proof, and at how many of them every comparison has been seen on either side."""

    points: tuple[FieldPoint, ...]
    covered: int


def draw_points(program: Program, count: int, seed: int) -> Points:
    """At least ``count`` points, and as many more as it takes to see each comparison come out either way.

    A formula that is wrong for x ≤ 0 only is found at points with x ≤ 0 only, so the points must have both.

    Args:
        program: what is evaluated at them; each symbolic dimension takes a small size of its own, that varies.
        count: how many points are wanted; also how often each outcome is wanted.
        seed: another seed gives other points.
    """
    chosen: list[FieldPoint] = []
    seen = np.zeros((0, 2), np.int64)
    for index, point in zip(range(MOST_DRAWS), _candidates(program, seed), strict=False):
        outcomes = np.asarray(point.comparisons, np.int64).reshape(-1, 2)
        seen = np.zeros_like(outcomes) if index == 0 else seen
        wanted = bool(((seen < count) & (outcomes > 0)).any())
        if len(chosen) < count or wanted:
            chosen.append(point)
            seen = seen + outcomes
        if len(chosen) >= count and bool((seen >= count).all()):
            break
    possible = seen[seen > 0]
    covered = min([len(chosen), *possible.tolist()]) if chosen else 0
    return Points(tuple(chosen), min(covered, count))


def _candidates(program: Program, seed: int) -> Iterator[FieldPoint]:
    attempt = 0
    while True:
        try:
            yield _point(program, seed, attempt)
        except PoleError:
            if attempt > 100 * MOST_DRAWS:
                message = "the program divides by zero wherever it is evaluated; no point can be drawn to test it"
                raise BackproofError(message) from None
        attempt += 1


def _point(program: Program, seed: int, attempt: int) -> FieldPoint:
    random = np.random.default_rng([seed, attempt])
    sizes = {symbol: 3 + attempt % 3 + 4 * position for position, symbol in enumerate(program.symbols)}
    arithmetic = FieldArithmetic(key=int(random.integers(2**62)))
    point = FieldPoint(program, Evaluator(arithmetic, sizes), {}, random)
    for name in (*program.inputs, *program.parameters):
        point.env[name.id] = point.draw(name)
    for equation in program.equations:
        point.env[equation.name.id] = point(equation.value)
    return point
