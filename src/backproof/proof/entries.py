"""Values of statements about single entries: ∂a[i,j]/∂b[k,l] by forward mode, ∂L/∂w from the adjoints proved.

So an equation of the scalar view, whatever its two sides are made of, is tested by ``equal(left, right, point)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from backproof.backprop.components import free_indices
from backproof.backprop.trace import Trace
from backproof.dims import SCALAR, concrete
from backproof.errors import BackproofError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Component, Expr, Name, Partial
from backproof.ir.program import Program
from backproof.ir.traverse import children, names
from backproof.proof.digits import ManyDigitPlaces
from backproof.proof.field import FieldArithmetic
from backproof.proof.identity import at_points, obligations_of
from backproof.proof.obligations import adjoint, tangent
from backproof.proof.points import FieldPoint
from backproof.proof.precise import Array, PrecisePoint
from backproof.rules.jvp import tangent_of

UNIT = "a unit matrix"

MOST_ENTRIES = 1000
"""An equation for every entry of a larger matrix is tested for as many entries as this, drawn at random."""


def entry_points(trace: Trace, *, points: int = 3, seed: int = 0) -> tuple[FieldPoint, ...]:
    """Points at which every name of the trace has its value, every quantity its adjoint, and every partial its value.

    Example:
        >>> from backproof.backprop.sweep import backpropagate
        >>> from backproof.networks import mlp
        >>> trace = backpropagate(mlp(3, 2, 1))
        >>> W = trace.program.names["W_1"]
        >>> left = Partial(trace.loss, Component(W, 2, 1))
        >>> right = Component(Name("grad_W_1", W.shape), 2, 1)
        >>> all(equal(left, right, point) for point in entry_points(trace))
        True
    """
    drawn, _ = at_points(trace, obligations_of(trace), points, seed, keep=True)
    return tuple(replace(p, evaluator=EntryEvaluator(p.evaluator, trace.program, p.env)) for p in drawn.points)


def entry_places(trace: Trace, *, seed: int = 0, digits: int = 50) -> tuple[PrecisePoint, ...]:
    """The same in many digits, for a program with a law that the field does not know; otherwise none."""
    places = ManyDigitPlaces(trace, obligations_of(trace), seed, digits).places
    return tuple(
        replace(p.point, evaluator=EntryEvaluator(p.point.evaluator, trace.program, p.point.env)) for p in places
    )


def equal(left: Expr, right: Expr, point: FieldPoint | PrecisePoint) -> bool:
    """Whether two sides are equal at the point, for all index variables that are free in them."""
    evaluator = point.evaluator
    try:
        for indices in assignments((left, right), evaluator.sizes):
            evaluator.indices = indices
            if not point.compare(point(left), point(right)):
                return False
    finally:
        evaluator.indices = {}
    return True


def assignments(sides: Sequence[Expr], sizes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Values of the free index variables, counted from 0: all that there are, of large matrices some at random."""
    free = frozenset[str]().union(*(free_indices(side) for side in sides))
    ranges: dict[str, int] = {}
    for side in sides:
        for component in _components(side):
            for index, dim in zip((component.row, component.column), component.base.shape, strict=True):
                if isinstance(index, str) and index in free:
                    ranges[index] = concrete((dim,), sizes)[0]
    if math.prod(ranges.values()) <= MOST_ENTRIES:
        every = product(*(range(size) for size in ranges.values()))
        yield from (dict(zip(ranges, values, strict=True)) for values in every)
        return
    random = np.random.default_rng(len(ranges))
    for _ in range(MOST_ENTRIES):
        yield {index: int(random.integers(size)) for index, size in ranges.items()}


def _components(expr: Expr) -> Iterator[Component]:
    match expr:
        case Component():
            yield expr
        case Partial(of, wrt):
            yield from _components(of)
            yield from _components(wrt)
        case _:
            for child in children(expr):
                yield from _components(child)


class EntryEvaluator(Evaluator):
    """An evaluator that also knows the symbols ∂a/∂b.

    ∂L/∂q is an entry of the adjoint of q. ∂a/∂b is the derivative of a's own equation where that holds b; otherwise it
    is taken through the equations between the two.
    """

    def __init__(self, plain: Evaluator, program: Program, env: Mapping[str, Any]) -> None:
        super().__init__(plain.arithmetic, plain.sizes)
        self._program = program
        self._env = env
        self._jacobians: dict[tuple[str, str, int, int], Array] = {}
        self._numbers = np.int64 if isinstance(plain.arithmetic, FieldArithmetic) else object

    def __call__(self, expr: Expr, env: Mapping[str, Any]) -> Any:
        if not isinstance(expr, Partial):
            return super().__call__(expr, env)
        of, wrt = _base(expr.of), _base(expr.wrt)
        if of.id == self._program.loss and adjoint(wrt).id in self._env:
            whole = self._env[adjoint(wrt).id]
            return whole if isinstance(expr.wrt, Name) else self.arithmetic.entry(whole, *self._at(expr.wrt))
        return self._by_entries(expr.of, expr.wrt)

    def _at(self, entry: Expr) -> tuple[Any, Any]:
        return (self.position(entry.row), self.position(entry.column)) if isinstance(entry, Component) else (0, 0)

    def _by_entries(self, of: Expr, wrt: Expr) -> Array:
        """One entry of the Jacobian for each combination of indices."""
        if isinstance(wrt, Name) and wrt.shape != SCALAR:
            rows, columns = concrete(wrt.shape, self.sizes)
            places: Any = (np.arange(rows)[:, None], np.arange(columns)[None, :])
        else:
            places = self._at(wrt)
        i, j, k, m = np.broadcast_arrays(*self._at(of), *places)
        found = np.zeros(i.shape, self._numbers)
        for at in np.ndindex(i.shape):
            jacobian = self._jacobian(_base(of), _base(wrt), int(k[at]), int(m[at]))
            found[at] = self.arithmetic.entry(jacobian, int(i[at]), int(j[at]))
        return found

    def _jacobian(self, of: Name, wrt: Name, row: int, column: int) -> Array:
        """The tangent of a quantity when one entry of another moves."""
        key = (of.id, wrt.id, row, column)
        if key not in self._jacobians:
            unit = np.zeros(concrete(wrt.shape, self.sizes), self._numbers)
            unit[(row, column) if wrt.shape else ()] = 1
            self._jacobians[key] = self._tangent(of, wrt, unit)
        return self._jacobians[key]

    def _tangent(self, of: Name, wrt: Name, unit: Array) -> Array:
        env = {**self._env, UNIT: unit}
        moving: dict[str, Expr] = {wrt.id: Name(UNIT, wrt.shape)}
        direct = wrt.id in names(self._program.definitions[of.id].value)
        for equation in self._program.equations:
            if direct and equation.name != of:
                continue
            moved = tangent_of(equation.value, moving)
            if moved is not None and equation.name != wrt:
                moving[equation.name.id] = tangent(equation.name)
                env[tangent(equation.name).id] = super().__call__(moved, env)
            if equation.name == of:
                break
        found = env.get(tangent(of).id) if of.id in moving else None
        return np.zeros(concrete(of.shape, self.sizes), self._numbers) if found is None else np.asarray(found)


def _base(entry: Expr) -> Name:
    match entry:
        case Component(base):
            return base
        case Name():
            return entry
        case _:
            raise BackproofError(f"∂ of or by {type(entry).__name__} has no value; name the quantity")
