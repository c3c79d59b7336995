"""Gradient functions with a fault each, written by hand as people write them; what the fault is, for tests and figures.

They were not made from the mutants of a derivation: whether those explain them is the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import backproof as bp
from backproof.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
Values = Mapping[str, Array]
Gradients = dict[str, Array]
Function = Callable[[Values], Gradients]


@dataclass(frozen=True, slots=True)
class Faulty:
    """A gradient function with a fault.

    Args:
        name: what the fault is, in a few words.
        net: the network that it is meant for.
        function: the gradients by parameter, from inputs and parameters.
        kinds: the kinds that name the fault rightly.
        equations: the equations that it is in; where two are right, either.
    """

    name: str
    net: Program
    function: Function
    kinds: tuple[str, ...]
    equations: tuple[str, ...]


CASES: list[Faulty] = []


def faulty(net: Program, kinds: str, equations: str) -> Callable[[Function], Function]:
    """Register a function: its kinds and its equations, each separated by blanks."""

    def register(function: Function) -> Function:
        name = function.__name__.strip("_").replace("_", " ")
        CASES.append(Faulty(name, net, function, tuple(kinds.split()), tuple(equations.split())))
        return function

    return register


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


# --- the seed's kind of network: sigmoid, no bias, half of the squared error ---------------------------------------

SEED = bp.mlp(3, 4, 1)


def layers(v: Values) -> tuple[Array, Array, Array, Array, Array, Array]:
    l1 = sigmoid(v["X"] @ v["W_1"])
    return v["X"], v["y"], v["W_1"], v["W_2"], l1, sigmoid(l1 @ v["W_2"])


@faulty(SEED, "derivative-missing", "delta_1")
def no_derivative_in_the_hidden_layer(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    d1 = np.dot(d2, W2.T)
    return {"W_1": X.T.dot(d1), "W_2": l1.T.dot(d2)}


@faulty(SEED, "derivative-missing", "delta_2")
def no_derivative_in_the_output_layer(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = out - y
    d1 = d2.dot(W2.T) * l1 * (1 - l1)
    return {"W_1": X.T.dot(d1), "W_2": l1.T.dot(d2)}


@faulty(SEED, "output-error", "delta_1")
def output_error_used_in_the_hidden_layer(v: Values) -> Gradients:
    X, y, _, _, l1, out = layers(v)
    error = out - y
    d2 = error * out * (1 - out)
    d1 = error * (l1 * (1 - l1))
    return {"W_1": X.T @ d1, "W_2": l1.T @ d2}


@faulty(SEED, "output-error error-without-derivative", "delta_1")
def error_sent_back_without_the_derivative(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    error = out - y
    g2 = l1.T @ (error * out * (1 - out))
    hidden_error = error @ W2.T
    return {"W_1": X.T @ (hidden_error * l1 * (1 - l1)), "W_2": g2}


@faulty(SEED, "sign error-reversed", "delta_2")
def minus_lost_in_the_error(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (y - out) * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "sign", "grad_W_2")
def one_gradient_negated(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": -l1.T @ d2}


@faulty(SEED, "stray-factor", "delta_2")
def derivative_of_the_square_kept_its_two(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = 2 * (out - y) * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "stray-factor", "grad_W_1")
def four_over_m(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    d1 = d2 @ W2.T * l1 * (1 - l1)
    return {"W_1": 4 / len(X) * (X.T @ d1), "W_2": l1.T @ d2}


@faulty(SEED, "mean-for-sum average-doubled", "delta_2")
def averaged_though_the_loss_sums(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    d1 = d2 @ W2.T * l1 * (1 - l1)
    return {"W_1": X.T @ d1 / len(X), "W_2": l1.T @ d2 / len(X)}


@faulty(SEED, "derivative-of-wrong-variable argument-for-activation", "delta_1")
def derivative_of_the_argument_as_if_of_the_output(v: Values) -> Gradients:
    X, y, W1, W2, l1, out = layers(v)
    z1 = X @ W1
    d2 = (out - y) * out * (1 - out)
    d1 = d2 @ W2.T * (z1 * (1 - z1))
    return {"W_1": X.T @ d1, "W_2": l1.T @ d2}


@faulty(SEED, "derivative-of-wrong-variable", "delta_1")
def sigmoid_taken_twice_in_the_derivative(v: Values) -> Gradients:
    def sigmoid_prime(z: Array) -> Array:
        return np.asarray(sigmoid(z) * (1 - sigmoid(z)))

    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ ((d2 @ W2.T) * sigmoid_prime(l1)), "W_2": l1.T @ d2}


@faulty(SEED, "derivative-of-other-function", "delta_1")
def derivative_of_tanh_for_sigmoid(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ ((d2 @ W2.T) * (1 - l1**2)), "W_2": l1.T @ d2}


@faulty(SEED, "derivative-twice", "delta_2")
def derivative_of_the_output_twice(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    slope = out * (1 - out)
    d2 = (out - y) * slope * slope
    return {"W_1": X.T @ ((d2 @ W2.T) * (l1 - l1**2)), "W_2": l1.T @ d2}


@faulty(SEED, "factor-missing", "delta_1")
def half_of_the_derivative(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ ((d2 @ W2.T) * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "weight-for-activation", "grad_W_2")
def weight_where_the_activation_belongs(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    g1, g2 = np.zeros((3, 4)), np.zeros((4, 1))
    for k in range(len(X)):
        d2 = (out[k] - y[k]) * out[k] * (1 - out[k])
        g2 += d2 * W2
        g1 += np.outer(X[k], d2 * W2[:, 0] * l1[k] * (1 - l1[k]))
    return {"W_1": g1, "W_2": g2}


@faulty(SEED, "one-sample", "delta_2")
def loop_that_overwrites(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    for k in range(len(X)):
        d2 = (out[k] - y[k]) * out[k] * (1 - out[k])
        g2 = l1[k][:, None] * d2
        g1 = np.outer(X[k], W2[:, 0] * d2 * l1[k] * (1 - l1[k]))
    return {"W_1": g1, "W_2": g2}


@faulty(SEED, "broadcast", "delta_2")
def targets_without_their_second_axis(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    flat = y.ravel()
    error = (out - flat).sum(axis=1, keepdims=True)
    d2 = error * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "broadcast", "delta_2")
def targets_without_their_second_axis_averaged(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    error = (out - y[:, 0]).mean(axis=1)[:, None]
    d2 = error * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "activation-left-out function-missing", "y_hat")
def linear_output_in_the_gradient_function(v: Values) -> Gradients:
    X, y, _, W2, l1, _ = layers(v)
    out = l1 @ W2
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * l1 * (1 - l1)), "W_2": l1.T @ d2}


@faulty(SEED, "other-activation", "l_1")
def tanh_in_the_gradient_function(v: Values) -> Gradients:
    X, y, W1, W2, _, _ = layers(v)
    l1 = np.tanh(X @ W1)
    out = sigmoid(l1 @ W2)
    d2 = (out - y) * out * (1 - out)
    return {"W_1": X.T @ (d2 @ W2.T * (1 - l1**2)), "W_2": l1.T @ d2}


@faulty(SEED, "entry-off", "grad_W_1")
def one_entry_off_by_a_per_cent(v: Values) -> Gradients:
    X, y, _, W2, l1, out = layers(v)
    d2 = (out - y) * out * (1 - out)
    g1 = X.T @ (d2 @ W2.T * l1 * (1 - l1))
    g1[2, 1] *= 1.01
    return {"W_1": g1, "W_2": l1.T @ d2}


@faulty(SEED, "zero", "grad_W_1")
def a_gradient_never_filled(v: Values) -> Gradients:
    _, y, W1, W2, l1, out = layers(v)
    grads = {"W_1": np.zeros_like(W1), "W_2": np.zeros_like(W2)}
    grads["W_2"] += l1.T @ ((out - y) * out * (1 - out))
    return grads


# --- a square network: what has equal shapes can be exchanged without an error -------------------------------------

SQUARE = bp.mlp(3, 3, 3, activation="tanh", bias=True, loss="mean_squared_error")


def square(v: Values) -> tuple[Array, Array, Array, Array]:
    h = np.tanh(v["X"] @ v["W_1"] + v["b_1"])
    p = np.tanh(h @ v["W_2"] + v["b_2"])
    dp = 2 * (p - v["y"]) / p.size * (1 - p * p)
    return h, p, dp, dp @ v["W_2"].T * (1 - h * h)


def gradients(v: Values, h: Array, dp: Array, dh: Array) -> Gradients:
    return {
        "W_1": v["X"].T @ dh,
        "b_1": dh.sum(axis=0, keepdims=True),
        "W_2": h.T @ dp,
        "b_2": dp.sum(axis=0, keepdims=True),
    }


@faulty(SQUARE, "transposed factors-swapped", "grad_W_2")
def transposed_gradient(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"W_2": np.einsum("ni,nj->ij", dp, h)}


@faulty(SQUARE, "transpose-missing", "delta_1")
def weights_not_transposed(v: Values) -> Gradients:
    h, _, dp, _ = square(v)
    dh = dp @ v["W_2"] * (1 - h * h)
    return gradients(v, h, dp, dh)


@faulty(SQUARE, "wrong-weight", "delta_1")
def weights_of_the_wrong_layer(v: Values) -> Gradients:
    h, _, dp, _ = square(v)
    return gradients(v, h, dp, dp @ v["W_1"].T * (1 - h * h))


@faulty(SQUARE, "wrong-activation", "grad_W_2")
def input_where_the_hidden_layer_belongs(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"W_2": v["X"].T @ dp}


@faulty(SQUARE, "wrong-activation", "grad_W_2")
def output_where_the_hidden_layer_belongs(v: Values) -> Gradients:
    h, p, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"W_2": p.T @ dp}


@faulty(SQUARE, "wrong-delta", "grad_W_1")
def delta_of_the_wrong_layer(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"W_1": v["X"].T @ dp}


@faulty(SQUARE, "gradients-swapped", "grad_W_1 grad_W_2")
def gradients_exchanged(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    g = gradients(v, h, dp, dh)
    return g | {"W_1": g["W_2"], "W_2": g["W_1"]}


@faulty(SQUARE, "sum-for-mean stray-factor", "delta_2")
def summed_though_the_loss_averages(v: Values) -> Gradients:
    h, p, _, _ = square(v)
    dp = 2 * (p - v["y"]) * (1 - p**2)
    return gradients(v, h, dp, dp @ v["W_2"].T * (1 - h**2))


@faulty(SQUARE, "average-doubled", "delta_2")
def averaged_twice(v: Values) -> Gradients:
    h, p, dp, dh = square(v)
    return {id: g / len(p) for id, g in gradients(v, h, dp, dh).items()}


@faulty(SQUARE, "stray-factor", "delta_2")
def two_of_the_square_forgotten(v: Values) -> Gradients:
    h, p, _, _ = square(v)
    dp = (p - v["y"]) / p.size * (1 - p**2)
    return gradients(v, h, dp, dp @ v["W_2"].T * (1 - h**2))


@faulty(SQUARE, "bias-total", "grad_b_1")
def bias_gradient_is_the_total(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"b_1": np.full((1, 3), dh.sum())}


@faulty(SQUARE, "bias-averaged average-doubled", "grad_b_2")
def bias_gradient_is_a_mean(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"b_2": dp.mean(axis=0, keepdims=True)}


@faulty(SQUARE, "bias-times-input", "grad_b_1")
def bias_gradient_times_the_input(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"b_1": (v["X"].T @ dh).sum(axis=0, keepdims=True)}


@faulty(SQUARE, "one-sample", "grad_b_2")
def bias_gradient_of_one_sample(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"b_2": dp[:1]}


@faulty(SQUARE, "gradient-of-other wrong-delta", "grad_b_1")
def bias_gradient_of_the_other_layer(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    return gradients(v, h, dp, dh) | {"b_1": dp.sum(axis=0, keepdims=True)}


@faulty(SQUARE, "power-missing", "delta_1")
def square_forgotten_in_the_derivative_of_tanh(v: Values) -> Gradients:
    h, _, dp, _ = square(v)
    return gradients(v, h, dp, dp @ v["W_2"].T * (1 - h))


@faulty(SQUARE, "term-sign", "delta_1")
def plus_in_the_derivative_of_tanh(v: Values) -> Gradients:
    h, _, dp, _ = square(v)
    return gradients(v, h, dp, dp @ v["W_2"].T * (1 + h**2))


@faulty(SQUARE, "bias-left-out", "l_1")
def bias_forgotten_in_the_gradient_function(v: Values) -> Gradients:
    h = np.tanh(v["X"] @ v["W_1"])
    p = np.tanh(h @ v["W_2"] + v["b_2"])
    dp = 2 * (p - v["y"]) / p.size * (1 - p**2)
    return gradients(v, h, dp, dp @ v["W_2"].T * (1 - h**2))


@faulty(SQUARE, "argument-for-activation", "grad_W_2")
def argument_where_the_output_belongs(v: Values) -> Gradients:
    h, _, dp, dh = square(v)
    z = v["X"] @ v["W_1"] + v["b_1"]
    return gradients(v, h, dp, dh) | {"W_2": z.T @ dp}


# --- a penalty on the weights ---------------------------------------------------------------------------------------

DECAYED = bp.mlp(
    4, 5, 2, activation="relu", output_activation="identity", bias=True, loss="mean_squared_error", penalty=0.1
)


def decayed(v: Values) -> tuple[Array, Array, Array]:
    h = np.maximum(v["X"] @ v["W_1"] + v["b_1"], 0)
    dp = 2 / v["y"].size * (h @ v["W_2"] + v["b_2"] - v["y"])
    return h, dp, dp @ v["W_2"].T * (h > 0)


def with_penalty(v: Values, h: Array, dp: Array, dh: Array, first: float = 0.1, second: float = 0.1) -> Gradients:
    g = gradients(v, h, dp, dh)
    return g | {"W_1": g["W_1"] + first * v["W_1"], "W_2": g["W_2"] + second * v["W_2"]}


@faulty(DECAYED, "penalty-missing", "grad_W_1")
def penalty_forgotten_in_one_layer(v: Values) -> Gradients:
    return with_penalty(v, *decayed(v), first=0.0)


@faulty(DECAYED, "penalty-averaged", "grad_W_2")
def penalty_averaged(v: Values) -> Gradients:
    return with_penalty(v, *decayed(v), second=0.1 / len(v["X"]))


@faulty(DECAYED, "penalty-scaled", "grad_W_2")
def penalty_with_two_lambda(v: Values) -> Gradients:
    return with_penalty(v, *decayed(v), second=0.2)


@faulty(DECAYED, "term-sign", "grad_W_1")
def penalty_subtracted(v: Values) -> Gradients:
    return with_penalty(v, *decayed(v), first=-0.1)


@faulty(DECAYED, "penalty-added", "grad_b_2")
def penalty_on_a_bias(v: Values) -> Gradients:
    g = with_penalty(v, *decayed(v))
    return g | {"b_2": g["b_2"] + 0.1 * v["b_2"]}


@faulty(DECAYED, "derivative-missing", "delta_1")
def relu_mask_forgotten(v: Values) -> Gradients:
    h, dp, _ = decayed(v)
    return with_penalty(v, h, dp, dp @ v["W_2"].T)


@faulty(DECAYED, "derivative-of-wrong-variable", "delta_1")
def relu_mask_of_the_error(v: Values) -> Gradients:
    h, dp, _ = decayed(v)
    dh = dp @ v["W_2"].T
    dh[dh <= 0] = 0
    return with_penalty(v, h, dp, dh)


@faulty(DECAYED, "mask-reversed", "delta_1")
def relu_mask_reversed(v: Values) -> Gradients:
    h, dp, _ = decayed(v)
    dh = dp @ v["W_2"].T
    return with_penalty(v, h, dp, np.where(h > 0, 0, dh) if (h > 0).any() else dh)


# --- softmax ---------------------------------------------------------------------------------------------------------

CLASSES = bp.mlp(4, 5, 3, activation="relu", bias=True, loss="cross_entropy")


def classes(v: Values) -> tuple[Array, Array]:
    h = np.maximum(v["X"] @ v["W_1"] + v["b_1"], 0)
    return h, softmax(h @ v["W_2"] + v["b_2"])


@faulty(CLASSES, "derivative-twice factor-doubled", "delta_2")
def sigmoid_derivative_after_softmax(v: Values) -> Gradients:
    h, p = classes(v)
    dp = (p - v["y"]) * p * (1 - p) / len(p)
    return gradients(v, h, dp, dp @ v["W_2"].T * (h > 0))


@faulty(CLASSES, "sum-for-mean", "delta_2")
def cross_entropy_summed(v: Values) -> Gradients:
    h, p = classes(v)
    dp = p - v["y"]
    return gradients(v, h, dp, dp @ v["W_2"].T * (h > 0))


@faulty(CLASSES, "wrong-axis forward-differs", "y_hat")
def softmax_over_the_samples(v: Values) -> Gradients:
    h, _ = classes(v)
    z = h @ v["W_2"] + v["b_2"]
    p = np.exp(z) / np.exp(z).sum(axis=0)
    dp = (p - v["y"]) / len(p)
    return gradients(v, h, dp, dp @ v["W_2"].T * (h > 0))


@faulty(CLASSES, "term-missing", "delta_2")
def targets_never_subtracted(v: Values) -> Gradients:
    h, p = classes(v)
    dp = p / len(p)
    return gradients(v, h, dp, dp @ v["W_2"].T * (h > 0))


JACOBIAN = bp.mlp(3, 4, 3, output_activation="softmax")


@faulty(JACOBIAN, "softmax-dot-term", "delta_2")
def softmax_jacobian_without_its_dot_term(v: Values) -> Gradients:
    h = sigmoid(v["X"] @ v["W_1"])
    p = softmax(h @ v["W_2"])
    dz = p * (p - v["y"])
    return {"W_1": v["X"].T @ (dz @ v["W_2"].T * h * (1 - h)), "W_2": h.T @ dz}


@faulty(JACOBIAN, "softmax-as-sigmoid", "delta_2")
def softmax_differentiated_like_sigmoid(v: Values) -> Gradients:
    h = sigmoid(v["X"] @ v["W_1"])
    p = softmax(h @ v["W_2"])
    dz = p * (1 - p) * (p - v["y"])
    return {"W_1": v["X"].T @ (dz @ v["W_2"].T * h * (1 - h)), "W_2": h.T @ dz}


# --- samples in columns, three layers -------------------------------------------------------------------------------

COLUMNS = bp.mlp(3, 4, 4, 1, activation="tanh", bias=True, loss="binary_cross_entropy", samples="columns")


def columns(v: Values) -> tuple[Array, Array, Array]:
    A1 = np.tanh(v["W_1"] @ v["X"] + v["b_1"])
    A2 = np.tanh(v["W_2"] @ A1 + v["b_2"])
    return A1, A2, sigmoid(v["W_3"] @ A2 + v["b_3"])


def of_columns(v: Values, A1: Array, A2: Array, dZ1: Array, dZ2: Array, dZ3: Array) -> Gradients:
    m = v["X"].shape[1]
    return {
        "W_1": dZ1 @ v["X"].T / m, "b_1": dZ1.sum(axis=1, keepdims=True) / m,
        "W_2": dZ2 @ A1.T / m, "b_2": dZ2.sum(axis=1, keepdims=True) / m,
        "W_3": dZ3 @ A2.T / m, "b_3": dZ3.sum(axis=1, keepdims=True) / m,
    }  # fmt: skip


@faulty(COLUMNS, "wrong-delta output-error", "delta_1")
def delta_of_the_layer_after_next(v: Values) -> Gradients:
    A1, A2, A3 = columns(v)
    dZ3 = A3 - v["y"]
    dZ2 = v["W_3"].T @ dZ3 * (1 - A2**2)
    dZ1 = v["W_3"].T @ dZ3 * (1 - A1**2)
    return of_columns(v, A1, A2, dZ1, dZ2, dZ3)


@faulty(COLUMNS, "derivative-of-wrong-variable wrong-activation", "delta_2")
def derivative_of_the_layer_below(v: Values) -> Gradients:
    A1, A2, A3 = columns(v)
    dZ3 = A3 - v["y"]
    dZ2 = v["W_3"].T @ dZ3 * (1 - np.power(A1, 2))
    dZ1 = v["W_2"].T @ dZ2 * (1 - np.power(A1, 2))
    return of_columns(v, A1, A2, dZ1, dZ2, dZ3)


@faulty(COLUMNS, "derivative-twice", "delta_3")
def sigmoid_derivative_after_cross_entropy(v: Values) -> Gradients:
    A1, A2, A3 = columns(v)
    dZ3 = (A3 - v["y"]) * A3 * (1 - A3)
    dZ2 = v["W_3"].T @ dZ3 * (1 - A2**2)
    dZ1 = v["W_2"].T @ dZ2 * (1 - A1**2)
    return of_columns(v, A1, A2, dZ1, dZ2, dZ3)


@faulty(COLUMNS, "stray-factor sum-for-mean", "grad_b_2")
def one_bias_not_averaged(v: Values) -> Gradients:
    A1, A2, A3 = columns(v)
    dZ3 = A3 - v["y"]
    dZ2 = v["W_3"].T @ dZ3 * (1 - A2**2)
    dZ1 = v["W_2"].T @ dZ2 * (1 - A1**2)
    return of_columns(v, A1, A2, dZ1, dZ2, dZ3) | {"b_2": dZ2.sum(axis=1, keepdims=True)}
