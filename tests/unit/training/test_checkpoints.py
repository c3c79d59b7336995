"""Checkpoints: what was killed goes on to the bits of what was not; when files are written, and which stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.errors import SpecificationError
from backproof.training import Checkpoints, Epoch, Stream, TrainingResult
from backproof.training.checkpoint_file import Checkpoint, decoded, encoded
from backproof.training.checkpoints import Keeper
from backproof.training.events import Event
from backproof.training.identity import Identity
from backproof.training.snapshot import Candidate, Pass, Snapshot
from backproof.training.window import StreamOrder
from kept_trainings import NET, OFTEN, X, Y, assert_same, steps_kept, trained

NOISY = bp.mlp(2, 5, 1, activation="tanh", loss="mean_squared_error", dropout=0.25, normalization="batch")
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])
TESTS = Path(__file__).parent.parent.parent


class Killed(BaseException):
    """In place of SIGKILL: nothing catches it."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TrainingResult]]:
    """Trains, dying after every second checkpoint, until an attempt gets to the end."""
    written: list[int] = []
    really = Keeper.keep

    def keep(self: Keeper, snapshot: Snapshot) -> None:
        really(self, snapshot)
        written.append(snapshot.made)
        if len(written) % 2 == 0:
            raise Killed

    def again_and_again(**options: Any) -> TrainingResult:
        while True:
            try:
                return bp.train(**{"X": X, "y": Y, **options, "progress": False, "resume": "auto"})
            except Killed:
                pass

    monkeypatch.setattr(Keeper, "keep", keep)
    yield again_and_again
    assert len(written) > 3


# --- the same bits ----------------------------------------------------------------------------------------------------


@BACKENDS
@pytest.mark.parametrize("batch_size", [7, None])
@pytest.mark.parametrize(
    "options",
    [
        {"net": NOISY, "optimizer": "adam", "validation": 0.2, "metrics": ["r2"], "schedule": "plateau(patience=1)"},
        {"optimizer": "adam", "validation": 0.3, "patience": 2, "learning_rate": 0.5, "epochs": 40, "norms": True},
        {"optimizer": "momentum", "schedule": "one_cycle", "clip_norm": 0.5, "dtype": "float32", "norms": True},
        {"optimizer": "nesterov", "schedule": "warmup(steps=5) + cosine", "callbacks": [print]},
    ],
)
def test_what_was_killed_comes_to_the_same(
    tmp_path: Path, killed: Callable[..., TrainingResult], backend: str, batch_size: int | None, options: dict[str, Any]
) -> None:
    given = {"net": NET, "epochs": 12, **options, "backend": backend, "batch_size": batch_size}
    found = killed(**given, checkpoint=Checkpoints(tmp_path, every_minutes=OFTEN))
    assert_same(found, trained(**given))


