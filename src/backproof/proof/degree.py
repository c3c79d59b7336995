"""An upper bound for the degree of what a program computes, as quotients of polynomials in its random elements.

The chance that a false identity passes at one random point is at most its degree divided by the size of the field
(Schwartz–Zippel), so the degree is what a certificate needs to state a bound. Inputs, parameters and the values of
free functions are the variables. Every entry of an array has a denominator of its own, a product of factors that are
known by number: so that arrays with a factor in common do not count it twice, and a sum along an axis multiplies just
the factors that differ along it.

Source:
    Schwartz (1980); Zippel, Probabilistic algorithms for sparse polynomials (1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Extent = tuple[int, int]
"""How many rows and columns differ from each other; repeated ones count once."""

Multiplicities = npt.NDArray[np.float64]
"""How often each known factor stands in a denominator, by the factor's number."""


TRANSPOSED = 2


@dataclass(frozen=True, slots=True)
class Degree:
    """The degrees of an array's entries: of the numerator, and the factors of the denominator."""

    above: float
    below: Multiplicities
    extent: Extent


class DegreeArithmetic:
    """The operations of ``ir.evaluate.Arithmetic`` on degrees.

    Example:
        >>> degrees = DegreeArithmetic()
        >>> x = degrees.variable((2, 3))
        >>> sigmoid = degrees.divide(x, degrees.add(degrees.constant(Fraction(1)), x))
        >>> degrees.difference(degrees.multiply(sigmoid, sigmoid), sigmoid)
        2.0
    """

    uses_stable_forms = False

    def __init__(self) -> None:
        self._count = 0
        self._weights = np.zeros(64)
        self._extents = np.ones((64, 2), np.int64)
        self._images = np.full((64, 3), -1)
        """What each factor becomes when multiplied down the rows, along the columns, and when transposed."""

    def variable(self, shape: tuple[int, ...]) -> Degree:
        """An array of random elements."""
        return Degree(1, np.zeros(0), (shape[0], shape[1]) if shape else (1, 1))

    def difference(self, a: Degree, b: Degree) -> float:
        """The degree of the polynomial that vanishes just where the two are equal."""
        return self.subtract(a, b).above

    # --- factors --------------------------------------------------------------------------------------------------

    def _degree(self, below: Multiplicities) -> float:
        return float(below @ self._weights[: below.size])

    def _new(self, degrees: npt.ArrayLike, extents: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The numbers of factors that no denominator has had before: arrays of polynomials of those degrees."""
        new = np.atleast_1d(np.asarray(degrees, np.float64))
        first, self._count = self._count, self._count + new.size
        while self._count > self._weights.size:
            self._weights = np.concatenate([self._weights, np.zeros_like(self._weights)])
            self._extents = np.concatenate([self._extents, np.ones_like(self._extents)])
            self._images = np.concatenate([self._images, np.full_like(self._images, -1)])
        numbers = np.arange(first, self._count)
        self._weights[numbers] = new
        self._extents[numbers] = np.asarray(extents)
        return numbers

    def _only(self, number: npt.NDArray[np.int64]) -> Multiplicities:
        below = np.zeros(self._count)
        below[number] = 1
        return below

    def _along(self, below: Multiplicities, axis: int) -> Multiplicities:
        """The denominator after entries along the axis were multiplied together; for axis 2, after transposition."""
        extents = self._extents[: below.size]
        changes = (extents > 1).any(axis=1) if axis == TRANSPOSED else extents[:, axis] > 1
        changed = np.flatnonzero((below > 0) & changes)
        if not changed.size:
            return below
        unmade = changed[self._images[changed, axis] < 0]
        if axis == TRANSPOSED:
            self._images[unmade, axis] = self._new(self._weights[unmade], self._extents[unmade, ::-1])
        else:
            products = self._extents[unmade]
            lengths = products[:, axis].copy()
            products[:, axis] = 1
            self._images[unmade, axis] = self._new(self._weights[unmade] * lengths, products)
        images = self._images[changed, axis]
        result = _padded(below, int(images.max()) + 1).copy()
        result[images] += result[changed]
        result[changed] = 0
        return result

    # --- entry by entry -------------------------------------------------------------------------------------------

    def constant(self, value: Fraction) -> Degree:
        return Degree(0, np.zeros(0), (1, 1))

    def pi(self) -> Degree:
        return Degree(2, np.zeros(0), (1, 1))

    def add(self, a: Degree, b: Degree) -> Degree:
        left, right = _aligned(a.below, b.below)
        common = np.maximum(left, right)
        above = max(a.above + self._degree(common - left), b.above + self._degree(common - right))
        return Degree(above, common, _both(a, b))

    subtract = add

    def multiply(self, a: Degree, b: Degree) -> Degree:
        left, right = _aligned(a.below, b.below)
        return Degree(a.above + b.above, left + right, _both(a, b))

    def divide(self, a: Degree, b: Degree) -> Degree:
        return self.multiply(a, self._inverse(b))

    def _inverse(self, x: Degree) -> Degree:
        if x.above == 0 and not x.below.any():
            return x
        return Degree(self._degree(x.below), self._only(self._new(x.above, x.extent)), x.extent)

    def negative(self, x: Degree) -> Degree:
        return x

    def power(self, x: Degree, exponent: Fraction) -> Degree:
        # A root is an algebraic function: its norm is a polynomial, whose degree has the order of the root as a factor.
        size = abs(exponent.numerator) * exponent.denominator
        base = x if exponent >= 0 else self._inverse(x)
        return Degree(size * base.above, size * base.below, base.extent)

    def greater(self, a: Degree, b: Degree) -> Degree:
        return Degree(0, np.zeros(0), _both(a, b))

    def where(self, condition: Degree, a: Degree, b: Degree) -> Degree:
        return self.multiply(condition, self.add(a, b))

    # --- matrices -------------------------------------------------------------------------------------------------

    def matmul(self, a: Degree, b: Degree) -> Degree:
        left, right = self._summed(a, 1), self._summed(b, 0)
        # One sum runs over the products: what the rest of each denominator adds to a numerator comes from both sides.
        product = self.multiply(left, right)
        return Degree(product.above, product.below, (a.extent[0], b.extent[1]))

    def transpose(self, x: Degree) -> Degree:
        return Degree(x.above, self._along(x.below, TRANSPOSED), x.extent[::-1])

    def sum(self, x: Degree, axis: int | None) -> Degree:
        return self._summed(self._summed(x, 0), 1) if axis is None else self._summed(x, axis)

    def _summed(self, x: Degree, axis: int) -> Degree:
        """Over the product of the denominators along the axis, each numerator is multiplied by all the others."""
        below = self._along(x.below, axis)
        extent = (1, x.extent[1]) if axis == 0 else (x.extent[0], 1)
        return Degree(x.above + self._degree(below) - self._degree(x.below), below, extent)

    def broadcast(self, x: Degree, shape: tuple[int, ...]) -> Degree:
        return x

    def softmax(self, x: Degree, axis: int) -> Degree:
        e = self._free(x)
        return self.divide(e, self.sum(e, axis))

    def logsumexp(self, x: Degree, axis: int) -> Degree:
        return Degree(2, np.zeros(0), self._summed(x, axis).extent)

    def entry(self, x: Degree, row: Any, column: Any) -> Degree:
        """Entries at other places have other factors, so these are new ones."""
        present = np.flatnonzero(x.below)
        numbers = self._new(self._weights[present], self._extents[present])
        below = np.zeros(self._count)
        below[numbers] = x.below[present]
        return Degree(x.above, below, x.extent)

    # --- free functions -------------------------------------------------------------------------------------------

    def primitive(self, fn: str, x: Degree) -> Degree | None:
        match fn:
            case "sign":
                return Degree(0, np.zeros(0), x.extent)
            case "exp" | "sin" | "cos":
                return self._free(x)
            case "log" | "erf":
                return Degree(2, np.zeros(0), x.extent)
            case _:
                return None

    def _free(self, x: Degree) -> Degree:
        """exp is (t² + 1)²/4t² or its inverse in a random t; the sine and cosine are of lower degree."""
        return Degree(4, self._only(self._new(4, x.extent)), x.extent)


def _both(a: Degree, b: Degree) -> Extent:
    return (max(a.extent[0], b.extent[0]), max(a.extent[1], b.extent[1]))


def _aligned(a: Multiplicities, b: Multiplicities) -> tuple[Multiplicities, Multiplicities]:
    size = max(a.size, b.size)
    return _padded(a, size), _padded(b, size)


def _padded(below: Multiplicities, size: int) -> Multiplicities:
    return below if below.size >= size else np.concatenate([below, np.zeros(size - below.size)])
