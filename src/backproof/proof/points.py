"""Random points of the field at which a derivation is tested, and every value that its equations take there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backproof.dims import concrete
from backproof.errors import BackproofError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Name
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import names
from backproof.proof.field import Comparison, FieldArithmetic
from backproof.proof.modular import P, PoleError, Residues

MOST_DRAWS = 64
"""After this many points a comparison that has come out one way only is left at that."""

MOST_ATTEMPTS = 16
"""How often parameters are drawn again for the sake of a comparison."""


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
    def comparisons(self) -> list[Comparison]:
        """How each comparison came out so far."""
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
    """The points of a proof.

    Args:
        points: where it is made.
        covered: at how many of them, at least, each outcome of each comparison was seen that was seen at all.
        one_sided: how many comparisons came out one way at all of them.
    """

    points: tuple[FieldPoint, ...]
    covered: int
    one_sided: int


def draw_points(program: Program, count: int, seed: int) -> Points:
    """At least ``count`` points, and as many more as it takes to see each comparison come out either way.

    A formula that is wrong for x ≤ 0 only is found at points with x ≤ 0 only, so the points must have both.

    Args:
        program: what is evaluated at them; each symbolic dimension takes a small size of its own, that varies.
        count: how many points are wanted; also how often each outcome is wanted.
        seed: another seed gives other points.

    Raises:
        BackproofError: the program divides by zero wherever it is evaluated.
    """
    blocks = _blocks(program)
    chosen: list[FieldPoint] = []
    seen = np.zeros((0, 2), np.int64)
    for index in range(MOST_DRAWS):
        point = _point(program, blocks, seed, index)
        outcomes = np.asarray([(c.positive, c.negative) for c in point.comparisons], np.int64).reshape(-1, 2)
        seen = np.zeros_like(outcomes) if index == 0 else seen
        if len(chosen) < count or bool(((seen < count) & (outcomes > 0)).any()):
            chosen.append(point)
            seen = seen + outcomes
        if len(chosen) >= count and bool((seen >= count).all()):
            break
    covered = min([count, *seen[seen > 0].tolist()])
    return Points(tuple(chosen), covered, int((seen == 0).any(axis=1).sum()))


@dataclass(frozen=True, slots=True)
class Block:
    """Inputs and parameters, and the equations that are evaluated before others are needed."""

    drawn: tuple[Name, ...]
    equations: tuple[Equation, ...]


def _blocks(program: Program) -> tuple[Block, ...]:
    given = {name.id: name for name in (*program.inputs, *program.parameters)}
    blocks: list[Block] = []
    for equation in program.equations:
        fresh = tuple(given.pop(id) for id in sorted(names(equation.value)) if id in given)
        if fresh or not blocks:
            blocks.append(Block(fresh, (equation,)))
        else:
            blocks[-1] = Block(blocks[-1].drawn, (*blocks[-1].equations, equation))
    return (*blocks, Block(tuple(given.values()), ()))


def _point(program: Program, blocks: Sequence[Block], seed: int, index: int) -> FieldPoint:
    """One point, block by block.

    A rectified unit that is off passes on a zero, and where a whole sample is off, all layers above say nothing. So a
    block's parameters are drawn again while a row (at every other point, a column) of a comparison is off altogether;
    half of the time also while all of it comes out the same way. A single number may come out as it will, then.
    """
    random = np.random.default_rng([seed, index])
    sizes = {symbol: 3 + index % 3 + 4 * position for position, symbol in enumerate(program.symbols)}
    arithmetic = FieldArithmetic(key=int(random.integers(2**62)))
    point = FieldPoint(program, Evaluator(arithmetic, sizes), {}, random)
    for block in blocks:
        before, mixed = len(arithmetic.comparisons), bool(random.integers(2))
        for attempt in range(MOST_ATTEMPTS):
            del arithmetic.comparisons[before:]
            try:
                _evaluate(block, point)
            except PoleError:
                if attempt == MOST_ATTEMPTS - 1:
                    message = "the program divides by zero wherever it is evaluated; no point can be drawn to test it"
                    raise BackproofError(message) from None
                continue
            made = arithmetic.comparisons[before:]
            if all(_is_wanted(comparison, index % 2, mixed) for comparison in made):
                break
    return point


def _is_wanted(comparison: Comparison, axis: int, mixed: bool) -> bool:
    if not mixed:
        return comparison.alive[axis]
    return comparison.count < 2 or (comparison.alive[axis] and comparison.positive and comparison.negative)


def _evaluate(block: Block, point: FieldPoint) -> None:
    for name in block.drawn:
        point.env[name.id] = point.draw(name)
    for equation in block.equations:
        point.env[equation.name.id] = point(equation.value)
