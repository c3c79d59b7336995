"""Accuracy on real tables: ours, scikit-learn's network, and its histogram gradient boosting, all tuned the same way.

python benchmarks/estimators/accuracy.py             every table, some minutes
python benchmarks/estimators/accuracy.py --quick     the small ones

Five outer folds; in each, one quarter of the training part chooses among as many settings for every method, and the
best is fitted to the whole training part. Scores are accuracy or R², with the standard error over the folds.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import Table, tables

import backproof as bp

NETWORK = {"hidden_layer_sizes": (64, 64), "max_iter": 200, "random_state": 0}
ALPHAS = (1e-3, 1.0, 30.0)
Makers = Mapping[str, Callable[[bool], tuple[Any, dict[str, Any]]]]


def ours(classes: bool) -> tuple[Any, dict[str, Any]]:
    """Ours as it is."""
    made = bp.MLPClassifier(**NETWORK) if classes else bp.MLPRegressor(**NETWORK)
    return made, {"alpha": ALPHAS}


def theirs(classes: bool) -> tuple[Any, dict[str, Any]]:
    """scikit-learn's with the scaling that its documentation advises."""
    if classes:
        return make_pipeline(StandardScaler(), MLPClassifier(**NETWORK)), {"mlpclassifier__alpha": ALPHAS}
    inner = make_pipeline(StandardScaler(), MLPRegressor(**NETWORK))
    found = TransformedTargetRegressor(inner, transformer=StandardScaler())
    return found, {"regressor__mlpregressor__alpha": ALPHAS}


def trees(classes: bool) -> tuple[Any, dict[str, Any]]:
    """Histogram gradient boosting."""
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(random_state=0), {"learning_rate": (0.03, 0.1, 0.3)}


MAKERS: Makers = {"backproof": ours, "scikit-learn": theirs, "boosting": trees}


def scores(table: Table, make: Callable[[bool], tuple[Any, dict[str, Any]]], folds: int) -> tuple[list[float], float]:
    """The score of each fold, and the seconds of all."""
    kind = StratifiedKFold if table.classes else KFold
    found, began = [], time.perf_counter()
    for train, test in kind(folds, shuffle=True, random_state=0).split(table.X, table.y):
        model, grid = make(table.classes)
        search = GridSearchCV(model, grid, cv=ShuffleSplit(1, test_size=0.25, random_state=0))
        found.append(float(search.fit(table.X[train], table.y[train]).score(table.X[test], table.y[test])))
    return found, time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tables of fewer than 1,000 rows")
    parser.add_argument("--table", action="append", help="only this one; may be given again")
    parser.add_argument("--folds", type=int, default=5)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| table | rows × columns | " + " | ".join(MAKERS) + " | at least scikit-learn's | seconds |")
    print("| --- | --- | " + "--- | " * (len(MAKERS) + 2))
    ranks = []
    for table in tables():
        if (asked.quick and len(table.y) >= 1000) or (asked.table and table.name not in asked.table):
            continue
        found = {name: scores(table, make, asked.folds) for name, make in MAKERS.items()}
        means = {name: float(np.mean(each)) for name, (each, _) in found.items()}
        errors = {name: float(np.std(each, ddof=1) / np.sqrt(len(each))) for name, (each, _) in found.items()}
        ranks.append([sum(other > means[name] for other in means.values()) + 1 for name in MAKERS])
        cells = " | ".join(f"{means[name]:.3f} ± {errors[name]:.3f}" for name in MAKERS)
        holds = means["backproof"] >= means["scikit-learn"] - errors["scikit-learn"]
        seconds = " / ".join(f"{taken:.0f}" for _, taken in found.values())
        size = f"{table.X.shape[0]} × {table.X.shape[1]}"
        print(f"| {table.name} | {size} | {cells} | {'yes' if holds else 'no'} | {seconds} |", flush=True)
    medians = np.median(ranks, axis=0)
    print("\nmedian rank: " + ", ".join(f"{name} {rank:g}" for name, rank in zip(MAKERS, medians, strict=True)))


if __name__ == "__main__":
    main()
