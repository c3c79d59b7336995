"""A formula in one variable, valued at single points: in float64 as it will run, and in fifty digits as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from backproof.ir.arithmetic import Array, MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Function

DIGITS = 50
GUARD = 35
"""Digits beyond those, so that a difference quotient is right to the digits that are compared."""
AGREEMENT = 25
"""Digits in which a derivative and the difference quotient must agree."""
LARGEST_ARGUMENT = 10**1000
"""A tower of exponentials that grows beyond this would need more memory than there is."""
LIMITS: Mapping[str, tuple[int | None, int | None]] = {
    "exp": (0, None),
    "expm1": (-1, None),
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "erfc": (2, 0),
    "sin": (None, None),
    "cos": (None, None),
}
"""The values for arguments below and above that, to all digits; None where there is none."""

SANE = 3
"""An activation must be a finite number for every argument from -SANE to SANE."""
GRID = tuple(np.linspace(-SANE, SANE, 4 * SANE + 1).tolist())
FAR = (-1000.0, -100.0, -20.0, *GRID, 20.0, 100.0, 1000.0)
"""Where floating point is tried out: the sane range, zero included, and saturation."""


class UndefinedError(ArithmeticError):
    """The formula has no finite real value at the point."""


class _BoundedArithmetic(MpmathArithmetic):
    """Fifty digits, but no tower of exponentials that would need more memory than there is."""

    def primitive(self, fn: str, x: Array) -> Array | None:
        if fn not in LIMITS or not np.any(abs(x) > LARGEST_ARGUMENT):
            return super().primitive(fn, x)
        limit = LIMITS[fn][int(np.all(x > 0))]
        if limit is None:
            raise UndefinedError
        return self.constant(Fraction(limit))


class Sampler:
    """Values of formulas at points that are nobody's kink or special case."""

    def __init__(self) -> None:
        self.arithmetic = _BoundedArithmetic(DIGITS + GUARD)
        self.evaluator = Evaluator(self.arithmetic, {})

    @cached_property
    def points(self) -> tuple[Any, ...]:
        """Points spread over the sane range by the golden ratio."""
        mp = self.arithmetic.context
        return tuple(2 * SANE * mp.frac(k * mp.phi) - SANE for k in range(1, 17))

    def value(self, formula: Expr, x: Any, y: Any = None) -> Any:
        """The value at x, where ``y`` is the output that the formula may use.

        Raises:
            UndefinedError: it is no finite real number there.
        """
        env = {"x": np.asarray(x, object), "y": np.asarray(y, object)}
        try:
            found = np.asarray(self.evaluator(formula, env), object).item()
        except (ArithmeticError, TypeError, ValueError) as error:
            raise UndefinedError from error
        mp = self.arithmetic.context
        if not isinstance(found, mp.mpf) or not mp.isfinite(found):
            raise UndefinedError
        return found

    def number(self, value: Fraction) -> Any:
        """The fraction as a number of this precision."""
        return self.arithmetic.constant(value).item()

    def difference(self, formula: Expr, x: Any) -> Any:
        """The symmetric difference quotient at x: the derivative to about fifty digits."""
        h = self.arithmetic.context.mpf(10) ** -(DIGITS // 2)
        return (self.value(formula, x + h) - self.value(formula, x - h)) / (2 * h)

    def agree(self, a: Any, b: Any) -> bool:
        """Whether two values are the same to the digits that count."""
        return bool(abs(a - b) <= self.arithmetic.context.mpf(10) ** -AGREEMENT * (1 + abs(a)))

    def fraction(self, value: Any, largest_denominator: int) -> Fraction | None:
        """The fraction of small denominator that the value is; None where it is none."""
        near = Fraction(str(value)).limit_denominator(largest_denominator)
        return near if self.agree(value, self.number(near)) else None


def floats(formula: Expr, points: Iterable[float], output: Function | None = None) -> list[float]:
    """The values in float64, as a program computes them; the output ``y`` is that of the function."""
    evaluator = Evaluator(NumpyArithmetic(), {})

    def at(point: float) -> float:
        x = np.asarray(point)
        y = np.asarray(np.nan) if output is None else evaluator.function(output, x)
        return float(evaluator(formula, {"x": x, "y": y}))

    return quietly(lambda: [at(point) for point in points])


def quietly(compute: Callable[[], list[float]]) -> list[float]:
    """What the computation gives, overflow and NaN included, without a warning."""
    with np.errstate(all="ignore"):
        return compute()
