"""The learning-rate range test: it finds the rate of a problem whose best rate is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backproof.errors import BackproofError
from backproof.networks import mlp
from backproof.training import find_learning_rate, train

rng = np.random.default_rng(3)
X = rng.normal(size=(200, 3))
Y = X @ [[1.0], [-2.0], [0.5]] + 0.1 * rng.normal(size=(200, 1))
LINEAR = mlp(3, 1, activation="identity", loss="mean_squared_error")
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])


@BACKENDS
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_the_rate_goes_with_the_curvature(scale: float, backend: str) -> None:
    """L has the curvature 2 scale²: descent diverges from the rate 1/scale² on."""
    test = find_learning_rate(LINEAR, scale * X, scale * Y, lowest=1e-6, highest=1e4, steps=400, backend=backend)
    assert test.stopped in ("loss grew", "diverged")
    assert 0.01 / scale**2 < test.suggestion < 1 / scale**2
    result = train(LINEAR, scale * X, scale * Y, learning_rate=test.suggestion, epochs=300, progress=False)
    assert result.loss < 0.01 * test.losses[0]


def test_batches_and_optimizers() -> None:
    net = mlp(3, 8, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
    test = find_learning_rate(net, X, Y, optimizer="adam", batch_size=16, seed=1)
    again = find_learning_rate(net, X, Y, optimizer="adam", batch_size=16, seed=1)
    np.testing.assert_array_equal(test.losses, again.losses)
    assert len(test.rates) == len(test.losses) == len(test.smooth)
    assert 1e-4 < test.suggestion < 1


def test_the_drawing(tmp_path: Path) -> None:
    test = find_learning_rate(LINEAR, X, Y)
    test.plot(tmp_path / "rates.svg")
    assert (tmp_path / "rates.svg").stat().st_size > 5000


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lowest": 1, "highest": 0.1}, "must be below the highest"),
        ({"steps": 3}, "at least 10"),
        ({"optimizer": "lbfgs"}, "no learning rate to find"),
        ({"schedule": "cosine"}, "has no option 'schedule'"),
        ({"lowest": 1e10, "highest": 1e12}, "diverges at the lowest rates"),
    ],
)
def test_what_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(BackproofError, match=complaint):
        find_learning_rate(LINEAR, X * 1e100, Y, **options)  # type: ignore[arg-type]
