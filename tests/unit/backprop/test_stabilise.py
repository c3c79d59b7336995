"""What is done to a program before it is differentiated: names for what is looked at, fused losses."""

from __future__ import annotations

from itertools import pairwise

import pytest

import backproof as bp
from backproof.backprop.stabilise import is_linear_part, rewrites, with_named_arguments
from backproof.dims import Symbol
from backproof.ir.expr import Elementwise, Expr, LogSumExp, Name, Softmax, broadcast, size_of, total
from backproof.ir.program import Equation, Program, RowsSumToOne
from backproof.render.typeset import typeset
from backproof.rules.elementwise import exp, gelu, log, relu, sigmoid, silu, softplus, tanh
from backproof.rules.losses import LOSSES

n = Symbol("n")
X, y, W = Name("X", (n, 3)), Name("y", (n, 3)), Name("W", (3, 3))
z = Name("z", (n, 3))


def program(*equations: tuple[str, Expr], delta: str | None = None) -> Program:
    """A program of these equations; the first may have a Δ."""
    made = tuple(
        Equation(Name(id, value.shape), value, delta if k == 0 else None) for k, (id, value) in enumerate(equations)
    )
    return Program((X, y), (W,), made, made[-1].name.id, (RowsSumToOne("y", 1),))


def written(made: Program) -> list[str]:
    """The equations as they are read."""
    return [f"{typeset(e.name)} = {typeset(e.value)}" for e in made.equations]


def test_networks_need_no_further_names() -> None:
    for loss in LOSSES:
        for activation in ("sigmoid", "gelu", "softplus"):
            net = bp.mlp(3, 3, 3, activation=activation, loss=loss, bias=True)
            assert with_named_arguments(net) == net


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # the derivative looks at the argument
        (Elementwise(softplus, X @ W), ["z_p = X . W", "p = softplus(z_p)"]),
        (Elementwise(gelu, X @ W + 1), ["z_p = X . W + 1", "p = GELU(z_p)"]),
        (Softmax(X @ W, 1), ["z_p = X . W", "p = softmax(z_p)"]),
        (LogSumExp(X @ W, 1), ["z_p = X . W", "p = logsumexp(z_p)"]),
        # the derivative is written in the output: nothing to name where that is the equation itself
        (Elementwise(sigmoid, X @ W), ["p = σ(X . W)"]),
        (Elementwise(relu, X @ W), ["p = ReLU(X . W)"]),
        # nested
        (Elementwise(tanh, X @ W) + X, ["a_p = tanh(X . W)", "p = a_p + X"]),
        (Elementwise(sigmoid, X) * X, ["a_p = σ(X)", "p = a_p ∘ X"]),
        (Elementwise(exp, X) * X, ["p = exp(X) ∘ X"]),
        (Elementwise(exp, X @ W) * X, ["a_p = exp(X . W)", "p = a_p ∘ X"]),
        (Elementwise(silu, X @ W) @ W, ["z_p = X . W", "a_p = SiLU(z_p)", "p = a_p . W"]),
        (Softmax(X, 1) @ W, ["a_p = softmax(X)", "p = a_p . W"]),
        (
            Elementwise(sigmoid, Elementwise(sigmoid, X @ W) @ W),
            ["a_p = σ(X . W)", "p = σ(a_p . W)"],
        ),
        # the same twice has one name
        (Elementwise(sigmoid, X @ W) * Elementwise(sigmoid, X @ W), ["a_p = σ(X . W)", "p = a_p ∘ a_p"]),
        (
            Elementwise(softplus, X @ W) - Elementwise(softplus, W.T @ X.T).T,
            ["z_p = X . W", "z_p_2 = Wᵀ . Xᵀ", "p = softplus(z_p) − softplus(z_p_2)ᵀ"],
        ),
        # cheap arguments are written twice
        (Elementwise(softplus, X - y), ["p = softplus(X − y)"]),
        (Elementwise(softplus, X), ["p = softplus(X)"]),
    ],
)
def test_what_a_derivative_looks_at_has_a_name(value: Expr, expected: list[str]) -> None:
    made = with_named_arguments(program(("p", value), ("L", total(Name("p", value.shape)))))
    assert written(made)[:-1] == expected
    assert made.equations[-1].value == total(Name("p", value.shape))


P = Name("p", (n, 3))


