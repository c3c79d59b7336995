"""Real tables that come inside Python packages: scikit-learn's, and statsmodels' where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Features, targets, and whether these are classes."""

    name: str
    X: Array
    y: Array
    classes: bool


def tables(most: int = 5000) -> Iterator[Table]:
    """All that are there, the larger ones cut to so many rows, drawn by a fixed seed."""
    for table in (*_scikit_learn(), *_statsmodels()):
        rows = np.random.default_rng(0).permutation(len(table.y))[:most]
        yield Table(table.name, table.X[rows], table.y[rows], table.classes)


def _scikit_learn() -> Iterator[Table]:
    loads: dict[str, Callable[..., Any]] = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "diabetes": datasets.load_diabetes,
    }
    for name, load in loads.items():
        X, y = load(return_X_y=True)
        yield Table(name, X, y, name != "diabetes")


def _statsmodels() -> Iterator[Table]:
    try:
        from statsmodels.datasets import anes96, fair, randhie, star98
    except ImportError:
        return
    frame = fair.load_pandas().data
    yield _of(frame, "affairs", "fair", drop=["affairs"], target=(frame["affairs"] > 0).to_numpy())
    frame = anes96.load_pandas().data
    yield _of(frame, "vote", "anes96", drop=["vote"], target=frame["vote"].to_numpy() == 1)
    frame = randhie.load_pandas().data
    yield _of(frame, "mdvis", "randhie", drop=["mdvis"], target=np.log1p(frame["mdvis"].to_numpy(float)))
    frame = star98.load_pandas().data
    share = (frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])).to_numpy()
    yield _of(frame, "NABOVE", "star98", drop=["NABOVE", "NBELOW"], target=share)


def _of(frame: Any, column: str, name: str, *, drop: list[str], target: Array) -> Table:
    return Table(name, frame.drop(columns=drop).to_numpy(float), target, target.dtype == bool)
