"""Machine code against the reference, within the bound of running error analysis: any shapes, strides and inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol, concrete
from backproof.errors import BackproofError, DataError
from backproof.ir.program import Program
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.kernels.llvm.run import NativeRun
from backproof.kernels.numpy_backend import compile_numpy as compile_reference
from backproof.networks import mlp
from backproof.optimizers import optimizer_named
from backproof.rules.elementwise import ACTIVATIONS
from backproof.rules.losses import LOSSES
from backproof.training import train
from backproof.training.equations import beginning, updates_of
from kernel_bounds import gradient_distance, step_distance

SIZES = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100)
DTYPES = ("float32", "float64")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def numbers(program: Program, n: int, seed: int, scale: float = 1.0) -> dict[str, Any]:
    """Parameters and inputs with n samples; inputs that the program takes for probabilities are some."""
    rng = np.random.default_rng(seed)
    sizes = {"n": n}
    found = {p.id: scale * rng.normal(size=concrete(p.shape, sizes)) for p in program.parameters}
    found |= {p.id: rng.uniform(0.1, 0.9, size=concrete(p.shape, sizes)) for p in program.inputs}
    for assumption in program.assumptions:
        whole = found[assumption.name].sum(axis=assumption.axis, keepdims=True)
        found[assumption.name] = found[assumption.name] / whole
    return found


@st.composite
def networks(draw: st.DrawFn) -> Program:
    """Layers of the sizes that vectors and tiles have trouble with."""
    sizes = draw(st.lists(st.sampled_from(SIZES), min_size=2, max_size=4))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    if loss == "cross_entropy":
        sizes[-1] = max(2, sizes[-1])
    return mlp(
        *sizes,
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        loss=loss,
        bias=draw(st.booleans()),
        penalty=draw(st.sampled_from([None, 0.1])),
        samples=draw(st.sampled_from(["rows", "columns"])),
    )


def holds(program: Program, n: int, dtype: str, seed: int, scale: float) -> None:
    trace = backpropagate(program)
    found = gradient_distance(trace, dtype, {"n": n}, LlvmKernel(trace, dtype), numbers(program, n, seed, scale))
    assert found.used <= 1, found
    assert found.informative > 0.9


@settings(max_examples=25)
@given(network=networks(), n=st.sampled_from(SIZES), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 1000))
def test_networks_of_every_size(network: Program, n: int, dtype: str, seed: int) -> None:
    holds(network, n, dtype, seed, 0.5)


def test_the_bound_is_finite_where_it_should_be_and_a_slip_exceeds_it() -> None:
    program = mlp(7, 17, 5, activation="tanh", bias=True)
    trace, given_numbers = backpropagate(program), numbers(program, 9, 1)
    kernel = LlvmKernel(trace, "float32")

    def slipped(parameters: Any, **inputs: Any) -> Any:
        loss, gradients = kernel(parameters, **inputs)
        gradients["W_1"][3, 2] *= 1 + 1e-4
        return loss, gradients

    sound, wrong = (gradient_distance(trace, "float32", {"n": 9}, k, given_numbers) for k in (kernel, slipped))
    assert sound.informative == 1
    assert sound.used < 0.5
    assert wrong.used > 1
    assert wrong.where == "grad_W_1[3, 2]"


# --- steps of a run -------------------------------------------------------------------------------------------------


def laid_out(array: Any, how: str) -> Any:
    """The same numbers in memory of another kind."""
    match how:
        case "columns first":
            return np.asfortranarray(array)
        case "strided":
            wide = np.zeros((2 * array.shape[0], 3 * array.shape[1]), array.dtype)
            wide[::2, ::3] = array
            return wide[::2, ::3]
        case "backwards":
            return np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1]
        case "misaligned":
            moved = np.ndarray(array.shape, array.dtype, bytearray(array.nbytes + 1), 1)
            moved[...] = array
            return moved
        case _:
            return np.ascontiguousarray(array)


@settings(max_examples=15)
@given(
    sizes=st.lists(st.sampled_from(SIZES), min_size=2, max_size=3),
    batch=st.sampled_from(SIZES),
    rest=st.integers(1, 20),
    optimizer=st.sampled_from(["sgd", "momentum", "adam"]),
    samples=st.sampled_from(["rows", "columns"]),
    layout=st.sampled_from(["plain", "columns first", "strided", "backwards", "misaligned"]),
    dtype=st.sampled_from(DTYPES),
)
def test_steps_on_batches_and_on_what_is_left_over(
    sizes: list[int], batch: int, rest: int, optimizer: str, samples: str, layout: str, dtype: str
) -> None:
    program = mlp(*sizes, activation="tanh", bias=True, loss="mean_squared_error", samples=samples)  # type: ignore[arg-type]
    trace, rule = backpropagate(program), optimizer_named(optimizer)
    updates, axis, total = updates_of(trace, rule), 0 if samples == "rows" else 1, batch + min(rest, batch)
    drawn = {id: np.asarray(value, dtype) for id, value in numbers(program, total, batch, 0.5).items()}
    data = {id: laid_out(drawn[id], layout) for id in ("X", "y")}
    params = {p.id: drawn[p.id] for p in program.parameters}
    start = beginning(rule, params, params, 0.01)
    axes = {"X": axis, "y": axis}
    run = NativeRun(trace, data, {"n": total}, axes, Symbol("n"), batch, updates, start, np.dtype(dtype))
    order = np.random.default_rng(batch).permutation(total)
    for part in (order[:batch], order[batch:], order[total - batch :]):
        chosen = {id: np.take(value, part, axis) for id, value in data.items()}
        found = step_distance(run, trace, updates, chosen, part, {"n": len(part)})
        assert found.used <= 1, found
        assert found.informative > 0.5


# --- extremes -------------------------------------------------------------------------------------------------------


def outcome(kernel: Any, parameters: Any, inputs: Any) -> Any:
    """What a kernel says: loss and gradients, or the kind of its refusal."""
    try:
        with np.errstate(all="ignore"):
            return kernel(parameters, **inputs)
    except BackproofError as refused:
        return type(refused), str(refused)


EXTREMES: Mapping[str, Callable[[Any], Any]] = {
    "2000 times": lambda x: 2000 * x,
    "subnormal": lambda x: x * (np.finfo(x.dtype).tiny / 8),
    "positive zeros": lambda x: 0 * np.abs(x),
    "negative zeros": lambda x: -0.0 * np.abs(x),
    "some zeros": lambda x: np.where(x > 0.5, x, -0.0),
    "huge": lambda x: x * (np.finfo(x.dtype).max / 4),
    "one NaN": lambda x: np.where(x == x.max(), np.nan, x),
    "one infinity": lambda x: np.where(x == x.max(), -np.inf, x),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("kind", EXTREMES)
def test_extreme_inputs_behave_as_in_the_reference(kind: str, activation: str, dtype: str) -> None:
    program = mlp(5, 9, 3, activation=activation, loss="cross_entropy", bias=True)
    trace, drawn = backpropagate(program), numbers(program, 7, 3)
    inputs = {"X": EXTREMES[kind](np.asarray(drawn["X"], dtype)), "y": np.asarray(drawn["y"], dtype)}
    parameters = {p.id: np.asarray(drawn[p.id], dtype) for p in program.parameters}
    reference = outcome(compile_reference(trace, dtype), parameters, inputs)
    native = outcome(LlvmKernel(trace, dtype), parameters, inputs)
    if isinstance(reference[0], type):
        assert native == reference
        return
    found = gradient_distance(trace, dtype, {"n": 7}, LlvmKernel(trace, dtype), {**parameters, **inputs})
    assert found.used <= 1, found
    assert np.isfinite(native[0]) == np.isfinite(reference[0])


@pytest.mark.parametrize(("shape", "lacking"), [((0, 3), "sample"), ((4, 0), "feature")])
def test_no_samples_and_no_features_are_refused(shape: tuple[int, int], lacking: str) -> None:
    program = mlp(3, 2)
    X, y = np.zeros(shape), np.zeros((shape[0], 2))
    with pytest.raises(DataError, match=f"holds nothing; give at least one {lacking}"):
        LlvmKernel(backpropagate(program))({"W_1": np.ones((3, 2))}, X, y)
    with pytest.raises(DataError, match=f"holds nothing; give at least one {lacking}"):
        train(program, X, y, learning_rate=0.1, epochs=1, backend="llvm", progress=False)


# --- wide softmax ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_a_wide_softmax_needs_no_more_code_than_a_narrow_one(samples: Any) -> None:
    lines = []
    for width in (200, 3000):
        trace = backpropagate(mlp(2, width, loss="cross_entropy", samples=samples))
        native, _ = LlvmKernel(trace, "float64").native({"n": 3})
        lines.append(native.written.text.count("\n"))
    assert lines[1] < 1.2 * lines[0]


@pytest.mark.parametrize("width", [31, 33, 65, 72, 73, 300])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_softmax_beyond_what_is_written_out(width: int, samples: Any) -> None:
    for dtype in DTYPES:
        holds(mlp(3, width, loss="cross_entropy", samples=samples, bias=True), 5, dtype, width, 2.0)
