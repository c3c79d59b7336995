"""The programs under tests/programs/checking: what their manifest says, and one training step of each, observed.

The oracle knows nothing of Backproof: the loss of a specified network in plain complex NumPy, and its gradients by
complex steps. A program is right where the difference that one of its own steps makes to its parameters is the
learning rate times these gradients, and the loss that it computes is this loss.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import runpy
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.definitions import loss as define_loss
from backproof.ir.program import Program
from backproof.networks import mlp, parse_sizes

Array = npt.NDArray[Any]
PROGRAMS = Path(__file__).parent / "programs" / "checking"
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a program, where, and the lines that mend it."""

    kind: str
    equation: str
    line: int
    symptom: str
    repair: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Watch:
    """The lines of one training step, and where it keeps its parameters, its examples and its loss."""

    first: int
    last: int
    parameters: Mapping[str, str]
    X: str
    y: str
    learning_rate: float
    loss: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One program: its file, the network it trains as ``backproof`` specifies it, and its fault, if it has one."""

    path: Path
    network: str
    style: str
    requires: tuple[str, ...]
    fault: Fault | None
    watch: Watch

    @property
    def id(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    def repaired(self) -> str:
        """The text with the fault mended."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        for number, text in (self.fault.repair if self.fault else {}).items():
            lines[number - 1] = text
        return "\n".join(lines) + "\n"


def listings() -> list[Listing]:
    """Every program of the manifest."""
    return [_listing(entry) for entry in json.loads((PROGRAMS / "manifest.json").read_text(encoding="utf-8"))]


def _listing(entry: Mapping[str, Any]) -> Listing:
    step, fault = entry["step"], entry.get("fault")
    first, last = step["lines"]
    return Listing(
        PROGRAMS / entry["program"],
        entry["network"],
        entry["style"],
        tuple(entry.get("requires", ())),
        fault and Fault(**{**fault, "repair": {int(line): text for line, text in fault["repair"].items()}}),
        Watch(first, last, step["parameters"], step["X"], step["y"], step["learning_rate"], step.get("loss")),
    )


# --- the network of a specification, independently ----------------------------------------------------------------

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: z * (z.real > 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
}
LOSSES: Mapping[str, Callable[[Array, Array], Any]] = {
    "half_squared_error": lambda p, y: ((p - y) ** 2).sum() / 2,
    "half_mse": lambda p, y: ((p - y) ** 2).sum() / (2 * len(y)),
    "mean_squared_error": lambda p, y: ((p - y) ** 2).mean(),
    "binary_cross_entropy": lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
    "cross_entropy": lambda p, y: -(y * np.log(p)).sum() / len(y),
}
FUSED = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}


@dataclass(frozen=True, slots=True)
class Network:
    """The options of ``backproof derive`` that the manifest uses."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    output: str | None
    bias: bool
    loss: str
    definition: str | None
    penalty: float | None
    columns: bool

    def program(self) -> Program:
        """The same network, as Backproof sees it."""
        chosen = define_loss(self.loss, self.definition) if self.definition else self.loss
        return mlp(
            *self.sizes,
            activation=self.activations if len(self.activations) > 1 else self.activations[0],
            output_activation=self.output,
            bias=self.bias,
            loss=chosen,
            penalty=self.penalty,
            samples="columns" if self.columns else "rows",
        )

    def functions(self) -> list[Callable[[Array], Array]]:
        layers = len(self.sizes) - 1
        names = [*self.activations, *[self.activations[-1]] * layers][:layers]
        names[-1] = self.output or FUSED.get(self.loss, names[-1])
        return [ACTIVATIONS[name] for name in names]

    def shaped(self, id: str, value: Array) -> Array:
        """A value of the program in the shape that the specification gives it."""
        if id in ("X", "y"):
            units = self.sizes[0 if id == "X" else -1]
            if id == "y" and units > 1 and value.ndim == 1 and np.issubdtype(value.dtype, np.integer):
                value = np.eye(units)[value].T if self.columns else np.eye(units)[value]
            if value.ndim < 2:
                return value.reshape((units, -1) if self.columns else (-1, units))
            return value
        kind, k = id.split("_")
        inputs, outputs = (1 if kind == "b" else self.sizes[int(k) - 1]), self.sizes[int(k)]
        return value.reshape((outputs, inputs) if self.columns else (inputs, outputs))

    def _in_rows(self, value: Array) -> Array:
        return value.T if self.columns else value

    def value(self, parameters: Mapping[str, Array], X: Array, y: Array) -> Any:
        """The loss; complex where a parameter is."""
        below, target = self._in_rows(X), self._in_rows(y)
        for k, function in enumerate(self.functions(), start=1):
            z = below @ self._in_rows(parameters[f"W_{k}"])
            below = function(z + self._in_rows(parameters[f"b_{k}"]) if self.bias else z)
        loss = LOSSES[self.loss](below, target)
        weights = [value for id, value in parameters.items() if id.startswith("W_")]
        return loss + (self.penalty or 0) / 2 * sum((W**2).sum() for W in weights)

    def gradients(self, parameters: Mapping[str, Array], X: Array, y: Array) -> dict[str, Array]:
        """By one complex step for each entry: exact to rounding, and no formula for a gradient."""
        found = {}
        for id, value in parameters.items():
            found[id] = np.zeros(value.shape)
            for index in np.ndindex(value.shape):
                moved = value.astype(complex)
                moved[index] += 1j * TINY
                found[id][index] = self.value({**parameters, id: moved}, X, y).imag / TINY
        return found


def network(specification: str) -> Network:
    """Read the words after ``backproof derive``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", type=parse_sizes)
    parser.add_argument("--activation", default="sigmoid", type=lambda text: tuple(text.split(",")))
    parser.add_argument("--output-activation")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--loss", default="half_squared_error")
    parser.add_argument("--define-loss")
    parser.add_argument("--penalty", type=float)
    parser.add_argument("--samples", choices=["rows", "columns"], default="rows")
    given = parser.parse_args(shlex.split(specification))
    formula = given.define_loss and given.define_loss.partition("=")[2]
    columns = given.samples == "columns"
    return Network(
        given.sizes, given.activation, given.output_activation, given.bias, given.loss, formula, given.penalty, columns
    )


