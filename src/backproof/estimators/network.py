"""The network of an estimator as a value: derived once for all estimators that have the same one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.estimators.names import EACH, ONE_OF_MANY, REGRESSION, Losses, loss_of
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Function
from backproof.kernels.automatic import can_compile
from backproof.kernels.cost import earns_compile, work_of
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.networks import mlp
from backproof.rules.initialisation import drawn_parameters
from backproof.rules.losses import Loss
from backproof.training.predict import needed_for

REMEMBERED = 128
"""Networks whose derivation is kept."""
FITS = 5
"""Trainings of one network that its machine code is expected to serve: compiled once, it is kept on disk."""
PART = 4096
"""Samples that are predicted at once: what lies between stays in a cache."""
Kind = Literal["regression", "one of many", "each"]
TABLES: Mapping[Kind, Losses] = {"regression": REGRESSION, "one of many": ONE_OF_MANY, "each": EACH}


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that decides about the equations.

    Args:
        sizes: units of each layer, from the input to the output.
        activations: of the hidden layers.
        output: of the last layer; None where the loss says it.
        kind: what is predicted, which says what losses there are.
        loss: by name, or itself.
        penalty, penalty_l1: λ of the penalties.
        normalization, dropout: of the hidden layers.
        weighted: whether samples have weights.
    """

    sizes: tuple[int, ...]
    activations: tuple[str | Function, ...]
    output: str | Function | None
    kind: Kind
    loss: str | Loss
    penalty: float
    penalty_l1: float
    normalization: str | None
    dropout: float
    weighted: bool


@lru_cache(REMEMBERED)
def derived(network: Network) -> Trace:
    """The derivation of a network."""
    loss = loss_of(network.loss, TABLES[network.kind])
    output = None if loss.output is not None else network.output
    program = mlp(
        *network.sizes,
        activation=[*network.activations, *([] if network.activations else ["identity"])],
        output_activation=output,
        bias=True,
        loss=loss,
        penalty=network.penalty or None,
        penalty_l1=network.penalty_l1 or None,
        normalization=network.normalization,
        dropout=network.dropout or None,
        weighted=network.weighted,
    )
    return backpropagate(program)


def starting(network: Network, seed: int, method: str | None) -> dict[str, Array]:
    """Where the parameters start: weights by the method, biases uniformly within Glorot's bound.

    Biases that are not zero put the kinks of the units at different places, as scikit-learn does.
    """
    program = derived(network).program
    found, random = drawn_parameters(program, seed, method), np.random.default_rng([seed, 3])
    for layer in program.structure.layers if program.structure is not None else ():
        if layer.bias is not None:
            bound = math.sqrt(6 / (layer.inputs + layer.outputs))
            found[layer.bias] = random.uniform(-bound, bound, (1, layer.outputs))
    return found


@lru_cache(REMEMBERED)
def forward(network: Network, dtype: str) -> NumpyEquations:
    """The equations of the prediction, ready to be computed."""
    program = derived(network).program
    return NumpyEquations(needed_for(program.predicting, "y_hat"), dtype)


@lru_cache(REMEMBERED)
def pays_compile(network: Network, batch: int, steps: int, calls: int, dtype: str) -> bool:
    """Whether machine code pays where the same network is fitted ``FITS`` times, as by folds and searches."""
    work = work_of(derived(network).joint.equations, {"n": batch})
    return can_compile() and earns_compile(FITS * steps, work, dtype, functions=2, calls=FITS * calls)


def predicted(network: Network, parameters: Mapping[str, Array], X: Array) -> Array:
    """ŷ of each sample, part by part.

    Raises:
        NonFiniteError: it is NaN or infinite.
    """
    equations = forward(network, X.dtype.name)
    found = np.empty((len(X), network.sizes[-1]), X.dtype)
    for start in range(0, len(X), PART):
        part = X[start : start + PART]
        found[start : start + PART] = equations({"X": part, **parameters}, {"n": len(part)})["y_hat"]
    return found
