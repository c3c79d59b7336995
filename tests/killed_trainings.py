"""A script: trainings that die by SIGKILL at the n-th touch of their folder, for n = 1, 2, …, and then go on.

    python killed_trainings.py BACKEND

Each attempt is a forked process. It prints as JSON the number of kills and what was not as it should be.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import backproof as bp
from backproof.errors import DataError
from backproof.training.checkpoint_file import decoded

X = np.random.default_rng(0).normal(size=(20, 2))
Y = X[:, :1] * X[:, 1:]
NET = bp.mlp(2, 4, 1, activation="tanh", loss="mean_squared_error", dropout=0.25, normalization="batch")
TOUCHES = {"open", "os.rename", "os.remove", "fsync"}


def trained(backend: str, folder: Path | None) -> str:
    """The bits of the training, kept in the folder."""
    options: dict[str, Any] = {"optimizer": "adam", "batch_size": 8, "epochs": 4, "schedule": "plateau(patience=1)"}
    if folder is not None:
        options |= {"checkpoint": bp.Checkpoints(folder, every_minutes=1e-9, keep=2), "resume": "auto"}
    result = bp.train(NET, X, Y, **options, validation=0.2, backend=backend, progress=False)
    losses = [(epoch.loss.hex(), repr(epoch.validation_loss)) for epoch in result.history]
    return repr([{id: array.tobytes() for id, array in result.params.items()}, losses, result.loss.hex()])


def die_at_touch(count: int, folder: Path) -> None:
    """SIGKILL just before the process touches a file of the folder for the n-th time."""
    left, really = [count], os.fsync

    def touched() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES and arguments and str(arguments[0]).startswith(str(folder)):
            touched()

    def fsync(descriptor: int) -> None:
        touched()
        really(descriptor)

    sys.addaudithook(hook)
    os.fsync = fsync  # type: ignore[assignment]


def dying(backend: str, folder: Path, touch: int) -> str:
    """The bits of the training, where it lives to tell."""
    die_at_touch(touch, folder)
    return trained(backend, folder)


def main(backend: str) -> None:
    kills, attempts, wrong = 0, 0, []
    with tempfile.TemporaryDirectory() as place:
        result, expected = Path(place, "result"), Path(place, "expected")
        fork(lambda: expected.write_text(trained(backend, None)))
        for start in (1, 2, 5):
            folder, touch = Path(place, f"kept-{start}"), start
            result.unlink(missing_ok=True)
            while not result.exists():
                fork(lambda f=folder, n=touch: result.write_text(dying(backend, f, n)))
                kills, attempts, touch = kills + (not result.exists()), attempts + 1, 6 + (attempts * 7) % 11
                wrong += [str(path) for path in folder.glob("step-*") if not _whole(path)]
            wrong += ["other bits"] if result.read_text() != expected.read_text() else []
    print(json.dumps({"kills": kills, "wrong": wrong}))


def fork(work: Any) -> None:
    """Done in a process of its own.

    Raises:
        RuntimeError: it failed; being killed is none.
    """
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("a training failed")


def _whole(path: Path) -> bool:
    try:
        decoded(path.read_bytes())
    except DataError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
