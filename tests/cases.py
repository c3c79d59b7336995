"""OP_CASES: some cases for every class of expression, each with its value in plain NumPy; the suites run over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import Symbol, concrete
from backproof.ir.expr import (
    Add,
    Assembled,
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
    SumOver,
    Transpose,
    Where,
)
from backproof.rules.elementwise import exp, sigmoid

Array = npt.NDArray[Any]
n = Symbol("n")
SIZES = {"n": 4}

A, B, C = (Name(id, (2, 3)) for id in "ABC")
P = Name("P", (3, 2))
N = Name("N", (n, 3))
row, column, one = Name("row", (1, 3)), Name("column", (2, 1)), Name("one", (1, 1))
s, t = Name("s"), Name("t")
NAMES = (A, B, C, P, N, row, column, one, s, t)
third = Const(Fraction(1, 3))


@dataclass(frozen=True, slots=True)
class Case:
    """An expression and its value.

    Args:
        label: what is special about it.
        expr: the expression, over the names of this module.
        value: the same in plain NumPy.
        positive: whether it is defined for positive numbers only.
        differentiable: whether it stands in programs; index notation is for the scalar view alone.
    """

    label: str
    expr: Expr
    value: Callable[[Mapping[str, Array]], Any]
    positive: bool = False
    differentiable: bool = True

    @property
    def id(self) -> str:
        return f"{type(self.expr).__name__}: {self.label}"


def case(label: str, expr: Expr, value: Callable[[Mapping[str, Array]], Any], **flags: bool) -> Case:
    """A row of the table."""
    return Case(label, expr, value, **flags)


def softmax(x: Array, axis: int) -> Array:
    """By its definition."""
    e = np.exp(x)
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


OP_CASES = (
    # leaves
    case("a fraction", third, lambda v: 1 / 3),
    case("a negative number", Const(Fraction(-7, 4)), lambda v: -1.75),
    case("pi", Pi(), lambda v: np.pi),
    case("the number of samples", Size(n), lambda v: 4.0),
    case("a matrix", A, lambda v: v["A"]),
    case("a scalar", s, lambda v: v["s"]),
    case("numbers", Component(A, 2, 3), lambda v: v["A"][1, 2], differentiable=False),
    # element by element
    case("matrices", Add(A, B), lambda v: v["A"] + v["B"]),
    case("a matrix and itself", Add(A, A), lambda v: 2 * v["A"]),
    case("scalars", Add(s, t), lambda v: v["s"] + v["t"]),
    case("matrices", Sub(A, B), lambda v: v["A"] - v["B"]),
    case("from a number", 1 - A, lambda v: 1 - v["A"]),
    case("matrices", Mul(A, B), lambda v: v["A"] * v["B"]),
    case("a square", Mul(A, A), lambda v: v["A"] ** 2),
    case("a scalar in front", s * A, lambda v: v["s"] * v["A"]),
    case("matrices", Div(A, B), lambda v: v["A"] / v["B"]),
    case("by a row", A / row, lambda v: v["A"] / v["row"]),
    case("of a number", 1 / A, lambda v: 1 / v["A"]),
    case("a matrix", Neg(A), lambda v: -v["A"]),
    case("squared", Power(A, Fraction(2)), lambda v: v["A"] ** 2),
    case("cubed scalar", Power(s, Fraction(3)), lambda v: v["s"] ** 3),
    case("to the first", Power(A, Fraction(1)), lambda v: v["A"]),
    case("to the zeroth", Power(A, Fraction(0)), lambda v: np.ones((2, 3))),
    case("reciprocal", Power(A, Fraction(-1)), lambda v: 1 / v["A"]),
    case("to minus three", Power(A, Fraction(-3)), lambda v: v["A"] ** -3.0),
    case("square root", Power(A, Fraction(1, 2)), lambda v: np.sqrt(v["A"]), positive=True),
    case("to minus one half", Power(A, Fraction(-1, 2)), lambda v: 1 / np.sqrt(v["A"]), positive=True),
    case("to two thirds", Power(A, Fraction(2, 3)), lambda v: np.cbrt(v["A"]) ** 2, positive=True),
    case("matrices", Greater(A, B), lambda v: (v["A"] > v["B"]).astype(float)),
    case("never with itself", Greater(A, A), lambda v: np.zeros((2, 3))),
    case("matrices", Where(Greater(A, B), A * B, C), lambda v: np.where(v["A"] > v["B"], v["A"] * v["B"], v["C"])),
    case("scalars", Where(Greater(s, t), s, t), lambda v: np.maximum(v["s"], v["t"])),
    case("of a matrix", Elementwise(sigmoid, A), lambda v: 1 / (1 + np.exp(-v["A"]))),
    case("of a function", Elementwise(exp, Elementwise(sigmoid, s)), lambda v: np.exp(1 / (1 + np.exp(-v["s"])))),
    # matrices
    case("2×3 by 3×2", MatMul(A, P), lambda v: v["A"] @ v["P"]),
    case("n×3 by 3×2", MatMul(N, P), lambda v: v["N"] @ v["P"]),
    case("a column by a row", MatMul(column, row), lambda v: v["column"] @ v["row"]),
    case("a row by its transpose", MatMul(row, Transpose(row)), lambda v: v["row"] @ v["row"].T),
    case("three factors", A @ P @ A, lambda v: v["A"] @ v["P"] @ v["A"]),
    case("a matrix", Transpose(A), lambda v: v["A"].T),
    case("a row", Transpose(row), lambda v: v["row"].T),
    case("of a product", Transpose(N @ P), lambda v: (v["N"] @ v["P"]).T),
    case("all", Sum(A), lambda v: v["A"].sum()),
    case("one entry", Sum(one), lambda v: v["one"].sum()),
    case("down the rows", Sum(N, 0), lambda v: v["N"].sum(axis=0, keepdims=True)),
    case("along the rows", Sum(N, 1), lambda v: v["N"].sum(axis=1, keepdims=True)),
    case("a row down its only row", Sum(row, 0), lambda v: v["row"]),
    case("a scalar to a matrix", Broadcast(s, (2, 3)), lambda v: np.full((2, 3), v["s"])),
    case("a scalar to a batch", Broadcast(s, (n, 3)), lambda v: np.full((4, 3), v["s"])),
    case("a row to a batch", Broadcast(row, (n, 3)), lambda v: np.repeat(v["row"], 4, axis=0)),
    case("a column to a matrix", Broadcast(column, (2, n)), lambda v: np.repeat(v["column"], 4, axis=1)),
    case("one entry to a matrix", Broadcast(one, (2, 3)), lambda v: np.full((2, 3), v["one"])),
    case("one entry to a row", Broadcast(one, (1, n)), lambda v: np.full((1, 4), v["one"])),
    case("along the rows", Softmax(N, 1), lambda v: softmax(v["N"], 1)),
    case("down the columns", Softmax(A, 0), lambda v: softmax(v["A"], 0)),
    case("of one entry", Softmax(column, 1), lambda v: np.ones((2, 1))),
    case("along the rows", LogSumExp(N, 1), lambda v: np.log(np.exp(v["N"]).sum(axis=1, keepdims=True))),
    case("down the columns", LogSumExp(A, 0), lambda v: np.log(np.exp(v["A"]).sum(axis=0, keepdims=True))),
    case("of one entry", LogSumExp(column, 1), lambda v: v["column"]),
    # index notation
    case(
        "a row times a column",
        SumOver("k", 3, Component(A, 1, "k") * Component(P, "k", 2)),
        lambda v: (v["A"] @ v["P"])[0, 1],
        differentiable=False,
    ),
    case(
        "over the batch",
        SumOver("k", n, SumOver("m", 3, Component(N, "k", "m") ** 2)),
        lambda v: (v["N"] ** 2).sum(),
        differentiable=False,
    ),
    case(
        "the product entry by entry",
        Assembled((2, 2), "i", "j", SumOver("k", 3, Component(A, "i", "k") * Component(P, "k", "j"))),
        lambda v: v["A"] @ v["P"],
        differentiable=False,
    ),
    case(
        "the transpose",
        Assembled((3, n), "i", "j", Component(N, "j", "i")),
        lambda v: v["N"].T,
        differentiable=False,
    ),
    case("ones", Assembled((2, n), "i", "j", Const(Fraction(1))), lambda v: np.ones((2, 4)), differentiable=False),
)

DIFFERENTIABLE = tuple(case for case in OP_CASES if case.differentiable)


def environment(positive: bool, seed: int = 0) -> dict[str, Array]:
    """Random numbers for every name of this module, none of them near 0 and no two the same."""
    rng = np.random.default_rng(seed)
    drawn = {name.id: np.asarray(rng.uniform(0.2, 1.5, concrete(name.shape, SIZES))) for name in NAMES}
    return drawn if positive else {id: value * rng.choice([-1.0, 1.0], value.shape) for id, value in drawn.items()}
