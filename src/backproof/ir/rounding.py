"""Running error analysis: floating-point evaluation that carries a bound on its own error, entry by entry.

Every operation computes in one dtype just what ``NumpyArithmetic`` computes, and beside it a bound e with
|computed − exact| ≤ e, from the bounds of its operands, their derivative and the unit roundoff u.

Source:
    Higham, Accuracy and Stability of Numerical Algorithms (2002), sections 2.2, 3.1 and 3.3; Jeannerod & Rump, Improved
    error bounds for inner products in floating-point arithmetic (2013): K u Σ|a||b| for K terms in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from backproof.ir.arithmetic import NumpyArithmetic

Array = npt.NDArray[Any]
Errors = npt.NDArray[np.float64]

ULPS = 8.0
"""The error of a library function, in units of u: NumPy's vectorised ones promise 4 ulp, which is up to 8 u."""

MARGIN = 1 + 2.0**-20
"""The bounds are computed in float64 and rounded themselves; this covers it."""


FLOAT64_UNIT = 2.0**-53


@dataclass(frozen=True, slots=True)
class Rounded:
    """Computed values, and a bound on the error of each."""

    value: Array
    error: Errors

    @property
    def size(self) -> Errors:
        """|value|, in float64."""
        return _size(self.value)

    @property
    def exact(self) -> bool:
        """Whether no entry has an error."""
        return not self.error.any()


def _size(x: Array) -> Errors:
    return np.abs(np.asarray(x, np.float64))


def _bound(error: Any) -> Errors:
    """What is no number (∞ · 0, ∞ − ∞) bounds nothing: it is infinite."""
    return np.asarray(np.where(np.isnan(error), np.inf, error), np.float64)


