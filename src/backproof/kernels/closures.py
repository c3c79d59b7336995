"""Equations as closures over NumPy calls: every operation chosen once, so that running them decides nothing.

Each closure takes the mapping of all quantities so far and gives the value of one. Numbers that depend on sizes alone,
such as 1/n, are computed when the sizes become known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import Symbol, concrete
from backproof.errors import BackproofError, NonFiniteError
from backproof.ir.arithmetic import NUMPY, Array
from backproof.ir.expr import Function
from backproof.ir.lowering import Kind, Operation, lower, python_number
from backproof.ir.program import Equation

Values = dict[str, Any]
Closure = Callable[[Values], Any]
Instruction = tuple[str, Closure]
"""The identifier of a quantity, and what computes it."""


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand that is known before any data."""

    value: Array


def run(instructions: Sequence[Instruction], values: Values) -> None:
    """Compute every quantity in order and add it to ``values``."""
    for id, closure in instructions:
        values[id] = closure(values)


class EquationCompiler:
    """Turns equations into instructions for one dtype, once for each set of sizes.

    Example:
        >>> import backproof as bp
        >>> compiler = EquationCompiler(bp.mlp(1, 1, activation="identity").equations, "float64")
        >>> values = {"X": np.array([[2.0]]), "y": np.array([[1.0]]), "W_1": np.array([[3.0]])}
        >>> run(compiler.instructions({"n": 1}), values)
        >>> float(values["L"])
        12.5
    """

    REMEMBERED = 16
    """Sizes whose instructions are kept: the full batch, the mini-batch, the last one, and those of a few calls."""

    def __init__(self, equations: Sequence[Equation], dtype: npt.DTypeLike) -> None:
        self._equations = tuple(equations)
        self._lowered: list[tuple[str, Operation]] = []
        self._dtype = np.dtype(dtype)
        self._bound: dict[tuple[tuple[str, int], ...], tuple[Instruction, ...]] = {}

    def instructions(self, sizes: Mapping[str, int]) -> tuple[Instruction, ...]:
        """What to run for these sizes of the symbolic dimensions.

        Raises:
            NonFiniteError: a number that the sizes determine does not exist, such as 1/(n − 1) for n = 1.
        """
        key = tuple(sorted(sizes.items()))
        found = self._bound.get(key)
        if found is None:
            self._lowered = self._lowered or [(e.name.id, lower(e.value)) for e in self._equations]
            if len(self._bound) >= self.REMEMBERED:
                del self._bound[next(iter(self._bound))]
            found = self._bound[key] = tuple(
                (id, _Builder(id, sizes, self._dtype).closure(operation)) for id, operation in self._lowered
            )
        return found


class _Builder:
    """Closures for the operations of one equation."""

    def __init__(self, equation: str, sizes: Mapping[str, int], dtype: np.dtype[Any]) -> None:
        self.equation = equation
        self.sizes = sizes
        self.dtype = dtype

    def closure(self, operation: Operation) -> Closure:
        """The operation as a function of all values so far."""
        if operation.static:
            return _reader(self._constant(operation))
        if operation.kind == "read":
            return operator.itemgetter(operation.detail)
        function = ROW[operation.kind](self, operation)
        return _composed(function, [self._operand(operand) for operand in operation.operands])

    def number(self, operation: Operation) -> int | float:
        """The value of a static operation."""
        try:
            value = self._number(operation)
        except (ZeroDivisionError, OverflowError):
            value = float("nan")
        if isinstance(value, complex) or not np.isfinite(value):
            raise NonFiniteError(
                f"a constant in the equation for {self.equation} has no finite value; "
                "look for a division by zero or an overflow in it",
                quantity=self.equation,
            )
        return value if isinstance(value, int) else float(value)

    def _number(self, operation: Operation) -> Any:
        match operation.kind:
            case "number":
                return python_number(operation.detail)
            case "pi":
                return np.pi
            case "size":
                return self.size(operation.detail)
            case kind:
                operands = [self._number(operand) for operand in operation.operands]
                value = ROW[kind](_Builder(self.equation, self.sizes, np.dtype("float64")), operation)(*operands)
                return value if isinstance(value, int | float | complex) else float(value)

    def _operand(self, operation: Operation) -> Closure | Constant:
        return self._constant(operation) if operation.static else self.closure(operation)

    def _constant(self, operation: Operation) -> Constant:
        # An array of shape () costs NumPy half as much beside an array as a Python number does.
        return Constant(np.asarray(self.number(operation), self.dtype))

    def size(self, dim: object) -> int:
        """The integer that a dimension is."""
        if not isinstance(dim, Symbol):
            raise BackproofError(f"{dim!r} is no dimension")
        return concrete((dim,), self.sizes)[0]

    def function(self, fn: Function) -> Callable[[Any], Any]:
        """The element-wise function: NumPy's own, the stable form or the definition, in this order."""
        direct = NUMPY.get(fn.name)
        if direct is not None:
            return direct
        form = fn.stable if fn.stable is not None else fn.definition
        if form is None:
            raise BackproofError(f"the function {fn.name!r} has neither a definition nor a value in NumPy")
        body = self.closure(lower(form))
        return lambda x: body({"x": x})


