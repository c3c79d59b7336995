"""How good parameters are on given data, computed as predictions are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from backproof.dims import Symbol
from backproof.errors import NonFiniteError, SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Size
from backproof.ir.program import Program
from backproof.ir.traverse import walk
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.training.batches import sample_dimension
from backproof.training.predict import needed_for
from backproof.training.source import Blocks

PART = 8192
"""Samples in a part: what is computed of them all at once is small beside any data that are large."""

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
    """The loss and the metrics of parameters on some data, computed part by part where there are many samples.

    Args:
        program: the network.
        inputs: the data, checked.
        sizes: of the data.
        metrics: by name.
        dtype: to compute in.
        penalised: whether the loss includes penalties.
        blocks: the data where they are not in memory; of them the predictions are kept for metrics.
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
        blocks: Blocks | None = None,
    ) -> None:
        predicting, structure = program.predicting, program.structure
        split = structure is not None and structure.penalised
        self._loss = "D" if split else program.loss
        self._penalty = "R" if split and penalised else None
        self._inputs, self._sizes, self._blocks = inputs, sizes, blocks
        self._metrics = {name: metric_named(name) for name in metrics}
        if self._metrics and structure is None:
            raise SpecificationError("metrics need a network, whose prediction is known; leave metrics out")
        self._output = structure.layers[-1].output if structure is not None else ""
        self._turned = structure is not None and structure.samples == "columns"
        wanted = [self._loss, *filter(None, [self._penalty]), *([self._output] if self._metrics else [])]
        needed = {e.name.id for id in wanted for e in needed_for(predicting, id)}
        equations = [e for e in predicting.equations if e.name.id in needed]
        self._equations = NumpyEquations(equations, dtype)
        dim = sample_dimension(program)
        # Of another program nobody knows how the losses of parts make the loss of the whole.
        self._dim = dim if isinstance(dim, Symbol) and structure is not None else None
        self._averaged = False
        if self._dim is not None:
            size = Size(self._dim)
            self._averaged = any(node == size for e in equations for node in walk(e.value))
        self._axes = {name.id: name.shape.index(dim) for name in program.inputs if dim in name.shape} if dim else {}

    def loss(self, parameters: Mapping[str, Array]) -> float:
        """The loss alone.

        Raises:
            NonFiniteError: it is NaN or infinite, or something that it comes from; names the first equation that was.
        """
        return self._judged(parameters)[0]

    def __call__(self, parameters: Mapping[str, Array]) -> tuple[float, dict[str, float]]:
        """The loss and the metrics; an infinite loss where something is not finite."""
        try:
            loss, prediction, target = self._judged(parameters)
        except NonFiniteError:
            return float("inf"), {name: float("nan") for name in self._metrics}
        if not self._metrics:
            return loss, {}
        return loss, {name: metric(prediction, target) for name, metric in self._metrics.items()}

    def _judged(self, parameters: Mapping[str, Array]) -> tuple[float, Array, Array]:
        """The loss, and the predictions and targets, samples in rows, where they are needed."""
        loss, predictions, targets, penalty = 0.0, [], [], 0.0
        for inputs, sizes, share in self._parts():
            values = self._equations({**inputs, **parameters}, sizes)
            loss += float(values[self._loss]) * (share if self._averaged else 1.0)
            if self._metrics:
                predictions.append(values[self._output].T if self._turned else values[self._output])
                targets.append(inputs["y"].T if self._turned else inputs["y"])
            penalty = float(values[self._penalty]) if self._penalty is not None else 0.0
        nothing = [np.zeros((0, 0))]
        return loss + penalty, np.concatenate(predictions or nothing), np.concatenate(targets or nothing)

    def _parts(self) -> Iterator[tuple[Mapping[str, Array], Mapping[str, int], float]]:
        """Inputs and sizes of each part, and its share of all samples."""
        samples = self._sizes[self._dim.name] if self._dim is not None else 0
        if self._blocks is not None:
            for inputs, count in self._blocks.parts(PART):
                yield inputs, {**self._sizes, self._blocks.sample.name: count}, count / self._blocks.samples
            return
        if self._dim is None or samples <= PART:
            yield self._inputs, self._sizes, 1.0
            return
        for start in range(0, samples, PART):
            part = slice(start, min(start + PART, samples))
            inputs = {id: self._taken(id, array, part) for id, array in self._inputs.items()}
            count = part.stop - part.start
            yield inputs, {**self._sizes, self._dim.name: count}, count / samples

    def _taken(self, id: str, array: Array, part: slice) -> Array:
        if id not in self._axes:
            return array
        return array[part] if self._axes[id] == 0 else array[:, part]
