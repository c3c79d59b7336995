"""Many digits: exact matrix products, floats taken as they are, and what it is to agree."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from backproof.ir.arithmetic import MpmathArithmetic
from backproof.proof.precise import WIDEST, PreciseArithmetic, agree, as_integers

PRECISE, PLAIN = PreciseArithmetic(50), MpmathArithmetic(120)


def test_products_are_rounded_once() -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((3, 40)), random.standard_normal((40, 2))
    exact = PLAIN.matmul(PLAIN.array(a), PLAIN.array(b))
    found = PRECISE.matmul(PRECISE.array(a), PRECISE.array(b))
    assert (
        max(abs((x - y) / y) for x, y in zip(found.ravel(), exact.ravel(), strict=True))
        < PRECISE.context.mpf(10) ** -49
    )


def test_products_that_cancel_keep_their_digits() -> None:
    third = PRECISE.constant(Fraction(1, 3)).item()
    a = np.array([[third, 1, -third]], object)
    b = np.array([[PRECISE.context.mpf(10) ** 60], [1], [PRECISE.context.mpf(10) ** 60]], object)
    for row, column in ((a, b),):
        mp = np.frompyfunc(PRECISE.context.mpf, 1, 1)
        assert PRECISE.matmul(mp(row), mp(column))[0, 0] == 1


@pytest.mark.parametrize("odd", ["inf", "nan"])
def test_what_is_not_finite_is_left_to_mpmath(odd: str) -> None:
    a = PRECISE.array([[1.0, float(odd)]])
    assert str(PRECISE.matmul(a, PRECISE.array([[1.0], [1.0]]))[0, 0]) in ("+inf", "nan")


def test_entries_too_far_apart_are_left_to_mpmath() -> None:
    c = PRECISE.context
    a = np.array([[c.ldexp(c.mpf(1), WIDEST + 1), c.mpf(1)]], object)
    assert as_integers(a) is None
    assert PRECISE.matmul(a, a.T)[0, 0] == a[0, 0] ** 2


def test_zero_has_no_exponent() -> None:
    zeros = PRECISE.array(np.zeros((2, 2)))
    assert (PRECISE.matmul(zeros, zeros) == 0).all()
    assert PRECISE.matmul(PRECISE.array([[0.0, 0.1]]), PRECISE.array([[1.0], [1.0]]))[0, 0] == 0.1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_what_they_are(dtype: str) -> None:
    values = np.asarray([0.1, -3.7, 0.0, 65504.0], dtype)
    assert PRECISE.array(values).tolist() == [PRECISE.context.mpf(float(v)) for v in values]
    assert PRECISE.array([1, 2]).tolist() == [1, 2]


def test_two_floats_hold_106_bits() -> None:
    third = PRECISE.constant(Fraction(1, 3))
    high, low = PRECISE.two_floats(third)
    assert high == 1 / 3
    rest = third.item() - PRECISE.context.mpf(float(high)) - PRECISE.context.mpf(float(low))
    assert 0 < abs(rest) < 2.0**-106
    assert PRECISE.two_floats(np.asarray(PRECISE.context.inf, object))[0] == np.inf


def test_agreement_is_relative() -> None:
    tiny = PRECISE.array([1e-5])
    assert agree(tiny, tiny * (1 + PRECISE.context.mpf(10) ** -35), PRECISE, 30)
    assert not agree(tiny, tiny * (1 + PRECISE.context.mpf(10) ** -25), PRECISE, 30)
    assert not agree(tiny, -tiny, PRECISE, 30)
    noise = PRECISE.array([0.0]) + PRECISE.context.mpf(10) ** -45
    assert agree(noise, PRECISE.array([0.0]), PRECISE, 30)
