"""Losses: their values in plain NumPy, the fused gradients, saturation, and how they are known by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.dims import Symbol, concrete
from backproof.errors import SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Name, Size, total
from backproof.render.typeset import typeset
from backproof.rules import losses
from backproof.rules.elementwise import exp
from backproof.rules.losses import (
    FURTHER,
    LOSSES,
    Loss,
    focal_loss,
    huber_loss,
    known_losses,
    loss_named,
    mean,
    quantile_loss,
    register,
    weighted,
)
from oracles import apart, check_gradients, exactly, floats, values

Array = npt.NDArray[Any]
SIZES = {"n": 4}
n = Symbol("n")

PLAIN: Mapping[str, Callable[[Array, Array], Any]] = {
    "half_squared_error": lambda p, y: 0.5 * ((y - p) ** 2).sum(),
    "mean_squared_error": lambda p, y: ((y - p) ** 2).mean(),
    "mean_absolute_error": lambda p, y: np.abs(y - p).mean(),
    "huber": lambda p, y: np.where(abs(y - p) <= 1, 0.5 * (y - p) ** 2, abs(y - p) - 0.5).mean(),
    "binary_cross_entropy": lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
    "cross_entropy": lambda p, y: -(y * np.log(p)).sum() / len(p),
}
"""The losses as a textbook writes them, for samples in rows."""

PLAIN_FURTHER: Mapping[str, Callable[[Array, Array], Any]] = {
    "half_mean_squared_error": lambda p, y: 0.5 * ((y - p) ** 2).mean(),
    "mean_log_cosh": lambda p, y: np.log(np.cosh(y - p)).mean(),
    "quantile": lambda p, y: np.maximum(0.5 * (y - p), -0.5 * (y - p)).mean(),
    "poisson": lambda p, y: (p - y * np.log(p)).mean(),
    "focal": lambda p, y: -(y * (1 - p) ** 2 * np.log(p)).sum() / len(p),
    "binary_focal": lambda p, y: -(y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p)).mean(),
}


def data(units: int, seed: int = 0) -> tuple[Array, Array]:
    """Predictions in (0, 1) and targets of both kinds: the residuals reach beyond 1."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 0.95, (4, units)), rng.uniform(-2, 2, (4, units))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("units", [1, 3])
def test_the_value_is_the_textbooks(name: str, units: int) -> None:
    p, y = data(units)
    shape = (n, units)
    loss = LOSSES[name].build(Name("p", shape), Name("y", shape), n)
    found = Evaluator(NumpyArithmetic(), SIZES)(loss, {"p": p, "y": y})
    assert loss.shape == ()
    assert float(found) == pytest.approx(float(PLAIN[name](p, y)), rel=1e-14)


def test_every_loss_has_a_textbook_form_here() -> None:
    assert set(PLAIN) == set(LOSSES)
    assert set(PLAIN_FURTHER) == set(FURTHER)
    assert all(name == loss.name and loss.label for name, loss in LOSSES.items())


@pytest.mark.parametrize("delta", [0.25, 1, Fraction(3, 2)])
def test_the_width_of_huber_is_a_parameter(delta: float | Fraction) -> None:
    p, y = data(3)
    loss = huber_loss(delta).build(Name("p", (n, 3)), Name("y", (n, 3)), n)
    r, d = abs(y - p), float(delta)
    expected = np.where(r <= d, 0.5 * r**2, d * (r - 0.5 * d)).mean()
    assert float(Evaluator(NumpyArithmetic(), SIZES)(loss, {"p": p, "y": y})) == pytest.approx(expected, rel=1e-14)


def test_a_mean_is_over_all_entries() -> None:
    assert mean(Name("x", (n, 1))) == (1 / Size(n)) * total(Name("x", (n, 1)))
    assert mean(Name("x", (1, 1))) == total(Name("x", (1, 1)))
    x = np.arange(6.0).reshape(2, 3)
    assert Evaluator(NumpyArithmetic(), {})(mean(Name("x", (2, 3))), {"x": x}) == pytest.approx(x.mean())


