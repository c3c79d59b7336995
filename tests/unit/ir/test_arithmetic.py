"""The two arithmetics on arrays: dtypes, precision, stable sums of exponentials, and that both know the same."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from backproof.ir.arithmetic import NUMPY, MpmathArithmetic, NumpyArithmetic

EXACT = MpmathArithmetic(50)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_constants_have_the_dtype(dtype: str) -> None:
    arithmetic = NumpyArithmetic(dtype)
    for value in (arithmetic.constant(Fraction(1, 3)), arithmetic.pi(), arithmetic.greater(np.ones(2), np.zeros(2))):
        assert value.dtype == np.dtype(dtype)


def test_a_large_fraction_is_divided_exactly() -> None:
    huge = Fraction(10**400 + 1, 10**400)
    assert NumpyArithmetic().constant(huge) == 1.0
    assert EXACT.constant(Fraction(1, 3)).item() * 3 == 1


def test_fifty_digits_are_fifty_digits() -> None:
    third = str(EXACT.constant(Fraction(1, 3)))
    assert third.count("3") >= 50
    assert str(EXACT.pi()).startswith("3.14159265358979323846264338327950288419716939937")
    assert MpmathArithmetic(20).constant(Fraction(1, 3)) != EXACT.constant(Fraction(1, 3))


def test_precisions_do_not_disturb_each_other() -> None:
    before = EXACT.constant(Fraction(1, 7)).item()
    MpmathArithmetic(5).constant(Fraction(1, 7))
    assert EXACT.constant(Fraction(1, 7)).item() == before


def test_floats_are_taken_exactly() -> None:
    assert EXACT.array(0.1).item() != EXACT.array("0.1").item()
    assert EXACT.array([0.1]).item() == Fraction(0.1).numerator / EXACT.context.mpf(Fraction(0.1).denominator)


@pytest.mark.parametrize("fn", sorted(NUMPY))
def test_both_know_the_same_functions_and_agree(fn: str) -> None:
    x = np.array([[0.3, 1.7], [2.5, 0.9]])
    found, exact = NumpyArithmetic().primitive(fn, x), EXACT.primitive(fn, EXACT.array(x))
    assert found is not None
    assert exact is not None
    assert found.shape == exact.shape == (2, 2)
    np.testing.assert_allclose(found, exact.astype(float), rtol=1e-15)


def test_an_unknown_function_is_left_to_its_definition() -> None:
    assert NumpyArithmetic().primitive("silu", np.ones(1)) is None
    assert EXACT.primitive("silu", EXACT.array([1.0])) is None


@pytest.mark.parametrize("fn", ["erf", "erfc"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_error_function_keeps_the_dtype(fn: str, dtype: str) -> None:
    value = NumpyArithmetic(dtype).primitive(fn, np.array([0.5], dtype))
    assert value is not None
    assert value.dtype == np.dtype(dtype)


@pytest.mark.parametrize("fn", sorted(NUMPY))
def test_integers_are_numbers_too(fn: str) -> None:
    """The error function of 1 is no integer."""
    found = NumpyArithmetic().primitive(fn, np.asarray(1))
    assert found is not None
    assert float(found) == pytest.approx(float(NUMPY[fn](np.asarray(1.0))), rel=1e-15)


@pytest.mark.parametrize("exponent", [Fraction(k, d) for k in (-5, -2, -1, 1, 2, 5) for d in (1, 2, 3)])
def test_powers_agree(exponent: Fraction) -> None:
    x = np.array([0.25, 1.5, 3.0])
    found, exact = NumpyArithmetic().power(x, exponent), EXACT.power(EXACT.array(x), exponent)
    np.testing.assert_allclose(found, exact.astype(float), rtol=1e-15)
    np.testing.assert_allclose(found, x ** float(exponent), rtol=1e-15)


def test_the_zeroth_power_of_zero_is_one() -> None:
    assert NumpyArithmetic().power(np.zeros(1), Fraction(0)) == 1
    assert EXACT.power(EXACT.array([0.0]), Fraction(0)) == 1


def test_integer_powers_keep_signs() -> None:
    x = np.array([-2.0])
    assert NumpyArithmetic().power(x, Fraction(3)) == -8
    assert NumpyArithmetic().power(x, Fraction(-1)) == -0.5
    assert EXACT.power(EXACT.array(x), Fraction(-3)).item() == EXACT.constant(Fraction(-1, 8)).item()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("scale", [1, 1e3, 1e300])
def test_sums_of_exponentials_do_not_overflow(axis: int, scale: float) -> None:
    x = scale * np.array([[0.0, 1.0, -1.0], [0.5, 0.25, -2.0]])
    arithmetic = NumpyArithmetic()
    p, m = arithmetic.softmax(x, axis), arithmetic.logsumexp(x, axis)
    assert np.isfinite(p).all()
    assert np.isfinite(m).all()
    np.testing.assert_allclose(p.sum(axis=axis), 1, rtol=1e-15)
    assert m.shape == x.max(axis=axis, keepdims=True).shape
    assert (m >= x.max(axis=axis, keepdims=True)).all()
    if scale == 1:
        exact = EXACT.array(x)
        np.testing.assert_allclose(p, EXACT.softmax(exact, axis).astype(float), rtol=1e-15)
        np.testing.assert_allclose(m, EXACT.logsumexp(exact, axis).astype(float), rtol=1e-15)


def test_comparisons_of_complex_numbers_look_at_the_real_part() -> None:
    """So that a derivative by complex step takes the branch that the real number takes."""
    arithmetic = NumpyArithmetic("complex128")
    assert arithmetic.greater(np.asarray(1 + 1e-30j), np.asarray(1 + 0j)) == 0
    assert arithmetic.greater(np.asarray(2 - 5j), np.asarray(1 + 0j)) == 1


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_sums_keep_two_dimensions_or_none(axis: int | None) -> None:
    x = np.arange(6.0).reshape(2, 3)
    shapes = {None: (), 0: (1, 3), 1: (2, 1)}
    assert NumpyArithmetic().sum(x, axis).shape == shapes[axis]
    assert EXACT.sum(EXACT.array(x), axis).shape == shapes[axis]
    assert math.isclose(float(np.sum(NumpyArithmetic().sum(x, axis))), 15)


def test_an_entry_of_a_scalar_is_the_scalar() -> None:
    assert NumpyArithmetic().entry(np.asarray(2.5), 0, 0) == 2.5
    assert NumpyArithmetic().entry(np.arange(6.0).reshape(2, 3), 1, 0) == 3.0
