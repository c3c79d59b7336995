"""Correct gradient functions as people write them: many spellings of one mathematics.

What varies: the formula of each activation and of its derivative, fused and unfused losses, the order of summation,
where 1/n stands, how parameters come and gradients go, rows or columns, and the precision inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Array = npt.NDArray[Any]
Params = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Style:
    """One way of writing.

    Args:
        sizes: units from the input to the output.
        activation: of the hidden layers; of the output, too, where the loss has none of its own.
        loss: as ``bp.mlp`` names it.
        bias: whether there are biases.
        value, slope: which spelling of the activation and of its derivative.
        fused: whether the output error is written as p − y.
        summation: how sums over the samples are made.
        averaging: where 1/n stands, for a loss that has it.
        container: how parameters come and gradients go.
        columns: whether samples are columns.
        given, inside: the dtype of what is passed, and of the computation.
        with_loss: whether the loss is returned, too.
    """

    sizes: tuple[int, ...]
    activation: str
    loss: str
    bias: bool
    value: int
    slope: int
    fused: bool
    summation: str
    averaging: str
    container: str
    columns: bool
    given: str
    inside: str
    with_loss: bool


LOSSES = ("half_squared_error", "mean_squared_error", "cross_entropy", "binary_cross_entropy")
CONTAINERS = ("mapping", "short keys", "positional", "list", "pairs", "flat", "augmented", "weights first")
AVERAGING = ("error", "gradients", "first")
SUMMATION = ("product", "loop", "reversed", "einsum")

# --- spellings ----------------------------------------------------------------------------------------------------

Spelling = Callable[[Array], Array]


def _one_half_plus(z: Array) -> Array:
    half = z.dtype.type(0.5)
    return half * (1 + np.tanh(half * z))


def _two_sided(z: Array) -> Array:
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


VALUES: Mapping[str, tuple[Spelling, ...]] = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), _one_half_plus, _two_sided, expit),
    "tanh": (np.tanh, lambda z: 2 / (1 + np.exp(-2 * z)) - 1, np.tanh, np.tanh),
    "relu": (
        lambda z: np.maximum(z, 0),
        lambda z: z * (z > 0),
        lambda z: np.where(z > 0, z, 0),
        lambda z: (z + np.abs(z)) / 2,
    ),
}
SLOPES: Mapping[str, tuple[Callable[[Array, Array], Array], ...]] = {
    "sigmoid": (
        lambda z, a: a * (1 - a),
        lambda z, a: a - a * a,
        lambda z, a: expit(z) * expit(-z),
        lambda z, a: a - a**2,
    ),
    "tanh": (
        lambda z, a: 1 - a**2,
        lambda z, a: (1 - a) * (1 + a),
        lambda z, a: 1 / np.cosh(z) ** 2,
        lambda z, a: 1 - a * a,
    ),
    "relu": (
        lambda z, a: (z > 0).astype(z.dtype),
        lambda z, a: (a > 0).astype(z.dtype),
        lambda z, a: (z >= 0).astype(z.dtype),
        lambda z, a: np.heaviside(z, z.dtype.type(0.5)),
    ),
}


def _softmax(z: Array, spelling: int) -> Array:
    if spelling == 0:
        return np.asarray(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    top = z.max(axis=1, keepdims=True)
    if spelling == 1:
        return np.asarray(np.exp(z - (top + np.log(np.exp(z - top).sum(axis=1, keepdims=True)))))
    e = np.exp(z - top)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


# --- the network --------------------------------------------------------------------------------------------------


def network_gradients(style: Style, params: Params, X: Array, y: Array) -> tuple[float, dict[str, Array]]:
    """The loss and its gradients for samples in rows, in the style's precision."""
    dtype = np.dtype(style.inside)
    p = {id: np.asarray(array, dtype) for id, array in params.items()}
    X, y = np.asarray(X, dtype), np.asarray(y, dtype)
    zs, ls = [], [X]
    layers = len(style.sizes) - 1
    for k in range(1, layers + 1):
        z = ls[-1] @ p[f"W_{k}"]
        if style.bias:
            z = z + p[f"b_{k}"].reshape(1, -1)
        zs.append(z)
        ls.append(_output(style, z) if k == layers else VALUES[style.activation][style.value](z))
    loss, delta, factor = _error(style, zs[-1], ls[-1], y)
    gradients: dict[str, Array] = {}
    for k in range(layers, 0, -1):
        gradients[f"W_{k}"] = factor * _summed(style, ls[k - 1], delta)
        if style.bias:
            gradients[f"b_{k}"] = factor * delta.sum(axis=0, keepdims=True)
        if k > 1:
            delta = (delta @ p[f"W_{k}"].T) * SLOPES[style.activation][style.slope](zs[k - 2], ls[k - 1])
    return loss, {id: gradients[id] for id in params}


