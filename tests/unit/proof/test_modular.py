"""Residues: products, inverses and powers against Python's integers; the sign that the prime gives."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

from backproof.proof.modular import (
    FEW,
    LONGEST_DOT,
    P,
    PoleError,
    Q,
    Residues,
    constant,
    inverse,
    matmul,
    multiply,
    power,
    rational_power,
    sign,
)

SIZES = [1, FEW, FEW + 1, 501]


def random_residues(*shape: int, seed: int = 0) -> Residues:
    return np.random.default_rng(seed).integers(1, P, shape, dtype=np.int64)


def as_residue(value: Fraction) -> Residues:
    return np.asarray([constant(value)])


def test_the_prime_is_what_it_is_said_to_be() -> None:
    assert P == 2 * Q + 1
    assert sympy.isprime(P)
    assert sympy.isprime(Q)
    assert P % 8 == 7
    assert P < 2**31
    assert all(pow(q, Q, P) == 1 for q in sympy.primerange(68))
    assert pow(-1, Q, P) == P - 1


@pytest.mark.parametrize("size", SIZES)
def test_operations_are_those_of_integers(size: int) -> None:
    x, y = random_residues(size), random_residues(size, seed=1)
    assert multiply(x, y).tolist() == [a * b % P for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert inverse(x).tolist() == [pow(a, -1, P) for a in x.tolist()]
    assert power(x, 12345).tolist() == [pow(a, 12345, P) for a in x.tolist()]
    assert power(x, 0).tolist() == [1] * size


def test_a_matrix_keeps_its_shape() -> None:
    x = random_residues(7, 9)
    assert np.array_equal(multiply(inverse(x), x), np.ones((7, 9)))
    assert power(x, 3).shape == (7, 9)
    assert inverse(np.asarray(5)).shape == ()


@pytest.mark.parametrize("size", SIZES)
def test_zero_has_no_inverse(size: int) -> None:
    x = random_residues(size)
    x[-1] = 0
    with pytest.raises(PoleError):
        inverse(x)
    with pytest.raises(PoleError):
        rational_power(x, Fraction(-1, 2))


@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1, 1), (3, 5, 2), (2, 4001, 3)])
def test_matrix_products_are_exact(rows: int, inner: int, columns: int) -> None:
    for a, b in (
        (random_residues(rows, inner), random_residues(inner, columns, seed=1)),
        (np.full((rows, inner), P - 1), np.full((inner, columns), P - 1)),
    ):
        exact = a.astype(object) @ b.astype(object) % P
        assert np.array_equal(matmul(a, b), exact)


def test_the_longest_dot_product_is_exact_in_float64() -> None:
    assert LONGEST_DOT * (2**16 - 1) ** 2 < 2**53


def test_a_longer_dot_product_is_split() -> None:
    a = np.full((1, 2 * LONGEST_DOT + 1), P - 1)
    assert matmul(a, a.T)[0, 0] == (2 * LONGEST_DOT + 1) % P


def test_the_sign_is_multiplicative_and_odd() -> None:
    x, y = random_residues(300), random_residues(300, seed=1)
    assert np.array_equal(sign(multiply(x, y)), sign(x) * sign(y))
    assert np.array_equal(sign(-x % P), -sign(x))
    assert sign(np.zeros(3, np.int64)).tolist() == [0, 0, 0]
    assert {-1, 1} == set(sign(x).tolist())


@pytest.mark.parametrize("value", [Fraction(1, 100), Fraction(2, 3), Fraction(7), Fraction(61, 67)])
def test_constants_have_the_sign_that_they_look_to_have(value: Fraction) -> None:
    assert sign(as_residue(value)).tolist() == [1]
    assert sign(as_residue(-value)).tolist() == [-1]


def test_a_constant_with_no_inverse_is_a_pole() -> None:
    with pytest.raises(PoleError, match="multiple"):
        constant(Fraction(1, P))


@pytest.mark.parametrize("exponent", [Fraction(1, 2), Fraction(-1, 2), Fraction(2, 3), Fraction(-7, 5), Fraction(5, 4)])
def test_the_laws_of_powers_hold_for_positive_numbers(exponent: Fraction) -> None:
    x = multiply(*(2 * [random_residues(100)]))
    y = multiply(*(2 * [random_residues(100, seed=1)]))
    root = rational_power(x, exponent)
    assert np.array_equal(
        rational_power(root, Fraction(exponent.denominator)), rational_power(x, exponent * exponent.denominator)
    )
    assert np.array_equal(rational_power(multiply(x, y), exponent), multiply(root, rational_power(y, exponent)))
    assert np.array_equal(multiply(root, rational_power(x, 1 - exponent)), x)
    assert (sign(root) == 1).all()


def test_the_square_root_of_two() -> None:
    root = rational_power(as_residue(Fraction(2)), Fraction(1, 2))
    assert multiply(root, root).tolist() == [2]


def test_an_odd_root_of_a_negative_number_is_negative() -> None:
    root = rational_power(as_residue(Fraction(-8)), Fraction(1, 3))
    assert root.tolist() == as_residue(Fraction(-2)).tolist()
    assert rational_power(as_residue(Fraction(-8)), Fraction(2, 3)).tolist() == [4]
