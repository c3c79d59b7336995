"""Element-wise functions: the form that floats use, the derivative and the kinks against the definition, widely.

The definition is valued in a thousand digits, where nothing cancels: that is the truth that floats are held to.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from backproof.errors import BackproofError, SpecificationError
from backproof.ir.arithmetic import NUMPY, MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Elementwise, Expr, Function, Name
from backproof.ir.traverse import names, walk
from backproof.rules import elementwise
from backproof.rules.elementwise import (
    ACTIVATIONS,
    CYCLIC,
    FUNCTIONS,
    activation_named,
    derivative,
    derivative_formula,
    elu,
    huber,
    known_functions,
    leaky_relu,
    register,
    sigmoid,
    tanh,
)
from backproof.rules.jvp import PRIMITIVE, tangent_of

THOUSAND = MpmathArithmetic(1000)
mp = THOUSAND.context
exactly, in_floats = Evaluator(THOUSAND, {}), Evaluator(NumpyArithmetic(), {})

EVERY = {**FUNCTIONS, "elu(0.3)": elu(0.3), "leaky_relu(1/7)": leaky_relu(Fraction(1, 7)), "huber(2.5)": huber(2.5)}
WIDE = [0.0, *(s * m for m in (1e-300, 1e-20, 1e-8, 0.01, 0.3, 1, 2.5, 6, 19, 37, 100, 700, 2000) for s in (1, -1))]
GROWS = {"exp", "expm1", "sinh", "cosh"}
"""What leaves the range of floats itself beyond 709."""
CANCELS = {"log_cosh": 1e-15}
"""Absolute errors of forms that are meant for large arguments and cancel near 0."""
POSITIVE = {"log"}


def arguments(fn: Function) -> list[float]:
    """Where the function is defined and its value is a float."""
    points = [x for x in WIDE if fn.name not in GROWS or abs(x) <= 700]
    if fn.name in POSITIVE:
        return [x for x in points if x > 0]
    return [x for x in points if x > -1] if fn.name == "log1p" else points


def truth(formula: Expr, x: float, y: Any = None) -> Any:
    """The value of a formula in a thousand digits."""
    env = {"x": THOUSAND.array(x), "y": THOUSAND.array(0 if y is None else y)}
    return np.asarray(exactly(formula, env)).item()


def true_value(fn: Function, x: float) -> Any:
    """f(x) by the definition where there is one, otherwise by mpmath's own function."""
    return truth(fn.definition if fn.definition is not None else Elementwise(fn, Name("x")), x)


def true_slope(fn: Function, x: float) -> Any:
    """f'(x) by the row, with the true value as its output."""
    return truth(derivative_formula(fn), x, true_value(fn, x))


def difference(fn: Function, x: float, side: int) -> Any:
    """The one-sided difference quotient with a step of 1e-400."""
    h = mp.mpf(10) ** -400
    return (true_value(fn, x + side * h) - true_value(fn, mp.mpf(x))) / (side * h)


def near(found: float, expected: Any, x: float, slope: Any, floor: float) -> bool:
    """Whether a float is right up to a few roundings of the argument and of the value."""
    return bool(abs(found - expected) <= 16 * 2.0**-53 * (abs(expected) + abs(x * slope)) + floor)


functions = pytest.mark.parametrize("fn", EVERY.values(), ids=EVERY)


@functions
def test_the_form_that_floats_use_is_the_definition(fn: Function) -> None:
    for x in arguments(fn):
        found = float(in_floats.function(fn, np.asarray(x)))
        assert near(found, true_value(fn, x), x, true_slope(fn, x), CANCELS.get(fn.name, 1e-307)), f"{fn.name}({x})"


@functions
def test_the_derivative_in_floats_is_the_derivative(fn: Function) -> None:
    """Absolutely where it is small: 1 − y is 0 once y has rounded to 1."""
    for x in arguments(fn):
        y = in_floats.function(fn, np.asarray(x))
        found = float(in_floats(derivative_formula(fn), {"x": np.asarray(x), "y": y}))
        expected = true_slope(fn, x)
        assert abs(found - expected) <= 1e-14 * max(1, abs(expected)) * max(1, abs(x)), f"{fn.name}'({x})"


@functions
def test_the_derivative_is_the_difference_of_the_definition(fn: Function) -> None:
    for x in arguments(fn):
        if x != 0 and abs(x) < 2000:
            left, right = difference(fn, x, -1), difference(fn, x, 1)
            slope = true_slope(fn, x)
            assert abs((left + right) / 2 - slope) <= mp.mpf(10) ** -90 * (1 + abs(slope)), f"{fn.name}'({x})"


def kinks() -> Iterator[tuple[str, Function, float]]:
    """The functions and the points where the slopes on the two sides differ."""
    for name, fn in EVERY.items():
        for x in (0.0, 1.0, -1.0, 2.5, -2.5):
            if fn.name in POSITIVE | {"log1p"} and x <= 0:
                continue
            left, right = difference(fn, x, -1), difference(fn, x, 1)
            if abs(left - right) > mp.mpf(10) ** -100:
                yield name, fn, x


def test_a_kink_is_at_zero_and_its_convention_is_stated() -> None:
    found = list(kinks())
    jumps = {"sign"}  # its slopes on the two sides are the same
    assert {name for name, _, _ in found} | jumps == {name for name, fn in EVERY.items() if fn.convention}
    assert {x for _, _, x in found} == {0.0}


