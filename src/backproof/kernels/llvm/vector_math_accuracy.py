"""How far vector functions are from the truth: in ulp, and in the order of consecutive floats.

An ulp is the distance of the floats next to the true value; among subnormal numbers, the least float. References are
float64 functions for float32 (their own error is below 10⁻⁷ ulp of float32) and mpmath for float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import mpmath
import numpy as np
import scipy.special

from backproof.kernels.llvm.vector_math_arrays import Array, ArrayFunction
from backproof.kernels.llvm.vector_math_circular import GREATEST
from backproof.kernels.llvm.vector_math_lanes import DType

PRECISION: Final = 120
"""Bits of the mpmath references."""

DOUBLE: Final[Mapping[str, Callable[[Array], Array]]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "sigmoid": scipy.special.expit,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0.0, x),
    "log": np.log,
    "log1p": np.log1p,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "sin": np.sin,
    "cos": np.cos,
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0.0),
    "negative_part": lambda x: np.minimum(x, 0.0),
    "sqrt": np.sqrt,
}
"""The functions in float64."""

RANGES: Final[Mapping[str, Mapping[DType, tuple[float, float]]]] = {
    "exp": {"float32": (-105, 90), "float64": (-750, 711)},
    "expm1": {"float32": (-20, 90), "float64": (-40, 711)},
    "sigmoid": {"float32": (-105, 25), "float64": (-750, 40)},
    "tanh": {"float32": (-11, 11), "float64": (-21, 21)},
    "softplus": {"float32": (-105, 25), "float64": (-750, 40)},
    "log": {"float32": (0, 4), "float64": (0, 4)},
    "log1p": {"float32": (-1, 3), "float64": (-1, 3)},
    "erf": {"float32": (-4.5, 4.5), "float64": (-6.5, 6.5)},
    "erfc": {"float32": (-5, 10.5), "float64": (-7, 28)},
    "sin": {"float32": (-1e4, 1e4), "float64": (-1e4, 1e4)},
    "cos": {"float32": (-1e4, 1e4), "float64": (-1e4, 1e4)},
}
"""Where each function is neither at a limit nor a power; half of the samples lie there."""

MONOTONE: Final[Mapping[str, int]] = {
    "exp": 1, "expm1": 1, "sigmoid": 1, "tanh": 1, "softplus": 1, "log": 1, "log1p": 1, "erf": 1, "erfc": -1,
}  # fmt: skip
"""1 where a greater argument has no smaller value, −1 the reverse."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Distances from the truth: the greatest, where it was met, and the sum over so many points, all in ulp."""

    points: int
    worst: float
    where: float
    total: float

    @property
    def mean(self) -> float:
        return self.total / self.points if self.points else 0.0

    def and_of(self, other: Accuracy) -> Accuracy:
        """Of both sets of points together."""
        worst = self if self.worst >= other.worst else other
        return Accuracy(self.points + other.points, worst.worst, worst.where, self.total + other.total)


def measure(function: ArrayFunction, x: Array) -> Accuracy:
    """How far f(x) is from the truth over all of x."""
    distances = distance(function, x)
    worst = int(np.argmax(distances))
    return Accuracy(x.size, float(distances[worst]), float(x[worst]), float(np.sum(distances)))


def distance(function: ArrayFunction, x: Array) -> Array:
    """|f(x) − truth| in ulp; infinite where only one of them is NaN, or one is infinite and the other is not."""
    found = function(x)
    with np.errstate(all="ignore"):
        reference = DOUBLE[function.name](x.astype(np.float64))
        limits = np.isnan(x) | np.isinf(x) | ~np.isfinite(reference.astype(x.dtype)) | ~np.isfinite(found)
        same = (found == reference.astype(x.dtype)) | (np.isnan(found) & np.isnan(reference))
    result = np.where(same, 0.0, np.inf)
    if function.math.lanes.single:
        truth = reference[~limits]
        result[~limits] = np.abs(found[~limits].astype(np.float64) - truth) / ulp(truth, bits=24, least=-149)
    else:
        result[~limits] = _precise_distance(function.name, x[~limits], found[~limits])
    return result


