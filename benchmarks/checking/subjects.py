"""Gradients to be checked, as people write them: right ones, and sixteen silent mistakes.

Every function takes the array module first (NumPy, or JAX's), so that each checker sees the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = Mapping[str, Any]
Formula = Callable[[SimpleNamespace], Any]
STALE_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """Where a gradient is checked."""

    parameters: Mapping[str, Array]
    X: Array
    y: Array

    def astype(self, dtype: npt.DTypeLike) -> Point:
        parameters = {id: value.astype(dtype) for id, value in self.parameters.items()}
        return Point(parameters, self.X.astype(dtype), self.y.astype(dtype))


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A loss and what claims to be its gradient; the network is told as the arguments of ``bp.mlp``."""

    name: str
    sizes: tuple[int, ...]
    options: Mapping[str, Any]
    loss: Callable[[Any, Arrays, Any, Any], Any]
    gradients: Callable[[Any, Arrays, Any, Any], dict[str, Any]]


# --- 4-3-2-1, sigmoid, half of the squared error -------------------------------------------------------------------


def _sigmoid(v: SimpleNamespace, z: Any) -> Any:
    return 1 / (1 + v.xp.exp(-z))


FORWARD: Mapping[str, Formula] = {
    "z_1": lambda v: v.X @ v.W_1,
    "l_1": lambda v: _sigmoid(v, v.z_1),
    "z_2": lambda v: v.l_1 @ v.W_2,
    "l_2": lambda v: _sigmoid(v, v.z_2),
    "y_hat": lambda v: _sigmoid(v, v.l_2 @ v.W_3),
}
BACKWARD: Mapping[str, Formula] = {
    "e": lambda v: v.y_hat - v.y,
    "delta_3": lambda v: v.e * v.y_hat * (1 - v.y_hat),
    "grad_W_3": lambda v: v.l_2.T @ v.delta_3,
    "delta_2": lambda v: (v.delta_3 @ v.W_3.T) * v.l_2 * (1 - v.l_2),
    "grad_W_2": lambda v: v.l_1.T @ v.delta_2,
    "delta_1": lambda v: (v.delta_2 @ v.W_2.T) * v.l_1 * (1 - v.l_1),
    "grad_W_1": lambda v: v.X.T @ v.delta_1,
}


def _off_by_a_hundredth(v: SimpleNamespace) -> Any:
    mask = np.zeros((4, 3), dtype=v.W_1.dtype)
    mask[0, 0] = 1
    return BACKWARD["grad_W_1"](v) * (1 + mask / 100)


MISTAKES: Mapping[str, Mapping[str, Formula]] = {
    "slope missing in delta_3": {"delta_3": lambda v: v.e},
    "slope missing in delta_2": {"delta_2": lambda v: v.delta_3 @ v.W_3.T},
    "slope missing in delta_1": {"delta_1": lambda v: v.delta_2 @ v.W_2.T},
    "output error sent back": {"delta_2": lambda v: (v.e @ v.W_3.T) * v.l_2 * (1 - v.l_2)},
    "slope of the sigmoid's sigmoid": {
        "delta_1": lambda v: (v.delta_2 @ v.W_2.T) * _sigmoid(v, v.l_1) * (1 - _sigmoid(v, v.l_1))
    },
    "slope of the argument": {"delta_2": lambda v: (v.delta_3 @ v.W_3.T) * v.z_2 * (1 - v.z_2)},
    "mean instead of sum": {"e": lambda v: (v.y_hat - v.y) / v.y.shape[0]},
    "error reversed": {"e": lambda v: v.y - v.y_hat},
    "sign of grad_W_1": {"grad_W_1": lambda v: -(v.X.T @ v.delta_1)},
    "stray 2": {"grad_W_2": lambda v: 2 * (v.l_1.T @ v.delta_2)},
    "stray 4/m": {"grad_W_3": lambda v: 4 / v.y.shape[0] * (v.l_2.T @ v.delta_3)},
    "weight for activation": {"grad_W_2": lambda v: v.W_2 * v.delta_2.sum(axis=0)},
    "penalty that the loss has not": {"grad_W_1": lambda v: v.X.T @ v.delta_1 + 0.01 * v.W_1},
    "stale W_3": {"delta_2": lambda v: (v.delta_3 @ (v.W_3 - STALE_RATE * v.grad_W_3).T) * v.l_2 * (1 - v.l_2)},
    "stale W_2": {"delta_1": lambda v: (v.delta_2 @ (v.W_2 - STALE_RATE * v.grad_W_2).T) * v.l_1 * (1 - v.l_1)},
    "one entry off by 1%": {"grad_W_1": _off_by_a_hundredth},
}
"""Sixteen mistakes that raise nothing, each one equation replaced."""
STALE = ("stale W_3", "stale W_2")


