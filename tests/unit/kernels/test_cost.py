"""The model of costs: what it counts by hand, what it predicts beside what was measured, what it decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.bench.workloads import WORKLOADS
from backproof.ir.program import Equation
from backproof.kernels.cost import (
    Work,
    compile_seconds,
    earns_compile,
    native_seconds,
    numpy_seconds,
    patience,
    step_flops,
    work_of,
)
from backproof.networks import mlp
from backproof.optimizers import optimizer_named
from backproof.training.equations import updates_of

CLASSES: dict[str, Any] = {"activation": ["relu", "softmax"], "loss": "cross_entropy", "bias": True}
RELU: dict[str, Any] = {"activation": "relu", "bias": True}
GELU: dict[str, Any] = {"activation": "gelu", "bias": True}


def work(sizes: Sequence[int], batch: int, optimizer: str, options: dict[str, Any]) -> Work:
    trace = backpropagate(mlp(*sizes, **options))
    updates: list[Equation] = [e for u in updates_of(trace, optimizer_named(optimizer)) for e in u.equations]
    return work_of([*trace.joint.equations, *updates], {"n": batch})


# --- what is counted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seed-sgd", "20-64-64-1-relu-sgd", "10-32-32-1-sgd", "784-128-10-sgd"])
def test_flops_are_those_of_the_products_and_the_first_layer_has_no_input_gradient(name: str) -> None:
    workload = WORKLOADS[name]
    assert step_flops(backpropagate(workload.program()), {"n": workload.batch}) == workload.flops


def test_an_input_gradient_that_was_asked_for_counts() -> None:
    net, sizes = mlp(3, 2, 1), {"n": 5}
    without = step_flops(backpropagate(net), sizes)
    assert step_flops(backpropagate(net, wrt=["X", "W_1", "W_2"]), sizes) == without + 2 * 5 * 2 * 3


def test_operations_by_hand() -> None:
    """l = x·w, L = ½ Σ (y − l)² over 4 samples: a product; a difference, a square, a sum, a factor."""
    found = work_of(mlp(3, 1, activation="identity").equations, {"n": 4})
    assert (found.flops, found.functions, found.function_entries) == (2 * 4 * 3, 0, 0)
    assert 4 <= found.operations <= 6
    assert 4 * 3 <= found.entries <= 4 * 5


@pytest.mark.parametrize(("activation", "functions"), [("relu", False), ("identity", False), ("tanh", True)])
def test_only_dear_functions_count_as_functions(activation: str, functions: bool) -> None:
    found = work((4, 8, 1), 16, "sgd", {"activation": activation, "output_activation": "identity"})
    assert (found.functions > 0, found.function_entries >= 16 * 8) == (functions, functions)


def test_erf_is_known_to_be_slow_in_numpy() -> None:
    assert work((4, 8, 1), 16, "sgd", GELU).python_entries >= 16 * 8
    assert work((4, 8, 1), 16, "sgd", RELU).python_entries == 0


# --- what is predicted --------------------------------------------------------------------------------------------

MEASURED = [
    ((3, 2, 1), 1, "sgd", {}, 23, 22, 0.07),
    ((3, 2, 1), 1, "adam", {}, 36, 23, 0.09),
    ((20, 64, 64, 1), 32, "sgd", RELU, 58, 50, 8.8),
    ((20, 64, 64, 1), 32, "adam", RELU, 120, 83, 11.8),
    ((10, 32, 32, 1), 16, "sgd", RELU, 42, 38, 1.3),
    ((64, 32, 10), 32, "adam", CLASSES, 80, 73, 6.3),
    ((784, 128, 10), 64, "sgd", CLASSES, 641, 79, 317),
    ((784, 128, 10), 64, "adam", CLASSES, 1418, 132, 419),
    ((20, 32, 32, 32, 32, 1), 32, "sgd", GELU, 575, 461, 22.3),
]
"""Microseconds of a step in NumPy, milliseconds of a compile, microseconds in machine code: float64, on one core."""


@pytest.mark.parametrize(("sizes", "batch", "optimizer", "options", "numpy", "compiling", "native"), MEASURED)
def test_predictions_beside_measurements(
    sizes: Sequence[int],
    batch: int,
    optimizer: str,
    options: dict[str, Any],
    numpy: float,
    compiling: float,
    native: float,
) -> None:
    found = work(sizes, batch, optimizer, options)
    assert 2 / 3 < numpy_seconds(found, "float64") * 1e6 / numpy < 3 / 2
    assert 1 / 2 < native_seconds(found, "float64") * 1e6 / native < 2
    # Straight-line code of a tiny network takes a third of what its functions would take elsewhere.
    assert 1 / 2 < compile_seconds(found) * 1e3 / compiling < (4 if max(sizes) <= 3 else 2)


def test_float32_is_predicted_to_be_faster() -> None:
    found = work((784, 128, 10), 64, "adam", CLASSES)
    assert numpy_seconds(found, "float32") < numpy_seconds(found, "float64")
    assert native_seconds(found, "float32") == pytest.approx(native_seconds(found, "float64") / 2, rel=0.01)


# --- what is decided ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "batch", "optimizer", "options", "steps", "earned"),
    [
        ((3, 2, 1), 1, "sgd", {}, 1000, False),
        ((3, 2, 1), 1, "sgd", {}, 100_000, True),
        ((20, 64, 64, 1), 32, "sgd", RELU, 100, False),
        ((20, 64, 64, 1), 32, "sgd", RELU, 2000, True),
        ((64, 32, 10), 32, "adam", CLASSES, 1720, True),
        ((784, 128, 10), 64, "adam", CLASSES, 1, False),
        ((784, 128, 10), 64, "adam", CLASSES, 1000, True),
    ],
)
def test_a_job_earns_its_compile_or_not(
    sizes: Sequence[int], batch: int, optimizer: str, options: dict[str, Any], steps: int, earned: bool
) -> None:
    assert earns_compile(steps, work(sizes, batch, optimizer, options), "float64") is earned


def test_more_steps_never_decide_against_machine_code_and_more_compiling_never_for_it() -> None:
    found = work((20, 64, 64, 1), 32, "sgd", RELU)
    by_steps = [earns_compile(steps, found, "float64") for steps in range(0, 3000, 50)]
    assert by_steps == sorted(by_steps)
    by_functions = [earns_compile(1000, found, "float64", functions=count) for count in range(1, 20)]
    assert by_functions == sorted(by_functions, reverse=True)
    assert by_steps[0] is False
    assert by_steps[-1] is True
    assert by_functions[-1] is False


def test_a_call_for_every_tiny_step_earns_nothing() -> None:
    found = work((3, 2, 1), 1, "sgd", {})
    assert earns_compile(100_000, found, "float64", calls=1)
    assert not earns_compile(100_000, found, "float64", calls=100_000)


@pytest.mark.parametrize(
    ("sizes", "batch", "options", "parameters", "pays"),
    [
        ((3, 2, 1), 1, {}, 2, False),
        ((64, 32, 10), 32, CLASSES, 4, False),
        ((20, 32, 32, 32, 32, 1), 32, GELU, 10, True),
        ((784, 128, 10), 64, CLASSES, 4, False),
    ],
)
def test_patience_is_endless_where_a_call_costs_more_than_it_saves(
    sizes: Sequence[int], batch: int, options: dict[str, Any], parameters: int, pays: bool
) -> None:
    """Measured: 17 and 19 µs a call by NumPy and in machine code; 35 and 35; 553 and 83; 244 and 424."""
    trace = backpropagate(mlp(*sizes, **options))
    entries = batch * (sizes[0] + sizes[-1]) + 2 * sum((a + 1) * b for a, b in pairwise(sizes))
    found = work_of(trace.joint.equations, {"n": batch})
    calls = patience(found, "float64", arrays=2 + 2 * parameters, moved=entries)
    assert (calls < math.inf) is pays
    assert not pays or 300 < calls == int(calls) < 3000
    assert patience(found, "float64", arrays=10**6, moved=entries) == math.inf
