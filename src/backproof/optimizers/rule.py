"""What an update rule is: a small system of equations over θ, its gradient g, the rate η and what is remembered.

They are expressions like any other, so whatever compiles or typesets a derivation does so with them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from backproof.dims import Shape
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name
from backproof.ir.program import Equation

RATE = Name("rate")


@dataclass(frozen=True, slots=True)
class Memory:
    """A quantity that a rule remembers between steps: like the parameter, or one number for it."""

    start: float
    one_number: bool = False

    def beginning(self, parameter: Array) -> Array:
        """Its value before the first step."""
        return np.full(() if self.one_number else parameter.shape, self.start, parameter.dtype)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An update rule.

    Args:
        name: how options call it.
        equations: for a parameter's shape the equations of one step. They use ``theta``, ``gradient``, ``rate`` and
            what is remembered, and define ``theta_next`` and ``<memory>_next`` for everything remembered.
        memory: what is remembered, by name.
        source: where the rule comes from.
    """

    name: str
    equations: Callable[[Shape], tuple[Equation, ...]]
    memory: Mapping[str, Memory]
    source: str = ""
