"""Arithmetic on NumPy arrays: floating point of any dtype, and mpmath numbers in object arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class ArrayArithmetic:
    """The operations that NumPy defines alike for floats and for objects; the base of both arithmetics."""

    uses_stable_forms = True

    def constant(self, value: Fraction) -> Array:
        raise NotImplementedError

    def add(self, a: Array, b: Array) -> Array:
        return a + b

    def subtract(self, a: Array, b: Array) -> Array:
        return a - b

    def multiply(self, a: Array, b: Array) -> Array:
        return a * b

    def divide(self, a: Array, b: Array) -> Array:
        return a / b

    def negative(self, x: Array) -> Array:
        return -x

    def greater(self, a: Array, b: Array) -> Array:
        return a > b

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition, a, b)

    def matmul(self, a: Array, b: Array) -> Array:
        return a @ b

    def transpose(self, x: Array) -> Array:
        return x.T

    def sum(self, x: Array, axis: int | None) -> Array:
        return np.asarray(np.sum(x, axis=axis, keepdims=axis is not None))

    def broadcast(self, x: Array, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(x, shape)

    def entry(self, x: Array, row: Any, column: Any) -> Array:
        return np.asarray(x[row, column] if np.ndim(x) else x)


class NumpyArithmetic(ArrayArithmetic):
    """Floating point of one dtype, evaluated by the stable forms.

    Example:
        >>> NumpyArithmetic("float32").constant(Fraction(1, 2)).dtype
        dtype('float32')
    """

    def __init__(self, dtype: npt.DTypeLike = "float64") -> None:
        self.dtype = np.dtype(dtype)

    def constant(self, value: Fraction) -> Array:
        return np.asarray(value.numerator / value.denominator, self.dtype)

    def pi(self) -> Array:
        return np.asarray(math.pi, self.dtype)

    def greater(self, a: Array, b: Array) -> Array:
        return np.asarray(np.real(a) > np.real(b)).astype(self.dtype)

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition != 0, a, b)

    def power(self, x: Array, exponent: Fraction) -> Array:
        if exponent == Fraction(1, 2):
            return np.asarray(np.sqrt(x))
        if exponent.denominator == 1:
            return np.asarray(x ** int(exponent)) if exponent > 0 else np.asarray(1 / x ** int(-exponent))
        return np.asarray(x ** self.constant(exponent))

    def softmax(self, x: Array, axis: int) -> Array:
        e = np.exp(x - np.max(x, axis=axis, keepdims=True))
        return np.asarray(e / np.sum(e, axis=axis, keepdims=True))

    def logsumexp(self, x: Array, axis: int) -> Array:
        m = np.max(x, axis=axis, keepdims=True)
        return np.asarray(m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True)))

    def primitive(self, fn: str, x: Array) -> Array | None:
        rule = NUMPY.get(fn)
        return None if rule is None else np.asarray(rule(x))


def _each(fn: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of one float applied to every entry: NumPy has no error function of its own."""
    over_all = np.frompyfunc(fn, 1, 1)
    # Integers give floats, as NumPy's own functions have it.
    return lambda x: np.asarray(over_all(x)).astype(np.result_type(x, np.float16))


NUMPY: Mapping[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0),
    "negative_part": lambda x: np.minimum(x, 0),
    "erf": _each(math.erf),
    "erfc": _each(math.erfc),
}


class MpmathArithmetic(ArrayArithmetic):
    """Numbers of any precision: the value of the mathematics, to be compared with floating point.

    Args:
        digits: significant decimal digits.

    Example:
        >>> a = MpmathArithmetic(30)
        >>> print(a.divide(a.constant(Fraction(1)), a.constant(Fraction(3))))
        0.333333333333333333333333333333
    """

    uses_stable_forms = False

    def __init__(self, digits: int = 50) -> None:
        self.context = mpmath.mp.clone()
        self.context.dps = digits
        self._functions: dict[str, Callable[[Any], Any]] = {
            name: np.frompyfunc(function, 1, 1) for name, function in self._rows().items()
        }
        self._greater = np.frompyfunc(lambda a, b: self.context.mpf(int(a > b)), 2, 1)

    def _rows(self) -> dict[str, Callable[[Any], Any]]:
        c = self.context
        same = {"exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "erf", "erfc", "sign"}
        rows = {name: getattr(c, name) for name in same}
        return {
            **rows,
            "abs": abs,
            "relu": lambda x: max(x, c.mpf(0)),
            "negative_part": lambda x: min(x, c.mpf(0)),
        }

    def array(self, values: npt.ArrayLike) -> Array:
        """The floats or strings as exact numbers of this precision."""
        return np.asarray(np.frompyfunc(self.context.mpf, 1, 1)(np.asarray(values)), object)

    def constant(self, value: Fraction) -> Array:
        return np.asarray(self.context.mpf(value.numerator) / value.denominator, object)

    def pi(self) -> Array:
        return np.asarray(+self.context.pi, object)

    def greater(self, a: Array, b: Array) -> Array:
        return np.asarray(self._greater(a, b), object)

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(np.asarray(condition, bool), a, b)

    def power(self, x: Array, exponent: Fraction) -> Array:
        if exponent.denominator == 1:
            return np.asarray(x ** int(exponent), object)
        return np.asarray(x ** self.constant(exponent), object)

    def softmax(self, x: Array, axis: int) -> Array:
        e = self._functions["exp"](x)
        return np.asarray(e / np.sum(e, axis=axis, keepdims=True), object)

    def logsumexp(self, x: Array, axis: int) -> Array:
        e = self._functions["exp"](x)
        return np.asarray(self._functions["log"](np.sum(e, axis=axis, keepdims=True)), object)

    def primitive(self, fn: str, x: Array) -> Array | None:
        rule = self._functions.get(fn)
        return None if rule is None else np.asarray(rule(x), object)
