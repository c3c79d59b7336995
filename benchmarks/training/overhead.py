"""Overheads: what progress, history, callbacks, checkpoints and logging cost beside the steps of 20-64-64-1.

    python benchmarks/training/overhead.py               ten rounds, some ten seconds
    python benchmarks/training/overhead.py --rounds 30 --epochs 200

Every row is timed in every round, in a new order, so that what else the machine does falls on all of them. The bare
steps are those of the loop, made by the same machine code in slices as long, without loop, history and progress. A row
is its median over the rounds, relative to the bare steps of the same round.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import backproof as bp
from backproof.errors import UnsupportedError
from backproof.training.beginning import begin
from backproof.training.progress import reporter
from backproof.training.run import SLICE
from backproof.training.tensorboard import TensorBoard

SAMPLES, BATCH = 4096, 32


def timed(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Workload:
    """Epochs of 20-64-64-1 in mini-batches, with machine code, float64 and Adam."""

    def __init__(self, epochs: int) -> None:
        rng = np.random.default_rng(0)
        self._X = rng.normal(size=(SAMPLES, 20))
        self._y = np.sin(self._X[:, :1])
        net = bp.mlp(20, 64, 64, 1, activation="tanh", output_activation="identity", loss="mean_squared_error")
        self._net, self._epochs = bp.derive(net).trace, epochs

    def training(self, **options: Any) -> Any:
        """Ready to go."""
        return begin(
            self._net,
            self._X,
            self._y,
            optimizer="adam",
            learning_rate=1e-3,
            batch_size=BATCH,
            epochs=self._epochs,
            backend="llvm",
            **options,
        )

    def bare(self) -> float:
        """The steps alone."""
        training = self.training()
        steps, batches, rates = training.run.steps, training.run.batches, training.run.rates
        first = batches.order()[:BATCH]
        per_slice = max(1, int(SLICE / timed(lambda: steps.take(first, BATCH, rates.of(0, 1), 0)))) * BATCH

        def work() -> None:
            made = 0
            for _ in range(self._epochs):
                order = batches.order()
                for start in range(0, len(order), per_slice):
                    chosen = order[start : start + per_slice]
                    count = len(chosen) // BATCH
                    steps.take(chosen, BATCH, rates.of(made, count), made)
                    made += count

        return timed(work)

    def loop(self, progress: bool | str = False, **options: Any) -> float:
        """The steps in the loop."""
        training = self.training(**options)
        with contextlib.redirect_stderr(io.StringIO()):
            work = reporter(progress, training.epochs, training.run.batches.per_epoch)
            return timed(lambda: _go(training, work))

    def bar(self) -> float:
        """With a bar on something that takes itself for a terminal."""
        before = dict(os.environ)
        os.environ.update(FORCE_COLOR="1", TTY_COMPATIBLE="1", TERM="xterm", COLUMNS="100")
        try:
            return self.loop(progress=True)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _go(training: Any, work: Any) -> None:
    with work as shown:
        training.run.run(training.epochs, shown)


def rows(work: Workload, place: Path) -> dict[str, Callable[[], float]]:
    """What is timed, by name; each as the history alone with one thing more."""

    def kept(**options: Any) -> Callable[[], float]:
        def one() -> float:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                return work.loop(checkpoint=bp.Checkpoints(folder, **options))

        return one

    def logging() -> float:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            log = TensorBoard(folder)
            seconds = work.loop(callbacks=[log])
            log.close()
            return seconds

    found: dict[str, Callable[[], float]] = {
        "history": work.loop,
        "history, lines of progress": lambda: work.loop(progress="plain"),
        "history, a bar of progress": work.bar,
        "history, a callback": lambda: work.loop(callbacks=[lambda event: None]),
        "history, norms": lambda: work.loop(norms=True),
        "history, checkpoints every 5 minutes": kept(),
        "history, checkpoints every 10 epochs": kept(every_epochs=10),
        "history, checkpoints every epoch": kept(every_epochs=1),
        "history, TensorBoard": logging,
    }
    try:
        TensorBoard(place / "probe").close()
    except UnsupportedError:
        del found["history, TensorBoard"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--only", default="history", help="rows whose name has this in it")
    given = parser.parse_args()
    work, order = Workload(given.epochs), random.Random(0)
    found: dict[str, list[float]] = {}
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        all_rows = {name: row for name, row in rows(work, Path(place)).items() if given.only in name}
        work.bare()
        for _ in range(given.rounds):
            seconds = work.bare()
            bare.append(seconds)
            for name in order.sample(list(all_rows), len(all_rows)):
                found.setdefault(name, []).append(all_rows[name]() / seconds - 1)
    steps = given.epochs * -(-SAMPLES // BATCH)
    print(f"20-64-64-1, batches of {BATCH} of {SAMPLES} samples, float64, Adam, {given.rounds} rounds")
    middle = statistics.median(bare)
    print(f"bare steps: {middle:.3f} s for {given.epochs} epochs, {middle / steps * 1e6:.1f} µs a step")
    for name in all_rows:
        low, middle, high = statistics.quantiles(found[name], n=4) if given.rounds > 1 else [found[name][0]] * 3
        print(f"{name:40}{middle:+8.2%}   (quartiles {low:+.2%} to {high:+.2%})")


if __name__ == "__main__":
    sys.exit(main())
