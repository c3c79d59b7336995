"""Update rules: small systems of equations over θ, its gradient g, the learning rate η and what is remembered.

They are expressions like any other, so whatever compiles a derivation compiles them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from backproof.dims import Shape
from backproof.errors import SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name, Number, rational
from backproof.ir.program import Equation
from backproof.kernels.closures import Instruction, run
from backproof.kernels.numpy_backend import NumpyEquations

RATE = Name("rate")
HALF = Fraction(1, 2)


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


def sgd() -> Optimizer:
    """θ ← θ − η g."""

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient = Name("theta", shape), Name("gradient", shape)
        return (Equation(Name("theta_next", shape), theta - RATE * gradient),)

    return Optimizer("sgd", equations, {}, "Robbins & Monro, A stochastic approximation method (1951)")


def momentum(decay: Number = 0.9) -> Optimizer:
    """v ← μ v + g, θ ← θ − η v."""

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, velocity = (Name(id, shape) for id in ("theta", "gradient", "velocity"))
        velocity_next = Name("velocity_next", shape)
        return (
            Equation(velocity_next, rational(decay) * velocity + gradient),
            Equation(Name("theta_next", shape), theta - RATE * velocity_next),
        )

    source = "Polyak, Some methods of speeding up the convergence of iteration methods (1964)"
    return Optimizer("momentum", equations, {"velocity": Memory(0)}, source)


def adam(beta_1: Number = 0.9, beta_2: Number = 0.999, epsilon: Number = 1e-8) -> Optimizer:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)."""
    first_decay, second_decay, floor = rational(beta_1), rational(beta_2), rational(epsilon)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, mean, square = (Name(id, shape) for id in ("theta", "gradient", "mean", "square"))
        mean_next, square_next = Name("mean_next", shape), Name("square_next", shape)
        power_1, power_2 = Name("power_1_next"), Name("power_2_next")
        scale = (square_next / (1 - power_2)) ** HALF + floor
        return (
            Equation(mean_next, first_decay * mean + (1 - first_decay) * gradient),
            Equation(square_next, second_decay * square + (1 - second_decay) * gradient**2),
            Equation(power_1, first_decay * Name("power_1")),
            Equation(power_2, second_decay * Name("power_2")),
            Equation(Name("theta_next", shape), theta - RATE * (mean_next / (1 - power_1)) / scale),
        )

    memory = {
        "mean": Memory(0),
        "square": Memory(0),
        "power_1": Memory(1, one_number=True),
        "power_2": Memory(1, one_number=True),
    }
    return Optimizer("adam", equations, memory, "Kingma & Ba, Adam: a method for stochastic optimization (2015)")


OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = {"sgd": sgd, "momentum": momentum, "adam": adam}
"""The rules that an option may name."""


def optimizer_named(name: str | Optimizer) -> Optimizer:
    """The rule of that name, or the rule itself.

    Raises:
        SpecificationError: an unknown name; the nearest is suggested.

    Example:
        >>> optimizer_named("adm")
        Traceback (most recent call last):
        backproof.errors.SpecificationError: unknown optimizer 'adm'; did you mean 'adam'?
    """
    if isinstance(name, Optimizer):
        return name
    if name not in OPTIMIZERS:
        raise SpecificationError(f"unknown optimizer {name!r}; {suggestion(str(name), OPTIMIZERS)}")
    return OPTIMIZERS[name]()


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
