"""Update rules at work in NumPy: each parameter has its own memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backproof.ir.arithmetic import Array
from backproof.kernels.closures import Instruction, run
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.optimizers import RATE, Optimizer


class Updater:
    """One rule at work on some parameters; remembers what the rule remembers."""

    def __init__(self, optimizer: Optimizer, parameters: Mapping[str, Array], rate: float) -> None:
        self._rules = {id: _Rule(optimizer, value, rate) for id, value in parameters.items()}

    def __call__(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters after one step; those without a gradient stay as they are."""
        updated = dict(parameters)
        for id, rule in self._rules.items():
            updated[id] = rule.step(parameters[id], gradients[id])
        return updated


class _Rule:
    """The rule for one parameter."""

    def __init__(self, optimizer: Optimizer, value: Array, rate: float) -> None:
        equations = NumpyEquations(optimizer.equations(value.shape), value.dtype)
        self._instructions: tuple[Instruction, ...] = equations.instructions({})
        self._known = {id: memory.beginning(value) for id, memory in optimizer.memory.items()}
        self._known[RATE.id] = np.asarray(rate, value.dtype)
        self._remembered = tuple(optimizer.memory)

    def step(self, theta: Array, gradient: Array) -> Array:
        values = {**self._known, "theta": theta, "gradient": gradient}
        run(self._instructions, values)
        for id in self._remembered:
            self._known[id] = values[f"{id}_next"]
        following: Array = values["theta_next"]
        return following
