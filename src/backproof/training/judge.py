"""How good parameters are on given data, computed as predictions are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from backproof.errors import NonFiniteError, SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.training.predict import needed_for

Metric = Callable[[Array, Array], float]
"""A function of predictions and targets, samples in rows."""


def accuracy(prediction: Array, target: Array) -> float:
    """The share of samples whose largest output is that of the target; of one output, on the same side of ½."""
    if prediction.shape[1] == 1:
        return float(np.mean((prediction > 0.5) == (target > 0.5)))
    return float(np.mean(np.argmax(prediction, axis=1) == np.argmax(target, axis=1)))


def mean_absolute_error(prediction: Array, target: Array) -> float:
    """Σ |ŷ − y| over the number of entries."""
    return float(np.mean(np.abs(prediction - target)))


def root_mean_squared_error(prediction: Array, target: Array) -> float:
    """√(Σ (ŷ − y)² over the number of entries)."""
    return float(np.sqrt(np.mean((prediction - target) ** 2)))


def r_squared(prediction: Array, target: Array) -> float:
    """1 − Σ (ŷ − y)² / Σ (y − mean y)², the mean over the outputs."""
    residual = np.sum((prediction - target) ** 2, axis=0)
    spread = np.sum((target - target.mean(axis=0)) ** 2, axis=0)
    with np.errstate(all="ignore"):
        return float(np.mean(np.where(spread > 0, 1 - residual / spread, np.where(residual > 0, -np.inf, 1.0))))


METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "mae": mean_absolute_error,
    "r2": r_squared,
    "rmse": root_mean_squared_error,
}
"""The metrics that an option may name."""


def metric_named(name: str) -> Metric:
    """The metric of that name.

    Raises:
        SpecificationError: there is none; the nearest is suggested.
    """
    if name not in METRICS:
        raise SpecificationError(f"unknown metric {name!r}; {suggestion(str(name), METRICS)}")
    return METRICS[name]


class Judge:
    """The loss and the metrics of parameters on some data.

    Args:
        program: the network.
        inputs: the data, checked.
        sizes: of the data.
        metrics: by name.
        dtype: to compute in.
        penalised: whether the loss includes penalties.
    """

    def __init__(
        self,
        program: Program,
        inputs: Mapping[str, Array],
        sizes: Mapping[str, int],
        metrics: Sequence[str],
        dtype: np.dtype[Any],
        *,
        penalised: bool = False,
    ) -> None:
        predicting, structure = program.predicting, program.structure
        data_loss = "D" if structure is not None and structure.penalised and not penalised else program.loss
        self._loss, self._inputs, self._sizes = data_loss, inputs, sizes
        self._metrics = {name: metric_named(name) for name in metrics}
        if self._metrics and structure is None:
            raise SpecificationError("metrics need a network, whose prediction is known; leave metrics out")
        self._output = structure.layers[-1].output if structure is not None else ""
        self._turned = structure is not None and structure.samples == "columns"
        needed = {e.name.id for e in needed_for(predicting, data_loss)}
        if self._metrics:
            needed |= {e.name.id for e in needed_for(predicting, self._output)}
        self._equations = NumpyEquations([e for e in predicting.equations if e.name.id in needed], dtype)

    def loss(self, parameters: Mapping[str, Array]) -> float:
        """The loss alone.

        Raises:
            NonFiniteError: it is NaN or infinite, or something that it comes from; names the first equation that was.
        """
        return float(self._values(parameters)[self._loss])

    def _values(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return self._equations({**self._inputs, **parameters}, self._sizes)

    def __call__(self, parameters: Mapping[str, Array]) -> tuple[float, dict[str, float]]:
        """The loss and the metrics; an infinite loss where something is not finite."""
        try:
            values = self._values(parameters)
        except NonFiniteError:
            return float("inf"), {name: float("nan") for name in self._metrics}
        if not self._metrics:
            return float(values[self._loss]), {}
        prediction, target = values[self._output], self._inputs["y"]
        if self._turned:
            prediction, target = prediction.T, target.T
        return float(values[self._loss]), {name: metric(prediction, target) for name, metric in self._metrics.items()}