def ulp(value: Array, *, bits: int, least: int) -> Array:
    """The distance of consecutive floats with so many bits near the value."""
    return np.asarray(np.ldexp(1.0, np.maximum(np.frexp(value)[1] - bits, least)))


def _precise_distance(name: str, x: Array, found: Array) -> Array:
    """|f(x) − truth| in ulp of float64, where neither is at a limit."""
    with mpmath.workprec(PRECISION):
        return np.array([_one_distance(name, a, b) for a, b in zip(x.tolist(), found.tolist(), strict=True)], float)


def _one_distance(name: str, x: float, found: float) -> float:
    truth = precise(name, mpmath.mpf(x))
    _, exponent = mpmath.frexp(truth)
    return float(mpmath.ldexp(abs(truth - found), -max(int(exponent) - 53, -1074)))


def precise(name: str, x: Any) -> Any:
    """The value as an mpmath number, for a finite x; name: one of `RANGES`."""
    match name:
        case "sigmoid":
            return 1 / (1 + mpmath.exp(-x))
        case "softplus":
            return max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x)))
        case "erfc" if x > 100:  # mpmath would overflow
            return mpmath.mpf(0)
        case _:
            return getattr(mpmath, name)(x)


# --- points -------------------------------------------------------------------------------------------------------


def samples(function: ArrayFunction, count: int, seed: int) -> Array:
    """About so many points: half over the range that matters, a quarter near 0, a quarter anywhere; and the edges."""
    rng = np.random.default_rng(seed)
    low, high = RANGES[function.name][function.math.lanes.dtype]
    info = np.finfo(function.dtype)
    integer = np.dtype(f"u{function.dtype.itemsize}")
    anywhere = rng.integers(0, np.iinfo(integer).max, count // 4, dtype=integer).view(function.dtype)
    near_zero = rng.normal(size=count // 4) * 10.0 ** rng.uniform(-6, 0.5, count // 4)
    edges = np.array([0.0, info.smallest_subnormal, info.tiny, 1.0, low, high, info.max, np.inf, np.nan])
    chosen = [rng.uniform(low, high, count // 2), near_zero, edges, -edges]
    points = np.concatenate([anywhere, *(part.astype(function.dtype) for part in chosen)])
    return points[within(function, points)]


def within(function: ArrayFunction, x: Array) -> Array:
    """Where the function promises its accuracy."""
    if function.name not in ("sin", "cos"):
        return np.ones(x.shape, bool)
    with np.errstate(invalid="ignore"):
        return ~(np.abs(x) > GREATEST[function.math.lanes.dtype])


def every_float32(block: int = 1 << 20) -> Iterator[Array]:
    """All float32 in ascending order, first NaNs and last NaNs apart, block by block; the blocks share an end."""
    for start in range(0, 1 << 32, block):
        order = np.arange(start, min(start + block + 1, 1 << 32), dtype=np.int64)
        yield in_order(order, np.dtype(np.float32))


# --- order --------------------------------------------------------------------------------------------------------


def in_order(place: Array, dtype: np.dtype[Any]) -> Array:
    """The floats at these places of their ascending order; the middle of the places are −0 and +0."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    half = 1 << (8 * dtype.itemsize - 1)
    ascending = place.astype(unsigned)
    return np.where(ascending >= half, ascending - unsigned.type(half), ~ascending).view(dtype)


def consecutive(function: ArrayFunction, centres: Array, count: int) -> Array:
    """Rows of ``count`` consecutive floats about each centre."""
    start = centres.astype(function.dtype).view(f"i{function.dtype.itemsize}")
    return np.ascontiguousarray((start[:, None] + np.arange(count) - count // 2).view(function.dtype))


def disorder(function: ArrayFunction, x: Array) -> int:
    """How often f steps the wrong way between neighbours in the last axis of x."""
    with np.errstate(invalid="ignore"):
        steps = np.diff(function(x), axis=-1) * np.sign(np.diff(x, axis=-1)) * MONOTONE[function.name]
    return int(np.count_nonzero(steps < 0))