# --- one step of a program, observed ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """What a program had before and after one of its training steps."""

    before: Mapping[str, Array]
    after: Mapping[str, Array]
    X: Array
    y: Array
    loss: float | None


class _SeenError(Exception):
    """Ends a program of which enough has been seen."""


def run(path: Path) -> str:
    """Run a program to its end, and give what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # programs with a fault overflow
        runpy.run_path(str(path))
    return printed.getvalue()


def first_steps(path: Path, watch: Watch, count: int = 2) -> list[Step]:
    """The first training steps of a program, which is ended after them."""
    steps: list[Step] = []
    inside: list[tuple[FrameType, Mapping[str, Array]]] = []

    def local(frame: FrameType, event: str, _: object) -> Any:
        left = event == "return" or (event == "line" and not watch.first < frame.f_lineno <= watch.last)
        if left and inside and inside[0][0] is frame:
            steps.append(_step(frame, watch, inside.pop()[1]))
            if len(steps) == count:
                raise _SeenError
        if not inside and event == "line" and frame.f_lineno == watch.first:
            inside.append((frame, {id: look_up(frame, at) for id, at in watch.parameters.items()}))
        return local

    def enter(frame: FrameType, event: str, _: object) -> Any:
        return local if frame.f_code.co_filename == str(path) else None

    tracing = sys.gettrace()
    sys.settrace(enter)
    try:
        run(path)
    except _SeenError:
        return steps
    finally:
        sys.settrace(tracing)
    raise AssertionError(f"{path.name}: {len(steps)} steps were seen on lines {watch.first} to {watch.last}")


def _step(frame: FrameType, watch: Watch, before: Mapping[str, Array]) -> Step:
    after = {id: look_up(frame, at) for id, at in watch.parameters.items()}
    loss = None if watch.loss is None else float(look_up(frame, watch.loss))
    return Step(before, after, look_up(frame, watch.X), look_up(frame, watch.y), loss)


def look_up(frame: FrameType, place: str) -> Array:
    """A copy of what ``model.layers[0].W``, or ``theta[0:6]``, is in a frame."""
    return np.array(_detached(_resolve(frame, ast.parse(place, mode="eval").body)), copy=True)


def _resolve(frame: FrameType, place: ast.expr) -> Any:
    match place:
        case ast.Name(id):
            return frame.f_locals[id] if id in frame.f_locals else frame.f_globals[id]
        case ast.Attribute(owner, name):
            return getattr(_detached(_resolve(frame, owner)), name)
        case ast.Subscript(owner, ast.Slice(lower, upper)):
            bounds = [None if bound is None else ast.literal_eval(bound) for bound in (lower, upper)]
            return _resolve(frame, owner)[slice(*bounds)]
        case ast.Subscript(owner, index):
            return _resolve(frame, owner)[ast.literal_eval(index)]
        case _:
            raise AssertionError(f"{ast.unparse(place)} is no place that can be looked up")


def _detached(value: Any) -> Any:
    """A tensor that carries no history; anything else as it is."""
    return value.detach() if hasattr(value, "detach") else value


def relative_errors(listing: Listing, step: Step) -> dict[str, float]:
    """How far the gradients that a step implies are from the oracle's: the worst entry over the largest one.

    A parameter whose shape the step has changed is infinitely far.
    """
    spec, watch = network(listing.network), listing.watch
    X, y = spec.shaped("X", step.X), spec.shaped("y", step.y)
    before = {id: spec.shaped(id, value).astype(float) for id, value in step.before.items()}
    found = {}
    for id, right in spec.gradients(before, X.astype(float), y.astype(float)).items():
        if step.after[id].shape != step.before[id].shape:
            found[id] = float("inf")
            continue
        implied = (before[id] - spec.shaped(id, step.after[id]).astype(float)) / watch.learning_rate
        found[id] = float(np.abs(implied - right).max() / np.abs(right).max())
    return found


def loss_error(listing: Listing, step: Step) -> float:
    """How far the loss that a step computes is from the declared one, in parts of it; 0 where it computes none."""
    if step.loss is None:
        return 0.0
    spec = network(listing.network)
    parameters = {id: spec.shaped(id, value).astype(float) for id, value in step.before.items()}
    X, y = spec.shaped("X", step.X).astype(float), spec.shaped("y", step.y).astype(float)
    right = float(spec.value(parameters, X, y))
    return abs(step.loss - right) / abs(right)


def single(step: Step) -> bool:
    """Whether the program computes in float32."""
    return any(value.dtype == np.float32 for value in step.before.values())
