"""Arrays of integers modulo one prime: products, inverses, powers, square classes.

The prime is chosen so that it knows what a positive number is. It is a safe prime P = 2Q + 1 (Q prime) with
P ≡ 7 (mod 8), and every prime up to 67 is a square modulo P, −1 is none. Call the non-zero squares positive. Then the
Legendre symbol is a sign as the reals have it: sign(ab) = sign(a) sign(b), sign(−a) = −sign(a), and every ordinary
constant has the sign that it looks to have. The positive numbers form a group of prime order Q, so that each of them
has exactly one power for every rational exponent, and the laws of powers hold.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

Residues = npt.NDArray[np.int64]

P = 1_931_011_319
Q = (P - 1) // 2

FEW = 48
"""Up to this many entries Python's own integers are faster than a pass of NumPy per bit of the exponent."""

HALF_BITS = 16
LONGEST_DOT = 1 << 20
"""Products of two 16-bit halves stay exact in float64 when up to this many of them are added."""


class PoleError(ArithmeticError):
    """A division by zero: this random point lies on a pole, another must be drawn."""


def constant(value: Fraction) -> int:
    """The rational number modulo P.

    Raises:
        PoleError: the denominator is a multiple of P.
    """
    if value.denominator % P == 0:
        raise PoleError(f"the denominator of {value} is a multiple of {P}")
    return value.numerator * pow(value.denominator, -1, P) % P


def multiply(a: Residues, b: Residues) -> Residues:
    """ab, entry by entry."""
    return a * b % P


def power(x: Residues, exponent: int) -> Residues:
    """x^exponent entry by entry, for an exponent of at least 0."""
    if x.size <= FEW:
        return np.array([pow(v, exponent, P) for v in x.ravel().tolist()], np.int64).reshape(x.shape)
    result = np.ones_like(x)
    for bit in bin(exponent)[2:]:
        result = multiply(result, result)
        if bit == "1":
            result = multiply(result, x)
    return result


def inverse(x: Residues) -> Residues:
    """1/x entry by entry, with one inversion for all: products up a tree, quotients down.

    Raises:
        PoleError: an entry is zero.
    """
    if not x.all():
        raise PoleError("division by zero")
    if x.size <= FEW:
        return np.array([pow(v, -1, P) for v in x.ravel().tolist()], np.int64).reshape(x.shape)
    flat = x.ravel()
    odd = flat.size % 2
    padded = np.append(flat, 1) if odd else flat
    left, right = padded[0::2], padded[1::2]
    both = inverse(multiply(left, right))
    result = np.empty_like(padded)
    result[0::2], result[1::2] = multiply(both, right), multiply(both, left)
    return result[: flat.size].reshape(x.shape)


def sign(x: Residues) -> Residues:
    """The Legendre symbol: 1 for a square, −1 for none, 0 for zero."""
    symbol = power(x, Q)
    return np.where(symbol == P - 1, -1, symbol)


def rational_power(x: Residues, exponent: Fraction) -> Residues:
    """x^exponent; of a negative number the power of |x|, with the sign that an odd root has.

    Raises:
        PoleError: zero to a negative power.
    """
    if exponent.denominator == 1:
        whole = power(x, abs(int(exponent)))
        return whole if exponent >= 0 else inverse(whole)
    if exponent < 0 and not x.all():
        raise PoleError("zero to a negative power")
    signs = sign(x)
    root = power(x * signs % P, exponent.numerator * pow(exponent.denominator, -1, Q) % Q)
    odd = exponent.denominator % 2 and exponent.numerator % 2
    return root * signs % P if odd else root


def matmul(a: Residues, b: Residues) -> Residues:
    """The matrix product, by exact floating-point products of 16-bit halves."""
    inner = a.shape[1]
    if inner > LONGEST_DOT:
        middle = inner // 2
        return (matmul(a[:, :middle], b[:middle]) + matmul(a[:, middle:], b[middle:])) % P
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    high = (a_high @ b_high).astype(np.int64) % P
    cross = (a_high @ b_low).astype(np.int64) + (a_low @ b_high).astype(np.int64)
    low = (a_low @ b_low).astype(np.int64)
    half = 1 << HALF_BITS
    return ((high * half + cross) % P * half + low) % P


def _halves(x: Residues) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return (x >> HALF_BITS).astype(np.float64), (x & ((1 << HALF_BITS) - 1)).astype(np.float64)
