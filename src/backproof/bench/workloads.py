"""What is trained: networks, batches, data and initial weights, the same for every peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backproof.errors import SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.networks import mlp
from backproof.rules.elementwise import HALF
from backproof.rules.initialisation import drawn_parameters
from backproof.rules.losses import Loss, mean

HALF_MEAN = Loss(
    "half_mean_squared_error", lambda p, y, n: mean(HALF * (y - p) ** 2), label="half the mean squared error"
)
"""The loss of scikit-learn's regressor, so that it can be compared."""
RATES = {"sgd": 0.01, "adam": 0.001}


@dataclass(frozen=True, slots=True)
class Workload:
    """Steps of one optimiser on one network, where an epoch is ``steps`` batches in order.

    Example:
        >>> WORKLOADS["20-64-64-1-relu-sgd"].flops
        962560
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int
    activation: str = "relu"
    output: str = "identity"
    optimizer: str = "sgd"
    bias: bool = True
    heavy: bool = False

    @property
    def classifies(self) -> bool:
        """Whether the loss is the cross-entropy of a softmax."""
        return self.output == "softmax"

    @property
    def rate(self) -> float:
        """The learning rate."""
        return RATES[self.optimizer]

    @property
    def flops(self) -> int:
        """Those of the matrix products of a step: forward, ∂W, and ∂X in all layers but the first."""
        products = [2 * self.batch * a * b for a, b in pairwise(self.sizes)]
        return 3 * sum(products) - products[0]

    def program(self) -> Program:
        """The network with its loss."""
        return mlp(
            *self.sizes,
            activation=self.activation,
            output_activation=None if self.classifies else self.output,
            bias=self.bias,
            loss="cross_entropy" if self.classifies else HALF_MEAN,
        )

    def data(self) -> tuple[Array, Array]:
        """X and y of an epoch in float32; the seed's single example is repeated."""
        rng = np.random.default_rng(7)
        inputs, outputs = self.sizes[0], self.sizes[-1]
        if self.batch == 1:
            return np.tile(np.array([0, 0, 1], np.float32), (self.steps, 1)), np.zeros((self.steps, 1), np.float32)
        X = rng.standard_normal((self.steps * self.batch, inputs)).astype(np.float32)
        scores = X @ rng.standard_normal((inputs, outputs)).astype(np.float32) / np.float32(inputs**0.5)
        y = np.eye(outputs)[np.argmax(scores, axis=1)] if self.classifies else np.sin(scores)
        return X, np.ascontiguousarray(y, np.float32)

    def start(self) -> dict[str, Array]:
        """The initial weights in float32."""
        return {id: value.astype(np.float32) for id, value in drawn_parameters(self.program(), 0).items()}


def _both(name: str, workload: Workload) -> Iterable[Workload]:
    for rule in RATES:
        yield Workload(
            f"{name}-{rule}",
            workload.sizes,
            workload.batch,
            workload.steps,
            workload.activation,
            workload.output,
            rule,
            workload.bias,
            workload.heavy,
        )


_NETWORKS = {
    "seed": Workload("", (3, 2, 1), 1, 1000, "sigmoid", "sigmoid", bias=False),
    "20-64-64-1-relu": Workload("", (20, 64, 64, 1), 32, 64),
    "20-64-64-1-tanh": Workload("", (20, 64, 64, 1), 32, 64, "tanh"),
    "10-32-32-1": Workload("", (10, 32, 32, 1), 16, 64),
    "784-128-10": Workload("", (784, 128, 10), 64, 16, "relu", "softmax"),
    "784-1024-1024-10": Workload("", (784, 1024, 1024, 10), 512, 2, "relu", "softmax", heavy=True),
}
WORKLOADS: Mapping[str, Workload] = {w.name: w for name, base in _NETWORKS.items() for w in _both(name, base)}
"""By name; each network with SGD and with Adam."""


def chosen(names: Sequence[str], quick: bool = False) -> list[Workload]:
    """The workloads of these names, a network's name standing for both of its own; all where none is named.

    Raises:
        SpecificationError: an unknown name.

    Example:
        >>> [workload.name for workload in chosen(["seed", "10-32-32-1-adam"])]
        ['seed-sgd', 'seed-adam', '10-32-32-1-adam']
    """
    if not names:
        return [workload for workload in WORKLOADS.values() if not (quick and workload.heavy)]
    found: dict[str, Workload] = {}
    for name in names:
        if name not in WORKLOADS and name not in _NETWORKS:
            raise SpecificationError(f"unknown workload {name!r}; {suggestion(name, [*_NETWORKS, *WORKLOADS])}")
        wanted = [name] if name in WORKLOADS else [f"{name}-{rule}" for rule in RATES]
        found |= {key: WORKLOADS[key] for key in wanted}
    return list(found.values())
