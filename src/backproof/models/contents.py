"""What a model file holds, as values."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np

from backproof.ir.arithmetic import Array
from backproof.models.network import NetworkSpecification
from backproof.run.fitted import FittedColumn
from backproof.version import __version__

Task = Literal["regression", "classification"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is predicted.

    Args:
        name: of its column.
        labels: of the classes, in the order of the network's outputs; None for regression.
        mean, scale: the target is mean + scale · ŷ; 0 and 1 for classification.
    """

    name: str
    labels: tuple[str, ...] | None = None
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """All of a trained model.

    Args:
        network: what builds the network.
        parameters: its trained arrays, and those that training remembered for predictions.
        columns: what makes its inputs from a table, in the order of the inputs.
        inputs: the names of the same columns in the order of the table that was learnt.
        target: what it predicts.
        derivation: a digest of the equations that trained it.
        training: how it was trained and how good it was then, for people.
        written_by: versions.
    """

    network: NetworkSpecification
    parameters: Mapping[str, Array]
    columns: tuple[FittedColumn, ...]
    inputs: tuple[str, ...]
    target: Target
    derivation: str
    training: Mapping[str, Any]
    written_by: Mapping[str, str]

    @property
    def task(self) -> Task:
        """Whether it tells classes or numbers."""
        return "regression" if self.target.labels is None else "classification"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the parameters, and of what is computed with them."""
        return next(iter(self.parameters.values())).dtype


def written_by() -> dict[str, str]:
    """The versions of what writes a model now."""
    return {"backproof": __version__, "python": platform.python_version(), "numpy": version("numpy")}