class RoundingArithmetic:
    """The operations of ``ir.evaluate.Arithmetic`` in one dtype, each with a bound on its error.

    Args:
        dtype: float16, float32, float64 or longdouble.

    Example:
        >>> a = RoundingArithmetic("float32")
        >>> third = a.divide(a.constant(Fraction(1)), a.constant(Fraction(3)))
        >>> bool(abs(Fraction(float(third.value)) - Fraction(1, 3)) <= Fraction(float(third.error)))
        True
    """

    uses_stable_forms = True

    def __init__(self, dtype: npt.DTypeLike = "float64") -> None:
        self.plain = NumpyArithmetic(dtype)
        info = np.finfo(self.plain.dtype)
        self.unit = float(info.eps) / 2
        self.ulps = ULPS
        self.tiny = float(info.smallest_subnormal) if self.plain.dtype.itemsize <= 8 else 0.0
        self.underflow = float(info.smallest_normal) if self.plain.dtype.itemsize <= 8 else 0.0

    def exactly(self, values: npt.ArrayLike) -> Rounded:
        """Numbers of the dtype, taken to be exact."""
        array = np.asarray(values, self.plain.dtype)
        return Rounded(array, np.zeros(array.shape))

    def _rounded(self, value: Array, propagated: Any, units: float = 1) -> Rounded:
        """The value with what its operands bring, and its own rounding."""
        with np.errstate(all="ignore"):
            return Rounded(value, _bound(propagated + units * self.unit * _size(value) + self.tiny))

    # --- entry by entry -------------------------------------------------------------------------------------------

    def constant(self, value: Fraction) -> Rounded:
        with np.errstate(all="ignore"):
            computed = self.plain.constant(value)
        if not np.isfinite(computed):
            return Rounded(computed, np.asarray(np.inf))
        return Rounded(computed, np.asarray(float(abs(Fraction(*computed.item().as_integer_ratio()) - value))))

    def pi(self) -> Rounded:
        computed = self.plain.pi()
        with mpmath.workdps(40):
            numerator, denominator = computed.item().as_integer_ratio()
            return Rounded(computed, np.asarray(float(abs(mpmath.mpf(numerator) / denominator - mpmath.pi))))

    def add(self, a: Rounded, b: Rounded) -> Rounded:
        return self._rounded(self.plain.add(a.value, b.value), a.error + b.error)

    def subtract(self, a: Rounded, b: Rounded) -> Rounded:
        return self._rounded(self.plain.subtract(a.value, b.value), a.error + b.error)

    def multiply(self, a: Rounded, b: Rounded) -> Rounded:
        with np.errstate(all="ignore"):
            return self._rounded(
                self.plain.multiply(a.value, b.value), a.size * b.error + a.error * b.size + a.error * b.error
            )

    def divide(self, a: Rounded, b: Rounded) -> Rounded:
        with np.errstate(all="ignore"):
            value = self.plain.divide(a.value, b.value)
            room = b.size - b.error
            brought = np.where(room > 0, (a.error + _size(value) * b.error) / room, np.inf)
            return self._rounded(value, brought, units=2)

    def negative(self, x: Rounded) -> Rounded:
        return Rounded(self.plain.negative(x.value), x.error)

    def power(self, x: Rounded, exponent: Fraction) -> Rounded:
        with np.errstate(all="ignore"):
            value = self.plain.power(x.value, exponent)
            a = float(exponent)
            far, near = x.size + x.error, x.size - x.error
            steepest = abs(a) * (far ** (a - 1) if a >= 1 else np.where(near > 0, near, 0.0) ** (a - 1))
            brought = np.where(x.error > 0, steepest * x.error, 0.0)
            units = self.ulps + 2
            if exponent == Fraction(1, 2):
                brought = np.minimum(brought, np.sqrt(x.error))
            elif exponent.denominator != 1:
                brought = brought + self.constant(exponent).error * _size(value) * np.abs(np.log(x.size))
            return self._rounded(value, brought, units)

    def greater(self, a: Rounded, b: Rounded) -> Rounded:
        with np.errstate(all="ignore"):
            doubt = (a.error + b.error) * MARGIN
            distance = np.abs(np.asarray(a.value, np.float64) - np.asarray(b.value, np.float64))
            unsure = (doubt > 0) & ~(distance > doubt)
        return Rounded(self.plain.greater(a.value, b.value), unsure.astype(np.float64))

    def where(self, condition: Rounded, a: Rounded, b: Rounded) -> Rounded:
        value = self.plain.where(condition.value, a.value, b.value)
        taken = np.where(condition.value != 0, a.error, b.error)
        with np.errstate(all="ignore"):
            either = np.maximum(a.error, b.error) + _size(a.value - b.value)
        return Rounded(value, _bound(np.where(condition.error > 0, either, taken)))

    # --- matrices -------------------------------------------------------------------------------------------------

    def matmul(self, a: Rounded, b: Rounded) -> Rounded:
        terms = a.value.shape[1]
        with np.errstate(all="ignore"):
            value = self.plain.matmul(a.value, b.value)
            error = terms * (self.unit * (a.size @ b.size) + self.tiny)
            if not b.exact:
                error = error + a.size @ b.error
            if not a.exact:
                error = error + a.error @ (b.size + b.error)
        return Rounded(value, _bound(error))

    def transpose(self, x: Rounded) -> Rounded:
        return Rounded(x.value.T, x.error.T)

    def sum(self, x: Rounded, axis: int | None) -> Rounded:
        terms = x.value.size if axis is None else x.value.shape[axis]
        with np.errstate(all="ignore"):
            error = x.error + (terms - 1) * self.unit * x.size
            return Rounded(self.plain.sum(x.value, axis), _bound(np.sum(error, axis=axis, keepdims=axis is not None)))

    def broadcast(self, x: Rounded, shape: tuple[int, ...]) -> Rounded:
        return Rounded(np.broadcast_to(x.value, shape), np.broadcast_to(x.error, shape))

    def entry(self, x: Rounded, row: Any, column: Any) -> Rounded:
        return Rounded(self.plain.entry(x.value, row, column), np.asarray(self.plain.entry(x.error, row, column)))

    def softmax(self, x: Rounded, axis: int) -> Rounded:
        with np.errstate(all="ignore"):
            value = self.plain.softmax(x.value, axis)
            relative = np.expm1(self._exponent_errors(x, axis))
            average = np.sum(_size(value) * relative, axis=axis, keepdims=True) + x.value.shape[axis] * self.unit
            together = np.where(average < 1, (relative + average) / (1 - average), np.inf)
            return self._rounded(value, _size(value) * together + self.underflow, units=2)

    def logsumexp(self, x: Rounded, axis: int) -> Rounded:
        with np.errstate(all="ignore"):
            value = self.plain.logsumexp(x.value, axis)
            weights = _size(self.plain.softmax(x.value, axis))
            relative = np.expm1(self._exponent_errors(x, axis))
            average = np.sum(weights * relative, axis=axis, keepdims=True) + x.value.shape[axis] * self.unit
            largest = np.max(x.value, axis=axis, keepdims=True)
            logarithm = _size(value - largest)
            brought = np.where(average < 1, -np.log1p(-average), np.inf) + self.ulps * self.unit * logarithm
            return self._rounded(value, brought, units=2)

    def _exponent_errors(self, x: Rounded, axis: int) -> Errors:
        """The error of the exponent in exp(x − max x) with that of exp itself: all relative errors of the result.

        The maximum is subtracted from every entry, so what it is does not matter, only the rounding of x − max x.
        """
        below = _size(x.value - np.max(x.value, axis=axis, keepdims=True))
        return np.asarray(x.error + self.unit * below + self.ulps * self.unit)

    # --- functions ------------------------------------------------------------------------------------------------

    def primitive(self, fn: str, x: Rounded) -> Rounded | None:
        with np.errstate(all="ignore"):
            value = self.plain.primitive(fn, x.value)
            rule = PROPAGATED.get(fn)
            if value is None or rule is None:
                return None
            error = x.error
            if fn in IN_FLOAT64 and self.unit < FLOAT64_UNIT:
                error = error + FLOAT64_UNIT * x.size
            brought = np.where(error > 0, rule(np.asarray(x.value, np.float64), error), 0.0)
            if fn in WITHOUT_ROUNDING:
                return Rounded(value, _bound(brought))
            unit = max(self.unit, FLOAT64_UNIT) if fn in IN_FLOAT64 else self.unit
            return self._rounded(value, brought + self.ulps * unit * _size(value) + self.underflow)


