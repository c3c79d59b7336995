"""How good the predictions are on the training part and on the held-out part, beside what they have to beat."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from backproof.ir.program import Program
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.run.prepare import Matrix, Prepared
from backproof.run.references import constant, linear, log_loss

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well classes are told.

    Args:
        rows: the number of examples.
        correct: how many are told right.
        accuracy: their share, with the 95 % interval (Wilson) that so few examples allow.
        balanced_accuracy: the mean over the classes of the share told right.
        log_loss: the mean of −log of the probability given to the true class; None where that is infinite.
        confusion: examples by true class (rows) and predicted class (columns).
    """

    rows: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    log_loss: float | None
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class NumberScores:
    """How well numbers are told, in the target's units.

    Args:
        rows: the number of examples.
        r2: 1 − Σ (y − ŷ)² / Σ (y − mean of y)²; None where y does not vary.
        rmse: the root of the mean squared error.
        mae: the mean absolute error.
    """

    rows: int
    r2: float | None
    rmse: float
    mae: float


Scores = ClassScores | NumberScores


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of a trained network.

    Args:
        train: on the training part.
        test: on the held-out part; None where nothing is held out.
        linear: on the held-out part of a linear model; None where the data are too large for a comparison.
        constant: on the held-out part of always saying the most frequent class, or the mean, of the training part.
        always: what that always says, in words.
    """

    train: Scores
    test: Scores | None = None
    linear: Scores | None = None
    constant: Scores | None = None
    always: str = ""

    def figures(self) -> dict[str, Any]:
        """The scores as JSON holds them."""
        parts = {"train": self.train, "held_out": self.test, "linear_model": self.linear, "constant": self.constant}
        return {name: asdict(scores) for name, scores in parts.items() if scores is not None}

    @property
    def nothing_learnt(self) -> bool:
        """Whether the network is no better on its own training part than what always says the same."""
        match self.train, self.constant:
            case ClassScores(log_loss=own), ClassScores(log_loss=same):
                return (math.inf if own is None else own) >= (math.inf if same is None else same)
            case NumberScores(r2=float() as r2), NumberScores():
                return r2 <= 0
            case _:
                return False

    @property
    def linear_is_better(self) -> bool:
        """Whether the linear model does better on the held-out part."""
        match self.test, self.linear:
            case ClassScores(accuracy=own), ClassScores(accuracy=other):
                return other > own
            case NumberScores(rmse=own), NumberScores(rmse=other):
                return other < own
            case _:
                return False


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the network says of some examples.

    Args:
        y_hat: the prediction.
        loss: L, with the penalty where there is one.
        data_loss: L without it.
    """

    y_hat: Matrix
    loss: float
    data_loss: float


class Forward:
    """(θ, X, y) ↦ (ŷ, L): the forward equations of a network, compiled once."""

    def __init__(self, program: Program) -> None:
        self._equations = NumpyEquations(program.equations)
        self._output = program.structure.layers[-1].output if program.structure else "y_hat"
        self._loss = program.loss
        self._data_loss = "D" if program.structure and program.structure.penalised else program.loss

    def __call__(self, parameters: Mapping[str, Matrix], X: Matrix, Y: Matrix) -> Prediction:
        """What the network says of these examples.

        Raises:
            NonFiniteError: a quantity became NaN or infinite.
        """
        values = self._equations({**parameters, "X": X, "y": Y}, {"n": len(X)})
        return Prediction(values[self._output], float(values[self._loss]), float(values[self._data_loss]))


def evaluated(forward: Forward, parameters: Mapping[str, Matrix], data: Prepared) -> Evaluation:
    """The scores on both parts, and those of what the network has to beat."""
    train = scores_of(forward(parameters, data.X_train, data.Y_train), data.Y_train, data)
    if len(data.X_test) == 0:
        return Evaluation(train)
    same, always = constant(data)
    fitted = linear(data)
    return Evaluation(
        train,
        test=scores_of(forward(parameters, data.X_test, data.Y_test), data.Y_test, data),
        linear=None if fitted is None else _reference_scores(fitted, data),
        constant=_reference_scores(same, data),
        always=always,
    )


def _reference_scores(y_hat: Matrix, data: Prepared) -> Scores:
    loss = log_loss(y_hat, data.Y_test) if data.task == "classification" else math.nan
    return scores_of(Prediction(y_hat, loss, loss), data.Y_test, data)


def scores_of(prediction: Prediction, Y: Matrix, data: Prepared) -> Scores:
    """The scores of a prediction of ``Y``, in the units of the data."""
    if data.task == "classification":
        return class_scores(prediction.y_hat, Y, prediction.data_loss)
    return number_scores(prediction.y_hat, Y, data.target_scale)


def in_units(Y: Matrix, data: Prepared) -> Matrix:
    """The target in its own units."""
    return np.asarray(data.target_mean + data.target_scale * Y)


def score_of(prediction: Prediction, Y: Matrix, data: Prepared) -> float | None:
    """The one score to follow while training: the accuracy or R²; None where that is not defined."""
    if data.task == "classification":
        return float((prediction.y_hat.argmax(axis=1) == Y.argmax(axis=1)).mean())
    return number_scores(prediction.y_hat, Y, data.target_scale).r2


def class_scores(probabilities: Matrix, Y: Matrix, log_loss: float) -> ClassScores:
    """The scores of probabilities ``(rows, classes)`` for indicators ``Y``.

    Example:
        >>> Y = np.eye(2)[[0, 0, 1, 1]]
        >>> scores = class_scores(np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]), Y, 0.7)
        >>> scores.accuracy, scores.confusion
        (0.75, ((1, 1), (0, 2)))
    """
    classes = Y.shape[1]
    true, predicted = Y.argmax(axis=1), probabilities.argmax(axis=1)
    confusion = np.bincount(classes * true + predicted, minlength=classes**2).reshape(classes, classes)
    return scores_of_counts(confusion, log_loss)


def scores_of_counts(confusion: NDArray[np.int64], log_loss: float) -> ClassScores:
    """The scores of examples counted by true class (rows) and predicted class (columns)."""
    rows = int(confusion.sum())
    correct, totals = int(np.trace(confusion)), confusion.sum(axis=1)
    present = totals > 0
    recalls = np.diag(confusion)[present] / totals[present]
    interval = binomtest(correct, rows).proportion_ci(CONFIDENCE, method="wilson")
    return ClassScores(
        rows=rows,
        correct=correct,
        accuracy=correct / rows,
        accuracy_low=float(interval.low),
        accuracy_high=float(interval.high),
        balanced_accuracy=float(recalls.mean()),
        log_loss=_finite(log_loss),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def number_scores(predicted: Matrix, true: Matrix, scale: float) -> NumberScores:
    """The scores of predictions of a standardised target, of which one unit is ``scale`` units of the target.

    Squares are taken of standardised numbers, so that no target overflows them.

    Example:
        >>> number_scores(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [6.0]]), scale=10.0).mae
        10.0
    """
    error = predicted - true
    around = true - true.mean()
    total = float((around**2).sum())
    return NumberScores(
        rows=len(true),
        r2=None if total == 0 else 1 - float((error**2).sum()) / total,
        rmse=scale * math.sqrt(float((error**2).mean())),
        mae=scale * float(np.abs(error).mean()),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
