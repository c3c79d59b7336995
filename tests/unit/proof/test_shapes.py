"""Well-formed expressions: the operators build no others, so trees put together by hand are looked at."""

from __future__ import annotations

import pytest

from backproof.dims import Symbol
from backproof.ir.expr import Add, Broadcast, Expr, LogSumExp, MatMul, Name, Sum, Transpose, Where, total
from backproof.proof.shapes import misfit

n = Symbol("n")
A, B, S = Name("A", (n, 3)), Name("B", (3, n)), Name("s")


@pytest.mark.parametrize(
    ("expr", "complaint"),
    [
        (Add(A, B), "Add of n×3 and 3×n"),
        (1 + total(MatMul(A, A)), "MatMul of n×3 and n×3"),
        (MatMul(S, A), "MatMul of scalar and n×3"),
        (Transpose(S), "Transpose of scalar"),
        (Sum(S, 0), "Sum of scalar"),
        (LogSumExp(S, 1), "LogSumExp of scalar"),
        (Broadcast(A, (n, 4)), "Broadcast of n×3"),
        (Broadcast(A, ()), "Broadcast of n×3"),
        (Where(A, A, S), "Where of n×3 and n×3 and scalar"),
        (Add(Transpose(MatMul(A, A)), S), "MatMul of n×3 and n×3"),
    ],
)
def test_a_misfit_is_named(expr: Expr, complaint: str) -> None:
    assert misfit(expr) == complaint


@pytest.mark.parametrize("expr", [A + 1, A @ B, total(A, 0).T, A * total(A), Broadcast(S, (n, 3)), A + total(A, 1)])
def test_what_the_operators_build_fits(expr: Expr) -> None:
    assert misfit(expr) is None
