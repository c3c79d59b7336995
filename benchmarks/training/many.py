"""Many small networks side by side: steps a second of K networks with one thread and with all, for K = 1 … 256.

python benchmarks/training/many.py              the table, half a minute and more where others work
python benchmarks/training/many.py --quick      a first look

What other programs take of the processors meanwhile is measured too: a round that they disturbed is left out where
there is one that they did not.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import backproof as bp

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STEPS, FEWEST_EPOCHS = 128_000, 40
"""Steps of all networks together, and epochs of each at least."""
SAMPLES, BATCH = 2048, 32
QUIET = 0.05
"""The share of a processor that others may take in an undisturbed round."""
UNDISTURBED = 3
"""Rounds of that kind that are enough."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer networks, one round")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each K, at most")
    options = parser.parse_args()
    net = bp.mlp(20, 64, 64, 1, activation="relu", output_activation="identity", loss="mean_squared_error")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(SAMPLES, 20))
    y = np.sin(X[:, :1]) * X[:, 1:2]
    crew = len(os.sched_getaffinity(0))
    bp.train_many(jobs(net, X, y, 2, 1), progress=False)  # compiles
    print(f"20-64-64-1, Adam, batches of {BATCH} of {SAMPLES} samples, float32, {crew} processors\n")
    print("|   K | epochs | steps/s, one at a time | steps/s, side by side | times | taken by others |")
    print("|----:|-------:|-----------------------:|----------------------:|------:|----------------:|")
    for count in COUNTS[:3] if options.quick else COUNTS:
        steps = -(-SAMPLES // BATCH)
        epochs = 1 if options.quick else max(FEWEST_EPOCHS, STEPS // (count * steps))
        made = count * epochs * steps
        alone, together, others = rates(jobs(net, X, y, count, epochs), crew, 0 if options.quick else options.seconds)
        print(
            f"| {count:3} | {epochs:6} | {made / alone:22,.0f} | {made / together:21,.0f} | {alone / together:5.2f} | "
            f"{others:15.0%} |",
            flush=True,
        )


def jobs(net: Any, X: Any, y: Any, count: int, epochs: int) -> list[dict[str, Any]]:
    """So many networks that differ in their seeds."""
    common = {"net": net, "X": X, "y": y, "batch_size": BATCH, "optimizer": "adam", "learning_rate": 1e-3}
    return [{**common, "epochs": epochs, "seed": k, "backend": "llvm", "dtype": "float32"} for k in range(count)]


def rates(todo: list[dict[str, Any]], crew: int, seconds: float) -> tuple[float, float, float]:
    """The least seconds of one at a time and of all side by side, and the share of a processor that others had."""
    rounds: dict[int, list[tuple[bool, float, float]]] = {1: [], crew: []}
    until = time.perf_counter() + seconds
    while not rounds[crew] or (time.perf_counter() < until and not all(map(enough, rounds.values()))):
        for threads in rounds:
            while busy_share() > QUIET and time.perf_counter() < until:
                pass
            seconds_taken, others = measured(todo, threads)
            rounds[threads].append((others > QUIET, seconds_taken, others))
    best = {threads: min(taken) for threads, taken in rounds.items()}
    return best[1][1], best[crew][1], max(best[1][2], best[crew][2])


def enough(rounds: list[tuple[bool, float, float]]) -> bool:
    """Whether some rounds were undisturbed."""
    return sum(not disturbed for disturbed, _, _ in rounds) >= UNDISTURBED


def busy_share(seconds: float = 0.1) -> float:
    """What is taken of a processor while nothing is done here."""
    busy = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - busy) / seconds


def measured(todo: list[dict[str, Any]], threads: int) -> tuple[float, float]:
    """Seconds of wall time, and what others had of a processor meanwhile."""
    busy, own, began = busy_seconds(), time.process_time(), time.perf_counter()
    bp.train_many(todo, threads=threads, progress=False)
    took = time.perf_counter() - began
    return took, max(0.0, busy_seconds() - busy - (time.process_time() - own)) / took


def busy_seconds() -> float:
    """What all programs together have had of the processors; nothing where the system does not tell."""
    path = Path("/proc/stat")
    if not path.exists():
        return time.process_time()
    user, nice, system, _, _, irq, soft, *_ = map(int, path.read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
