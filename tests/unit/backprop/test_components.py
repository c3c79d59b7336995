"""Index notation: one entry of a matrix expression, its partial derivatives, and the names of index variables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from backproof.backprop.components import (
    LETTERS,
    Contribution,
    Letters,
    assembled,
    canonical,
    component,
    contributions,
    entry,
    filled,
    free_indices,
    partials,
    without_ones,
)
from backproof.backprop.paths import Paths, base, position
from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol, concrete
from backproof.errors import UnsupportedError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Assembled, Component, Expr, Index, Name, Partial, SumOver, ones
from backproof.ir.indices import at
from backproof.networks import mlp
from backproof.render.typeset import typeset
from cases import DIFFERENTIABLE, SIZES, Array, Case, environment
from oracles import EXACT, apart, exactly
from programs import PROGRAMS

n = Symbol("n")
A, P, N = Name("A", (2, 3)), Name("P", (3, 2)), Name("N", (n, 3))
row, column, one, s = Name("row", (1, 3)), Name("column", (2, 1)), Name("one", (1, 1)), Name("s")
L = Name("L")


def value(expr: Expr, env: Mapping[str, Array]) -> Array:
    return np.asarray(Evaluator(EXACT, SIZES)(expr, env), object)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
@pytest.mark.parametrize("explicit", [0, 4])
def test_an_entry_of_an_expression_is_the_entry_of_its_value(case: Case, explicit: int) -> None:
    env = exactly(environment(case.positive))
    whole = value(case.expr, env)
    for index in np.ndindex(*concrete(case.expr.shape or (1, 1), SIZES)):
        scalar = component(case.expr, index[0] + 1, index[1] + 1, Letters(), explicit=explicit)
        assert scalar.shape == ()
        expected = whole if whole.shape == () else whole[index]
        assert apart(value(scalar, env), np.asarray(expected, object)) < 1e-45


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
def test_all_entries_at_once_by_index_variables(case: Case) -> None:
    if not case.expr.shape:
        return
    env = exactly(environment(case.positive))
    whole = Assembled(case.expr.shape, "i", "j", component(case.expr, "i", "j", Letters()))
    assert apart(value(whole, env), value(case.expr, env)) < 1e-45


@pytest.mark.parametrize(
    ("name", "indices", "expected"),
    [
        (A, (1, 2), Component(A, 1, 2)),
        (A, ("i", "j"), Component(A, "i", "j")),
        (row, ("i", "j"), Component(row, 1, "j")),
        (column, ("i", "j"), Component(column, "i", 1)),
        (one, ("i", "j"), Component(one, 1, 1)),
        (s, ("i", "j"), s),
    ],
)
def test_an_index_into_a_dimension_of_one_is_one(name: Name, indices: tuple[Index, Index], expected: Expr) -> None:
    assert entry(name, *indices) == expected


def test_short_sums_of_numbered_entries_are_written_out() -> None:
    short = component(A @ P, 1, 2, Letters(), explicit=4)
    assert typeset(short) == "a^{11} × p^{12} + a^{12} × p^{22} + a^{13} × p^{32}"
    assert typeset(component(A @ P, 1, 2, Letters())) == "Σ_{k=1..3} a^{1k} × p^{k2}"
    assert isinstance(component(N.T @ N, 1, 1, Letters(), explicit=4), SumOver), "a symbolic size is never written out"
    assert component(column @ row, 2, 3, Letters()) == Component(column, 2, 1) * Component(row, 1, 3)


# --- partial derivatives ------------------------------------------------------------------------------------------


def terms(expr: Expr, wrt: Expr) -> list[Contribution]:
    return [Contribution(without_ones(c.value), c.bindings) for c in contributions(expr, wrt, expr)]


def test_a_sum_gives_the_term_that_holds_the_entry() -> None:
    product = component(A @ P, 1, 2, Letters())
    assert terms(product, Component(A, 1, 3)) == [Contribution(Component(P, 3, 2), {})]
    assert terms(product, Component(A, 2, 3)) == []
    assert terms(product, Component(P, 3, 2)) == [Contribution(Component(A, 1, 3), {})]


def test_a_free_variable_is_bound_by_the_entry() -> None:
    general = component(A @ P, "i", "j", Letters())
    assert terms(general, Component(A, 2, 3)) == [Contribution(Component(P, 3, "j"), {"i": 2})]
    assert terms(general, Component(P, 1, 2)) == [Contribution(Component(A, "i", 1), {"j": 2})]


def test_an_entry_that_stands_twice_gives_two_terms() -> None:
    a = Component(A, 1, 1)
    assert [c.value for c in terms(a * a, a)] == [a, a]


def test_one_variable_cannot_be_two_numbers() -> None:
    diagonal = Component(Name("S", (3, 3)), "i", "i")
    assert terms(diagonal, Component(Name("S", (3, 3)), 1, 2)) == []
    assert len(terms(diagonal, Component(Name("S", (3, 3)), 2, 2))) == 1


def test_a_sum_in_which_the_entry_stands_for_every_index_stays_a_sum() -> None:
    weight = Component(column, 1, 1)
    total = SumOver("k", 3, Component(A, 1, "k") * weight)
    assert terms(total, weight) == [Contribution(SumOver("k", 3, Component(A, 1, "k")), {})]


def test_an_assembled_matrix_has_no_partial_derivative_of_its_own() -> None:
    whole = Assembled((2, 3), "i", "j", Component(A, "i", "j"))
    with pytest.raises(UnsupportedError, match="Assembled has no row in the table of derivatives"):
        list(contributions(whole, Component(A, 1, 1), whole))


# --- index variables ----------------------------------------------------------------------------------------------


def test_letters_never_run_out() -> None:
    letters = Letters()
    drawn = [letters.fresh() for _ in range(3 * len(LETTERS))]
    assert len(set(drawn)) == len(drawn)
    assert set(LETTERS).isdisjoint("ijn"), "i and j are for entries, n is the size of a batch"
    assert drawn[: len(LETTERS)] == list(LETTERS)
    assert drawn[len(LETTERS)] == "k2"


def test_bound_variables_are_renamed_in_the_order_of_nesting() -> None:
    inner = SumOver("z", 2, Component(A, "z", "w"))
    assert canonical(SumOver("w", 3, inner)) == SumOver("k", 3, SumOver("m", 2, Component(A, "m", "k")))
    side_by_side = SumOver("w", 3, Component(A, 1, "w")) + SumOver("z", 3, Component(A, 2, "z"))
    assert canonical(side_by_side) == SumOver("k", 3, Component(A, 1, "k")) + SumOver("k", 3, Component(A, 2, "k"))


def test_a_bound_variable_is_not_called_as_a_free_one() -> None:
    mixed = SumOver("z", 3, Component(A, "k", "z"))
    assert canonical(mixed) == SumOver("m", 3, Component(A, "k", "m"))
    assert canonical(SumOver("z", 3, Component(A, 1, "z")), frozenset({"k"})).variable == "m"  # type: ignore[attr-defined]


def test_renaming_keeps_the_value() -> None:
    expr = component((A @ P) @ (A @ P), 1, 2, Letters())
    env = exactly(environment(positive=False))
    assert apart(value(canonical(expr), env), value(expr, env)) < 1e-45
    assert canonical(canonical(expr)) == canonical(expr)


def test_free_variables_are_those_that_nothing_binds() -> None:
    assert free_indices(Component(A, "i", 2)) == {"i"}
    assert free_indices(SumOver("k", 3, Component(A, "i", "k"))) == {"i"}
    assert free_indices(Assembled((2, 3), "i", "j", Component(A, "i", "j") * s)) == frozenset()
    assert free_indices(Partial(L, Component(A, "i", "j"))) == {"i", "j"}
    assert free_indices(A @ P) == frozenset()


# --- symbols ------------------------------------------------------------------------------------------------------


def test_symbols_are_found_and_filled() -> None:
    first, second = Partial(L, Component(A, 1, 1)), Partial(L, Component(A, 1, 2))
    expr = first * s + second * first
    assert partials(expr) == (first, second)
    assert filled(expr, {first: s}) == s * s + second * s
    assert filled(expr, {}) == expr


def test_factors_of_one_are_left_out_wherever_they_stand() -> None:
    assert without_ones(1 * s * 1) == s
    assert without_ones(s + 1) == s + 1
    assert without_ones(ones((2, 3))) == ones((2, 3))


def test_a_matrix_is_assembled_in_the_shape_of_its_quantity() -> None:
    whole = assembled(A, Component(A, "i", "j"))
    assert whole == Assembled((2, 3), "i", "j", Component(A, "i", "j"))
    assert at(whole.body, {"i": 2, "j": 1}) == Component(A, 2, 1)


# --- paths --------------------------------------------------------------------------------------------------------


def chain_of(name: str, wrt: Expr) -> str:
    program = PROGRAMS[name]() if name in PROGRAMS else mlp(2, 2, 2, 1, batch=1)
    return typeset(Paths(backpropagate(program), Letters()).chain(wrt))


def test_the_chain_runs_along_every_path() -> None:
    W_1 = Name("W_1", (2, 2))
    assert chain_of("a network", Component(W_1, 1, 2)) == "(Σ_{k=1..2} ∂L/∂l_2^k × ∂l_2^k/∂l_1^2) × ∂l_1^2/∂w_1^{12}"


def test_what_the_loss_holds_directly_is_written_out() -> None:
    w = Name("w", (3, 1))
    assert chain_of("penalty_in_the_loss", Component(w, 2, 1)) == "Σ_{k=1..n} ∂L/∂p^k × ∂p^k/∂w^2 + 0.2 w^2"
    assert chain_of("activity_penalty", Component(Name("W_1", (3, 2)), 1, 1)) == (
        "Σ_{k=1..n} (∂L/∂l_2^k × ∂l_2^k/∂l_1^{k,1} + 0.2 l_1^{k,1}) × ∂l_1^{k,1}/∂w_1^{11}"
    )


def test_places_that_overlap_are_counted_once() -> None:
    """c = z − mean z: every entry of a sample's c holds z[k, 1], and c[k, 1] is one of them."""
    assert "∂c^{k,1}/∂z^{k,1}" not in chain_of("layer_normalisation", Component(Name("W", (2, 4)), 1, 1))


def test_what_leads_nowhere_is_no_path() -> None:
    assert chain_of("unused_parameter", Component(Name("u", (2, 2)), 1, 1)) == "∂L/∂u^{11}"


def test_entries_know_their_quantity_and_their_place() -> None:
    assert base(Component(A, 1, 2)) == base(A) == A
    assert position(Component(A, 1, 2)) == (1, 2)
    assert position(s) == (1, 1)
    with pytest.raises(TypeError, match="MatMul is no entry of a quantity"):
        base(A @ P)
