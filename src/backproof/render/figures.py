"""Figures: a derivation with numbers in it: the value of every equation, and right-hand sides with numbers put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.errors import BackproofError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program, sizes_from
from backproof.ir.expr import Component, Const, Expr, Name, Partial, Size, SumOver, Where
from backproof.ir.traverse import transform, walk

DIGITS = 4
"""Significant digits that are shown."""
WHOLE = 6
"""Rows or columns of numbers that are shown; of more, the first and the last are."""
FIRST = 4
LONGEST = 24
"""Nodes of an expression into which numbers are put: beyond that nobody follows them."""

Grid = tuple[tuple[float | None, ...], ...]
"""Rows of numbers; None where some are left out."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The value of every named quantity of a derivation, and how expressions over them are valued.

    Args:
        values: the quantities by identifier, those of the backward equations too.
        evaluator: values expressions for the sizes of these arrays.
    """

    values: Mapping[str, npt.NDArray[Any]]
    evaluator: Evaluator
    loss: Name
    gradients: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: Trace, given: Mapping[str, npt.ArrayLike]) -> Figures:
        """Everything that the derivation computes, from its inputs and parameters.

        Raises:
            ShapeError: an input or parameter is missing or has the wrong shape.
        """
        program = trace.joint
        wanted = [name.id for name in (*program.inputs, *program.parameters) if name.id in given]
        env = {id: np.asarray(given[id], dtype=np.float64) for id in wanted}
        sizes = sizes_from(program, {id: array.shape for id, array in env.items()})
        evaluator = Evaluator(NumpyArithmetic(), sizes)
        with np.errstate(all="ignore"):  # infinities are shown as such
            values = evaluate_program(program, env, evaluator)
        return cls(values, evaluator, trace.loss, trace.gradients)

    def gradient(self, id: str) -> npt.NDArray[Any]:
        """The gradient with respect to a parameter."""
        return self.values[self.gradients[id]]

    def value(self, target: Expr, lines: tuple[Expr, ...]) -> Grid:
        """The value of an equation; nothing where it holds for every index, or has none of its own."""
        try:
            with np.errstate(all="ignore"):
                return shown(self._found(target, lines))
        except (BackproofError, KeyError):
            return ()

    def _found(self, target: Expr, lines: tuple[Expr, ...]) -> npt.NDArray[Any]:
        match target:
            case Name(id) if id in self.values:
                return self.values[id]
            case Partial(of, Name(id)) if of == self.loss and id in self.gradients:
                return self.values[self.gradients[id]]
            case Partial(of, Component(Name(id), row, column)) if of == self.loss and id in self.gradients:
                entry = Component(Name(self.gradients[id], target.wrt.base.of_shape), row, column)  # type: ignore[attr-defined]
                return np.asarray(self.evaluator(entry, self.values))
            case Partial():
                return np.asarray(self.evaluator(lines[-1], self.values))
            case _:
                return np.asarray(self.evaluator(target, self.values))

    def put_in(self, expr: Expr) -> Expr | None:
        """The expression with the values of entries in place of the entries; None where that shows nothing."""
        nodes = list(walk(expr))
        if len(nodes) > LONGEST or any(isinstance(node, Partial | SumOver | Where | Size) for node in nodes):
            return None
        if any(isinstance(node, Name | Component) and not self._is_number(node) for node in nodes):
            return None

        def change(node: Expr) -> Expr:
            if not isinstance(node, Name | Component):
                return node
            return Const(Fraction(f"{float(np.asarray(self.evaluator(node, self.values)).item()):.{DIGITS}g}"))

        changed = transform(expr, change)
        return None if changed == expr or isinstance(changed, Const) else changed

    def _is_number(self, node: Name | Component) -> bool:
        """Whether the node is one finite number."""
        try:
            value = np.asarray(self.evaluator(node, self.values))
        except (BackproofError, KeyError):
            return False
        return value.size == 1 and bool(np.isfinite(value).all()) and node.shape in ((), (1, 1))


def shown(array: npt.NDArray[Any]) -> Grid:
    """The array as rows of numbers; of many rows or columns the first and the last.

    Example:
        >>> shown(np.arange(9.0))
        ((0.0, 1.0, 2.0, 3.0, None, 8.0),)
    """
    rows = np.atleast_2d(array)
    return tuple(
        tuple(None if r is None or c is None else float(rows[r, c]) for c in _places(rows.shape[1]))
        for r in _places(rows.shape[0])
    )


def _places(count: int) -> list[int | None]:
    return list(range(count)) if count <= WHOLE else [*range(FIRST), None, count - 1]
