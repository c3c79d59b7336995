"""Arithmetic modulo a prime in which exp, log, erf, sin, cos and sign are free: what is tested in it holds identically.

A primitive function is a random function of its argument that obeys the laws derivations rest on and no others:
exp(−x) = 1/exp(x), exp(x) > 0, exp(x) > 1 just when x > 0, log(1/x) = −log(x), erf and sin odd, cos even,
sin² + cos² = 1. Everything else is exact rational arithmetic: σ(x) is 1/(1 + 1/E) for a random E, and a row such as
σ' = y(1−y) is verified as an identity of rational functions.

Source:
    Schwartz, Fast probabilistic algorithms for verification of polynomial identities (1980), for the test itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from backproof.proof import modular
from backproof.proof.modular import P, PoleError, Residues, inverse, multiply


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a comparison of arrays came out, entries that compare a number with itself left out.

    Args:
        positive, negative: whether it was true somewhere, and false somewhere.
        count: the number of entries.
        alive: whether it was true somewhere in every row; in every column.
    """

    positive: bool
    negative: bool
    count: int
    alive: tuple[bool, bool]


def compared(signs: Residues) -> Comparison:
    """The outcome of a comparison, from the signs of the differences."""
    matrix = np.atleast_2d(signs)
    positive, differ = matrix > 0, matrix != 0
    rows, columns = (bool((positive.any(axis=axis) | ~differ.any(axis=axis)).all()) for axis in (1, 0))
    return Comparison(bool(positive.any()), bool((matrix < 0).any()), int(differ.sum()), (rows, columns))


