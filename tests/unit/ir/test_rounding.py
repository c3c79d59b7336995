"""Running error analysis: the bound holds for every operation, function and dtype, and is not vacuous."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from backproof.dims import concrete
from backproof.ir.arithmetic import NUMPY, MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import VALUE, Evaluator
from backproof.ir.expr import (
    Assembled,
    Component,
    Div,
    Elementwise,
    Expr,
    LogSumExp,
    Name,
    Partial,
    Pi,
    Power,
    Size,
    Softmax,
    SumOver,
    total,
)
from backproof.ir.lift import where
from backproof.ir.rounding import MARGIN, PROPAGATED, Rounded, RoundingArithmetic
from backproof.ir.traverse import walk
from backproof.rules.elementwise import FUNCTIONS, abs_, exp, log, relu, sigmoid, sign, tanh

DTYPES = ["float16", "float32", "float64", "longdouble"]
A, B = Name("A", (5, 7)), Name("B", (5, 7))
C, ROW, COLUMN, S = Name("C", (7, 4)), Name("r", (1, 7)), Name("c", (5, 1)), Name("s")
NAMES = (A, B, C, ROW, COLUMN, S)
SIZES = {"n": 6}
POSITIVE = A**2 + Fraction(1, 3)

OPERATIONS: Mapping[str, Expr] = {
    "Add": A + B,
    "Sub": A - B,
    "Mul": A * B,
    "Div": Div(A, B * B + 1),
    "Neg": -A,
    "Power 2": A**2,
    "Power 3": A**3,
    "Power -2": (A + 4) ** -2,
    "Power 1/2": Power(POSITIVE, Fraction(1, 2)),
    "Power 5/3": Power(POSITIVE, Fraction(5, 3)),
    "Power -1/3": Power(POSITIVE, Fraction(-1, 3)),
    "Greater": (A > B) * A,
    "Where": where(A > B, A * B, A - B),
    "MatMul": A @ C,
    "MatMul of products": (A * B) @ C @ C.T,
    "Transpose": (A * B).T,
    "Sum": total(A * B),
    "Sum down": total(A * B, 0),
    "Sum along": total(A * B, 1),
    "Broadcast": A * ROW + COLUMN * S,
    "Softmax along": Softmax(3 * A, 1),
    "Softmax down": Softmax(3 * A * B, 0),
    "LogSumExp along": LogSumExp(3 * A, 1),
    "LogSumExp down": LogSumExp(3 * A * B, 0),
    "Const": A * Fraction(1, 3),
    "Pi": A * Pi() ** Fraction(-1, 2),
    "Component": Component(A, 2, 3) * Component(B, 1, 1),
    "SumOver": SumOver("k", 5, Component(A, "k", 1) * Component(B, "k", 2)),
    "Assembled": Assembled((5, 7), "i", "j", Component(A, "i", "j") * Component(COLUMN, "i", 1)),
    "cancellation": (A + 1000) - (B + 1000),
    "a loss": total(Elementwise(log, Elementwise(sigmoid, A @ C)) * (A @ C)),
    "layers": Elementwise(tanh, Elementwise(tanh, A @ C) @ C.T) @ C,
}


def inputs(dtype: npt.DTypeLike, spread: float = 2) -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {name.id: (spread / 2 * random.standard_normal(concrete(name.shape, SIZES))).astype(dtype) for name in NAMES}


def compared(value: Expr, given: Mapping[str, Any], dtype: npt.DTypeLike) -> tuple[Any, Any]:
    """Error and bound of every entry."""
    rounding, exact = RoundingArithmetic(dtype), MpmathArithmetic(60)
    result: Rounded = Evaluator(rounding, SIZES)(value, {id: rounding.exactly(v) for id, v in given.items()})
    truth = Evaluator(exact, SIZES)(value, {id: _exactly(exact, v) for id, v in given.items()})
    error = np.asarray(np.abs(_exactly(exact, result.value) - np.asarray(truth, object)), object)
    return error.astype(np.float64), result.error * MARGIN


def _exactly(exact: MpmathArithmetic, values: Any) -> Any:
    def convert(x: Any) -> Any:
        numerator, denominator = x.as_integer_ratio()
        return exact.context.mpf(int(numerator)) / int(denominator)

    return np.asarray(np.frompyfunc(convert, 1, 1)(np.asarray(values)), object)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_bound_of_an_operation_holds(name: str, dtype: str) -> None:
    error, bound = compared(OPERATIONS[name], inputs(dtype), dtype)
    assert (error <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_bound_of_a_function_holds(fn: Any, dtype: str) -> None:
    argument = A * B
    if fn.name in ("log", "log1p"):
        argument = argument * argument + Fraction(1, 100)
    error, bound = compared(Elementwise(fn, argument), inputs(dtype), dtype)
    assert (error <= bound).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_bound_of_a_function_holds_far_out(fn: Any, dtype: str) -> None:
    """Saturated, underflowing and overflowing arguments; an infinite bound is a bound."""
    if fn.name in ("log", "log1p", "sin", "cos", "tan"):
        return
    given = inputs(dtype, spread=40)
    rounding = RoundingArithmetic(dtype)
    result: Rounded = Evaluator(rounding, SIZES)(Elementwise(fn, A), {"A": rounding.exactly(given["A"])})
    exact = MpmathArithmetic(400)
    truth = Evaluator(exact, SIZES)(Elementwise(fn, A), {"A": _exactly(exact, given["A"])})
    finite = np.isfinite(result.value)
    error = np.abs(_exactly(exact, result.value[finite]) - truth[finite]).astype(np.float64)
    assert (error <= result.error[finite] * MARGIN).all()
    assert np.isinf(result.error[~finite]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("Neg", "Greater")])
def test_the_bound_is_not_vacuous(name: str, dtype: str) -> None:
    """Somewhere at least a thousandth of the bound is used, and it is below a thousandth of the result."""
    value = OPERATIONS[name]
    error, bound = compared(value, inputs(dtype), dtype)
    rounding = RoundingArithmetic(dtype)
    result: Rounded = Evaluator(rounding, SIZES)(value, {id: rounding.exactly(v) for id, v in inputs(dtype).items()})
    assert np.max(bound) < 1e-3 * np.max(result.size)
    if np.max(bound) > 0:
        assert np.max(error / np.where(bound > 0, bound, 1)) > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_values_are_those_of_plain_evaluation(name: str, dtype: str) -> None:
    given = inputs(dtype)
    rounding = RoundingArithmetic(dtype)
    result: Rounded = Evaluator(rounding, SIZES)(OPERATIONS[name], {id: rounding.exactly(v) for id, v in given.items()})
    plain = Evaluator(NumpyArithmetic(dtype), SIZES)(OPERATIONS[name], given)
    assert np.array_equal(result.value, plain)
    assert result.value.dtype == np.dtype(dtype)


def test_every_class_and_function_is_covered() -> None:
    seen = {type(node) for value in OPERATIONS.values() for node in walk(value)}
    assert set(VALUE) - {Size, Partial} <= seen
    assert set(PROPAGATED) == set(NUMPY)


def test_a_comparison_that_rounding_could_turn_is_in_doubt() -> None:
    rounding = RoundingArithmetic("float64")
    third = rounding.constant(Fraction(1, 3))
    near = rounding.multiply(rounding.constant(Fraction(2, 3)), rounding.constant(Fraction(1, 2)))
    assert rounding.greater(third, near).error == 1
    assert rounding.greater(third, rounding.constant(Fraction(1, 4))).error == 0
    assert rounding.greater(rounding.exactly(0.0), rounding.exactly(0.0)).error == 0
    chosen = rounding.where(rounding.greater(third, near), rounding.exactly(5.0), rounding.exactly(7.0))
    assert chosen.error == 2


def test_a_rectified_unit_that_is_off_is_exactly_zero() -> None:
    rounding = RoundingArithmetic("float32")
    evaluator = Evaluator(rounding, {})
    off = evaluator(Elementwise(relu, S * S - 1), {"s": rounding.exactly(0.1)})
    assert (off.value, off.error) == (0, 0)


def test_a_sign_near_zero_is_in_doubt() -> None:
    rounding = RoundingArithmetic("float64")
    evaluator = Evaluator(rounding, {})
    doubtful = evaluator(Elementwise(sign, S * Fraction(1, 10) - Fraction(3, 100)), {"s": rounding.exactly(0.3)})
    assert doubtful.error == 2
    assert evaluator(Elementwise(sign, S), {"s": rounding.exactly(0.3)}).error == 0


def test_division_by_what_may_be_zero_has_no_bound() -> None:
    rounding = RoundingArithmetic("float64")
    nothing = Rounded(np.asarray(1e-20), np.asarray(1e-19))
    assert np.isinf(rounding.divide(rounding.exactly(1.0), nothing).error)
    assert np.isinf(rounding.power(nothing, Fraction(-2)).error)
    assert np.isinf(rounding.primitive("log", nothing).error)  # type: ignore[union-attr]


def test_errors_of_operands_come_through() -> None:
    """Inputs that are off by as much as their bound give results that are off by no more than theirs."""
    rounding = RoundingArithmetic("float64")
    evaluator, exact = Evaluator(rounding, {}), MpmathArithmetic(50)
    for fn in (exp, tanh, sigmoid, log, abs_, relu):
        x, e = 0.7, 1e-3
        result = evaluator(Elementwise(fn, S), {"s": Rounded(np.asarray(x), np.asarray(e))})
        for moved in (x - e, x + e):
            truth = Evaluator(exact, {})(Elementwise(fn, S), {"s": exact.array(moved)})
            assert abs(result.value - float(np.asarray(truth))) <= result.error * MARGIN
        assert result.error < 10 * e


@pytest.mark.parametrize("value", [Softmax(A, 1), LogSumExp(A, 1), Softmax(A, 0), LogSumExp(A, 0)])
def test_errors_of_a_whole_row_come_through(value: Expr) -> None:
    rounding, exact = RoundingArithmetic("float64"), MpmathArithmetic(50)
    given, e = inputs("float64")["A"], 1e-3
    result = Evaluator(rounding, {})(value, {"A": Rounded(given, np.full(given.shape, e))})
    largest = np.zeros(result.value.shape)
    for seed in range(20):
        moved = given + e * np.random.default_rng(seed).choice([-1, 1], given.shape)
        truth = np.asarray(Evaluator(exact, {})(value, {"A": exact.array(moved)}), np.float64)
        largest = np.maximum(largest, np.abs(result.value - truth))
    assert (largest <= result.error * MARGIN).all()
    assert (result.error < 20 * np.maximum(largest, 1e-6)).all()


def test_constants_know_their_error() -> None:
    rounding = RoundingArithmetic("float32")
    assert rounding.constant(Fraction(1, 4)).error == 0
    assert 0 < rounding.constant(Fraction(1, 10)).error < 1e-8
    assert 0 < rounding.pi().error < 1e-6
    assert np.isinf(RoundingArithmetic("float16").constant(Fraction(10**6)).error)
