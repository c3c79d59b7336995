"""Time to the same held-out loss as scikit-learn's network, at the same settings, in one interleaved run.

python benchmarks/estimators/speed.py             some minutes
python benchmarks/estimators/speed.py --quick     a first look

scikit-learn trains for so many epochs; ours trains for as many as it needs for the held-out loss that this gave, both
averaged over some seeds. Then both are timed in turn, whole calls of ``fit`` on data that are scaled already: the
first call of ours, which may compile, stands in a column of its own.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

import backproof as bp

SEEDS = 4
"""Runs over which the held-out loss is averaged, for what one run reaches is chance."""
CASES = (
    ("digits as numbers", 1797, (64, 64), 200),
    ("digits as numbers", 1797, (64, 64), 32),
    ("Friedman", 500, (64, 64), 200),
    ("Friedman", 8000, (64, 64), 200),
    ("Friedman", 8000, (64, 64), 32),
    ("Friedman", 8000, (256, 256), 200),
    ("Friedman", 8000, (256, 256), 32),
)


def data(name: str, rows: int) -> tuple[Any, ...]:
    """Training and held-out part, scaled."""
    if name == "Friedman":
        X, y = make_friedman1(rows, n_features=10, noise=1.0, random_state=0)
    else:
        X, y = load_digits(return_X_y=True)
    parts = train_test_split(X, (y - y.mean()) / y.std(), random_state=0)
    scaler = StandardScaler().fit(parts[0])
    return scaler.transform(parts[0]), scaler.transform(parts[1]), parts[2], parts[3]


def seconds(call: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first cases, fewer epochs and rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cases, epochs, rounds = (CASES[:4], 20, 3) if asked.quick else (CASES, asked.epochs, asked.rounds)
    print(
        "| table | rows | hidden | batch | held-out MSE | scikit-learn s | ours: first s | later s | epochs | faster |"
    )
    print("| --- " * 10 + "|")
    for name, rows, hidden, batch in cases:
        print(row(name, rows, hidden, batch, epochs, rounds, asked.dtype), flush=True)


def row(name: str, rows: int, hidden: tuple[int, ...], batch: int, epochs: int, rounds: int, dtype: str) -> str:
    """One case."""
    X, X_test, y, y_test = data(name, rows)
    X, X_test = X.astype(dtype), X_test.astype(dtype)
    same = {"hidden_layer_sizes": hidden, "batch_size": batch}
    their = MLPRegressor(**same, max_iter=epochs, n_iter_no_change=10 * epochs)
    our = bp.MLPRegressor(**same, max_iter=2 * epochs, n_iter_no_change=None, scale=False, scale_target=False)
    errors = [their.set_params(random_state=s).fit(X, y).predict(X_test) - y_test for s in range(SEEDS)]
    goal = float(np.mean(np.square(errors)))
    halves = [
        our.set_params(random_state=s).fit(X, y, X_val=X_test, y_val=y_test).validation_curve_ for s in range(SEEDS)
    ]
    curve = 2 * np.mean(halves, axis=0)
    reached = [k for k, error in enumerate(curve, 1) if error <= goal]
    needed = reached[0] if reached else 2 * epochs
    our.set_params(max_iter=needed)
    first = seconds(lambda: our.fit(X, y))
    pairs = [(seconds(lambda: their.fit(X, y)), seconds(lambda: our.fit(X, y))) for _ in range(rounds)]
    theirs, ours = np.median(pairs, axis=0)
    missed = "" if reached else " (not reached)"
    return (
        f"| {name} | {rows} | {'–'.join(map(str, hidden))} | {batch} | {goal:.4f} | {theirs:.3f} | {first:.3f} | "
        f"{ours:.3f} | {needed}{missed} of {epochs} | {theirs / ours:.1f}× |"
    )


if __name__ == "__main__":
    main()