class FieldArithmetic:
    """The operations of ``ir.evaluate.Arithmetic`` on integers modulo P.

    Args:
        key: what the free functions depend on; another key gives other functions.

    Example:
        >>> field = FieldArithmetic(key=1)
        >>> x = field.constant(Fraction(3, 4))
        >>> field.multiply(x, field.constant(Fraction(4, 3)))
        array(1)
        >>> e, inverse_e = field.primitive("exp", x), field.primitive("exp", field.negative(x))
        >>> field.multiply(e, inverse_e)
        array(1)
    """

    uses_stable_forms = False

    def __init__(self, key: int) -> None:
        self._key = key
        self._known: dict[tuple[str, bytes, tuple[int, ...]], Residues] = {}
        self.comparisons: list[Comparison] = []
        """How every comparison came out, in the order in which they were made."""

    # --- exact operations -----------------------------------------------------------------------------------------

    def constant(self, value: Fraction) -> Residues:
        return np.asarray(modular.constant(value), np.int64)

    def pi(self) -> Residues:
        root = self._free("pi", np.ones((), np.int64))
        return np.asarray(multiply(root, root))

    def add(self, a: Residues, b: Residues) -> Residues:
        return np.asarray((a + b) % P)

    def subtract(self, a: Residues, b: Residues) -> Residues:
        return np.asarray((a - b) % P)

    def multiply(self, a: Residues, b: Residues) -> Residues:
        return np.asarray(multiply(a, b))

    def divide(self, a: Residues, b: Residues) -> Residues:
        return np.asarray(multiply(a, inverse(b)))

    def negative(self, x: Residues) -> Residues:
        return np.asarray(-x % P)

    def power(self, x: Residues, exponent: Fraction) -> Residues:
        return np.asarray(modular.rational_power(x, exponent))

    def greater(self, a: Residues, b: Residues) -> Residues:
        signs = self._sign(np.asarray((a - b) % P))
        self._compared(signs)
        return np.asarray(signs == 1, np.int64)

    def where(self, condition: Residues, a: Residues, b: Residues) -> Residues:
        return np.asarray((condition * a % P + (1 - condition) * b % P) % P)

    def matmul(self, a: Residues, b: Residues) -> Residues:
        return modular.matmul(a, b)

    def transpose(self, x: Residues) -> Residues:
        return x.T

    def sum(self, x: Residues, axis: int | None) -> Residues:
        return np.asarray(np.sum(x, axis=axis, keepdims=axis is not None) % P)

    def broadcast(self, x: Residues, shape: tuple[int, ...]) -> Residues:
        return np.broadcast_to(x, shape)

    def softmax(self, x: Residues, axis: int) -> Residues:
        e = self._exp(x)
        return self.divide(e, self.sum(e, axis))

    def logsumexp(self, x: Residues, axis: int) -> Residues:
        return self._log(self.sum(self._exp(x), axis))

    def entry(self, x: Residues, row: Any, column: Any) -> Residues:
        return np.asarray(x[row, column] if x.ndim else x)

    # --- free functions -------------------------------------------------------------------------------------------

    def primitive(self, fn: str, x: Residues) -> Residues | None:
        rule = PRIMITIVE.get(fn)
        return None if rule is None else rule(self, np.asarray(x))

    def _exp(self, x: Residues) -> Residues:
        return self._remembered("exp", x, self._new_exp)

    def _log(self, x: Residues) -> Residues:
        return self._remembered("log", x, self._new_log)

    def _sign(self, x: Residues) -> Residues:
        return self._remembered("sign", x, modular.sign)

    def _remembered(self, name: str, x: Residues, compute: Callable[[Residues], Residues]) -> Residues:
        """The value found before for the same array: forward and backward equations ask for the same ones."""
        key = (name, x.tobytes(), x.shape)
        if key not in self._known:
            self._known[key] = np.asarray(compute(x))
        return self._known[key]

    def _free(self, name: str, x: Residues) -> Residues:
        """A random function from residues to non-zero residues: SplitMix64's finaliser, keyed."""
        salt = int.from_bytes(name.encode(), "little") * 0x9E3779B97F4A7C15 + self._key * 0xD1B54A32D192ED03
        z = x.ravel().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z = z ^ (z >> np.uint64(31))
        return (z % np.uint64(P - 1)).astype(np.int64).reshape(x.shape) + 1

    def _signed(self, x: Residues) -> tuple[Residues, Residues]:
        signs = self._sign(x)
        return signs, multiply(x, signs)

    def _new_exp(self, x: Residues) -> Residues:
        """((t² + 1)/2t)² for x > 0: a square, and one more than the square of (t² − 1)/2t."""
        signs, size = self._signed(x)
        t = self._free("exp", size)
        above, below = (multiply(t, t) + 1) % P, 2 * t % P
        ratio = multiply(np.where(signs < 0, below, above), inverse(np.where(signs < 0, above, below)))
        return np.where(signs == 0, 1, multiply(ratio, ratio))

    def _new_log(self, x: Residues) -> Residues:
        """Plus or minus a square, positive just when x > 1; of a number that is not positive, anything."""
        if not x.all():
            raise PoleError("the logarithm of zero")
        below_one = (self._sign(x) > 0) & (self._sign((x - 1) % P) < 0)
        root = self._free("log", np.where(below_one, inverse(x), x))
        square = multiply(root, root)
        return np.where(x == 1, 0, np.where(below_one, -square % P, square))

    def _erf(self, x: Residues) -> Residues:
        signs, size = self._signed(x)
        root = self._free("erf", size)
        return multiply(multiply(root, root), signs)

    def _compared_sign(self, x: Residues) -> Residues:
        signs = self._sign(x)
        self._compared(signs)
        return np.asarray(signs % P)

    def _compared(self, signs: Residues) -> None:
        self.comparisons.append(compared(signs))

    def _sine(self, x: Residues) -> Residues:
        signs, size = self._signed(x)
        t = self._free("angle", size)
        return multiply(multiply(2 * t % P, inverse((1 + multiply(t, t)) % P)), signs)

    def _cosine(self, x: Residues) -> Residues:
        signs, size = self._signed(x)
        square = multiply(*(2 * [self._free("angle", size)]))
        return np.where(signs == 0, 1, multiply((1 - square) % P, inverse((1 + square) % P)))


PRIMITIVE: Mapping[str, Callable[[FieldArithmetic, Residues], Residues]] = {
    "exp": FieldArithmetic._exp,
    "log": FieldArithmetic._log,
    "erf": FieldArithmetic._erf,
    "sign": FieldArithmetic._compared_sign,
    "sin": FieldArithmetic._sine,
    "cos": FieldArithmetic._cosine,
}
"""The functions that have no definition in simpler ones."""
