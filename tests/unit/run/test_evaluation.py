"""Scores against scikit-learn's, the references, and what they say of a network."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from backproof.networks import mlp
from backproof.run.evaluation import ClassScores, Evaluation, Forward, NumberScores, class_scores, number_scores
from backproof.run.prepare import Prepared, digits
from backproof.run.references import constant, linear, log_loss
from backproof.training import predict, train
from samples import Array


def drawn(rows: int, classes: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(classes, size=rows)
    noisy = 0.5 * np.eye(classes)[codes] + rng.random((rows, classes))
    return noisy / noisy.sum(axis=1, keepdims=True), np.eye(classes)[codes]


def test_class_scores_are_those_of_scikit_learn() -> None:
    probabilities, Y = drawn(200, 4)
    true, taken = Y.argmax(axis=1), probabilities.argmax(axis=1)
    scores = class_scores(probabilities, Y, log_loss(probabilities, Y))
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(true, taken))
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(true, taken))
    assert scores.log_loss == pytest.approx(metrics.log_loss(true, probabilities))
    assert np.array_equal(scores.confusion, metrics.confusion_matrix(true, taken))
    assert scores.accuracy_low < scores.accuracy < scores.accuracy_high


def test_classes_that_are_not_there_do_not_count() -> None:
    Y = np.eye(3)[[0, 0, 1]]
    scores = class_scores(np.eye(3)[[0, 2, 1]], Y, math.inf)
    assert scores.balanced_accuracy == pytest.approx((0.5 + 1) / 2)
    assert scores.log_loss is None
    assert scores.confusion == ((1, 0, 1), (0, 1, 0), (0, 0, 0))


def test_number_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(50, 1)), rng.normal(size=(50, 1))
    scores = number_scores(y_hat, y, scale=7.0)
    assert scores.r2 == pytest.approx(metrics.r2_score(y, y_hat))
    assert scores.rmse == pytest.approx(7 * metrics.root_mean_squared_error(y, y_hat))
    assert scores.mae == pytest.approx(7 * metrics.mean_absolute_error(y, y_hat))


def test_r2_is_not_defined_where_nothing_varies() -> None:
    assert number_scores(np.ones((1, 1)), np.zeros((1, 1)), scale=1.0).r2 is None


def test_large_targets_do_not_overflow() -> None:
    scores = number_scores(np.array([[0.5], [-0.5]]), np.array([[1.0], [-1.0]]), scale=1e300)
    assert scores.rmse == pytest.approx(5e299)
    assert scores.r2 == pytest.approx(0.75)


@pytest.mark.parametrize("penalty", [None, 0.1])
def test_the_forward_pass_is_that_of_the_network(penalty: float | None) -> None:
    net = mlp(3, 4, 2, activation=["tanh"], loss="cross_entropy", penalty=penalty)
    X, (_, Y) = np.random.default_rng(0).normal(size=(9, 3)), drawn(9, 2)
    result = train(net, X, Y, epochs=2, progress=False)
    found = Forward(net)(result.params, X, Y)
    np.testing.assert_allclose(found.y_hat, predict(net, result.params, X), rtol=1e-15)
    assert found.loss == pytest.approx(result.loss)
    assert found.data_loss == pytest.approx(log_loss(found.y_hat, Y))


def numbers() -> Prepared:
    """A regression whose target is twice the first feature."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    Y = 2 * X[:, :1]
    split = replace(digits(), X_train=X[:40], Y_train=Y[:40], X_test=X[40:], Y_test=Y[40:])
    return replace(split, task="regression", class_labels=None)


def test_the_constant_is_learnt_on_the_training_part() -> None:
    made = numbers()
    same, always = constant(made)
    assert np.ptp(same) == 0
    assert same[0, 0] == pytest.approx(made.Y_train.mean())
    assert always == "the mean"
    same, always = constant(digits())
    np.testing.assert_allclose(same[0], digits().Y_train.mean(axis=0))
    assert always == "'3'"


def test_the_linear_model_learns_what_is_linear() -> None:
    made = numbers()
    found = linear(made)
    assert found is not None
    assert number_scores(found, made.Y_test, 1.0).r2 == pytest.approx(1, abs=0.01)
    found = linear(digits())
    assert found is not None
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert class_scores(found, digits().Y_test, 0.0).accuracy > 0.9


def test_the_linear_model_knows_no_class_that_it_has_not_seen() -> None:
    made = digits()
    seen = made.Y_train[:, 4] == 0
    found = linear(replace(made, X_train=made.X_train[seen], Y_train=made.Y_train[seen]))
    assert found is not None
    assert found.shape == made.Y_test.shape
    assert not found[:, 4].any()


def test_no_linear_model_of_huge_data() -> None:
    made = digits()
    rows = 500_000
    huge = replace(made, X_train=np.broadcast_to(made.X_train[:1], (rows, 64)), Y_train=made.Y_train[:1])
    assert linear(huge) is None


def class_scores_of(accuracy: float, loss: float | None) -> ClassScores:
    return ClassScores(100, round(100 * accuracy), accuracy, 0, 1, accuracy, loss, ((1,),))


def test_what_the_scores_say_of_a_network() -> None:
    good, bad = class_scores_of(0.9, 0.3), class_scores_of(0.5, 2.0)
    same = class_scores_of(0.5, 0.69)
    assert not Evaluation(good, good, linear=bad, constant=same).linear_is_better
    assert Evaluation(good, bad, linear=good, constant=same).linear_is_better
    assert Evaluation(bad, bad, linear=None, constant=same).nothing_learnt
    assert Evaluation(class_scores_of(0.5, None), bad, constant=same).nothing_learnt
    assert not Evaluation(good, good, constant=class_scores_of(0.5, None)).nothing_learnt
    near, far = NumberScores(10, 0.8, 1.0, 1.0), NumberScores(10, -0.1, 2.0, 2.0)
    assert Evaluation(near, far, linear=near, constant=far).linear_is_better
    assert Evaluation(far, far, linear=far, constant=far).nothing_learnt
    assert not Evaluation(near, far, linear=far, constant=far).nothing_learnt
    assert not Evaluation(near).linear_is_better