@BACKENDS
def test_a_stream_in_the_middle_of_an_epoch(
    tmp_path: Path, killed: Callable[..., TrainingResult], backend: str
) -> None:
    data = Stream(X, Y, buffer=16)
    options: dict[str, Any] = {"X": data, "y": None, "batch_size": 4, "epochs": 5, "backend": backend, "norms": True}
    found = killed(net=NET, **options, checkpoint=Checkpoints(tmp_path, every_minutes=OFTEN, keep=100))
    assert_same(found, trained(**options))
    passes = [decoded(path.read_bytes()).snapshot.current for path in sorted(tmp_path.glob("step-*"))]
    assert any(isinstance(current.order, StreamOrder) for current in passes if current is not None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
@BACKENDS
def test_sigkill_at_any_touch_of_a_file(backend: str) -> None:
    command = [sys.executable, str(TESTS / "killed_trainings.py"), backend]
    environment = {**os.environ, "PYTHONPATH": str(Path(bp.__file__).parent.parent)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=environment)
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["kills"] >= 15


def test_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    trained(checkpoint=Checkpoints(tmp_path, every_minutes=OFTEN, keep=100))
    passes = [decoded(path.read_bytes()).snapshot.current for path in sorted(tmp_path.glob("step-*"))]
    assert [None if current is None else current.done for current in passes] == [16, 32, None] * 4


def test_callbacks_are_told_of_the_last_epoch_again(tmp_path: Path, killed: Callable[..., TrainingResult]) -> None:
    told: list[int] = []

    def tell(event: Event) -> None:
        told.append(event.epoch.number)
        if event.epoch.number == 5:
            event.stop()

    options = {"epochs": 9, "batch_size": 16, "callbacks": [tell]}
    found = killed(net=NET, **options, checkpoint=Checkpoints(tmp_path, every_epochs=1))
    assert (found.stopped, found.epochs_run, told) == ("asked", 5, [1, 2, 3, 4, 5])
    assert trained(tmp_path, resume=True, **options).stopped == "asked"
    assert told == [1, 2, 3, 4, 5, 5]


def test_what_stopped_early_stays_stopped(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "validation": 0.3,
        "patience": 2,
        "learning_rate": 0.9,
        "optimizer": "adam",
        "epochs": 60,
    }
    first = trained(tmp_path, **options)
    assert first.stopped == "early"
    assert_same(trained(tmp_path, resume=True, **options), first)


def test_many_trainings_each_in_a_folder(tmp_path: Path) -> None:
    options = {"net": NET, "X": X, "y": Y, "batch_size": 16}
    for epochs in (2, 5):
        jobs = [
            {**options, "epochs": epochs, "seed": seed, "checkpoint": tmp_path / str(seed), "resume": "auto"}
            for seed in range(3)
        ]
        results = bp.train_many(jobs, progress=False)
    for seed, result in enumerate(results):
        assert isinstance(result, TrainingResult)
        assert result.notes[-1].endswith("2 epochs, 6 steps")
        assert_same(result, trained(seed=seed, epochs=5))


def test_everything_is_found_as_it_was_put() -> None:
    columns = np.asfortranarray(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    state: dict[str, Any] = {"W": columns, "rate": np.float64(0.1), "rows": columns.copy("C"), "none": np.zeros((0, 3))}
    history = (
        Epoch(1, np.pi, 0.5, 3, 0.1, metrics={"r2": float("-inf")}, gradient_norms={"W": 1.5}, update_ratios={"W": 0}),
        Epoch(2, float("inf"), 0.5, 6, 0.1, metrics={"r2": 0.1}),
    )
    best = Candidate(float("inf"), {"W": columns}, 2)
    current = Pass(np.array([2, 0, 1]), {"W": columns}, 2, 0.1 + 0.2, 0.25)
    random = np.random.default_rng(5).bit_generator.state
    made = Snapshot(6, state, history, best, current, random, {"factor": 0.1, "lowest": float("inf"), "since": 3})
    identity = Identity({"batch_size": 3, "clip_norm": None, "metrics": ["r2"]}, {"the data X": "ab"})
    found = decoded(bytes(encoded(Checkpoint(made, identity, 9, "somebody"))))
    assert (found.identity, found.epochs, found.written_by) == (identity, 9, "somebody")
    again = found.snapshot
    assert (again.made, again.history, again.random, again.rates) == (6, history, random, made.rates)
    assert again.best is not None
    assert again.current is not None
    assert (again.best.loss, again.best.epoch) == (float("inf"), 2)
    assert (again.current.done, again.current.mean, again.current.seconds) == (2, 0.1 + 0.2, 0.25)
    assert np.asarray(again.current.order).tolist() == [2, 0, 1]
    for stored in (again.state, again.best.parameters, again.current.before):
        assert stored["W"].flags.f_contiguous
        np.testing.assert_array_equal(stored["W"], columns, strict=True)
    assert {id: (array.shape, array.dtype) for id, array in again.state.items()} == {
        id: (np.shape(array), array.dtype) for id, array in state.items()
    }
    assert again.state["rows"].flags.c_contiguous


# --- when, how many ---------------------------------------------------------------------------------------------------


def test_the_last_few_stay(tmp_path: Path) -> None:
    trained(tmp_path / "three", epochs=7)
    assert steps_kept(tmp_path / "three") == [15, 18, 21]
    trained(checkpoint=Checkpoints(tmp_path / "one", every_epochs=2, keep=1), epochs=7)
    assert steps_kept(tmp_path / "one") == [21]


@BACKENDS
def test_after_so_many_epochs_and_at_the_end(tmp_path: Path, backend: str) -> None:
    kept = Checkpoints(tmp_path, every_epochs=30, keep=100)
    trained(checkpoint=kept, epochs=100, batch_size=None, backend=backend)
    assert steps_kept(tmp_path) == [30, 60, 90, 100]


def test_a_folder_alone_is_kept_every_five_minutes_and_at_the_end(tmp_path: Path) -> None:
    trained(checkpoint=str(tmp_path))
    assert steps_kept(tmp_path) == [12]
    assert Checkpoints(tmp_path).seconds == 300


def test_more_epochs(tmp_path: Path) -> None:
    trained(tmp_path, epochs=3)
    result = trained(tmp_path, epochs=8, resume=True)
    assert_same(result, trained(epochs=8))
    newest = sorted(tmp_path.glob("step-*"))[-1]
    again = trained(tmp_path, epochs=8, resume=True)
    assert again.notes == (f"resumed from {str(newest)!r}: 8 epochs, 24 steps",)
    assert_same(again, result)


def test_more_epochs_under_a_schedule_that_is_stretched_over_them(tmp_path: Path) -> None:
    trained(tmp_path, epochs=3, schedule="cosine")
    with pytest.raises(SpecificationError, match=r"stretched over all epochs: .* give epochs=3 as before"):
        trained(tmp_path, epochs=4, schedule="cosine", resume=True)
    warming: dict[str, Any] = {"schedule": "warmup(steps=10) + cosine"}
    trained(tmp_path / "warming", epochs=3, **warming)
    assert_same(trained(tmp_path / "warming", epochs=9, resume=True, **warming), trained(epochs=9, **warming))


def test_fewer_epochs_than_were_made(tmp_path: Path) -> None:
    trained(tmp_path, epochs=3)
    with pytest.raises(SpecificationError, match="in epoch 3 already; give epochs=3 or more"):
        trained(tmp_path, epochs=2, resume=True)


def test_auto_goes_on_with_the_backend_that_it_began_with(tmp_path: Path) -> None:
    trained(tmp_path, epochs=2, backend="llvm")
    result = trained(tmp_path, epochs=4, backend="auto", resume=True)
    assert_same(result, trained(epochs=4, backend="llvm"))
    assert result.settings["backend"] == "llvm"
