"""``bp.MLPClassifier``: accuracy, labels of every kind, several labels, weights of classes, probabilities."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier as Reference
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import backproof as bp
from backproof.errors import SpecificationError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = npt.NDArray[Any]
X: Array
y: Array
X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
POINTS = rng.normal(size=(300, 2))
RING = np.where(np.hypot(*POINTS.T) < 1, "inner", "outer")


def model(**options: Any) -> Any:
    usual = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 100, "learning_rate_init": 0.02}
    return bp.MLPClassifier(**{**usual, **options})


def test_it_is_as_accurate_as_scikit_learns_at_the_same_settings() -> None:
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (32,),
        "max_iter": 30,
        "learning_rate_init": 0.005,
        "random_state": 0,
    }
    ours = cross_val_score(bp.MLPClassifier(**settings), X, y, cv=3)
    theirs = cross_val_score(make_pipeline(StandardScaler(), Reference(**settings)), X, y, cv=3)
    assert ours.mean() > 0.9
    assert ours.mean() > theirs.mean() - theirs.std() / np.sqrt(3)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_same_weights_take_the_same_path_as_scikit_learns(classes: int) -> None:
    labels = rng.integers(classes, size=60)
    A = rng.normal(size=(60, 4))
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (5,), "activation": "logistic", "solver": "sgd", "alpha": 0.3, "random_state": 0,
        "learning_rate_init": 0.1, "tol": 0.0, "n_iter_no_change": 1000, "warm_start": True,
    }  # fmt: skip
    ours, theirs = bp.MLPClassifier(scale=False, max_iter=1, **settings), Reference(max_iter=1, **settings)
    ours.fit(A, labels)
    theirs.fit(A, labels)
    for k, (weights, bias) in enumerate(zip(theirs.coefs_, theirs.intercepts_, strict=True), 1):
        ours.members_[0][f"W_{k}"], ours.members_[0][f"b_{k}"] = weights.copy(), bias.reshape(1, -1).copy()
    ours.set_params(max_iter=30).fit(A, labels)
    theirs.set_params(max_iter=30).fit(A, labels)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_[-30:], rel=1e-9)
    assert ours.predict_proba(A) == pytest.approx(theirs.predict_proba(A), rel=1e-9)


@pytest.mark.parametrize("loss", ["cross_entropy", "log_loss", "focal", "focal(gamma=3.5)", "sum((y_hat - y)^2)/n"])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_loss_learns(loss: str, classes: int) -> None:
    labels = RING if classes == 2 else np.digitize(np.hypot(*POINTS.T), [0.8, 1.5])
    fitted = model(loss=loss).fit(POINTS, labels)
    assert fitted.score(POINTS, labels) > 0.9
    assert fitted.predict_proba(POINTS).sum(axis=1) == pytest.approx(np.ones(300))
    assert (fitted.classes_[fitted.predict_proba(POINTS).argmax(1)] == fitted.predict(POINTS)).all()
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.predict_proba(POINTS), fitted.predict_proba(POINTS))


@pytest.mark.parametrize("labels", [RING, RING == "inner", np.where(RING == "inner", 7, -3), RING.astype(object)])
def test_labels_come_back_as_they_were(labels: Array) -> None:
    fitted = model().fit(POINTS, labels)
    assert set(fitted.predict(POINTS)) == set(labels)
    assert fitted.predict(POINTS).dtype == labels.dtype
    assert fitted.decision_function(POINTS).shape == (300,)
    assert np.array_equal(fitted.decision_function(POINTS) > 0, fitted.predict(POINTS) == fitted.classes_[1])


def test_the_decision_function_is_the_log_odds() -> None:
    fitted = model(max_iter=20).fit(POINTS, RING)
    p = fitted.predict_proba(POINTS)
    assert fitted.decision_function(POINTS) == pytest.approx(np.log(p[:, 1] / p[:, 0]))
    assert fitted.predict_log_proba(POINTS) == pytest.approx(np.log(p))


def test_several_labels() -> None:
    A, labels = make_multilabel_classification(n_samples=200, n_classes=4, random_state=0)
    fitted = model(early_stopping=False).fit(A, labels, X_val=A, y_val=labels)
    assert fitted.predict_proba(A).shape == (200, 4)
    assert (fitted.predict(A) == labels).mean() > 0.9
    assert fitted.decision_function(A).shape == (200, 4)
    assert fitted.explain(A[0], labels[0]).numbers is not None
    assert fitted.validation_scores_ is None
    with pytest.raises(SpecificationError, match="one class for each sample here and several there"):
        fitted.set_params(warm_start=True).fit(A, labels[:, 0])


def test_weights_of_classes_lift_the_rare_one() -> None:
    A = rng.normal(size=(400, 2))
    rare = (A[:, 0] + 0.8 * rng.normal(size=400) > 1.8).astype(int)
    found = {weights: model(class_weight=weights).fit(A, rare).predict(A).mean() for weights in (None, "balanced")}
    assert found["balanced"] > 2 * found[None]
    by_hand = model(class_weight={0: 1.0, 1: 3.0}).fit(A, rare).predict_proba(A)
    by_weights = model().fit(A, rare, sample_weight=np.where(rare == 1, 3.0, 1.0)).predict_proba(A)
    assert by_hand == pytest.approx(by_weights)


def test_partial_fit_is_told_all_classes_first() -> None:
    fitted = model()
    with pytest.raises(SpecificationError, match="needs classes"):
        fitted.partial_fit(POINTS, RING)
    inner = RING == "inner"
    fitted.partial_fit(POINTS[inner], RING[inner], classes=["outer", "inner"])
    assert fitted.classes_.tolist() == ["inner", "outer"]
    for _ in range(60):
        fitted.partial_fit(POINTS, RING)
    assert fitted.score(POINTS, RING) > 0.8
    assert not hasattr(fitted, "_announced")
    with pytest.raises(SpecificationError, match=r"classes that are not in classes_: \['third'\]"):
        fitted.partial_fit(POINTS[:3], ["inner", "outer", "third"])
    with pytest.raises(SpecificationError, match="are not those of the first call"):
        fitted.partial_fit(POINTS, RING, classes=["a", "b"])


def test_early_stopping_splits_by_class_and_scores() -> None:
    fitted = model(early_stopping=True, max_iter=200).fit(X, y)
    assert fitted.best_validation_score_ > 0.9
    assert fitted.best_epoch_ is not None
    few = np.array(["a"] * 30 + ["b"])
    assert model(early_stopping=True, max_iter=5).fit(rng.normal(size=(31, 2)), few).n_iter_ <= 5


def test_an_ensemble_of_classifiers() -> None:
    fitted = model(n_ensemble=3).fit(POINTS, RING)
    mean, spread = fitted.predict_proba(POINTS, return_std=True)
    assert mean.shape == spread.shape == (300, 2)
    assert mean.sum(axis=1) == pytest.approx(np.ones(300))
    assert spread[:, 0] == pytest.approx(spread[:, 1])
    assert spread.max() > 0
    with pytest.raises(SpecificationError, match="one network has no spread"):
        model().fit(POINTS, RING).predict_proba(POINTS, return_std=True)


def test_one_class_and_unknown_ones() -> None:
    alone = model(max_iter=5).fit(POINTS, np.full(300, "only"))
    assert set(alone.predict(POINTS)) == {"only"}
    assert alone.predict_proba(POINTS).tolist() == [[1.0]] * 300
    with pytest.raises(SpecificationError, match="classes that are not in classes_"):
        model().fit(POINTS, RING, X_val=POINTS, y_val=np.full(300, "third"))


def test_explain_takes_the_predicted_class() -> None:
    fitted = model(hidden_layer_sizes=(3,), max_iter=5).fit(X[:, 20:24], y % 3)
    explained = fitted.explain(X[0, 20:24])
    assert explained.numbers is not None
    values = explained.evaluate(**explained.numbers.values)
    assert values["y_hat"] == pytest.approx(fitted.predict_proba(X[:1, 20:24]))
    assert explained.numbers.values["y"].argmax() == values["y_hat"].argmax()
