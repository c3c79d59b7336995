"""The value of an expression in any arithmetic: one table for NumPy, mpmath, finite fields and error bounds.

An :class:`Arithmetic` says what a number is and how the basic operations act on arrays of it; ``VALUE`` has one row
per expression class and says how the class is made of those operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Protocol

from backproof.dims import Dim, Symbol, concrete
from backproof.errors import BackproofError, ShapeError
from backproof.ir.expr import (
    Add,
    Assembled,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    SumOver,
    Transpose,
    Where,
)
from backproof.ir.program import Program

Array = Any
"""An array of the arithmetic's numbers; what it is made of is the arithmetic's business."""


class Arithmetic(Protocol):
    """The basic operations on arrays of some kind of number. Scalars are arrays of shape ``()``."""

    uses_stable_forms: bool
    """Whether functions are evaluated by their floating-point form rather than their definition."""

    def constant(self, value: Fraction) -> Array: ...
    def pi(self) -> Array: ...
    def add(self, a: Array, b: Array) -> Array: ...
    def subtract(self, a: Array, b: Array) -> Array: ...
    def multiply(self, a: Array, b: Array) -> Array: ...
    def divide(self, a: Array, b: Array) -> Array: ...
    def negative(self, x: Array) -> Array: ...
    def power(self, x: Array, exponent: Fraction) -> Array: ...
    def greater(self, a: Array, b: Array) -> Array: ...
    def where(self, condition: Array, a: Array, b: Array) -> Array: ...
    def matmul(self, a: Array, b: Array) -> Array: ...
    def transpose(self, x: Array) -> Array: ...
    def sum(self, x: Array, axis: int | None) -> Array: ...
    def broadcast(self, x: Array, shape: tuple[int, ...]) -> Array: ...
    def softmax(self, x: Array, axis: int) -> Array: ...
    def logsumexp(self, x: Array, axis: int) -> Array: ...
    def entry(self, x: Array, row: Any, column: Any) -> Array: ...
    def primitive(self, fn: str, x: Array) -> Array | None:
        """The primitive or directly known function; None where the definition must be used."""
        ...


class Evaluator:
    """Expressions valued in one arithmetic, for given sizes of the symbolic dimensions."""

    def __init__(self, arithmetic: Arithmetic, sizes: Mapping[str, int]) -> None:
        self.arithmetic = arithmetic
        self.sizes = sizes
        self.indices: dict[str, Any] = {}

    def __call__(self, expr: Expr, env: Mapping[str, Array]) -> Array:
        """The value of the expression where ``env`` has the named quantities."""
        rule = VALUE.get(type(expr))
        if rule is None:
            raise BackproofError(f"{type(expr).__name__} is a symbol and has no value of its own")
        return rule(self, expr, env)

    def function(self, fn: Function, x: Array) -> Array:
        """f(x), by the arithmetic's own function, the stable form or the definition, in this order."""
        direct = self.arithmetic.primitive(fn.name, x)
        if direct is not None:
            return direct
        form = fn.stable if self.arithmetic.uses_stable_forms and fn.stable is not None else fn.definition
        if form is None:
            raise BackproofError(f"the function {fn.name!r} has neither a definition nor a value here")
        return self(form, {"x": x})

    def size(self, dim: Dim) -> int:
        """The dimension as an integer."""
        return concrete((dim, dim), self.sizes)[0]

    def position(self, index: int | str) -> Any:
        """A component's index, counted from 0; an index variable stands for what it is bound to."""
        return index - 1 if isinstance(index, int) else self.indices[index]


def _sum_over(ev: Evaluator, e: SumOver, env: Mapping[str, Array]) -> Array:
    outer = ev.indices
    result: Array = None
    for position in range(ev.size(e.size)):
        ev.indices = {**outer, e.variable: position}
        term = ev(e.body, env)
        result = term if result is None else ev.arithmetic.add(result, term)
    ev.indices = outer
    return result


def _assembled(ev: Evaluator, e: Assembled, env: Mapping[str, Array]) -> Array:
    # Both index variables run over grids, so that one evaluation gives every entry.
    rows, columns = (ev.size(dim) for dim in e.of_shape)
    outer = ev.indices
    ev.indices = {
        **outer,
        e.row: [[r] for r in range(rows)],
        e.column: [list(range(columns))],
    }
    value = ev.arithmetic.broadcast(ev(e.body, env), (rows, columns))
    ev.indices = outer
    return value