def _evaluated(xp: Any, parameters: Arrays, X: Any, y: Any, equations: Mapping[str, Formula]) -> SimpleNamespace:
    v = SimpleNamespace(xp=xp, X=X, y=y, **parameters)
    for name, formula in equations.items():
        setattr(v, name, formula(v))
    return v


def deep_sigmoid(mistake: str | None = None) -> Subject:
    """The 4-3-2-1 network, with one of the mistakes or none."""
    equations = {**FORWARD, **BACKWARD, **(MISTAKES[mistake] if mistake else {})}

    def loss(xp: Any, parameters: Arrays, X: Any, y: Any) -> Any:
        return ((y - _evaluated(xp, parameters, X, y, FORWARD).y_hat) ** 2).sum() / 2

    def gradients(xp: Any, parameters: Arrays, X: Any, y: Any) -> dict[str, Any]:
        v = _evaluated(xp, parameters, X, y, equations)
        return {id: getattr(v, f"grad_{id}") for id in ("W_1", "W_2", "W_3")}

    return Subject(mistake or "right", (4, 3, 2, 1), {}, loss, gradients)


def sigmoid_point(rng: np.random.Generator, scale: float, batch: int = 8) -> Point:
    """Normal inputs, and weights of that standard deviation."""
    sizes = (4, 3, 2, 1)
    weights = {f"W_{k}": scale * rng.normal(size=sizes[k - 1 : k + 1]) for k in (1, 2, 3)}
    return Point(weights, rng.normal(size=(batch, 4)), rng.uniform(size=(batch, 1)))


# --- one hidden layer of ReLU ----------------------------------------------------------------------------------------


def relu_network(inputs: int, hidden: int, outputs: int, *, classes: bool = False, wrong: bool = False) -> Subject:
    """inputs-hidden-outputs with biases: squared error, or the cross-entropy of classes.

    Args:
        inputs, hidden, outputs: the layers.
        classes: whether the output is a softmax and the loss the mean cross-entropy.
        wrong: whether the mask of the ReLU is missing.
    """

    def forward(xp: Any, p: Arrays, X: Any) -> tuple[Any, Any]:
        z = X @ p["W_1"] + p["b_1"]
        return z, xp.where(z > 0, z, 0) @ p["W_2"] + p["b_2"]

    def softmax(xp: Any, scores: Any) -> Any:
        powers = xp.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def loss(xp: Any, p: Arrays, X: Any, y: Any) -> Any:
        _, out = forward(xp, p, X)
        return -(y * xp.log(softmax(xp, out))).sum() / y.shape[0] if classes else ((y - out) ** 2).sum() / 2

    def gradients(xp: Any, p: Arrays, X: Any, y: Any) -> dict[str, Any]:
        z, out = forward(xp, p, X)
        delta_2 = (softmax(xp, out) - y) / y.shape[0] if classes else out - y
        delta_1 = delta_2 @ p["W_2"].T * (1 if wrong else z > 0)
        sums = {"b_1": delta_1.sum(axis=0, keepdims=True), "b_2": delta_2.sum(axis=0, keepdims=True)}
        return {"W_1": X.T @ delta_1, **sums, "W_2": xp.where(z > 0, z, 0).T @ delta_2}

    head: dict[str, Any] = (
        {"activation": "relu", "loss": "cross_entropy"} if classes else {"activation": ("relu", "identity")}
    )
    return Subject("relu", (inputs, hidden, outputs), {**head, "bias": True}, loss, gradients)


def relu_point(rng: np.random.Generator, subject: Subject, batch: int = 32, *, kink: bool = False) -> Point:
    """Normal inputs, weights of the usual size; at a kink, the biases and one example are zero."""
    inputs, hidden, outputs = subject.sizes
    X = rng.normal(size=(batch, inputs))
    parameters = {
        "W_1": rng.normal(size=(inputs, hidden)) * np.sqrt(2 / inputs),
        "b_1": np.zeros((1, hidden)) if kink else 0.1 * rng.normal(size=(1, hidden)),
        "W_2": rng.normal(size=(hidden, outputs)) * np.sqrt(1 / hidden),
        "b_2": np.zeros((1, outputs)),
    }
    if kink:
        X[0] = 0
    if subject.options.get("loss") == "cross_entropy":
        return Point(parameters, X, np.eye(outputs)[rng.integers(outputs, size=batch)])
    return Point(parameters, X, rng.normal(size=(batch, outputs)))