# --- of rarer use -------------------------------------------------------------------------------------------------


def network(name: str, *sizes: int, **options: Any) -> Any:
    """With an output that the loss can take."""
    positive: dict[str, Any] = {"output_activation": exp} if name == "poisson" else {}
    return bp.mlp(*sizes, loss=name, bias=True, **positive, **options)


@pytest.mark.parametrize("name", FURTHER)
@pytest.mark.parametrize("units", [1, 3])
def test_the_value_of_one_of_rarer_use_is_the_textbooks(name: str, units: int) -> None:
    p, y = data(units)
    assert evaluated(FURTHER[name], p, y) == pytest.approx(float(PLAIN_FURTHER[name](p, y)), rel=1e-13)
    assert loss_named(name) is FURTHER[name]
    assert FURTHER[name].name == name
    assert FURTHER[name].label


def evaluated(loss: Loss, p: Array, y: Array, weights: Array | None = None) -> float:
    shape = (n, p.shape[1])
    value = loss.build(Name("p", shape), Name("y", shape), n)
    env = {"p": p, "y": y}
    if weights is not None:
        value, env = weighted(value, Name("w", (n, 1))), {**env, "w": weights}
    return float(Evaluator(NumpyArithmetic(), SIZES)(value, env))


@pytest.mark.parametrize("name", FURTHER)
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_gradients_through_every_loss_of_rarer_use(name: str, samples: Any) -> None:
    check_gradients(network(name, 3, 2, 2, activation="tanh", penalty=0.1, samples=samples), SIZES)


@pytest.mark.parametrize("name", FURTHER)
def test_the_weights_of_samples_count_as_often(name: str) -> None:
    p, y = data(3)
    repeated = [0, 0, 2, 3, 3, 3]
    weights = np.array([[2.0], [0.0], [1.0], [3.0]])
    expected = float(PLAIN_FURTHER[name](p[repeated], y[repeated])) * 6 / 4
    assert evaluated(FURTHER[name], p, y, weights) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", sorted(set(FURTHER) - {"poisson"}))
def test_saturation_of_those_of_rarer_use(name: str) -> None:
    """Poisson's exp overflows for inputs in the thousands, and must."""
    trace = bp.derive(network(name, 3, 2, 2, activation="relu")).trace
    rng = np.random.default_rng(2)
    env = {p.id: rng.normal(size=concrete(p.shape, SIZES)) for p in (*trace.program.inputs, *trace.program.parameters)}
    env["X"], env["y"] = 2000 * env["X"], np.eye(2)[[0, 1, 1, 0]]
    assert all(np.isfinite(value).all() for value in floats(trace.joint, env, SIZES, "float64").values())


@pytest.mark.parametrize("level", [0.1, 0.5, Fraction(9, 10)])
def test_the_quantile_minimises_its_loss(level: float | Fraction) -> None:
    y = np.arange(101.0).reshape(-1, 1)
    loss = quantile_loss(level)
    value = loss.build(Name("p", (n, 1)), Name("y", (n, 1)), n)
    tried = [
        float(Evaluator(NumpyArithmetic(), {"n": 101})(value, {"p": np.full_like(y, p), "y": y})) for p in range(101)
    ]
    assert np.argmin(tried) == pytest.approx(100 * float(level), abs=1)
    with pytest.raises(SpecificationError, match="between 0 and 1, got 1"):
        quantile_loss(1)


@pytest.mark.parametrize("gamma", [0, 1, 3.5])
@pytest.mark.parametrize("binary", [False, True])
def test_the_focus_is_a_parameter(gamma: float, binary: bool) -> None:
    p, y = data(3)
    textbook = y * (1 - p) ** gamma * np.log(p)
    every = textbook + (1 - y) * p**gamma * np.log(1 - p)
    expected = -every.mean() if binary else -textbook.sum() / len(p)
    assert evaluated(focal_loss(gamma, binary=binary), p, y) == pytest.approx(float(expected), rel=1e-13)
    with pytest.raises(SpecificationError, match=r"gamma of the focal loss must be 0 or at least 1, got 0\.5"):
        focal_loss(0.5, binary=binary)