def test_the_delta_goes_with_the_linear_part() -> None:
    residual = program(("p", Elementwise(tanh, X @ W) + X), ("L", total(P)), delta="delta_1")
    assert [(e.name.id, e.delta) for e in with_named_arguments(residual).equations] == [
        ("a_p", "delta_1"), ("p", None), ("L", None),
    ]  # fmt: skip


def test_the_delta_stays_where_the_linear_part_stays() -> None:
    made = with_named_arguments(program(("p", Elementwise(sigmoid, X) @ W), ("L", total(P)), delta="delta_1"))
    assert [(e.name.id, e.delta) for e in made.equations] == [("a_p", None), ("p", "delta_1"), ("L", None)]


def test_names_that_are_taken_are_not_taken_again() -> None:
    made = with_named_arguments(
        program(("z_p", X @ W), ("p", Elementwise(softplus, Name("z_p", (n, 3)) @ W)), ("L", total(P)))
    )
    assert [e.name.id for e in made.equations] == ["z_p", "z_p_2", "p", "L"]


# --- fusing -------------------------------------------------------------------------------------------------------


def fused(*equations: tuple[str, Expr]) -> tuple[list[str], list[str]]:
    """The equations after the rewrites, and by which identities."""
    made, done = rewrites(with_named_arguments(program(*equations)))
    assert [change.after for change in done if change.equation == "L"][-1:] in ([], [made.definitions["L"].value])
    return written(made), [change.rule for change in done]


def test_cross_entropy_is_fused_with_softmax() -> None:
    loss = -(1 / size_of(n)) * total(y * Elementwise(log, P))
    equations, rules = fused(("z", X @ W), ("p", Softmax(z, 1)), ("L", loss))
    assert equations[-1] == "L = 1/n × (Σ logsumexp(z) − Σ y ∘ z)"
    assert rules == ["log_softmax", "weights_sum_to_one", "simplify"]


def test_binary_cross_entropy_is_fused_with_the_sigmoid() -> None:
    loss = -total(y * Elementwise(log, P) + (1 - y) * Elementwise(log, 1 - P))
    equations, rules = fused(("z", X @ W), ("p", Elementwise(sigmoid, z)), ("L", loss))
    assert equations[-1] == "L = −Σ (y ∘ z − softplus(z))"
    assert rules == ["log_sigmoid", "collect_weights"]


@pytest.mark.parametrize("function", [sigmoid, "softmax"])
def test_the_argument_gets_a_name_where_a_logarithm_looks_through(function: object) -> None:
    value = Softmax(X @ W, 1) if function == "softmax" else Elementwise(sigmoid, X @ W)
    equations, _ = fused(("p", value), ("L", total(y * Elementwise(log, P))))
    assert equations[0] == "z_p = X . W"
    assert "X" not in equations[-1]


def test_a_loss_in_one_formula_is_fused_too() -> None:
    equations, _ = fused(("L", total(y * Elementwise(log, Elementwise(sigmoid, X @ W)))))
    assert equations == ["z_L = X . W", "a_L = σ(z_L)", "L = Σ y ∘ (z_L − softplus(z_L))"]


def test_weights_that_need_not_sum_to_one_are_left() -> None:
    loss = total(X * Elementwise(log, P))
    equations, rules = fused(("z", X @ W), ("p", Softmax(z, 1)), ("L", loss))
    assert equations[-1] == "L = Σ X ∘ (z − logsumexp(z))"
    assert rules == ["log_softmax"]


def test_each_rewriting_starts_from_the_one_before() -> None:
    _, done = rewrites(bp.mlp(3, 3, loss="cross_entropy"))
    assert all(change.before != change.after for change in done)
    assert all(a.after == b.before for a, b in pairwise(done))
    assert {change.equation for change in done} == {"L"}
    assert all(change.reason for change in done)


def test_nothing_to_fuse() -> None:
    net = bp.mlp(3, 2, 1)
    assert rewrites(net) == (net, ())


# --- the linear part ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "linear"),
    [
        (X @ W, True),
        (X @ W + 1, True),
        (1 + X @ W, True),
        (X @ W - y, True),
        (broadcast(X @ Name("w", (3, 1)), (n, 3)), True),
        (2 * (X @ W), False),
        (Elementwise(sigmoid, X @ W), False),
        (X + y, False),
        (X, False),
    ],
)
def test_the_linear_part_of_a_layer(expr: Expr, linear: bool) -> None:
    assert is_linear_part(expr) is linear
