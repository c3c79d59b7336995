"""Kills: trainings that are killed at random moments, and whether what they resume to is what nobody killed comes to.

    python benchmarks/training/kills.py               200 kills, a quarter of them on a disk that is full now and then
    python benchmarks/training/kills.py --kills 30 --seed 7

Every training runs in a process of its own. SIGKILL comes after a random time, in the middle of writing a checkpoint
too; then the next process resumes, until one gets to the end. Parameters, loss, history (but for its seconds), steps
and how it stopped must be those of a training without checkpoints, bit for bit. After every kill each checkpoint must
be whole, and the newest no older than it was. The full disk is a small tmpfs, for which root is needed; it is left out
otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import backproof as bp
from backproof.errors import DataError
from backproof.training import TrainingResult, train
from backproof.training.checkpoint_file import decoded
from backproof.training.checkpoints import SCRATCH, steps_made

DISK = 192 * 1024
"""Bytes of the small disk."""
EXECUTED = 0.1
"""The share of processes that begin with a new interpreter; the others are forked off, which takes no second."""
OFTEN, EACH_EPOCH = {"every_minutes": 1e-9}, {"every_epochs": 1}
SUBJECTS: dict[str, dict[str, Any]] = {
    "adam, dropout, batch normalisation, plateau, patience": {
        "net": {"dropout": 0.25, "normalization": "batch"},
        "options": {
            "optimizer": "adam",
            "batch_size": 16,
            "epochs": 60,
            "validation": 0.2,
            "patience": 25,
            "metrics": ["r2"],
            "schedule": "plateau(patience=3)",
            "norms": True,
        },
        "kept": OFTEN,
    },
    "momentum, all samples at once, cosine": {
        "net": {},
        "options": {"optimizer": "momentum", "epochs": 400, "schedule": "cosine", "learning_rate": 0.05},
        "kept": {"every_epochs": 7},
    },
    "nesterov, clipped, one cycle, weight decay": {
        "net": {"penalty": 0.01},
        "options": {
            "optimizer": "nesterov",
            "batch_size": 8,
            "epochs": 30,
            "clip_norm": 1.0,
            "schedule": "one_cycle",
            "dtype": "float32",
        },
        "kept": EACH_EPOCH,
    },
    "rmsprop, layer normalisation, warm-up, one file": {
        "net": {"normalization": "layer"},
        "options": {"optimizer": "rmsprop", "batch_size": 8, "epochs": 30, "schedule": "warmup(steps=50)"},
        "kept": {**OFTEN, "keep": 1},
    },
    "lion, streamed through a small buffer": {
        "net": {},
        "options": {"optimizer": "lion", "batch_size": 8, "epochs": 20, "validation": 0.2, "learning_rate": 0.002},
        "kept": OFTEN,
        "buffer": 32,
    },
}


def trained(name: str, backend: str, folder: str | None) -> TrainingResult:
    """The training of a subject; kept in the folder and resumed from it, where there is one."""
    subject = SUBJECTS[name]
    rng = np.random.default_rng(3)
    X = rng.normal(size=(100, 3))
    y = np.sin(X[:, :1]) * X[:, 1:2] + 0.1 * rng.normal(size=(100, 1))
    net = bp.mlp(3, 12, 8, 1, activation="tanh", loss="mean_squared_error", **subject["net"])
    data = (bp.Stream(X, y, buffer=subject["buffer"]), None) if "buffer" in subject else (X, y)
    options = {"learning_rate": 0.02, **subject["options"], "backend": backend, "progress": False}
    if folder is None:
        return train(net, *data, **options)
    return train(net, *data, **options, checkpoint=bp.Checkpoints(folder, **subject["kept"]), resume="auto")


def bits(result: TrainingResult) -> str:
    """All that must be the same, as text."""
    history = [{**_fields(epoch), "seconds": 0} for epoch in result.history]
    found = {
        "params": {id: (array.dtype.str, array.shape, array.tobytes().hex()) for id, array in result.params.items()},
        "loss": result.loss.hex(),
        "history": history,
        "steps": result.steps,
        "stopped": result.stopped,
        "best_epoch": result.best_epoch,
    }
    return json.dumps(found, sort_keys=True)


def _fields(epoch: Any) -> dict[str, Any]:
    return {name: getattr(epoch, name) for name in epoch.__dataclass_fields__}


# --- processes --------------------------------------------------------------------------------------------------------


def child(name: str, backend: str, folder: str | None, out: Path) -> None:
    """The training, then its bits in a file that is there whole or not at all."""
    warnings.simplefilter("ignore")
    result = trained(name, backend, folder)
    out.with_suffix(".part").write_text(json.dumps([bits(result), list(result.notes)]))
    os.replace(out.with_suffix(".part"), out)


def begun(name: str, backend: str, folder: str | None, out: Path, executed: bool) -> int:
    """The process that trains."""
    if executed:
        command = [sys.executable, __file__, "--child", json.dumps([name, backend, folder, str(out)])]
        return subprocess.Popen(command).pid
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(name, backend, folder, out)
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid: int, seconds: float) -> bool:
    """Whether the process came to its end in that time; it is killed otherwise.

    Raises:
        SystemExit: it failed.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if status:
                raise SystemExit(f"a training failed with status {status}")
            return True
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


