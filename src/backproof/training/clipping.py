"""Gradient clipping as equations between the gradients and the update rule."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from backproof.backprop.trace import Trace
from backproof.ir.expr import Const, Expr, Name, Where, broadcast, rational, total
from backproof.ir.program import Equation

HALF = Fraction(1, 2)
NORM = "gradient_norm"


@dataclass(frozen=True, slots=True)
class Clipping:
    """How large gradients may be.

    Args:
        value: every entry is brought into [−value, value]; None for any.
        norm: all gradients are scaled together so that √(Σ g²) is at most this; None for any.

    Source:
        Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks (2013).
    """

    value: float | None = None
    norm: float | None = None

    def equations(self, trace: Trace) -> tuple[list[Equation], dict[str, str]]:
        """The equations in order, and for each parameter the identifier of the gradient to use."""
        found: list[Equation] = []
        gradients = {id: Name(gradient, trace.program.names[id].shape) for id, gradient in trace.gradients.items()}
        if self.value is not None and gradients:
            gradients = {
                id: _defined(found, f"{g.id}.cut", _cut(g, rational(self.value))) for id, g in gradients.items()
            }
        if self.norm is not None and gradients:
            squares = reduce(lambda a, b: a + b, (total(g**2) for g in gradients.values()))
            norm = _defined(found, NORM, squares**HALF)
            largest = Const(rational(self.norm))
            scale = _defined(found, f"{NORM}.scale", Where(norm > largest, largest / norm, Const(Fraction(1))))
            gradients = {id: _defined(found, f"{g.id}.scaled", scale * g) for id, g in gradients.items()}
        return found, {id: gradient.id for id, gradient in gradients.items()}


def _defined(found: list[Equation], id: str, value: Expr) -> Name:
    name = Name(id, value.shape)
    found.append(Equation(name, value))
    return name


def _cut(x: Expr, most: Fraction) -> Expr:
    """min(max(x, −most), most)."""
    top, bottom = (broadcast(Const(sign * most), x.shape) for sign in (1, -1))
    return Where(x > top, top, Where(bottom > x, bottom, x))