Rule = Callable[[Evaluator, Any, Mapping[str, Array]], Array]

VALUE: Mapping[type[Expr], Rule] = {
    Const: lambda ev, e, env: ev.arithmetic.constant(e.value),
    Pi: lambda ev, e, env: ev.arithmetic.pi(),
    Size: lambda ev, e, env: ev.arithmetic.constant(Fraction(ev.size(e.dim))),
    Name: lambda ev, e, env: env[e.id],
    Component: lambda ev, e, env: ev.arithmetic.entry(env[e.base.id], ev.position(e.row), ev.position(e.column)),
    Add: lambda ev, e, env: ev.arithmetic.add(ev(e.a, env), ev(e.b, env)),
    Sub: lambda ev, e, env: ev.arithmetic.subtract(ev(e.a, env), ev(e.b, env)),
    Mul: lambda ev, e, env: ev.arithmetic.multiply(ev(e.a, env), ev(e.b, env)),
    Div: lambda ev, e, env: ev.arithmetic.divide(ev(e.a, env), ev(e.b, env)),
    Neg: lambda ev, e, env: ev.arithmetic.negative(ev(e.x, env)),
    Power: lambda ev, e, env: ev.arithmetic.power(ev(e.x, env), e.exponent),
    Greater: lambda ev, e, env: ev.arithmetic.greater(ev(e.a, env), ev(e.b, env)),
    Where: lambda ev, e, env: ev.arithmetic.where(ev(e.condition, env), ev(e.a, env), ev(e.b, env)),
    Elementwise: lambda ev, e, env: ev.function(e.fn, ev(e.x, env)),
    MatMul: lambda ev, e, env: ev.arithmetic.matmul(ev(e.a, env), ev(e.b, env)),
    Transpose: lambda ev, e, env: ev.arithmetic.transpose(ev(e.x, env)),
    Sum: lambda ev, e, env: ev.arithmetic.sum(ev(e.x, env), e.axis),
    Broadcast: lambda ev, e, env: ev.arithmetic.broadcast(ev(e.x, env), concrete(e.to, ev.sizes)),
    Softmax: lambda ev, e, env: ev.arithmetic.softmax(ev(e.x, env), e.axis),
    LogSumExp: lambda ev, e, env: ev.arithmetic.logsumexp(ev(e.x, env), e.axis),
    SumOver: _sum_over,
    Assembled: _assembled,
}


def evaluate_program(program: Program, env: Mapping[str, Array], evaluator: Evaluator) -> dict[str, Array]:
    """Every named quantity of the program, from its inputs and parameters."""
    values = dict(env)
    for equation in program.equations:
        values[equation.name.id] = evaluator(equation.value, values)
    return values


def sizes_from(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes of the symbolic dimensions, found from the shapes of the arrays that were given.

    Raises:
        ShapeError: an array is missing, has the wrong shape, or two arrays disagree on a symbol.
    """
    return sizes_of((*program.inputs, *program.parameters), shapes)


def sizes_of(names: Iterable[Name], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """As ``sizes_from``, for some names of a program."""
    sizes: dict[str, int] = {}
    said_by: dict[str, str] = {}
    for name in names:
        if name.id not in shapes:
            raise ShapeError(
                f"no value was given for {name.id}; pass {name.id}=<array of shape {_wanted(name, sizes)}>"
            )
        given = shapes[name.id]
        if len(given) != len(name.shape):
            raise ShapeError(f"{name.id} has shape {given}, but must be {_wanted(name, sizes)}")
        for dim, size in zip(name.shape, given, strict=True):
            if isinstance(dim, Symbol):
                if sizes.setdefault(dim.name, size) != size:
                    raise ShapeError(
                        f"{name.id} has shape {given}, so {dim} would be {size}, but {said_by[dim.name]} has {dim} = "
                        f"{sizes[dim.name]}"
                    )
                said_by.setdefault(dim.name, name.id)
            elif dim != size:
                raise ShapeError(f"{name.id} has shape {given}, but must be {_wanted(name, sizes)}")
    return sizes


def _wanted(name: Name, sizes: Mapping[str, int]) -> str:
    return "(" + ", ".join(str(sizes.get(d.name, d) if isinstance(d, Symbol) else d) for d in name.shape) + ")"
