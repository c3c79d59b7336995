"""Logging for TensorBoard: what its own package reads back is the history."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backproof.errors import OutputError, UnsupportedError
from backproof.networks import mlp
from backproof.training import train
from backproof.training.tensorboard import TensorBoard

NET = mlp(2, 3, 1, activation="tanh", loss="mean_squared_error")
X = np.random.default_rng(0).normal(size=(20, 2))
Y = X[:, :1] * X[:, 1:]


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag the steps and values in all event files, as TensorBoard reads them."""
    reading: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder), size_guidance={reading.SCALARS: 0})
    found.Reload()
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_the_history_is_read_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    log = TensorBoard(tmp_path / "made")
    options: dict[str, Any] = {"validation": 0.25, "metrics": ["r2"], "norms": True, "schedule": "cosine"}
    result = train(NET, X, Y, epochs=5, batch_size=8, progress=False, callbacks=[log], **options)
    log.close()
    found = logged(tmp_path / "made")
    expected: dict[str, list[tuple[int, float]]] = {}
    for epoch in result.history:
        values = {
            "loss/training": epoch.loss,
            "loss/validation": epoch.validation_loss,
            "learning rate": epoch.learning_rate,
            "seconds": epoch.seconds,
            "metrics/r2": epoch.metrics["r2"],
            **{f"norm of gradient/{id}": norm for id, norm in epoch.gradient_norms.items()},
            **{f"relative size of update/{id}": ratio for id, ratio in epoch.update_ratios.items()},
        }
        for tag, value in values.items():
            assert value is not None
            expected.setdefault(tag, []).append((epoch.number, float(np.float32(value))))
    assert found == expected
    assert {"norm of gradient/W_1", "relative size of update/W_2"} <= set(found)


def test_all_is_written_when_the_process_ends(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    code = f"""
from backproof.networks import mlp
from backproof.training import train
from backproof.training.tensorboard import TensorBoard
net = mlp(1, 1, activation="identity", loss="mean_squared_error")
train(net, [1, 2], [2, 4], epochs=7, progress=False, callbacks=[TensorBoard({str(tmp_path)!r})])
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=Path(__file__).parents[3] / "src")
    assert [step for step, _ in logged(tmp_path)["loss/training"]] == [1, 2, 3, 4, 5, 6, 7]


def test_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*(name for name in sys.modules if name.startswith("tensorboard")), "tensorboard"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match=r"pip install 'backproof\[tensorboard\]'"):
        TensorBoard(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match="taken"):
        TensorBoard(tmp_path / "taken")
