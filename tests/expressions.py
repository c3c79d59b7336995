"""Random expressions over every class that has a value, for Hypothesis; and their values in fifty digits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
from hypothesis import strategies as st

from backproof.dims import SCALAR, Dim, Shape, Symbol, concrete
from backproof.ir.arithmetic import Array, MpmathArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import (
    Add,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
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
    Transpose,
    Where,
    broadcast,
    total,
)
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import walk
from backproof.rules.elementwise import abs_, exp, relu, sigmoid, sign, sin, tanh

n = Symbol("n")
SIZES = {"n": 2}
"""What the symbolic dimension is when a random expression is valued."""

LARGEST = 10**12

DIMS: tuple[Dim, ...] = (1, 2, 3, n)
FUNCTIONS = (sigmoid, tanh, exp, sin, relu, abs_, sign)
NUMBERS: tuple[int | Fraction, ...] = (0, 1, -1, 2, -2, 3, Fraction(1, 2), Fraction(-3, 4), Fraction(5, 7))
EXPONENTS = (0, 1, 2, 3, -1, -2)

shapes = st.one_of(st.just(SCALAR), st.tuples(st.sampled_from(DIMS), st.sampled_from(DIMS)))
dims = st.sampled_from(DIMS)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) if shape else "s"


@st.composite
def leaves(draw: st.DrawFn, shape: Shape, known: Sequence[Name] = (), *, entries: bool = True) -> Expr:
    """A named quantity (a known one where its shape fits), an entry of one, or a number repeated to the shape."""
    fitting = [name for name in known if name.shape == shape]
    kind = draw(
        st.sampled_from(("name", "name", "name", "const", "const", "size", "pi", "entry" if entries else "name"))
    )
    match kind:
        case "name":
            new = [Name(f"{letter}_{_text(shape)}", shape) for letter in "abc"]
            return draw(st.sampled_from([*fitting, *new]))
        case "const":
            return broadcast(Const(Fraction(draw(st.sampled_from(NUMBERS)))), shape)
        case "size":
            return broadcast(Size(n), shape)
        case "pi":
            return broadcast(Pi(), shape)
        case _:
            return broadcast(Component(Name("a_2x3", (2, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))), shape)


@st.composite
def expressions(
    draw: st.DrawFn, shape: Shape | None = None, depth: int = 5, known: Sequence[Name] = (), *, entries: bool = True
) -> Expr:
    """An expression of the shape, or of any; over known names too, and over single entries where these are allowed."""
    if shape is None:
        shape = draw(shapes)
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(leaves(shape, known, entries=entries))

    def operand(of: Shape | None = None) -> Expr:
        return draw(expressions(shape if of is None else of, depth - 1, known, entries=entries))

    kind = draw(st.sampled_from(_kinds(shape)))
    match kind:
        case "Add" | "Sub" | "Mul" | "Div" | "Greater":
            return {"Add": Add, "Sub": Sub, "Mul": Mul, "Div": Div, "Greater": Greater}[kind](operand(), operand())
        case "Neg":
            return Neg(operand())
        case "Power":
            return Power(operand(), Fraction(draw(st.sampled_from(EXPONENTS))))
        case "Root":
            return Power(Elementwise(exp, operand()), Fraction(draw(st.sampled_from((1, -1, 3))), 2))
        case "Where":
            return Where(Greater(operand(), operand()), operand(), operand())
        case "Elementwise":
            return Elementwise(draw(st.sampled_from(FUNCTIONS)), operand())
        case "MatMul":
            inner = draw(dims)
            return MatMul(operand((shape[0], inner)), operand((inner, shape[1])))
        case "Transpose":
            return Transpose(operand((shape[1], shape[0])))
        case "Softmax":
            return Softmax(operand(), draw(st.sampled_from((0, 1))))
        case "Broadcast":
            small = SCALAR if shape == SCALAR else draw(st.sampled_from(_smaller(shape)))
            return Broadcast(operand(small), shape)
        case "Sum":
            return Sum(operand((draw(dims), draw(dims))))
        case _:  # a reduction along one axis
            axis = draw(st.sampled_from([axis for axis in (0, 1) if shape[axis] == 1]))
            longer = (draw(dims), shape[1]) if axis == 0 else (shape[0], draw(dims))
            return (Sum if kind == "SumAlong" else LogSumExp)(operand(longer), axis)


def _kinds(shape: Shape) -> tuple[str, ...]:
    common = ("Add", "Sub", "Mul", "Div", "Greater", "Neg", "Power", "Root", "Where", "Elementwise")
    if shape == SCALAR:
        return (*common, "Sum")
    along = ("SumAlong", "LogSumExp") if 1 in shape else ()
    return (*common, "MatMul", "MatMul", "Transpose", "Transpose", "Softmax", "Broadcast", "Broadcast", *along)


def _smaller(shape: Shape) -> list[Shape]:
    rows, columns = shape
    return [SCALAR, (1, columns), (rows, 1), (1, 1)]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """One to four random equations, each over the ones before it, and the sum of what they come to as the loss."""
    equations: list[Equation] = []
    for k in range(draw(st.integers(1, 4))):
        known = [equation.name for equation in equations]
        value = draw(expressions(depth=3, known=known, entries=False))
        equations.append(Equation(Name(f"q_{k}", value.shape), value))
    ends = [total(equation.name) for equation in equations]
    equations.append(Equation(Name("L"), reduce(lambda a, b: a + b, ends)))
    defined = {equation.name for equation in equations}
    free = {node for e in equations for node in walk(e.value) if isinstance(node, Name)} - defined
    parameters = tuple(sorted(free, key=lambda name: name.id)) or (Name("unused", (2, 1)),)
    return Program((), parameters, tuple(equations), "L")


def numbers_for(names: Iterable[Name], arithmetic: MpmathArithmetic, seed: int) -> dict[str, Array]:
    """Random numbers for the names: quarters of small integers, none of them zero."""
    rng = np.random.default_rng(seed)
    choices = [-7, -5, -3, -2, -1, 1, 2, 3, 5, 7]
    ordered = sorted(set(names), key=lambda name: name.id)
    return {name.id: arithmetic.array(rng.choice(choices, concrete(name.shape, SIZES)) / 4) for name in ordered}


def quantities(expr: Expr) -> set[Name]:
    """The named quantities of an expression, those of entries included."""
    found = {node.base if isinstance(node, Component) else node for node in walk(expr)}
    return {name for name in found if isinstance(name, Name)}


def value_of(expr: Expr, env: Mapping[str, Array], arithmetic: MpmathArithmetic) -> Array | None:
    """The value; None where there is no finite one that the digits can hold: at a division by zero, for instance."""
    try:
        value = Evaluator(arithmetic, SIZES)(expr, env)
    except (ArithmeticError, ValueError):
        return None
    return np.broadcast_to(np.asarray(value), concrete(expr.shape, SIZES)) if usable(value, arithmetic) else None


def usable(value: Any, arithmetic: MpmathArithmetic) -> bool:
    """Whether all numbers are real and of a size at which the digits leave enough to compare."""
    real = arithmetic.context.mpf
    return all(isinstance(number, real | int) and abs(number) < LARGEST for number in np.asarray(value).flat)


def apart(a: Array, b: Array) -> float:
    """The largest difference of two values, relative to the larger value or to 1."""
    scale = max([1, *(abs(number) for number in (*np.asarray(a).flat, *np.asarray(b).flat))])
    return float(max(abs(x - y) for x, y in zip(np.asarray(a).flat, np.asarray(b).flat, strict=True)) / scale)