# --- one training, killed again and again -----------------------------------------------------------------------------


Reference = tuple[str, float, float]
"""The bits to expect, the seconds that a training takes, and those that an interpreter takes to begin."""


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    while_writing: int = 0
    before_the_first: int = 0
    resumed_runs: int = 0
    different: int = 0
    damaged: int = 0
    lost: int = 0
    on_full_disk: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def newest(folder: Path, tally: Tally) -> int:
    """The steps of the newest checkpoint; each is read whole."""
    found = -1
    for path in folder.glob("step-*.safetensors"):
        try:
            decoded(path.read_bytes())
            found = max(found, steps_made(path))
        except DataError as error:
            tally.damaged += 1
            print(f"damaged: {path}: {error}", file=sys.stderr)
    return found


def killed_again_and_again(
    name: str, backend: str, folder: Path, wanted: Reference, rng: random.Random, tally: Tally, small: bool
) -> None:
    """One training, until a process gets to its end; the disk is filled and emptied meanwhile where it is small."""
    expected, seconds, starting = wanted
    with tempfile.TemporaryDirectory() as results:
        out, last, kills = Path(results, "result.json"), -1, 0
        while True:
            if small:
                _fill(folder.parent, rng)
            executed = rng.random() < EXECUTED
            pid = begun(name, backend, str(folder), out, executed)
            # The longer it takes, the more patient: some process must get to the end.
            if ended(pid, rng.uniform(0, seconds) * (1 + kills / 20) + (starting if executed else 0)):
                break
            kills += 1
            tally.kills += 1
            tally.on_full_disk += small
            tally.while_writing += (folder / SCRATCH).exists()
            now = newest(folder, tally)
            tally.before_the_first += now < 0
            tally.lost += now < last
            last = max(last, now)
        found, notes = json.loads(out.read_text())
        tally.resumed_runs += kills > 0
        tally.different += found != expected
        tally.notes.update("disk full" for note in notes if "disk is full" in note)


def _fill(disk: Path, rng: random.Random) -> None:
    """Leave no room, little room or all of it."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    room = rng.choice([0, 4096, 20_000, 60_000, DISK])
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        stream.write(bytes(max(0, free - room)))


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """A tmpfs of few bytes; None where there can be none."""
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place]
        if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
            yield None
            return
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def reference(name: str, backend: str) -> Reference:
    """Of a training that nobody kills and that keeps nothing."""
    with tempfile.TemporaryDirectory() as results:
        out = Path(results, "result.json")
        times = [
            _seconds(name, backend, folder, out, executed)
            for folder, executed in ((str(Path(results, "kept")), False), (None, True), (None, False))
        ]
        return str(json.loads(out.read_text())[0]), times[0], max(0.0, times[1] - times[2])


def _seconds(name: str, backend: str, folder: str | None, out: Path, executed: bool) -> float:
    began = time.monotonic()
    ended(begun(name, backend, folder, out, executed), 600)
    return time.monotonic() - began


def measured(kills: int, seed: int, disk: Path | None, only: str = "") -> Tally:
    """So many kills, over all subjects and backends in turn; the last quarter on the small disk, where there is one."""
    rng, tally = random.Random(seed), Tally()
    pairs = [(name, backend) for name in SUBJECTS if only in name for backend in ("numpy", "llvm")]
    wanted = {pair: reference(*pair) for pair in pairs}
    number = 0
    while tally.kills < kills:
        pair = pairs[number % len(pairs)]
        small = disk is not None and tally.kills >= 0.75 * kills
        with tempfile.TemporaryDirectory(dir=disk if small else None) as place:
            killed_again_and_again(*pair, Path(place, "kept"), wanted[pair], rng, tally, small)
        number += 1
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="subjects whose name has this in it")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        name, backend, folder, out = json.loads(given.child)
        child(name, backend, folder, Path(out))
        return
    with small_disk() as disk:
        tally = measured(given.kills, given.seed, disk, given.only)
    print(f"SIGKILLs                                    {tally.kills}")
    print(f"  while a checkpoint was being written      {tally.while_writing}")
    print(f"  before there was a first one              {tally.before_the_first}")
    print(
        f"  on a disk full now and then               {tally.on_full_disk if disk is not None else 'left out: no root'}"
    )
    print(f"trainings killed, resumed and finished      {tally.resumed_runs}")
    print(f"  that told of the full disk                {tally.notes['disk full']}")
    print(f"  not bit for bit the one never killed      {tally.different}")
    print(f"checkpoints found damaged                   {tally.damaged}")
    print(f"times an old checkpoint was lost            {tally.lost}")
    sys.exit(1 if tally.different or tally.damaged or tally.lost else 0)


if __name__ == "__main__":
    main()