# --- with the output function that they are fused with ------------------------------------------------------------

FUSED = {"binary_cross_entropy": "1/n × (ŷ − y)", "cross_entropy": "1/n × (ŷ − y)"}


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_the_fused_gradient_is_prediction_minus_target(name: str, samples: str) -> None:
    units = 1 if name == "binary_cross_entropy" else 3
    trace = bp.derive(bp.mlp(3, 2, units, loss=name, samples=samples)).trace  # type: ignore[arg-type]
    [delta] = [equation.value for equation in trace.backward if equation.name.id == "delta_2"]
    assert typeset(delta) == FUSED[name]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_gradients_through_every_loss(name: str, samples: Any) -> None:
    program = bp.mlp(3, 2, 2, activation="tanh", loss=name, bias=True, penalty=0.1, samples=samples)
    check_gradients(program, SIZES)


@pytest.mark.parametrize("name", FUSED)
def test_the_fused_form_is_the_textbooks(name: str) -> None:
    """On targets that keep the assumption, in fifty digits."""
    trace = bp.derive(bp.mlp(2, 3, loss=name)).trace
    rng = np.random.default_rng(1)
    y = np.eye(3)[[0, 2, 1, 1]] if name == "cross_entropy" else rng.integers(0, 2, (4, 3)).astype(float)
    env = exactly({"X": rng.normal(size=(4, 2)), "y": y, "W_1": rng.normal(size=(2, 3))})
    fused, source = values(trace.program, env, SIZES), values(trace.source, env, SIZES)
    assert trace.program != trace.source
    assert abs(fused["L"] - source["L"]) < 1e-45


# --- saturation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_in_the_thousands_give_finite_losses_and_gradients(name: str, activation: str, dtype: str) -> None:
    """A warning would be an error here."""
    trace = bp.derive(bp.mlp(3, 2, 2, activation=activation, loss=name, bias=True)).trace
    rng = np.random.default_rng(2)
    env = {p.id: rng.normal(size=concrete(p.shape, SIZES)) for p in (*trace.program.inputs, *trace.program.parameters)}
    env["X"], env["y"] = 2000 * env["X"], np.eye(2)[[0, 1, 1, 0]]
    found = floats(trace.joint, env, SIZES, dtype)
    for id, value in found.items():
        assert np.isfinite(value).all(), id
        assert value.dtype == np.dtype(dtype), id


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "hint"), [
    ("cross_entrpy", "did you mean 'cross_entropy'"), ("hubr", "did you mean 'huber'"),
    ("", "choose one of: binary_cross_entropy, binary_focal, cross_entropy, focal, half_mean_squared_error, .*"),
])  # fmt: skip
def test_an_unknown_loss_is_refused_with_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(SpecificationError, match=f"unknown loss {wrong!r}; {hint}"):
        loss_named(wrong)


def _cubed(p: Expr, y: Expr, samples: Any) -> Expr:
    return total((y - p) ** 3)


def test_a_registered_loss_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "_user_losses", {})
    mine = register(Loss("mine", _cubed))
    assert loss_named("mine") is mine
    assert known_losses()["mine"] is mine
    with pytest.raises(SpecificationError, match="'huber' is a built-in loss; choose another name for yours"):
        register(Loss("huber", _cubed))


def test_floats_agree_with_fifty_digits_through_the_logarithms() -> None:
    """Where the textbook's log(1 − ŷ) would be −inf: the fused loss is right to the last digits."""
    trace = bp.derive(bp.mlp(1, 1, loss="binary_cross_entropy")).trace
    env = {"X": np.array([[40.0], [-300.0]]), "y": np.array([[0.0], [1.0]]), "W_1": np.array([[2.0]])}
    found, exact = floats(trace.joint, env, {"n": 2}), values(trace.joint, exactly(env), {"n": 2})
    assert float(found["L"]) == pytest.approx(float(exact["L"]), rel=1e-15) == 340.0
    assert apart(found["grad_W_1"], exact["grad_W_1"]) < 1e-15