def _output(style: Style, z: Array) -> Array:
    match style.loss:
        case "cross_entropy":
            return _softmax(z, style.value % 3)
        case "binary_cross_entropy":
            return VALUES["sigmoid"][style.value](z)
        case _:
            return VALUES[style.activation][style.value](z)


def _error(style: Style, z: Array, p: Array, y: Array) -> tuple[float, Array, Array]:
    """The loss, the error of the output's argument, and what is left to multiply the gradients by."""
    n, one = len(y), p.dtype.type(1)
    match style.loss:
        case "half_squared_error":
            loss, error, scale = ((y - p) ** 2).sum() / 2, p - y, one
        case "mean_squared_error":
            loss, error, scale = ((y - p) ** 2).mean(), p - y, p.dtype.type(2 / y.size)
        case "cross_entropy":
            loss, error, scale = -(y * np.log(p + (y == 0))).sum() / n, p - y, p.dtype.type(1 / n)
            if not style.fused:
                g = -y / p
                error = p * (g - (g * p).sum(axis=1, keepdims=True))
        case _:
            cross = y * np.log(p + (y == 0)) + (1 - y) * np.log(1 - p + (y == 1))
            loss, error, scale = -cross.mean(), p - y, p.dtype.type(1 / y.size)
            if not style.fused:
                error = ((1 - y) / (1 - p) - y / p) * (p * (1 - p))
    if style.loss.endswith("squared_error"):
        error = error * SLOPES[style.activation][style.slope](z, p)
    if style.averaging == "gradients":
        return float(loss), error, scale
    return float(loss), error * scale, one


def _summed(style: Style, below: Array, delta: Array) -> Array:
    match style.summation:
        case "product":
            return np.asarray(below.T @ delta)
        case "einsum":
            return np.asarray(np.einsum("ni,nj->ij", below, delta))
        case _:
            order = range(len(delta)) if style.summation == "loop" else reversed(range(len(delta)))
            total = np.zeros((below.shape[1], delta.shape[1]), delta.dtype)
            for i in order:
                total += np.outer(below[i], delta[i])
            return total


# --- how arrays come and go ---------------------------------------------------------------------------------------


def gradient_function(style: Style) -> Callable[..., Any]:
    """The function that a user would hand over."""
    ids = identifiers(style)

    def computed(params: Params, X: Array, y: Array) -> Any:
        loss, gradients = network_gradients(style, params, X.T if style.columns else X, y.T if style.columns else y)
        return loss, {id: turned(style, id, array) for id, array in gradients.items()}

    def rows(params: Params) -> Params:
        return {id: turned(style, id, array) for id, array in params.items()}

    def answer(loss: float, result: Any) -> Any:
        return (loss, result) if style.with_loss else result

    match style.container:
        case "mapping":
            return lambda params, X, y: answer(*computed(rows({id: params[id] for id in ids}), X, y))
        case "short keys":
            return lambda params, X, y: answer(
                *_short(computed(rows({i: params[i.replace("_", "")] for i in ids}), X, y))
            )
        case "positional" | "weights first":
            return _positional(style, lambda values, X, y: answer(*_tuple(computed(rows(values), X, y))))
        case "list":
            return lambda params, X, y: answer(*_tuple(computed(rows(dict(zip(ids, params, strict=True))), X, y)))
        case "pairs":

            def from_pairs(params: Any, X: Array, y: Array) -> Any:
                values = dict(zip(ids, chain.from_iterable(params), strict=True))
                return answer(*_tuple(computed(rows(values), X, y)))

            return from_pairs
        case "flat":

            def flat(params: Params, X: Array, y: Array) -> Any:
                loss, gradients = computed(rows({id: params[id] for id in ids}), X, y)
                return answer(loss, np.concatenate([gradients[id].ravel() for id in ids]))

            return flat
        case _:
            return _augmented(style, answer, computed)


def _short(found: tuple[float, dict[str, Array]]) -> tuple[float, Any]:
    return found[0], {f"d{id.replace('_', '')}": array for id, array in found[1].items()}


def _tuple(found: tuple[float, dict[str, Array]]) -> tuple[float, Any]:
    return found[0], tuple(found[1].values())


