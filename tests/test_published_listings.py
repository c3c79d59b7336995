"""Acceptance: the classic published listing, transcribed here in plain NumPy, gives the same losses as ``train``.

Source: A. Trask, A neural network in 11 lines of Python, parts 1 and 2 (2015): four examples, a 3-4-1 network of
sigmoids, ``numpy.random.seed(1)``, learning rates from 0.001 to 1000. The listing follows the gradient of the half
squared error, ½ Σ (ŷ − y)².

Losses are compared step by step along the whole trajectory. At the rate 100 the training itself is unstable between
the steps 30 and 60: there a difference in the last bit grows many millionfold, the listing's own losses are right to
eight digits only, and both are compared with 50-digit arithmetic instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
import pytest

from backproof.networks import mlp
from backproof.training import train
from samples import Array

RATES = (0.001, 0.01, 0.1, 1, 10, 100, 1000)
UNSTABLE = 100
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = np.array([[0], [1], [1], [0]])
ITERATIONS = 1000


@dataclass(frozen=True)
class Run:
    """The losses before each update, and the weights then."""

    losses: Array
    weights: list[tuple[Array, Array]]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def sigmoid_output_to_derivative(output: Array) -> Array:
    return np.asarray(output * (1 - output))


@cache
def listing(alpha: float) -> Run:
    # The listing itself says numpy.random.seed(1) and numpy.random.random.
    random = np.random.RandomState(1)
    synapse_0 = 2 * random.random_sample((3, 4)) - 1
    synapse_1 = 2 * random.random_sample((4, 1)) - 1
    losses, weights = [], []
    with np.errstate(over="ignore"):
        for _ in range(ITERATIONS):
            weights.append((synapse_0, synapse_1))
            layer_0 = X
            layer_1 = sigmoid(np.dot(layer_0, synapse_0))
            layer_2 = sigmoid(np.dot(layer_1, synapse_1))
            layer_2_error = layer_2 - y
            losses.append(0.5 * np.sum(layer_2_error**2))
            layer_2_delta = layer_2_error * sigmoid_output_to_derivative(layer_2)
            layer_1_error = layer_2_delta.dot(synapse_1.T)
            layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)
            synapse_1 = synapse_1 - alpha * (layer_1.T.dot(layer_2_delta))
            synapse_0 = synapse_0 - alpha * (layer_0.T.dot(layer_1_delta))
    return Run(np.array(losses), weights)


def trained(alpha: float, start: tuple[Array, Array], epochs: int) -> Array:
    params = {"W_1": start[0], "W_2": start[1]}
    result = train(mlp(3, 4, 1), X, y, params, learning_rate=alpha, epochs=epochs, progress=False)
    return np.array([*(epoch.loss for epoch in result.history), result.loss])


@pytest.mark.parametrize("alpha", [rate for rate in RATES if rate != UNSTABLE])
def test_the_same_losses_along_the_whole_trajectory(alpha: float) -> None:
    run = listing(alpha)
    ours = trained(alpha, run.weights[0], ITERATIONS)[:-1]
    assert np.max(np.abs(ours - run.losses) / run.losses) <= 1e-12


@pytest.mark.parametrize("alpha", RATES)
def test_the_same_loss_after_each_single_step(alpha: float) -> None:
    """From every state that the listing passes through: what instability adds up over many steps is left out."""
    run = listing(alpha)
    for step in range(0, ITERATIONS - 1, 37):
        after = trained(alpha, run.weights[step], 1)[-1]
        assert after == pytest.approx(run.losses[step + 1], rel=1e-12, abs=0)


def test_where_training_is_unstable_both_stay_near_the_truth() -> None:
    run = listing(UNSTABLE)
    true = fifty_digits(UNSTABLE, run.weights[0], 100)
    for losses in (trained(UNSTABLE, run.weights[0], 100)[:-1], run.losses[:100]):
        error = np.abs(losses - true) / true
        assert error[:30].max() <= 1e-12
        assert error.max() <= 1e-5


def fifty_digits(alpha: float, start: tuple[Array, Array], iterations: int) -> Array:
    """The listing once more, in 50-digit arithmetic and entry by entry."""
    context = mpmath.mp.clone()
    context.dps = 50
    W_1, W_2 = ([[context.mpf(float(entry)) for entry in row] for row in weights] for weights in start)
    rate = context.mpf(alpha)
    losses = []
    for _ in range(iterations):
        grad_1 = [[context.mpf(0)] * 4 for _ in range(3)]
        grad_2 = [context.mpf(0)] * 4
        loss = context.mpf(0)
        for x, (target,) in zip(X.tolist(), y.tolist(), strict=True):
            hidden = [logistic(context, sum(x[i] * W_1[i][j] for i in range(3))) for j in range(4)]
            output = logistic(context, sum(hidden[j] * W_2[j][0] for j in range(4)))
            error = output - target
            loss += error**2 / 2
            delta_2 = error * output * (1 - output)
            for j in range(4):
                grad_2[j] += hidden[j] * delta_2
                delta_1 = delta_2 * W_2[j][0] * hidden[j] * (1 - hidden[j])
                for i in range(3):
                    grad_1[i][j] += x[i] * delta_1
        losses.append(float(loss))
        W_1 = [[W_1[i][j] - rate * grad_1[i][j] for j in range(4)] for i in range(3)]
        W_2 = [[W_2[j][0] - rate * grad_2[j]] for j in range(4)]
    return np.array(losses)


def logistic(context: mpmath.ctx_mp.MPContext, z: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + context.exp(-z))
