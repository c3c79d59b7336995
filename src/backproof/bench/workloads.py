"""What is trained: networks, batches, data and initial weights, the same for every peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
APART = 0.25
"""The scale of the classes' centres beside that of the noise in each input."""
HELD_OUT = 512
"""Samples of the held-out set."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Steps of one optimiser on one network, where an epoch is ``steps`` batches in order.

    Args:
        name: as people call it.
        sizes: units of each layer, the inputs first.
        batch: samples in a step.
        steps: in an epoch.
        activation: of the hidden layers.
        output: activation of the last layer; ``softmax`` for classes.
        optimizer: a key of ``RATES``.
        bias: whether layers have biases.
        heavy: left out where a quick look is wanted.
        copies: networks that train at once, on the same data, each from its own weights.
        first_seed: of the weights of the first network.
        goal: the held-out loss to which the time is taken; None where there is nothing to hold out.
        example: the data are one example again and again.
        own_rate: the learning rate, where it is not that of the optimiser.

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
    copies: int = 1
    first_seed: int = 0
    goal: float | None = None
    example: bool = False
    own_rate: float | None = None

    @property
    def classifies(self) -> bool:
        """Whether the loss is the cross-entropy of a softmax."""
        return self.output == "softmax"

    @property
    def rate(self) -> float:
        """The learning rate."""
        return RATES[self.optimizer] if self.own_rate is None else self.own_rate

    @property
    def flops(self) -> int:
        """Those of the matrix products of a step: forward, ∂W, and ∂X in all layers but the first."""
        products = [2 * self.batch * a * b for a, b in pairwise(self.sizes)]
        return self.copies * (3 * sum(products) - products[0])

    @property
    def values(self) -> int:
        """Numbers that a step touches: weights, their gradients, and each layer's values and derivatives."""
        weights = sum(a * b + b for a, b in pairwise(self.sizes))
        return self.copies * (2 * weights + 2 * self.batch * sum(self.sizes))

    def program(self) -> Program:
        """One network with its loss."""
        return mlp(
            *self.sizes,
            activation=self.activation,
            output_activation=None if self.classifies else self.output,
            bias=self.bias,
            loss="cross_entropy" if self.classifies else HALF_MEAN,
        )

    def data(self) -> tuple[Array, Array]:
        """X and y of an epoch in float32."""
        if self.example:
            return np.tile(np.array([0, 0, 1], np.float32), (self.steps, 1)), np.zeros((self.steps, 1), np.float32)
        return self._drawn(self.steps * self.batch, 0)

    def held_out(self) -> tuple[Array, Array]:
        """X and y that nobody trains on, by the same rule."""
        return self._drawn(HELD_OUT, 1)

    def _drawn(self, samples: int, part: int) -> tuple[Array, Array]:
        inputs, outputs = self.sizes[0], self.sizes[-1]
        rule = np.random.default_rng(7).standard_normal((inputs, outputs)).astype(np.float32)
        rng = np.random.default_rng([7, part])
        X = rng.standard_normal((samples, inputs)).astype(np.float32)
        if self.classifies:  # a cloud of points for each class, far enough apart to be learnt
            labels = rng.integers(outputs, size=samples)
            return X + np.float32(APART) * rule.T[labels], np.eye(outputs, dtype=np.float32)[labels]
        return X, np.sin(X @ rule / np.float32(inputs**0.5))

    def networks(self) -> list[Workload]:
        """Each network as a workload of its own."""
        return [replace(self, copies=1, first_seed=self.first_seed + k) for k in range(self.copies)]

    def start(self) -> dict[str, Array]:
        """The initial weights in float32; with a leading axis for the networks where there are several."""
        program = self.program()
        each = [drawn_parameters(program, self.first_seed + k) for k in range(self.copies)]
        if self.copies == 1:
            return {id: value.astype(np.float32) for id, value in each[0].items()}
        return {id: np.stack([one[id] for one in each]).astype(np.float32) for id in each[0]}


_NETWORKS = {
    "seed": Workload("", (3, 2, 1), 1, 1000, "sigmoid", "sigmoid", bias=False, example=True),
    "20-64-64-1-relu": Workload("", (20, 64, 64, 1), 32, 64),
    "20-64-64-1-tanh": Workload("", (20, 64, 64, 1), 32, 64, "tanh"),
    "10-32-32-1": Workload("", (10, 32, 32, 1), 16, 64),
    "784-128-10": Workload("", (784, 128, 10), 64, 16, "relu", "softmax"),
    "784-1024-1024-10": Workload("", (784, 1024, 1024, 10), 512, 2, "relu", "softmax", heavy=True),
    "64x20-64-64-1": Workload("", (20, 64, 64, 1), 32, 16, copies=64),
}
_GOALS: Mapping[str, float] = {
    "20-64-64-1-relu-sgd": 0.05,
    "20-64-64-1-relu-adam": 0.03,
    "20-64-64-1-tanh-sgd": 0.015,
    "20-64-64-1-tanh-adam": 0.005,
    "10-32-32-1-sgd": 0.03,
    "10-32-32-1-adam": 0.02,
    "784-128-10-sgd": 0.5,
    "784-128-10-adam": 0.1,
    "784-1024-1024-10-sgd": 1.5,
    "784-1024-1024-10-adam": 0.1,
    "64x20-64-64-1-sgd": 0.13,
    "64x20-64-64-1-adam": 0.11,
}
"""Held-out losses that some ten to some thousand steps reach."""


def _both(name: str, workload: Workload) -> Iterable[Workload]:
    for rule in RATES:
        full = f"{name}-{rule}"
        yield replace(workload, name=full, optimizer=rule, goal=_GOALS.get(full))


WORKLOADS: Mapping[str, Workload] = {w.name: w for name, base in _NETWORKS.items() for w in _both(name, base)}
"""By name; each network with SGD and with Adam."""


def chosen(names: Sequence[str], quick: bool = False) -> list[Workload]:
    """The workloads of these names, a network's name standing for both of its own; all where none is named.

    Args:
        names: of workloads or networks.
        quick: whether, where none is named, SGD and the smaller networks are enough.

    Raises:
        SpecificationError: an unknown name.

    Example:
        >>> [workload.name for workload in chosen(["seed", "10-32-32-1-adam"])]
        ['seed-sgd', 'seed-adam', '10-32-32-1-adam']
    """
    if not names:
        return [w for w in WORKLOADS.values() if not (quick and (w.heavy or w.optimizer != "sgd"))]
    found: dict[str, Workload] = {}
    for name in names:
        if name not in WORKLOADS and name not in _NETWORKS:
            raise SpecificationError(f"unknown workload {name!r}; {suggestion(name, [*_NETWORKS, *WORKLOADS])}")
        wanted = [name] if name in WORKLOADS else [f"{name}-{rule}" for rule in RATES]
        found |= {key: WORKLOADS[key] for key in wanted}
    return list(found.values())
