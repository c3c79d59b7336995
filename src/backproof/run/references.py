"""What a network has to beat: always saying the same, and a linear model."""

from __future__ import annotations

import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from backproof.run.prepare import Matrix, Prepared
from backproof.run.wording import quoted

MOST_NUMBERS = 50_000_000
"""Rows × features × outputs; fitting a linear model to more takes longer than anyone waits for a comparison."""
STEPS = 300


def constant(data: Prepared) -> tuple[Matrix, str]:
    """The training part's class frequencies or mean for every held-out row, and in words what that always says."""
    same = np.broadcast_to(data.Y_train.mean(axis=0), data.Y_test.shape)
    if data.class_labels is None:
        return same, "the mean"
    return same, quoted(data.class_labels[int(same[0].argmax())])


def linear(data: Prepared) -> Matrix | None:
    """The held-out predictions of a linear model of the same features; None where the data are too large for it.

    Ridge regression, or multinomial logistic regression, each with scikit-learn's default penalty.
    """
    if data.X_train.size * data.Y_train.shape[1] > MOST_NUMBERS:
        return None
    with threadpool_limits(1):  # on small matrices threads wait for each other more than they work
        return _fitted(data)


def _fitted(data: Prepared) -> Matrix:
    if data.class_labels is None:
        return np.asarray(Ridge().fit(data.X_train, data.Y_train).predict(data.X_test)).reshape(-1, 1)
    codes = data.Y_train.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for a comparison
        model = LogisticRegression(max_iter=STEPS).fit(data.X_train, codes)
    probabilities = np.zeros(data.Y_test.shape)
    probabilities[:, model.classes_] = model.predict_proba(data.X_test)
    return probabilities


def log_loss(probabilities: Matrix, Y: Matrix) -> float:
    """The mean of −log of the probability of the true class; infinite where one is 0.

    Example:
        >>> round(log_loss(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])), 4)
        0.6931
    """
    with np.errstate(divide="ignore"):
        total = float(np.log(probabilities[Y == 1]).sum())
    return -total / len(Y) if math.isfinite(total) else math.inf