def _composed(function: Callable[..., Any], operands: Sequence[Closure | Constant]) -> Closure:
    """``function`` of the operands; constants are put in beforehand."""
    match operands:
        case [Constant(left), right] if not isinstance(right, Constant):
            return lambda values: function(left, right(values))
        case [first, Constant(second)] if not isinstance(first, Constant):
            return lambda values: function(first(values), second)
        case _:
            readers = [_reader(operand) for operand in operands]
    match readers:
        case [x]:
            return lambda values: function(x(values))
        case [x, y]:
            return lambda values: function(x(values), y(values))
        case _:
            return lambda values: function(*[reader(values) for reader in readers])


def _reader(operand: Closure | Constant) -> Closure:
    if isinstance(operand, Constant):
        value = operand.value
        return lambda values: value
    return operand


def softmax(x: Array, axis: int) -> Array:
    """exp(x) / Σ exp(x) along the axis, shifted by the maximum so that nothing overflows."""
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    return np.asarray(e / np.add.reduce(e, axis=axis, keepdims=True))


def logsumexp(x: Array, axis: int) -> Array:
    """log Σ exp(x) along the axis, shifted by the maximum so that nothing overflows."""
    m = np.maximum.reduce(x, axis=axis, keepdims=True)
    return np.asarray(m + np.log(np.add.reduce(np.exp(x - m), axis=axis, keepdims=True)))


def _power(exponent: Any) -> Callable[[Any], Any]:
    k = python_number(exponent)
    return lambda x: x**k


def _scalar_power(exponent: Any) -> Callable[[Any], Any]:
    k = python_number(exponent)
    return np.square if k == 2 else lambda x: np.power(x, k)


def _sum(axis: Any) -> Callable[[Any], Any]:
    if axis is None:
        return lambda x: np.add.reduce(x, axis=None)
    return lambda x: np.add.reduce(x, axis=axis, keepdims=True)


Row = Callable[[_Builder, Any], Callable[..., Any]]

ROW: Mapping[Kind, Row] = {
    "entry": lambda b, o: operator.itemgetter(o.detail),
    "add": lambda b, o: operator.add,
    "subtract": lambda b, o: operator.sub,
    "multiply": lambda b, o: operator.mul,
    "divide": lambda b, o: operator.truediv,
    "negate": lambda b, o: operator.neg,
    "power": lambda b, o: _power(o.detail),
    "scalar_power": lambda b, o: _scalar_power(o.detail),
    "sqrt": lambda b, o: np.sqrt,
    "greater": lambda b, o: np.greater,
    "indicator": lambda b, o: lambda x, y: np.greater(x, y).astype(b.dtype),
    "nonzero": lambda b, o: lambda x: np.not_equal(x, 0),
    "where": lambda b, o: np.where,
    "apply": lambda b, o: b.function(o.detail),
    "matmul": lambda b, o: operator.matmul,
    "transpose": lambda b, o: operator.attrgetter("T"),
    "sum": lambda b, o: _sum(o.detail),
    "softmax": lambda b, o: lambda x: softmax(x, o.detail),
    "logsumexp": lambda b, o: lambda x: logsumexp(x, o.detail),
    "repeat": lambda b, o: lambda x: np.broadcast_to(x, concrete(o.detail, b.sizes)),
    "fill": lambda b, o: lambda x: np.full(concrete(o.detail, b.sizes), x),
}
"""What NumPy calls for each kind of operation that has operands."""
