"""Norms of gradients and updates, measured so rarely that the measuring costs next to nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backproof.errors import NonFiniteError
from backproof.ir.arithmetic import Array
from backproof.training.steps import NumpySteps

SHARE = 0.01
"""The share of a run's time that measuring may take, by the model of costs, where that leaves enough to see."""
FEWEST = 20
"""Measurements that a run gets whatever they cost, or all its epochs."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Measures every so many epochs.

    Args:
        reference: gives the gradients of a batch.
        gradients: the identifier of each parameter's gradient.
        every: epochs between two measurements.
    """

    reference: NumpySteps
    gradients: Mapping[str, str]
    every: int

    def is_due(self, epoch: int) -> bool:
        """Whether this epoch, counted from 1, is measured: the first always is."""
        return (epoch - 1) % self.every == 0

    def __call__(
        self,
        state: Mapping[str, Array],
        before: Mapping[str, Array],
        after: Mapping[str, Array],
        last: Array,
        steps: int,
    ) -> tuple[dict[str, float], dict[str, float]]:
        """√(Σ g²) for each parameter on the samples ``last``, and √(Σ (θ' − θ)²) / √(Σ θ²) from before to after."""
        try:
            values = self.reference.values(state, self.reference.batches.chosen(last), steps)
            norms = {id: norm(values[gradient]) for id, gradient in self.gradients.items()}
        except NonFiniteError:
            norms = {}
        ratios = {id: _ratio(norm(after[id] - before[id]), norm(before[id])) for id in self.gradients}
        return norms, ratios


def measuring_every(measuring: float, epoch: float, epochs: int) -> int:
    """Epochs between two measurements, from the predicted seconds of a measurement and of an epoch.

    Example:
        >>> measuring_every(1e-4, 1e-3, 1000), measuring_every(1e-4, 1.0, 1000), measuring_every(1.0, 1e-3, 1000)
        (10, 1, 50)
    """
    return max(1, min(math.ceil(measuring / (SHARE * epoch)), epochs // FEWEST))


def norm(x: Array) -> float:
    """√(Σ x²)."""
    return float(np.linalg.norm(np.asarray(x, np.float64)))


def _ratio(moved: float, size: float) -> float:
    return moved / size if size > 0 else math.inf if moved > 0 else 0.0
