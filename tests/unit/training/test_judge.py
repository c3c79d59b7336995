"""The loss of many samples is that of all at once, whatever the loss and however they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.ir.program import Samples
from backproof.networks import mlp
from backproof.rules.initialisation import drawn_parameters
from backproof.rules.losses import LOSSES
from backproof.training import judge
from backproof.training.judge import METRICS, Judge

rng = np.random.default_rng(5)
X = rng.normal(size=(50, 4))
LABELS = np.eye(3)[rng.integers(3, size=50)]


def judged(loss: str, samples: Samples, **options: Any) -> tuple[float, dict[str, float]]:
    net = mlp(4, 6, 3, loss=loss, samples=samples, bias=True, penalty=0.1, **options)
    parameters = drawn_parameters(net, 3)
    inputs = {"X": X, "y": LABELS} if samples == "rows" else {"X": X.T, "y": LABELS.T}
    return Judge(net, inputs, {"n": 50}, tuple(METRICS), np.dtype(float), penalised=True)(parameters)


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("part", [1, 7, 25, 49, 50])
def test_parts_make_the_whole(part: int, loss: str, samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, metrics = judged(loss, samples)
    monkeypatch.setattr(judge, "PART", part)
    found, found_metrics = judged(loss, samples)
    assert found == pytest.approx(whole, rel=1e-12)
    assert found_metrics == pytest.approx(metrics, rel=1e-12)


def test_metrics_are_those_of_scikit_learn() -> None:
    from sklearn import metrics as reference

    prediction, target = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    assert METRICS["r2"](prediction, target) == pytest.approx(reference.r2_score(target, prediction))
    assert METRICS["mae"](prediction, target) == pytest.approx(reference.mean_absolute_error(target, prediction))
    assert METRICS["rmse"](prediction, target) ** 2 == pytest.approx(reference.mean_squared_error(target, prediction))
    classes = rng.integers(4, size=40)
    scores = rng.uniform(size=(40, 4))
    found = METRICS["accuracy"](scores, np.eye(4)[classes])
    assert found == reference.accuracy_score(classes, scores.argmax(axis=1))
    assert METRICS["accuracy"](np.array([[0.4], [0.6]]), np.array([[0.0], [0.0]])) == 0.5
