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

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Extent = tuple[int, int]
"""How many rows and columns differ from each other; repeated ones count once."""

TRANSPOSED = 2
MOST_FACTORS = 512
"""A denominator of more factors than this is taken for one: what it has in common with others is then forgotten."""


@dataclass(frozen=True, slots=True)
class Factor:
    """An array of polynomials that entries have in their denominators: its degree, and how far it extends."""

    degree: float
    extent: Extent


@dataclass(frozen=True, slots=True)
class Degree:
    """The degrees of an array's entries.

    Args:
        above: of the numerators.
        below: how often each factor stands in the denominators, by the factor's number.
        extent: of the array.
    """

    above: float
    below: Mapping[int, int]
    extent: Extent


NO_FACTORS: Mapping[int, int] = {}


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
        self._factors: list[Factor] = []
        self._images: dict[tuple[int, int], int] = {}
        """What each factor becomes when multiplied down the rows, along the columns, and when transposed."""

    def variable(self, shape: tuple[int, ...]) -> Degree:
        """An array of random elements."""
        return Degree(1, NO_FACTORS, (shape[0], shape[1]) if shape else (1, 1))

    def difference(self, a: Degree, b: Degree) -> float:
        """The degree of the polynomial that vanishes just where the two are equal."""
        return float(self.subtract(a, b).above)

    def bounded(self, x: Degree) -> Degree:
        """The same with few factors: where there are too many, one for each extent takes their place."""
        if len(x.below) <= MOST_FACTORS:
            return x
        degrees: dict[Extent, float] = {}
        for number, times in x.below.items():
            factor = self._factors[number]
            degrees[factor.extent] = degrees.get(factor.extent, 0.0) + times * factor.degree
        return Degree(x.above, {self._new(Factor(d, extent)): 1 for extent, d in degrees.items()}, x.extent)

    # --- factors --------------------------------------------------------------------------------------------------

    def _degree(self, below: Mapping[int, int]) -> float:
        return sum(times * self._factors[number].degree for number, times in below.items())

    def _new(self, factor: Factor) -> int:
        """The number of a factor that no denominator has had before."""
        self._factors.append(factor)
        return len(self._factors) - 1

    def _along(self, below: Mapping[int, int], axis: int) -> Mapping[int, int]:
        """The denominator after entries along the axis were multiplied together; for axis 2, after transposition."""
        result: dict[int, int] = {}
        for number, times in below.items():
            image = self._image(number, axis)
            result[image] = result.get(image, 0) + times
        return result

    def _image(self, number: int, axis: int) -> int:
        factor = self._factors[number]
        rows, columns = factor.extent
        if axis == TRANSPOSED:
            image = Factor(factor.degree, (columns, rows))
        elif axis == 0:
            image = Factor(factor.degree * rows, (1, columns))
        else:
            image = Factor(factor.degree * columns, (rows, 1))
        if image == factor:
            return number
        key = (number, axis)
        if key not in self._images:
            self._images[key] = self._new(image)
        return self._images[key]

    # --- entry by entry -------------------------------------------------------------------------------------------

    def constant(self, value: Fraction) -> Degree:
        return Degree(0, NO_FACTORS, (1, 1))

    def pi(self) -> Degree:
        return Degree(2, NO_FACTORS, (1, 1))

    def add(self, a: Degree, b: Degree) -> Degree:
        extent = _both(a, b)
        if a.below == b.below:
            return Degree(max(a.above, b.above), a.below, extent)
        common = dict(a.below)
        for number, times in b.below.items():
            common[number] = max(common.get(number, 0), times)
        whole = self._degree(common)
        above = max(a.above + whole - self._degree(a.below), b.above + whole - self._degree(b.below))
        return Degree(above, common, extent)

    subtract = add

    def multiply(self, a: Degree, b: Degree) -> Degree:
        return Degree(a.above + b.above, _product(a.below, b.below), _both(a, b))

    def divide(self, a: Degree, b: Degree) -> Degree:
        return self.multiply(a, self._inverse(b))

    def _inverse(self, x: Degree) -> Degree:
        if x.above == 0 and not x.below:
            return x
        return Degree(self._degree(x.below), {self._new(Factor(x.above, x.extent)): 1}, x.extent)

    def negative(self, x: Degree) -> Degree:
        return x

    def power(self, x: Degree, exponent: Fraction) -> Degree:
        # A root is an algebraic function: its norm is a polynomial, whose degree has the order of the root as a factor.
        size = abs(exponent.numerator) * exponent.denominator
        base = x if exponent >= 0 else self._inverse(x)
        below = {number: size * times for number, times in base.below.items()}
        return Degree(size * base.above, below, base.extent)

    def greater(self, a: Degree, b: Degree) -> Degree:
        return Degree(0, NO_FACTORS, _both(a, b))

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
        return Degree(2, NO_FACTORS, self._summed(x, axis).extent)

    def entry(self, x: Degree, row: Any, column: Any) -> Degree:
        """Entries at other places have other factors, so these are new ones."""
        below = {self._new(self._factors[number]): times for number, times in x.below.items()}
        return Degree(x.above, below, x.extent)

    # --- free functions -------------------------------------------------------------------------------------------

    def primitive(self, fn: str, x: Degree) -> Degree | None:
        match fn:
            case "sign":
                return Degree(0, NO_FACTORS, x.extent)
            case "exp" | "sin" | "cos":
                return self._free(x)
            case "log" | "erf":
                return Degree(2, NO_FACTORS, x.extent)
            case _:
                return None

    def _free(self, x: Degree) -> Degree:
        """exp is (t² + 1)²/4t² or its inverse in a random t; the sine and cosine are of lower degree."""
        return Degree(4, {self._new(Factor(4, x.extent)): 1}, x.extent)


def _both(a: Degree, b: Degree) -> Extent:
    return (max(a.extent[0], b.extent[0]), max(a.extent[1], b.extent[1]))


def _product(a: Mapping[int, int], b: Mapping[int, int]) -> Mapping[int, int]:
    if not a or not b:
        return a or b
    result = dict(a)
    for number, times in b.items():
        result[number] = result.get(number, 0) + times
    return result