def _positional(style: Style, run: Callable[[Params, Array, Array], Any]) -> Callable[..., Any]:
    """A function of two layers' parameters, one by one."""
    match style.bias, style.container:
        case True, "weights first":
            return lambda W1, W2, b1, b2, X, y: run({"W_1": W1, "W_2": W2, "b_1": b1, "b_2": b2}, X, y)
        case True, _:
            return lambda W1, b1, W2, b2, X, y: run({"W_1": W1, "b_1": b1, "W_2": W2, "b_2": b2}, X, y)
        case _:
            return lambda W1, W2, X, y: run({"W_1": W1, "W_2": W2}, X, y)


def _augmented(style: Style, answer: Callable[[float, Any], Any], computed: Callable[..., Any]) -> Callable[..., Any]:
    """Each bias is the last row (for columns: column) of its weights."""
    axis = 1 if style.columns else 0

    def run(params: Params, X: Array, y: Array) -> Any:
        split: dict[str, Array] = {}
        for k in range(1, len(style.sizes)):
            W, b = np.split(params[f"W_{k}"], [-1], axis=axis)
            split |= {f"W_{k}": W.T if style.columns else W, f"b_{k}": b.T if style.columns else b}
        loss, gradients = computed(split, X, y)
        names = range(1, len(style.sizes))
        joined = {f"W_{k}": np.concatenate([gradients[f"W_{k}"], gradients[f"b_{k}"]], axis=axis) for k in names}
        return answer(loss, joined)

    return run


def identifiers(style: Style) -> list[str]:
    """The parameters in the order of ``bp.mlp``."""
    return [f"{kind}_{k}" for k in range(1, len(style.sizes)) for kind in ("Wb" if style.bias else "W")]


def turned(style: Style, id: str, array: Array) -> Array:
    """An array as the style has it, or back."""
    return array.T if style.columns else array


def as_passed(style: Style, point: Mapping[str, Array]) -> dict[str, Array]:
    """A point with samples in rows as the user of that style has it."""
    arrays = {id: np.asarray(array).astype(style.given) for id, array in point.items()}
    if style.container == "augmented":
        for k in range(1, len(style.sizes)):
            arrays[f"W_{k}"] = np.concatenate([arrays[f"W_{k}"], arrays.pop(f"b_{k}")], axis=0)
    return {id: array.T.copy() if style.columns else array for id, array in arrays.items()}


# --- drawing ------------------------------------------------------------------------------------------------------


def drawn_style(rng: np.random.Generator) -> Style:
    """A style at random, of those that can be."""
    choose = lambda options: options[int(rng.integers(len(options)))]  # noqa: E731
    loss = choose(LOSSES)
    activation = choose(("sigmoid", "tanh", "relu"))
    outputs = {"cross_entropy": 3, "binary_cross_entropy": 1}.get(loss, int(rng.integers(1, 3)))
    container = choose(CONTAINERS)
    bias = container in ("augmented", "weights first", "pairs") or bool(rng.integers(2))
    layers = 2 if container in ("positional", "weights first") else int(rng.integers(1, 4))
    sizes = (int(rng.integers(2, 6)), *(int(rng.integers(2, 6)) for _ in range(layers - 1)), outputs)
    given, inside = choose(
        (("float64", "float64"), ("float32", "float32"), ("float32", "float64"), ("float64", "float32"))
    )
    return Style(
        sizes, activation, loss, bias, int(rng.integers(4)), int(rng.integers(4)), bool(rng.integers(4)),
        choose(SUMMATION), choose(AVERAGING), container, bool(rng.integers(2)), given, inside, bool(rng.integers(2)),
    )  # fmt: skip


def drawn_point(style: Style, scale: float, kink: bool, rng: np.random.Generator) -> dict[str, Array]:
    """A point with weights of that scale; at a kink, biases are zero and so is one sample."""
    n = int(rng.integers(2, 9))
    point = {"X": rng.normal(size=(n, style.sizes[0]))}
    match style.loss:
        case "cross_entropy":
            point["y"] = np.eye(style.sizes[-1])[rng.integers(style.sizes[-1], size=n)]
        case "binary_cross_entropy":
            point["y"] = rng.integers(2, size=(n, 1)).astype(float)
        case _:
            point["y"] = rng.normal(size=(n, style.sizes[-1]))
    for k, (inputs, outputs) in enumerate(zip(style.sizes[:-1], style.sizes[1:], strict=True), start=1):
        point[f"W_{k}"] = scale * rng.normal(size=(inputs, outputs))
        if style.bias:
            point[f"b_{k}"] = np.zeros((1, outputs)) if kink else rng.normal(size=(1, outputs))
    if kink:
        point["X"][0] = 0
    return point
