"""The history as a table and as a drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backproof.errors import BackproofError
from backproof.networks import mlp
from backproof.training import TrainingResult, train

NET = mlp(2, 3, 1, activation="tanh", loss="mean_squared_error")
X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, :1] * X[:, 1:]


@pytest.fixture(scope="module")
def result() -> TrainingResult:
    return train(
        NET, X, Y, batch_size=8, epochs=40, schedule="cosine", validation=0.2, metrics=["r2"], norms=True,
        progress=False,
    )  # fmt: skip


def test_the_table_has_a_row_for_each_epoch(result: TrainingResult) -> None:
    frame = result.history.to_frame()
    assert frame.height == 40
    assert frame["loss"].to_list() == [epoch.loss for epoch in result.history]
    assert frame["validation loss"].to_list() == [epoch.validation_loss for epoch in result.history]
    assert frame["metric r2"].to_list() == [epoch.metrics["r2"] for epoch in result.history]
    measured = [epoch.gradient_norms.get("W_1") for epoch in result.history]
    assert frame["gradient norm W_1"].to_list() == measured
    assert len([norm for norm in measured if norm is not None]) >= 20


def test_the_drawing_shows_what_is_in_the_table(result: TrainingResult) -> None:
    figure = result.history.plot()
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(panels) == ["loss", "metrics", "learning rate", "norm of gradients", "relative size of updates"]
    training, validation = panels["loss"].get_lines()
    np.testing.assert_array_equal(training.get_ydata(), [epoch.loss for epoch in result.history])
    np.testing.assert_array_equal(validation.get_ydata(), [epoch.validation_loss for epoch in result.history])


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_it_is_written_to_a_file(result: TrainingResult, tmp_path: Path, suffix: str) -> None:
    result.history.plot(tmp_path / f"history{suffix}")
    assert (tmp_path / f"history{suffix}").stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == [f"history{suffix}"]


def test_a_plain_history_has_one_drawing() -> None:
    result = train(NET, X, Y, epochs=3, progress=False)
    assert [axes.get_title() for axes in result.history.plot().axes] == ["loss"]


def test_what_cannot_be_drawn(result: TrainingResult, tmp_path: Path) -> None:
    with pytest.raises(BackproofError, match=r"end its name in \.svg"):
        result.history.plot(tmp_path / "history.txt")
    with pytest.raises(BackproofError, match="no epoch was completed"):
        train(NET, X, Y, epochs=0, progress=False).history.plot()
