"""Programs: what is checked when one is made, and sizes put for symbols."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

import backproof as bp
from backproof.dims import Symbol
from backproof.errors import ShapeError, SpecificationError
from backproof.ir.expr import Assembled, Broadcast, Component, Const, Expr, Name, Size, SumOver, total
from backproof.ir.program import Equation, Program, fresh, resized

n = Symbol("n")
X, W = Name("X", (n, 2)), Name("W", (2, 1))


def program(*equations: tuple[Name, Expr], inputs: Sequence[Name] = (X,), loss: str = "L") -> Program:
    """A program of these equations with the parameter W."""
    return Program(tuple(inputs), (W,), tuple(Equation(name, value) for name, value in equations), loss)


L = Name("L")


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ([(X, X)], r"'X' is defined twice; give each quantity its own name"),
        ([(L, total(X)), (L, total(X))], r"'L' is defined twice"),
        ([(L, total(X @ Name("V", (2, 1))))], r"the equation for 'L' uses 'V' before it is defined"),
        ([(L, total(Name("p", (n, 1)))), (Name("p", (n, 1)), X @ W)], r"the equation for 'L' uses 'p' before"),
        ([(L, L + 1)], r"the equation for 'L' uses 'L' before it is defined"),
        ([(L, Component(Name("V", (2, 1)), 1, 1))], r"the equation for 'L' uses 'V' before it is defined"),
    ],
)
def test_names_are_defined_once_and_before_they_are_used(equations: list[tuple[Name, Expr]], message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        program(*equations)


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ([(L, total(Name("X", (2, 2))))], r"the equation for 'L' takes X as 2×2, but it is n×2"),
        ([(Name("p", (n, 2)), X @ W), (L, total(X))], r"p is declared n×2, but its equation gives n×1"),
        ([(Name("L", (n, 1)), X @ W)], r"the loss L must be a scalar, but is n×1"),
        ([(Name("L", (1, 1)), W.T @ W)], r"the loss L must be a scalar, but is 1×1"),
    ],
)
def test_shapes_agree(equations: list[tuple[Name, Expr]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        program(*equations)


def test_the_loss_is_defined() -> None:
    with pytest.raises(SpecificationError, match="the loss 'loss' is not defined by any equation"):
        program((L, total(X @ W)), loss="loss")


def test_what_is_known_of_a_program() -> None:
    made = program((Name("p", (n, 1)), X @ W), (L, total(Name("p", (n, 1)))))
    assert list(made.names) == ["X", "W", "p", "L"]
    assert made.definitions["p"].value == X @ W
    assert made.symbols == ("n",)
    assert made.fresh("L") == "L_2"
    assert made.fresh("q") == "q"


def test_a_fresh_name_counts_on() -> None:
    assert fresh("a", ["b"]) == "a"
    assert fresh("a", ["a"]) == "a_2"
    assert fresh("a", ["a", "a_2", "a_3"]) == "a_4"


def test_sizes_are_put_for_symbols_everywhere() -> None:
    sized = bp.mlp(3, 2, 1, bias=True, loss="mean_squared_error", penalty=0.1).with_sizes(n=4)
    assert sized.symbols == ()
    assert sized.names["X"].shape == (4, 3)
    assert sized.structure == bp.mlp(3, 2, 1, bias=True, loss="mean_squared_error", penalty=0.1).structure
    mean = sized.definitions["D"].value
    assert Const(Fraction(1, 4)) in (mean.a, getattr(mean.a, "x", None))  # type: ignore[attr-defined]


def test_unknown_symbols_are_left() -> None:
    assert bp.mlp(3, 1).with_sizes(m=4) == bp.mlp(3, 1)


def test_two_symbols() -> None:
    made = Program((Name("S", (n, Symbol("m"))),), (), (Equation(L, total(Name("S", (n, Symbol("m"))))),), "L")
    assert made.symbols == ("n", "m")
    assert made.with_sizes(n=2).symbols == ("m",)
    assert made.with_sizes(n=2).with_sizes(m=3).names["S"].shape == (2, 3)


@pytest.mark.parametrize(
    ("expr", "after"),
    [
        (Size(n), Const(Fraction(1))),
        (1 / Size(n), Const(Fraction(1))),
        ((1 / Size(n)) * L, L),
        (Broadcast(L, (n, 1)), Broadcast(L, (1, 1))),
        (Broadcast(Name("r", (1, 3)), (n, 3)), Name("r", (1, 3))),
        (Component(X, "i", 1), Component(Name("X", (1, 2)), "i", 1)),
        (SumOver("k", n, Component(X, "k", 1)), SumOver("k", 1, Component(Name("X", (1, 2)), "k", 1))),
        (SumOver("k", 2, Component(W, "k", 1)), SumOver("k", 2, Component(W, "k", 1))),
        (Assembled((n, 2), "i", "j", L), Assembled((1, 2), "i", "j", L)),
    ],
)
def test_one_example_of_a_batch(expr: Expr, after: Expr) -> None:
    assert resized(expr, {"n": 1}) == after


def test_a_structure_says_how_it_was_specified() -> None:
    structure = bp.mlp(784, 128, 10).structure
    assert structure is not None
    assert structure.sizes == (784, 128, 10)
    assert structure.specification == "784-128-10"
    assert [layer.number for layer in structure.layers] == [1, 2]
