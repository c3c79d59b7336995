"""Weights of classes: those of scikit-learn, and the same training as with weights of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from backproof.errors import DataError, SpecificationError, UnsupportedError
from backproof.networks import mlp
from backproof.training import Stream, train
from backproof.training.class_weights import class_weights

rng = np.random.default_rng(0)
LABELS = rng.choice(3, 60, p=[0.7, 0.2, 0.1])
X, ONE_HOT = rng.normal(size=(60, 4)), np.eye(3)[LABELS]
OPTIONS: dict[str, Any] = {"batch_size": 16, "epochs": 3, "learning_rate": 0.1, "progress": False}


@pytest.mark.parametrize("given", ["balanced", {0: 1.0, 1: 2.5, 2: 0.0}])
def test_the_weights_are_those_of_scikit_learn(given: Any) -> None:
    assert class_weights(ONE_HOT, given) == pytest.approx(compute_sample_weight(given, LABELS), rel=1e-15)
    single = (LABELS > 0).astype(float)
    two = given if isinstance(given, str) else {0: 1.0, 1: 2.5}
    assert class_weights(single[:, None], two) == pytest.approx(compute_sample_weight(two, single), rel=1e-15)


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_they_train_as_weights_of_samples_do_and_multiply_them(samples: Any) -> None:
    net = mlp(4, 3, loss="cross_entropy", weighted=True, samples=samples)
    data = (X, ONE_HOT) if samples == "rows" else (X.T, ONE_HOT.T)
    own = rng.random(60)
    by_class = train(net, *data, weights=own, class_weight="balanced", **OPTIONS)
    by_sample = train(net, *data, weights=own * compute_sample_weight("balanced", LABELS), **OPTIONS)
    assert by_class.history[-1].loss == pytest.approx(by_sample.history[-1].loss, rel=1e-12)
    assert by_class.loss != train(net, *data, weights=own, **OPTIONS).loss


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({3: 1.0}, "class 3, but the classes are 0 to 2"),
        ({0: -1.0}, "weight of class 0 must be"),
        ({0: float("nan")}, "weight of class 0 must be"),
        ("balance", "must be 'balanced' or"),
        ([1, 2, 3], "must be 'balanced' or"),
    ],
)
def test_what_is_no_weight_of_a_class_is_refused(given: Any, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        class_weights(ONE_HOT, given)


def test_data_and_networks_without_classes_or_weights_are_refused() -> None:
    with pytest.raises(DataError, match="class 1 has no samples"):
        class_weights(np.zeros((5, 1)), "balanced")
    with pytest.raises(DataError, match="targets of classes"):
        class_weights(np.full((5, 1), 0.3), "balanced")
    with pytest.raises(SpecificationError, match="weighted=True"):
        train(mlp(4, 3, loss="cross_entropy"), X, ONE_HOT, class_weight="balanced", **OPTIONS)
    net = mlp(4, 3, loss="cross_entropy", weighted=True)
    with pytest.raises(UnsupportedError, match="class_weight needs all targets"):
        train(net, Stream(X, ONE_HOT, buffer=20), class_weight="balanced", **OPTIONS)
