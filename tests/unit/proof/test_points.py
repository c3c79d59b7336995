"""Random points: assumptions hold at them, sizes vary, and every comparison is seen from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.dims import Symbol
from backproof.errors import BackproofError
from backproof.ir.expr import Elementwise, Expr, Name, total
from backproof.ir.lift import where
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.proof.modular import P
from backproof.proof.points import MOST_DRAWS, draw_points
from backproof.rules.elementwise import abs_

W = Name("W", (2, 2))
S = Name("s")


def program(value: Expr, *parameters: Name) -> Program:
    q = Name("q", value.shape)
    return Program((), parameters, (Equation(q, value), Equation(Name("L"), total(q))), "L")


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_targets_that_must_sum_to_one_do(samples: str) -> None:
    axis = 1 if samples == "rows" else 0
    net = mlp(3, 4, loss="cross_entropy", samples=samples)  # type: ignore[arg-type]
    for point in draw_points(net, 3, seed=0).points:
        assert (point.env["y"].sum(axis=axis) % P == 1).all()
        along = point.draw(net.names["y"], direction_of="y")
        assert (along.sum(axis=axis) % P == 0).all()
        assert along.any()


def test_points_differ_and_depend_on_the_seed() -> None:
    net = mlp(3, 2, 1)
    first, second = draw_points(net, 2, seed=0).points
    other = draw_points(net, 2, seed=1).points[0]
    assert first.evaluator.sizes != second.evaluator.sizes
    assert not np.array_equal(first.env["W_1"], second.env["W_1"])
    assert not np.array_equal(first.env["W_1"], other.env["W_1"])
    again = draw_points(net, 2, seed=0).points[0]
    assert np.array_equal(first.env["l_1"], again.env["l_1"])


def test_symbols_have_sizes_of_their_own() -> None:
    n, m = Symbol("n"), Symbol("m")
    A, B = Name("A", (n, m)), Name("B", (m, n))
    for point in draw_points(Program((A, B), (), (Equation(Name("L"), total(A @ B)),), "L"), 3, seed=0).points:
        assert len(set(point.evaluator.sizes.values())) == 2


def test_values_are_those_of_the_equations() -> None:
    point = draw_points(program(W @ W, W), 1, seed=0).points[0]
    exact = point.env["W"].astype(object) @ point.env["W"].astype(object) % P
    assert np.array_equal(point.env["q"], exact)
    assert point.env["L"] == exact.sum() % P


@pytest.mark.parametrize(
    "value", [where(S > 0, S, 2 * S), Elementwise(abs_, S), where(S > 0, S, 2 * S) * where(S > 1, S, 3 * S)]
)
def test_a_comparison_of_single_numbers_is_seen_from_both_sides(value: Expr) -> None:
    drawn = draw_points(program(value, S), 3, seed=0)
    assert drawn.covered == 3
    outcomes = np.asarray([[(c.positive, c.negative) for c in point.comparisons] for point in drawn.points])
    assert (outcomes.sum(axis=0) >= 3).all()
    assert drawn.one_sided == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [[2] * 30, [3] * 100])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_a_deep_network_of_few_rectified_units_stays_alive(sizes: list[int], samples: str, seed: int) -> None:
    """Without care all units of some layer are off for each sample, and no layer above it is tested."""
    net = mlp(*sizes, activation="relu", samples=samples)  # type: ignore[arg-type]
    drawn = draw_points(net, 3, seed=seed)
    assert (drawn.covered, drawn.one_sided) == (3, 0)


def test_a_chain_of_single_units_is_tested_where_it_is_on() -> None:
    drawn = draw_points(mlp(*[1] * 9, activation="relu"), 3, seed=0)
    last = [point.comparisons[-1] for point in drawn.points]
    assert sum(c.positive for c in last) >= 3


def test_a_comparison_with_one_outcome_does_not_wait_for_the_other() -> None:
    drawn = draw_points(program(where(S**2 > 0, S, 2 * S), S), 3, seed=0)
    assert (drawn.covered, drawn.one_sided) == (3, 1)
    assert len(drawn.points) <= MOST_DRAWS


def test_a_pole_everywhere_is_reported() -> None:
    with pytest.raises(BackproofError, match="divides by zero"):
        draw_points(program(1 / (S - S), S), 1, seed=0)
