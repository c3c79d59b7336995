"""Evaluation to many digits: matrix products added up exactly, and points with real numbers for every quantity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mpmath import libmp

from backproof.dims import concrete
from backproof.ir.arithmetic import MpmathArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Name
from backproof.ir.program import RowsSumToOne

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

WIDEST = 4096
"""Entries whose exponents lie further apart than this many bits are added the ordinary way."""


class PreciseArithmetic(MpmathArithmetic):
    """mpmath numbers whose matrix products are exact sums of integers, rounded once: twenty times faster.

    Example:
        >>> a = PreciseArithmetic(50)
        >>> print(a.matmul(a.array([[3, 4]]), a.array([[0.5], [0.25]]))[0, 0])
        2.5
    """

    def array(self, values: npt.ArrayLike) -> Array:
        """The floats as the numbers that they are."""
        found = np.asarray(values)
        if found.dtype.kind != "f" or found.dtype.itemsize > 8:
            return super().array(values)
        make, convert = self.context.make_mpf, libmp.from_float
        with np.errstate(invalid="ignore"):
            return np.asarray(np.frompyfunc(lambda x: make(convert(x)), 1, 1)(found.astype(np.float64)), object)

    def two_floats(self, values: Array) -> tuple[Floats, Floats]:
        """The numbers as sums of two floats."""
        with np.errstate(invalid="ignore"):
            pairs = np.frompyfunc(_two_floats, 1, 2)(np.asarray(values, object))
        return np.asarray(pairs[0], np.float64), np.asarray(pairs[1], np.float64)

    def matmul(self, a: Array, b: Array) -> Array:
        left, right = as_integers(a), as_integers(b)
        if left is None or right is None:
            return super().matmul(a, b)
        exponent, precision, make = left[1] + right[1], self.context.prec, self.context.make_mpf

        def rounded(mantissa: int) -> Any:
            return make(libmp.from_man_exp(mantissa, exponent, precision, "n"))

        return np.asarray(np.frompyfunc(rounded, 1, 1)(left[0] @ right[0]), object)


def _two_floats(x: Any) -> tuple[float, float]:
    high = libmp.to_float(x._mpf_)
    if not math.isfinite(high):
        return high, 0.0
    return high, libmp.to_float(libmp.mpf_sub(x._mpf_, libmp.from_float(high), 60, "n"))


def as_integers(x: Array) -> tuple[Array, int] | None:
    """The entries as integers times one power of two; None where they are too far apart, or not finite."""
    values = x.ravel().tolist()
    if not all(hasattr(value, "_mpf_") for value in values):
        return None
    parts = [value._mpf_ for value in values]
    if any(part[1] == 0 and part[2] != 0 for part in parts):
        return None
    exponents = [part[2] for part in parts if part[1]] or [0]
    least = min(exponents)
    if max(exponents) - least > WIDEST:
        return None
    integers = np.empty(len(parts), object)
    integers[:] = [(-part[1] if part[0] else part[1]) << (part[2] - least) if part[1] else 0 for part in parts]
    return integers.reshape(x.shape), least


@dataclass(frozen=True)
class PrecisePoint:
    """Real values of a program's quantities, to many digits.

    Args:
        evaluator: values expressions over the names in ``env``; its arithmetic is a :class:`PreciseArithmetic`.
        env: the named quantities.
        random: where drawn values come from.
        assumptions: what drawn inputs satisfy.
        digits: to how many digits two values must agree.
    """

    evaluator: Evaluator
    env: dict[str, Array]
    random: np.random.Generator
    assumptions: tuple[RowsSumToOne, ...]
    digits: int

    def __call__(self, expr: Expr) -> Array:
        """The value of the expression here."""
        return np.asarray(self.evaluator(expr, self.env), object)

    def draw(self, name: Name, direction_of: str | None = None) -> Array:
        """Random numbers of the shape; a direction of samples that sum to 1 has samples that sum to 0."""
        shape = concrete(name.shape, self.evaluator.sizes)
        values = np.asarray(self.random.uniform(-1, 1, shape))
        for assumption in self.assumptions:
            if assumption.name == direction_of:
                values = np.round(values * 2**20)
                values = values - np.roll(values, 1, assumption.axis)
        return self.arithmetic.array(values)

    @property
    def arithmetic(self) -> PreciseArithmetic:
        """What numbers are here."""
        arithmetic = self.evaluator.arithmetic
        if not isinstance(arithmetic, PreciseArithmetic):
            raise TypeError("a precise point needs precise arithmetic")
        return arithmetic

    def compare(self, a: Array, b: Array) -> bool:
        """Whether the two agree to ``digits`` digits, entry by entry."""
        return agree(a, b, self.arithmetic, self.digits)


def agree(a: Array, b: Array, arithmetic: PreciseArithmetic, digits: int) -> bool:
    """Whether two arrays agree to that many digits, entry by entry; noise of the last digits counts as zero."""
    context = arithmetic.context
    relative, absolute = context.mpf(10) ** -digits, context.mpf(10) ** (10 - context.dps)

    def close(x: Any, y: Any) -> bool:
        return bool(abs(x - y) <= relative * max(abs(x), abs(y)) + absolute)

    return bool(np.all(np.frompyfunc(close, 2, 1)(a, b)))
