"""A user's own activation: its derivative against SymPy, its form, its kinks; and every refusal."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.definitions import activation, output_form
from backproof.definitions.sampling import FAR, Sampler, UndefinedError, floats
from backproof.definitions.slopes import slope
from backproof.dims import concrete
from backproof.errors import BackproofError, FormulaError, SpecificationError
from backproof.ir.arithmetic import MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Const, Elementwise, Expr, Function, Name
from backproof.ir.traverse import names
from backproof.networks import mlp
from backproof.parsing import parse_scalar_formula
from backproof.rules import elementwise
from backproof.rules.elementwise import activation_named, derivative_formula, gelu, log_cosh, silu, softplus, tanh


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "_user_functions", {})


def in_output(text: str) -> Expr:
    return parse_scalar_formula(text, ["x", "y"])


# --- the derivative is right --------------------------------------------------------------------------------------

SYMPY: Mapping[str, Callable[[Any], Any]] = {
    "x*tanh(softplus(x))": lambda x: x * sp.tanh(sp.log(1 + sp.exp(x))),
    "x*sigmoid(x)": lambda x: x / (1 + sp.exp(-x)),
    "x/(1 + exp(-x))": lambda x: x / (1 + sp.exp(-x)),
    "x/(1 + exp(-1.702*x))": lambda x: x / (1 + sp.exp(-sp.Rational(851, 500) * x)),
    "1/(1 + exp(-x))": lambda x: 1 / (1 + sp.exp(-x)),
    "3*sigmoid(2*x + 1) - 1": lambda x: 3 / (1 + sp.exp(-2 * x - 1)) - 1,
    "(exp(x) - exp(-x))/(exp(x) + exp(-x))": sp.tanh,
    "1.7159*tanh(2*x/3)": lambda x: sp.Rational(17159, 10000) * sp.tanh(2 * x / 3),
    "exp(x)": sp.exp,
    "log(1 + exp(x))": lambda x: sp.log(1 + sp.exp(x)),
    "x/sqrt(1 + x^2)": lambda x: x / sp.sqrt(1 + x**2),
    "x/(1 + abs(x))": lambda x: x / (1 + sp.Abs(x)),
    "sign(x)*log(1 + abs(x))": lambda x: sp.Piecewise((sp.log(1 + x), x > 0), (-sp.log(1 - x), True)),
    "abs(x)^1.5": lambda x: sp.Abs(x) ** sp.Rational(3, 2),
    "x^3 - x/7": lambda x: x**3 - x / 7,
    "(2 + x^2)^-1.5": lambda x: (2 + x**2) ** sp.Rational(-3, 2),
    "sin(x)": sp.sin,
    "x + sin(x)^2": lambda x: x + sp.sin(x) ** 2,
    "exp(-x^2)": lambda x: sp.exp(-(x**2)),
    "exp(-exp(-x))": lambda x: sp.exp(-sp.exp(-x)),
    "x*normal_cdf(x)": lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))": lambda x: (
        x * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (x + sp.Rational(8943, 200000) * x**3))) / 2
    ),
    "cos(x)*exp(-x^2/2)": lambda x: sp.cos(x) * sp.exp(-(x**2) / 2),
    "log(cosh(x))": lambda x: sp.log(sp.cosh(x)),
    "log(2 + cos(x))": lambda x: sp.log(2 + sp.cos(x)),
    "tan(x/4)": lambda x: sp.tan(x / 4),
    "silu(silu(x))": lambda x: x / (1 + sp.exp(-x)) / (1 + sp.exp(-x / (1 + sp.exp(-x)))),
    "max(x, 0)": lambda x: sp.Piecewise((x, x > 0), (0, True)),
    "where(x > 0, x, exp(x) - 1)": lambda x: sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)),
    "clip(x, -1, 1)": lambda x: sp.Piecewise((1, x > 1), (-1, x < -1), (x, True)),
    "tanh(x) + exp(-1000*(x - 50)^2)": lambda x: sp.tanh(x) + sp.exp(-1000 * (x - 50) ** 2),
}


@pytest.mark.parametrize("formula", SYMPY)
def test_the_derivative_is_that_of_sympy(formula: str) -> None:
    fn = activation("own", formula)
    assert fn.definition is not None
    assert fn.derivative is not None
    x = sp.Symbol("x", real=True)
    theirs = sp.lambdify(x, sp.diff(SYMPY[formula](x), x), "mpmath")
    sampler = Sampler()
    with mpmath.workdps(50):
        for at in ("-17.3", "-2.41", "-0.83", "0.19", "0.77", "1.93", "22.7", "50.01"):
            point = sampler.arithmetic.context.mpf(at)
            ours = sampler.value(fn.derivative, point, sampler.value(fn.definition, point))
            expected = theirs(mpmath.mpf(at))
            assert abs(mpmath.mpf(str(ours)) - expected) <= mpmath.mpf(10) ** -40 * (1 + abs(expected)), at


# --- and has the form that people write ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("1/(1 + exp(-x))", "y*(1 - y)"),
        ("exp(x)/(1 + exp(x))", "y*(1 - y)"),
        ("(1 + tanh(x/2))/2", "y*(1 - y)"),
        ("sigmoid(2*x + 1)", "2*(y*(1 - y))"),
        ("3*sigmoid(x)", "y*(1 - 1/3*y)"),
        ("tanh(x)", "1 - y^2"),
        ("2*sigmoid(2*x) - 1", "1 - y^2"),
        ("(1 - exp(-2*x))/(1 + exp(-2*x))", "1 - y^2"),
        ("-tanh(x)", "y^2 - 1"),
        ("1.7159*tanh(2*x/3)", "17159/15000 - 20000/51477*y^2"),
        ("exp(x)", "y"),
        ("exp(2*x) + 1", "2*y - 2"),
        ("2*x + 1", "2"),
        ("max(x, 0)", "y > 0"),
        ("log(1 + exp(x))", "sigmoid(x)"),
        ("log((exp(x) + exp(-x))/2)", "tanh(x)"),
        ("x - tanh(x)", "tanh(x)^2"),
        ("exp(-exp(-x))", "y*exp(-x)"),
        ("x*sigmoid(x)", "sigmoid(x)*(x + 1 - y)"),
        ("x > 0", "0"),
    ],
)
def test_the_derivative_in_terms_of_the_output(formula: str, derivative: str) -> None:
    assert activation("own", formula).derivative == in_output(derivative)


def test_an_identity_that_holds_only_nearby_is_not_taken() -> None:
    """Near 0 the bump at 50 is smaller than any digit, and the derivative looks like 1 − y²; it is not."""
    derivative = activation("own", "tanh(x) + exp(-1000*(x - 50)^2)").derivative
    assert derivative is not None
    assert "x" in names(derivative)


@pytest.mark.parametrize(
    ("formula", "built_in"),
    [("x*sigmoid(x)", silu), ("x/(1 + exp(-x))", silu), ("log(1 + exp(x))", softplus), ("x*normal_cdf(x)", gelu),
     ("log(cosh(x))", log_cosh), ("(exp(2*x) - 1)/(exp(2*x) + 1)", tanh)],
)  # fmt: skip
def test_a_built_in_by_its_formula_has_the_same_values(formula: str, built_in: Any) -> None:
    fn = activation("own", formula)
    evaluator = Evaluator(NumpyArithmetic(), {})
    x = np.linspace(-40, 40, 161)
    with np.errstate(all="ignore"):
        ours, theirs = evaluator.function(fn, x), evaluator.function(built_in, x)
        our_slopes = evaluator(derivative_formula(fn), {"x": x, "y": ours})
        their_slopes = evaluator(derivative_formula(built_in), {"x": x, "y": theirs})
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(our_slopes, their_slopes, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "formula",
    ["log(1 + exp(x))", "1/(1 + exp(-x))", "x*tanh(log(1 + exp(x)))", "x/(1 + exp(-3*x))", "log(cosh(x))",
     "(exp(x) - exp(-x))/(exp(x) + exp(-x))", "where(x > 0, x, exp(x) - 1)", "x/(exp(-x) + 1)", "exp(x)/(exp(x) + 1)"],
)  # fmt: skip
def test_saturation_stays_finite(formula: str) -> None:
    fn = activation("own", formula)
    assert fn.derivative is not None
    assert np.all(np.isfinite(floats(Elementwise(fn, Name("x")), FAR)))
    assert np.all(np.isfinite(floats(fn.derivative, FAR, fn)))


# --- kinks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "convention"),
    [
        ("tanh(x)", ""),
        ("max(x, 0)", "own'(0) = 0"),
        ("abs(x)", "own'(0) = 0"),
        ("abs(x)*x", ""),
        ("abs(2*x - 3)", "own'(3/2) = 0"),
        ("clip(x, -1, 1)", "own'(-1) = 1 and own'(1) = 1"),
        ("clip(0.2*x + 0.5, 0, 1)", "own'(-5/2) = 1/5 and own'(5/2) = 1/5"),
        ("where(x > 0, x, 0.1*x)", "own'(0) = 1/10"),
        ("where(x >= 0, x, 0.1*x)", "own'(0) = 1"),
        ("where(x > 0, x, exp(x) - 1)", ""),
        ("where(x > 1, x, exp(x) - 1)", "own'(1) = 2.71828"),
        ("where(abs(x) > 1, x, 0)", "own'(-1) = 0 and own'(1) = 0"),
        ("huber(x)", ""),
        ("leaky_relu(x + 1)", "own'(-1) = 1/100"),
        ("x > 0", "own'(0) = 0"),
        ("where(1 > 0, x, 2*x)", ""),
        ("where(x > pi, x, 2*x)", "at a kink of own [a > b] counts as 0 where a = b, and sign(0) = 0"),
        ("abs(x) + relu(x^2 - 2)", "own'(0) = 0 and elsewhere [a > b] counts as 0 where a = b, and sign(0) = 0"),
        ("sign(x)*log(1 + abs(x))", "own'(0) = 0"),
        ("where(x > 0, exp(-1/x), 0)", ""),
        ("where(x > 0, 1 + exp(-1/x), x)", "own'(0) = 1"),
    ],
)
def test_the_convention_at_kinks_is_stated(formula: str, convention: str) -> None:
    assert activation("own", formula).convention == convention


# --- it is used like a built-in -----------------------------------------------------------------------------------


def test_it_is_registered_and_may_be_defined_again() -> None:
    first = activation("mine", "tanh(x)")
    assert activation_named("mine") is first
    second = activation("mine", "tanh(x)/2")
    assert activation_named("mine") is second
    assert activation("other", "mine(x) + x").definition == Elementwise(second, Name("x")) + Name("x")


def test_it_is_public() -> None:
    assert bp.activation is activation


def test_the_variable_may_have_any_name() -> None:
    assert activation("own", "z*tanh(z)", variable="z").definition == activation("own", "x*tanh(x)").definition
    assert activation("own", "1/(1 + exp(-y))", variable="y").derivative == in_output("y*(1 - y)")


def test_it_can_be_pickled() -> None:
    fn = activation("own", "x*tanh(softplus(x))")
    again = pickle.loads(pickle.dumps(fn))  # noqa: S301
    assert again == fn
    assert (again.derivative, again.stable, again.source) == (fn.derivative, fn.stable, fn.source)


def test_the_source_is_the_formula_on_one_line() -> None:
    assert activation("own", " x *\n tanh(x) ").source == "the formula x * tanh(x)"


@pytest.mark.parametrize("formula", ["x*tanh(softplus(x))", "1/(1 + exp(-x))", "clip(x, -1, 1)", "x/(1 + abs(x))"])
def test_a_network_with_it_has_the_right_gradients(formula: str) -> None:
    activation("own", formula)
    program = mlp(3, 4, 2, activation="own", bias=True)
    trace = backpropagate(program)
    sizes = {"n": 3}
    rng = np.random.default_rng(1)
    arithmetic = MpmathArithmetic(50)
    evaluator = Evaluator(arithmetic, sizes)
    env = {
        name.id: arithmetic.array(rng.normal(size=concrete(name.shape, sizes)))
        for name in (*program.inputs, *program.parameters)
    }
    values = evaluate_program(trace.joint, env, evaluator)
    h = arithmetic.context.mpf(10) ** -20
    for parameter, gradient in trace.gradients.items():
        losses = []
        for step in (h, -h):
            moved = {**env, parameter: env[parameter].copy()}
            moved[parameter][0, 1] += step
            losses.append(np.asarray(evaluate_program(program, moved, evaluator)["L"]).item())
        expected = (losses[0] - losses[1]) / (2 * h)
        assert abs(values[gradient][0, 1] - expected) < 1e-25


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("log(-1 - x^2)", "own is not a finite number at x = 0.708 (the formula log(-1 - x^2)); an activation must be "
                          "one for every argument, at least from -3 to 3"),
        ("log(x)", "own is not a finite number at x = -1.58 (the formula log(x))"),
        ("sqrt(x)", "own is not a finite number at x = -1.58 (the formula sqrt(x))"),
        ("x^(1/3)", "own is not a finite number at x = -1.58 (the formula x^(1/3))"),
        ("1/x", "own is not a finite number at x = 0 (the formula 1/x)"),
        ("sin(x)/x", "own is not a finite number at x = 0 (the formula sin(x)/x)"),
        ("relu(log(x))", "own is not a finite number at x = -1.58 (the formula relu(log(x)))"),
        ("exp(exp(exp(x)))", "own is not a finite number at x = 2 (the formula exp(exp(exp(x))))"),
        ("sin(exp(exp(exp(x^2))))", "own is not a finite number at x = "),
        (f"{'exp(' * 40}x{')' * 40}", "own is not a finite number at x = "),
        ("abs(x)^(1/2)", "the derivative of own is not a finite number at x = 0 (the formula abs(x)^(1/2))"),
        ("abs(x - 0.3)^(1/2)", "the derivative of own is not a finite number at x = 3/10 (the formula "),
        ("sqrt(x^2)", "the derivative of own is not a finite number at x = 0 (the formula sqrt(x^2))"),
        ("sin(1e30*x)", "the derivative of own does not agree with a 50-digit difference at x = 0.708 (the formula "
                        "sin(1e30*x)); the formula changes too fast there to be an activation"),
    ],
)  # fmt: skip
def test_a_formula_that_is_no_activation_is_refused_without_a_warning(formula: str, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SpecificationError, match=f"^{re.escape(message)}"):
            activation("own", formula)
    with pytest.raises(SpecificationError, match="unknown activation 'own'"):
        activation_named("own")


@pytest.mark.parametrize(
    ("name", "formula", "message"),
    [
        ("own", "3", "the formula for own does not use x; an activation depends on its argument"),
        ("own", "x*own(x)", "own is defined by itself; use only what is defined before it — at column 3: x*|own(x)"),
        ("own", "x*tanh(sofplus(x))", "unknown function 'sofplus'; did you mean 'softplus'?"),
        ("own", "y", "unknown name 'y'; choose one of: x"),
        ("tanh", "x", "the activation cannot be called 'tanh': formulas know tanh already; choose another name"),
        ("softmax", "x", "the activation cannot be called 'softmax'"),
        ("sum", "x", "the activation cannot be called 'sum'"),
        ("class", "x", "the activation cannot be called 'class', a word of Python; try 'class_'"),
        ("<script>", "x", "the activation cannot be called '<script>': a name is a letter followed by"),
    ],
)
def test_a_bad_definition_is_refused_in_one_line(name: str, formula: str, message: str) -> None:
    with pytest.raises(BackproofError, match=re.escape(message)) as caught:
        activation(name, formula)
    assert str(caught.value).isprintable()


def test_redefining_by_the_old_definition_is_refused_too() -> None:
    activation("own", "tanh(x)")
    with pytest.raises(FormulaError, match="own is defined by itself"):
        activation("own", "own(x) + 1")


def test_functions_of_functions_that_explode_are_refused() -> None:
    doubled = Function("g", parse_scalar_formula("tanh(x)*tanh(x)", "x"), in_output("y"))
    for _ in range(60):
        doubled = Function("g", Elementwise(doubled, Name("x")) * Elementwise(doubled, Name("x")), in_output("y"))
    elementwise.register(doubled)
    with pytest.raises(SpecificationError, match="grows to more than 5,000 operations when the functions in it are"):
        activation("own", "g(x)")


# --- the parts ----------------------------------------------------------------------------------------------------


def test_the_slope_of_a_where_keeps_its_branches_apart() -> None:
    """A branch that is not taken must not turn the other into NaN, as 0 · NaN would."""
    formula = parse_scalar_formula("where(abs(x) > 1/1000, sin(x)/x, 1 - x^2/6)", ["x"])
    assert floats(slope(formula), [0.0]) == [0.0]
    fn = activation("sinc", "where(abs(x) > 1/1000, sin(x)/x, 1 - x^2/6)")
    assert fn.derivative is not None
    assert floats(fn.derivative, [0.0], fn) == [0.0]


def test_a_wrong_derivative_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {**elementwise.FUNCTIONS, "tanh": Function("tanh", tanh.definition, in_output("1 - y"))}
    monkeypatch.setattr(elementwise, "FUNCTIONS", wrong)
    with pytest.raises(SpecificationError, match="does not agree with a 50-digit difference"):
        activation("own", "x*tanh(x)")


def test_a_form_that_is_not_equal_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_form, "shorter_forms", lambda formula, output: [Name("x"), in_output("y")])
    assert activation("own", "x + sin(x)").derivative == in_output("1 + cos(x)")


def test_a_form_that_overflows_is_not_taken_although_it_is_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    stable = in_output("(tanh(x/2) + 1)/2")
    monkeypatch.setattr(output_form, "recognised", lambda formula: formula)
    monkeypatch.setattr(output_form, "shorter_forms", lambda formula, output: [stable])
    assert activation("own", "log(1 + exp(x))").derivative == stable


def test_values_beyond_any_number_are_undefined_or_their_limit() -> None:
    sampler = Sampler()
    tower = Elementwise(elementwise.exp, Elementwise(elementwise.exp, Name("x")))
    nine = sampler.number(Fraction(9))
    with pytest.raises(UndefinedError):
        sampler.value(Elementwise(elementwise.exp, tower), nine)
    assert sampler.value(Elementwise(elementwise.exp, -tower), nine) == 0
    assert sampler.value(Elementwise(elementwise.tanh, tower), nine) == 1
    assert sampler.value(Const(Fraction(1, 3)), nine) == sampler.number(Fraction(1, 3))
