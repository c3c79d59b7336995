"""Steps of an update rule on given gradients, made as a training makes them: by the backend, from its equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.dims import Symbol
from backproof.ir.expr import Name, broadcast, total
from backproof.ir.program import Equation, Program
from backproof.optimizers import Optimizer
from backproof.training import train

Array = np.ndarray[Any, Any]


def stepped(
    rule: str | Optimizer,
    start: Array,
    gradients: Array,
    rate: float,
    *,
    backend: str = "numpy",
    dtype: str = "float64",
) -> Array:
    """θ after one step for each gradient: L = Σ g ∘ θ, whose gradient is g, one sample a batch."""
    size, n = start.size, Symbol("n")
    g, theta = Name("g", (n, size)), Name("w", (1, size))
    loss = Equation(Name("L"), total(g * broadcast(theta, g.shape)))
    found = train(
        Program((g,), (theta,), (loss,), "L"), {"g": gradients.reshape(len(gradients), size)},
        params={"w": start.reshape(1, size)}, optimizer=rule, learning_rate=rate, batch_size=1, shuffle=False,
        backend=backend, dtype=dtype, progress=False,
    )  # fmt: skip
    return np.asarray(found.params["w"]).reshape(start.shape)
