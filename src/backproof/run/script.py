"""The emitted source of a run's network, and the data that it trains on when it is started where it lies."""

from __future__ import annotations

import io

import numpy as np

from backproof.derivation import Derivation
from backproof.emit.numpy_training import numpy_training
from backproof.optimizers import optimizer_named
from backproof.run.problem import Problem

DATA_FILE = "data.npz"
AGREEMENT = {"float64": 1e-9, "float32": 1e-2}
"""Relative difference of any loss of the script from that of a run by machine code, at most, in the tests."""


def script(derivation: Derivation, made: Problem) -> str:
    """``train.py``: the same training with NumPy alone: the same initial weights, batches and updates, in float64.

    A run by the NumPy backend in float64 it repeats to the last bit; one by machine code or in float32 within rounding.

    The seed's example is its listing made right, with its data in it; any other reads ``data.npz`` beside it.
    """
    schedule = made.schedule
    if made.source.get("example") == "seed":
        return derivation.source(
            "numpy", learning_rate=schedule.learning_rate, epochs=schedule.epochs, seed=schedule.seed
        )
    return numpy_training(
        derivation.trace,
        optimizer_named(schedule.optimizer),
        learning_rate=schedule.learning_rate,
        epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        samples=len(made.prepared.X_train),
        seed=schedule.seed,
        data_file=DATA_FILE,
    )


def data_file(made: Problem) -> bytes:
    """``data.npz``: the training part as ``X`` and ``y``, the held-out part as ``X_test`` and ``y_test``."""
    data, stream = made.prepared, io.BytesIO()
    np.savez_compressed(stream, X=data.X_train, y=data.Y_train, X_test=data.X_test, y_test=data.Y_test)
    return stream.getvalue()
