"""Index variables replaced by numbers."""

from __future__ import annotations

from backproof.ir.expr import Assembled, Component, Name, Partial, SumOver
from backproof.ir.indices import at

W, x, L = Name("W_1", (3, 2)), Name("X", (1, 3)), Name("L")
w_ij = Component(W, "i", "j")


def test_entries_inside_of_operations_and_of_symbols() -> None:
    expr = Partial(L, w_ij) * (1 - w_ij)
    w_32 = Component(W, 3, 2)
    assert at(expr, {"i": 3, "j": 2}) == Partial(L, w_32) * (1 - w_32)


def test_a_variable_may_be_renamed() -> None:
    assert at(w_ij, {"i": "n"}) == Component(W, "n", "j")


def test_bound_variables_stay() -> None:
    inner = SumOver("k", 3, Component(x, 1, "k") * Component(W, "k", "j"))
    assert at(inner, {"k": 1, "j": 2}) == SumOver("k", 3, Component(x, 1, "k") * Component(W, "k", 2))
    matrix = Assembled((3, 2), "i", "j", w_ij)
    assert at(matrix, {"i": 1, "j": 1}) is not None
    assert at(matrix, {"i": 1, "j": 1}) == matrix


def test_what_has_no_such_variable_is_the_same_object() -> None:
    expr = Name("a") + Name("b") * Name("c")
    assert at(expr, {"i": 1}) is expr
