"""What users would try instead, on the same split: scikit-learn's network and its boosted trees, with their times."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from backproof.run.evaluation import ClassScores, NumberScores, Prediction, Scores, scores_of
from backproof.run.prepare import Matrix, Prepared
from backproof.run.references import log_loss

MOST_NUMBERS = 5_000_000
"""Rows × features; on more, a comparison takes longer than anyone waits for it."""
PAYS = 1_000_000
"""Rows × features from which on a second thread works more than it waits."""
TREES = "boosted trees (scikit-learn)"
NETWORK = "MLP (scikit-learn)"


@dataclass(frozen=True, slots=True)
class Rival:
    """Another model on the held-out part.

    Args:
        name: of it.
        scores: on the held-out part.
        seconds: of its training.
    """

    name: str
    scores: Scores
    seconds: float


def rivals(data: Prepared, hidden: tuple[int, ...], seed: int) -> list[Rival]:
    """scikit-learn's MLP of the same hidden layers, and its histogram gradient boosting, with their defaults.

    Args:
        data: both parts; none are compared where nothing is held out, or there is too much.
        hidden: the sizes of the hidden layers.
        seed: of both.
    """
    if len(data.X_test) == 0 or data.X_train.size > MOST_NUMBERS:
        return []
    return list(_fitted(data, hidden, seed))


def better_scores(ours: Scores, theirs: Scores) -> bool:
    """Whether theirs are better: more told right, or a smaller squared error."""
    match ours, theirs:
        case ClassScores(accuracy=own), ClassScores(accuracy=other):
            return other > own
        case NumberScores(rmse=own), NumberScores(rmse=other):
            return other < own
        case _:
            return False


def _fitted(data: Prepared, hidden: tuple[int, ...], seed: int) -> Iterator[Rival]:
    classes = data.class_labels is not None
    models: list[tuple[str, Any]] = []
    if hidden:
        MLP = MLPClassifier if classes else MLPRegressor
        models.append((NETWORK, MLP(hidden_layer_sizes=hidden, random_state=seed)))
    Trees = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    models.append((TREES, Trees(random_state=seed)))
    y = data.Y_train.argmax(axis=1) if classes else data.Y_train[:, 0]
    for name, model in models:
        began = time.perf_counter()
        with warnings.catch_warnings(), threadpool_limits(1 if data.X_train.size < PAYS else None):
            warnings.simplefilter("ignore", ConvergenceWarning)  # its defaults are what people use
            model.fit(data.X_train, y)
        seconds = time.perf_counter() - began
        yield Rival(name, _scores(model, data), seconds)


def _scores(model: Any, data: Prepared) -> Scores:
    y_hat: Matrix
    if data.class_labels is None:
        y_hat, loss = np.asarray(model.predict(data.X_test)).reshape(-1, 1), 0.0
    else:
        y_hat = np.zeros(data.Y_test.shape)
        y_hat[:, model.classes_] = model.predict_proba(data.X_test)
        loss = log_loss(y_hat, data.Y_test)
    return scores_of(Prediction(y_hat, loss, loss), data.Y_test, data)