def _towards_zero(x: Errors, e: Errors) -> Errors:
    return np.maximum(np.abs(x) - e, 0.0)


def _erf(x: Errors, e: Errors) -> Errors:
    return np.asarray(2 / math.sqrt(math.pi) * np.exp(-(_towards_zero(x, e) ** 2)) * e)


def _log(x: Errors, e: Errors) -> Errors:
    return np.asarray(np.where(e < x, -np.log1p(-e / x), np.inf))


def _same(x: Errors, e: Errors) -> Errors:
    return e


PROPAGATED: Mapping[str, Callable[[Errors, Errors], Errors]] = {
    "exp": lambda x, e: np.exp(x) * np.expm1(e),
    "expm1": lambda x, e: np.exp(x) * np.expm1(e),
    "log": _log,
    "log1p": lambda x, e: _log(1 + x, e),
    "tanh": lambda x, e: e / np.cosh(_towards_zero(x, e)) ** 2,
    "sin": _same,
    "cos": _same,
    "abs": _same,
    "relu": lambda x, e: np.where(x + e <= 0, 0.0, e),
    "negative_part": lambda x, e: np.where(x - e >= 0, 0.0, e),
    "sign": lambda x, e: np.where(np.abs(x) <= e, 2.0, 0.0),
    "erf": _erf,
    "erfc": _erf,
}
"""How far f(x) can move when x moves by at most e: the largest derivative on the way, times e."""

WITHOUT_ROUNDING = frozenset({"abs", "relu", "negative_part", "sign"})
IN_FLOAT64 = frozenset({"erf", "erfc"})
"""Functions that the standard library computes in float64 whatever the dtype."""
