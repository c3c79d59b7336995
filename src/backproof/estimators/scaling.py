"""Standardising: what is learned on the training part, applied to everything, and undone for predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backproof.ir.arithmetic import Array

CONSTANT = 10 * float(np.finfo(np.float64).eps)
"""A deviation below this share of the mean is rounding."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """x ↦ (x − center) / spread, column by column.

    Args:
        center, spread: one number for each column.
    """

    center: Array
    spread: Array

    def apply(self, X: Array) -> Array:
        """The scaled columns, in the dtype that they have."""
        return ((X - self.center) / self.spread).astype(X.dtype, copy=False)

    def undo(self, X: Array) -> Array:
        """The columns as they were."""
        return (X * self.spread + self.center).astype(X.dtype, copy=False)


def standardising(X: Array, weights: Array | None = None) -> Scaling:
    """Mean 0 and deviation 1; a constant column is only centred.

    Args:
        X: samples in rows.
        weights: how often each sample counts.

    Example:
        >>> standardising(np.array([[1.0, 5.0], [3.0, 5.0]])).apply(np.array([[4.0, 6.0]])).tolist()
        [[2.0, 1.0]]
    """
    share = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    # Of float64 whatever the data are: sums of many float32 lose digits.
    center = share @ X.astype(np.float64, copy=False)
    deviation = np.sqrt(share @ (X - center) ** 2)
    constant = deviation <= CONSTANT * np.maximum(np.abs(center), np.finfo(np.float64).tiny)
    return Scaling(center, np.where(constant, 1.0, deviation))


def by_the_mean(y: Array, weights: Array | None = None) -> Scaling:
    """Positive numbers over their mean, so that they stay positive."""
    mean = np.average(y, axis=0, weights=weights).astype(np.float64)
    return Scaling(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))


def unchanged(columns: int) -> Scaling:
    """x ↦ x."""
    return Scaling(np.zeros(columns), np.ones(columns))