@pytest.mark.parametrize(("name", "at_zero"), [
    ("relu", 0), ("abs", 0), ("sign", 0), ("negative_part", 0), ("leaky_relu", 0.01), ("leaky_relu(1/7)", 1 / 7),
    ("elu", 1), ("elu(0.3)", 0.3),
])  # fmt: skip
def test_the_derivative_at_the_kink_is_the_stated_one(name: str, at_zero: float) -> None:
    fn = EVERY[name]
    y = in_floats.function(fn, np.asarray(0.0))
    assert float(y) == 0
    assert float(in_floats(derivative_formula(fn), {"x": np.asarray(0.0), "y": y})) == pytest.approx(at_zero, rel=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_saturate_without_overflow(name: str, dtype: str) -> None:
    """A warning would be an error here."""
    fn, evaluator = ACTIVATIONS[name](), Evaluator(NumpyArithmetic(dtype), {})
    x = np.array([[-1e15, -6000, -2000, -88.8, 0, 88.8, 2000, 6000, 1e15]], dtype)
    y = evaluator(Elementwise(fn, Name("z", (1, 9))), {"z": x})
    slope = evaluator(derivative(fn, Name("z", (1, 9)), Name("l", (1, 9))), {"z": x, "l": y})
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    assert slope.dtype == y.dtype == np.dtype(dtype)


# --- the tables ---------------------------------------------------------------------------------------------------


@functions
def test_a_row_is_complete(fn: Function) -> None:
    assert names(derivative_formula(fn)) <= {"x", "y"}
    assert fn.definition is None or names(fn.definition) == {"x"}
    assert fn.stable is None or names(fn.stable) == {"x"}
    if fn.definition is None:
        assert fn.name in PRIMITIVE, "a primitive without a tangent"
        assert fn.name in NUMPY, "a primitive without a value"


@functions
def test_a_definition_goes_down_to_primitives(fn: Function) -> None:
    """No function is defined by itself, however indirectly."""

    def depth(fn: Function, above: tuple[str, ...]) -> int:
        assert fn.name not in above, f"{fn.name} is defined by itself"
        inner = [node.fn for node in walk(fn.definition) if isinstance(node, Elementwise)] if fn.definition else []
        return 1 + max((depth(other, (*above, fn.name)) for other in inner), default=0)

    assert depth(fn, ()) <= 4


@functions
def test_the_tangent_through_the_definition_is_the_derivative(fn: Function) -> None:
    tangent = tangent_of(Elementwise(fn, Name("x")), {"x": Name("t")})
    for x in (0.37, 1.9, 4.2) if fn.name in POSITIVE | {"log1p"} else (-2.3, -0.4, 0.37, 1.9):
        expected = true_slope(fn, x)
        found = 0 if tangent is None else np.asarray(exactly(tangent, {"x": THOUSAND.array(x), "t": THOUSAND.array(1)}))
        assert abs(found - expected) <= mp.mpf(10) ** -900


def test_functions_are_known_by_name() -> None:
    assert all(name == fn.name for name, fn in FUNCTIONS.items())
    assert set(ACTIVATIONS) <= set(FUNCTIONS)
    assert all(make() == FUNCTIONS[name] for name, make in ACTIVATIONS.items())
    assert set(CYCLIC) == {fn.name for fn in FUNCTIONS.values() if fn.derivative is None}


def test_functions_of_other_parameters_are_other_functions() -> None:
    assert leaky_relu(0.2) != leaky_relu(0.1)
    assert leaky_relu() == leaky_relu(0.01)
    assert huber(2) != huber(1)
    assert elu(2) != elu()


def test_the_derivative_is_written_in_the_output_where_people_do_so() -> None:
    z, output = Name("z", (2, 3)), Name("l", (2, 3))
    assert derivative(sigmoid, z, output) == output * (1 - output)
    assert derivative(tanh, z, output) == 1 - output**2


LOOKS_AT = {
    "": ("sign", "identity"),
    "x": (
        "log", "erf", "sin", "cos", "abs", "log1p", "erfc", "negative_part", "softplus", "normal_cdf", "gelu", "huber",
        "sinh", "cosh", "log_cosh",
    ),
    "y": ("exp", "expm1", "relu", "sigmoid", "tanh", "leaky_relu", "elu", "tan"),
    "xy": ("silu", "normal_pdf"),
}  # fmt: skip
"""By what a derivative looks at: its argument needs a name where it is ``x``, its output where it is ``y``."""


def test_what_a_derivative_looks_at_is_as_people_write_it() -> None:
    found: dict[str, set[str]] = {}
    for name, fn in FUNCTIONS.items():
        found.setdefault("".join(sorted(names(derivative_formula(fn)))), set()).add(name)
    assert found == {variables: set(functions) for variables, functions in LOOKS_AT.items()}


@pytest.mark.parametrize(("wrong", "hint"), [
    ("sigmiod", "did you mean 'sigmoid'"), ("Tanh", "did you mean 'tanh'"), ("softmx", "did you mean 'softmax'"),
    ("", "choose one of: .*gelu.*softmax"),
])  # fmt: skip
def test_an_unknown_activation_is_refused_with_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(SpecificationError, match=f"unknown activation {wrong!r}; {hint}"):
        activation_named(wrong)


@pytest.mark.parametrize("taken", ["sigmoid", "softmax", "log_cosh"])
def test_a_built_in_function_cannot_be_replaced(taken: str) -> None:
    with pytest.raises(SpecificationError, match=f"'{taken}' is a built-in function; choose another name for yours"):
        register(Function(taken, Name("x"), Name("x")))


def test_a_registered_function_is_an_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "_user_functions", {})
    mine = register(Function("mine", Name("x"), Name("x")))
    assert activation_named("mine") is mine
    assert known_functions()["mine"] is mine
    with pytest.raises(SpecificationError, match="unknown activation 'mne'; did you mean 'mine'"):
        activation_named("mne")


def test_a_function_without_a_derivative_is_an_error() -> None:
    with pytest.raises(BackproofError, match="the function 'f' has no derivative in the tables"):
        derivative_formula(Function("f", Name("x")))
