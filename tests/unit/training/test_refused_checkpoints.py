"""Checkpoints that cannot be used, and those that cannot be written: each is said, and nothing is lost by it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.errors import (
    BackproofError,
    CheckpointWarning,
    DataError,
    DivergenceError,
    OutputError,
    SpecificationError,
    UnsupportedError,
)
from backproof.training import Checkpoints, resuming
from backproof.training.checkpoint_file import decoded
from backproof.training.events import Event
from kept_trainings import NET, OFTEN, X, Y, assert_same, steps_kept, trained

STEEP = bp.mlp(2, 5, 1, activation="relu", output_activation="identity", loss="mean_squared_error")

# --- what is refused --------------------------------------------------------------------------------------------------


def test_every_altered_byte_is_seen(tmp_path: Path) -> None:
    trained(tmp_path, epochs=1, validation=0.2, checkpoint=Checkpoints(tmp_path, every_epochs=1, keep=1))
    [path] = tmp_path.glob("step-*")
    data = bytearray(path.read_bytes())
    decoded(bytes(data))
    for place in range(0, len(data), 7):
        data[place] ^= 1 << place % 8
        with pytest.raises(DataError):
            decoded(bytes(data))
        data[place] ^= 1 << place % 8
    for length in (*range(0, len(data), 97), len(data) - 1):
        with pytest.raises(DataError):
            decoded(bytes(data[:length]))
    with pytest.raises(DataError):
        decoded(bytes(data) + b"\0")


def spoiled(path: Path, how: str) -> None:
    data = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "altered":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "foreign":
            path.write_bytes(b"not a checkpoint at all")
        case _:
            path.write_bytes(b"")


@pytest.mark.parametrize("how", ["truncated", "altered", "foreign", "empty"])
@pytest.mark.parametrize("keep", [1, 3])
def test_the_one_before_is_used_and_said(tmp_path: Path, how: str, keep: int) -> None:
    trained(tmp_path, epochs=3)
    spoiled(tmp_path / "step-000000000009.safetensors", how)
    with pytest.warns(CheckpointWarning, match="step-000000000009.safetensors' is not used") as seen:
        result = trained(checkpoint=Checkpoints(tmp_path, every_minutes=OFTEN, keep=keep), epochs=6, resume=True)
    assert_same(result, trained(epochs=6))
    assert len(seen) == 1
    assert "is not used" in result.notes[0]
    assert result.notes[1].endswith("step-000000000006.safetensors': 2 epochs, 6 steps")
    assert 18 in steps_kept(tmp_path)


def test_what_is_refused_is_neither_counted_nor_removed(tmp_path: Path) -> None:
    trained(tmp_path, epochs=3)
    spoiled(tmp_path / "step-000000000009.safetensors", "altered")
    seen: list[list[int]] = []

    def look(event: Event) -> None:
        seen.append(steps_kept(tmp_path))

    kept = Checkpoints(tmp_path, every_minutes=OFTEN, keep=1)
    with pytest.warns(CheckpointWarning):
        trained(checkpoint=kept, epochs=3, resume=True, callbacks=[look])
    assert seen == [[3, 6, 9], [9]]
    spoiled(tmp_path / "step-000000000009.safetensors", "altered")
    trained(checkpoint=Checkpoints(tmp_path / "other", every_epochs=2), epochs=2)
    (tmp_path / "other" / "step-000000000006.safetensors").rename(tmp_path / "step-000000000006.safetensors")
    with pytest.warns(CheckpointWarning):
        trained(checkpoint=Checkpoints(tmp_path, every_epochs=2, keep=1), epochs=4, resume=True)
    assert steps_kept(tmp_path) == [9, 12]


def test_where_none_can_be_used(tmp_path: Path) -> None:
    trained(tmp_path, epochs=2)
    for path in tmp_path.glob("step-*"):
        spoiled(path, "altered")
    with pytest.raises(DataError, match=r"checksum is wrong.*holds no checkpoint to resume from"):
        trained(tmp_path, resume=True)
    with pytest.warns(CheckpointWarning, match="begins anew"):
        assert_same(trained(tmp_path, resume="auto"), trained())
    assert_same(trained(tmp_path, resume=True), trained())


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"learning_rate": 0.2}, "learning_rate was 0.01 and is 0.2;"),
        ({"optimizer": "adam"}, "optimizer was 'sgd' and is 'adam'"),
        ({"batch_size": 10}, "batch_size was 16 and is 10;"),
        ({"schedule": "exponential"}, "schedule was 'constant' and is 'exponential"),
        ({"clip_value": 1.0}, "clip_value was None and is 1.0"),
        ({"shuffle": False}, "shuffle was True and is False;"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"dtype": "float32"}, "dtype was 'float64' and is 'float32'"),
        ({"validation": 0.2}, "the data X changed"),
        ({"validation": (X, Y)}, "training: the validation data X changed; the validation data y changed;"),
        ({"norms": True}, "norms was False and is True;"),
        ({"net": bp.mlp(2, 5, 1, loss="mean_squared_error")}, "training: the network or its loss changed;"),
        ({"params": {"W_1": np.ones((2, 5)), "W_2": np.ones((5, 1))}}, "training: the initial parameters changed;"),
        ({"backend": "numpy"}, "backend was 'llvm' and is 'numpy';"),
    ],
)
def test_another_training(tmp_path: Path, options: dict[str, Any], differs: str) -> None:
    trained(tmp_path, backend="llvm")
    with pytest.raises(SpecificationError) as caught:
        trained(tmp_path, **{"backend": "llvm", **options}, resume="auto")
    assert differs in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_data(tmp_path: Path) -> None:
    trained(tmp_path)
    other = X.copy()
    other[-1, -1] = np.nextafter(other[-1, -1], 1)
    with pytest.raises(SpecificationError, match=r"of another training: the data X changed; undo"):
        bp.train(NET, other, Y, batch_size=16, epochs=4, progress=False, checkpoint=tmp_path, resume=True)


def test_a_rule_of_the_same_name(tmp_path: Path) -> None:
    rules = [bp.optimizer("mine", f"theta = theta - {factor}*rate*gradient") for factor in (1, 2)]
    trained(tmp_path, optimizer=rules[0])
    with pytest.raises(SpecificationError, match="training: the update rule changed;"):
        trained(tmp_path, optimizer=rules[1], resume=True)


def test_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(tmp_path, epochs=2)
    monkeypatch.setattr(resuming, "writer", lambda: "backproof 99")
    with pytest.warns(CheckpointWarning, match="this is backproof 99: the last bits may differ"):
        assert_same(trained(tmp_path, resume=True), trained())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"resume": True}, SpecificationError, "nothing to resume from; give checkpoint="),
        ({"checkpoint": "ck", "resume": "yes"}, SpecificationError, "resume must be True, False or 'auto', got 'yes'"),
        ({"checkpoint": 3}, SpecificationError, "must be a folder or Checkpoints"),
        ({"checkpoint": "ck", "resume": True}, DataError, "'ck' holds no checkpoint to resume from"),
        ({"checkpoint": "ck", "optimizer": "lbfgs", "batch_size": None}, UnsupportedError, "what lbfgs remembers"),
        ({"checkpoint": "file/ck"}, OutputError, "cannot write"),
    ],
)
def test_options_that_mean_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], error: type[BackproofError], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(error, match=message):
        trained(**options)
    assert not Path("ck").exists()


@pytest.mark.parametrize("options", [{"keep": 0}, {"every_epochs": 0}, {"every_minutes": -1}, {"folder": None}])
def test_intervals_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError):
        Checkpoints(**{"folder": "ck", **options})


def test_a_folder_in_use(tmp_path: Path) -> None:
    def another(event: Event) -> None:
        with pytest.raises(SpecificationError, match="another training keeps its checkpoints in"):
            trained(tmp_path, resume="auto")

    result = trained(tmp_path, callbacks=[another])
    assert result.notes == ()
    with pytest.raises(SpecificationError, match="holds checkpoints already; give resume=True"):
        trained(tmp_path)


# --- what cannot be written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "number", "words"),
    [("fsync", errno.ENOSPC, "disk is full"), ("replace", errno.EROFS, "permission denied")],
)
def test_a_disk_that_is_full_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, words: str
) -> None:
    really, calls = getattr(os, function), [0]

    def failing(*arguments: Any) -> Any:
        calls[0] += 1
        if 8 <= calls[0] < 12:
            assert len(steps_kept(tmp_path)) >= 3
            raise OSError(number, os.strerror(number))
        return really(*arguments)

    monkeypatch.setattr(os, function, failing)
    with pytest.warns(CheckpointWarning, match=words) as seen:
        result = trained(tmp_path, epochs=20)
    assert len(seen) == len(result.notes) == 1
    assert "training goes on, and the checkpoints before stay" in result.notes[0]
    assert_same(result, trained(epochs=20))
    assert steps_kept(tmp_path) == [54, 57, 60]
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("step-")) == [".lock"]


def test_a_folder_that_nobody_may_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(tmp_path, epochs=2)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    really = Path.open

    def refusing(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if path.parent == tmp_path and mode != "rb":
            raise PermissionError(errno.EROFS, "Read-only file system")
        return really(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.warns(CheckpointWarning, match="cannot write to the folder") as seen:
        result = trained(tmp_path, resume=True)
    assert len(seen) == 1
    assert_same(result, trained())
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_warnings_as_errors_stop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert len(trained(tmp_path).notes) == 1  # the tests turn warnings into errors
    assert steps_kept(tmp_path) == []


def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path) -> None:
    steep = {"W_1": np.full((2, 5), 100.0), "W_2": np.full((5, 1), 100.0)}
    options: dict[str, Any] = {"learning_rate": 1e305, "backend": "numpy", "net": STEEP, "params": steep}
    kept = Checkpoints(tmp_path, every_minutes=OFTEN)
    errors = []
    for resume in (False, "auto"):
        with pytest.raises(DivergenceError, match="in the update before") as caught:
            trained(checkpoint=kept, resume=resume, **options)
        errors.append(caught.value)
        assert steps_kept(tmp_path) == []
    assert str(errors[0]) == str(errors[1])
    assert all((array == 100).all() for array in errors[1].params.values())
