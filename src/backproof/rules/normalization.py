"""Normalisation of a layer's linear part: over the batch, or over the units of each example.

    μ = mean of a,   c = a − μ,   s = √(mean of c² + ε),   u = c / s,   and γ ∘ u + β goes on to the activation.

Source:
    Ioffe & Szegedy, Batch normalization: accelerating deep network training by reducing internal covariate shift
    (2015); Ba, Kiros & Hinton, Layer normalization (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from backproof.dims import Dim
from backproof.errors import SpecificationError, suggestion
from backproof.ir.expr import Const, Expr, Name, Sum, size_of
from backproof.ir.program import Equation, Remembered, Samples
from backproof.rules.elementwise import HALF

EPSILON = Fraction(1, 100_000)
DECAY = Fraction(9, 10)
"""What is kept of the remembered means in each step."""


@dataclass(frozen=True, slots=True)
class Normalized:
    """The equations of one normalised layer.

    Args:
        parameters: γ and β.
        equations: from the mean to u.
        remembered: running means, where predictions need them.
        value: γ ∘ u + β.
    """

    parameters: tuple[Name, Name]
    equations: tuple[Equation, ...]
    remembered: tuple[Remembered, ...]
    value: Expr


def batch(k: int, a: Name, samples: Samples) -> Normalized:
    """Each unit over the examples of the batch; predictions use the running means of μ and s² instead."""
    return _normalized(k, a, axis=0 if samples == "rows" else 1, units=_units(samples), remembering=True)


def layer(k: int, a: Name, samples: Samples) -> Normalized:
    """Each example over the units of the layer; predictions are made in the same way."""
    return _normalized(k, a, axis=_units(samples), units=_units(samples), remembering=False)


def _units(samples: Samples) -> int:
    """The axis that counts the units of a layer."""
    return 1 if samples == "rows" else 0


def _normalized(k: int, a: Name, *, axis: int, units: int, remembering: bool) -> Normalized:
    over: Dim = a.shape[axis]
    single = tuple(1 if position == axis else dim for position, dim in enumerate(a.shape))
    across = tuple(dim if position == units else 1 for position, dim in enumerate(a.shape))
    gamma, beta = Name(f"gamma_{k}", across), Name(f"beta_{k}", across)
    mean, centred = Name(f"mu_{k}", single), Name(f"c_{k}", a.shape)
    deviation, unit = Name(f"s_{k}", single), Name(f"u_{k}", a.shape)
    running_mean, running_square = Name(f"running_mu_{k}", single), Name(f"running_square_{k}", single)
    where = "the batch" if remembering else "the units"

    def average(x: Expr) -> Expr:
        return (1 / size_of(over)) * Sum(x, axis)

    equations = (
        Equation(mean, average(a), None, f"mean over {where}", running_mean if remembering else None),
        Equation(centred, a - mean, None, "centred"),
        Equation(
            deviation,
            (average(centred**2) + Const(EPSILON)) ** HALF,
            None,
            f"standard deviation over {where}",
            running_square**HALF if remembering else None,
        ),
        Equation(unit, centred / deviation, None, "normalised"),
    )
    remembered = (
        Remembered(running_mean, 0.0, DECAY * running_mean + (1 - DECAY) * mean),
        Remembered(running_square, 1.0, DECAY * running_square + (1 - DECAY) * deviation**2),
    )
    return Normalized((gamma, beta), equations, remembered if remembering else (), gamma * unit + beta)


NORMALIZATIONS: Mapping[str, Callable[[int, Name, Samples], Normalized]] = {"batch": batch, "layer": layer}
"""The normalisations that an option may name."""


def normalization_named(name: str) -> Callable[[int, Name, Samples], Normalized]:
    """The normalisation of that name.

    Raises:
        SpecificationError: there is none; the nearest is suggested.

    Example:
        >>> normalization_named("bach")
        Traceback (most recent call last):
        backproof.errors.SpecificationError: unknown normalization 'bach'; did you mean 'batch'?
    """
    if name not in NORMALIZATIONS:
        raise SpecificationError(f"unknown normalization {name!r}; {suggestion(str(name), NORMALIZATIONS)}")
    return NORMALIZATIONS[name]
