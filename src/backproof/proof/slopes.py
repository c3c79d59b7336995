"""The gradients against difference quotients of the loss, to many digits: no table of derivatives takes part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.program import Program
from backproof.proof.numbers import ManyDigits, Truth


@dataclass(frozen=True, slots=True)
class SlopeProof:
    """⟨gradients, V⟩ against the difference quotient of the loss, both to many digits: no table of derivatives in it.

    Args:
        gradient: the gradient in question, or "all gradients".
        difference: relative to Σ|∂L/∂θ · V|.
        tolerance: what rounding and the quotient's own error allow.
    """

    gradient: str
    difference: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        return self.difference <= self.tolerance


def compare_slopes(trace: Trace, truth: Truth, random: np.random.Generator) -> Iterator[SlopeProof]:
    """All gradients along one random direction; where that fails, each gradient by itself."""
    if not isinstance(truth.exact, ManyDigits):
        return
    quotients = _Quotients(trace, truth, truth.exact, random)
    together = quotients.proof("all gradients", tuple(trace.gradients))
    yield together
    if not together.holds:
        for id, gradient in trace.gradients.items():
            yield quotients.proof(gradient, (id,))


class _Quotients:
    """Central difference quotients of the loss as it was given, in twice the digits that are asked for."""

    def __init__(self, trace: Trace, truth: Truth, exact: ManyDigits, random: np.random.Generator) -> None:
        self.trace = trace
        self.exact = exact
        self.context = exact.arithmetic.context
        self.values = truth.values
        self.start = {id: truth.values[id] for id in truth.inputs}
        sums_fixed = {assumption.name for assumption in trace.program.assumptions}
        self.directions = {
            id: exact.exactly(random.uniform(0.5, 1, np.shape(self.values[id])) * random.choice([-1, 1]))
            for id in trace.gradients
            if id not in sums_fixed
        }

    def proof(self, label: str, ids: Iterable[str]) -> SlopeProof:
        moved = [id for id in ids if id in self.directions]
        c = self.context
        step = c.mpf(10) ** -(3 * c.dps // 10)
        quotient = (self._loss(moved, step) - self._loss(moved, -step)) / (2 * step)
        products = [self.values[self.trace.gradients[id]] * self.directions[id] for id in moved]
        claimed = sum((np.sum(product) for product in products), c.mpf(0))
        scale = sum((np.sum(abs(product)) for product in products), c.mpf(0))
        size = abs(np.asarray(self.values[self.trace.program.loss], object).item())
        # The quotient's own error: its third derivative at step², and the rounding of the loss over the step.
        tolerance = c.mpf(10) ** -(c.dps // 2 - 10) * scale + (1 + size) * c.mpf(10) ** -(c.dps // 2)
        unit = scale if scale > 0 else c.mpf(1)
        return SlopeProof(label, float(abs(claimed - quotient) / unit), float(tolerance / unit))

    def _loss(self, moved: Iterable[str], step: Any) -> Any:
        """The loss with the quantities moved along their directions."""
        source: Program = self.trace.source
        stepping = set(moved)
        env = dict(self.start)
        for id in stepping - source.definitions.keys():
            env[id] = env[id] + step * self.directions[id]
        for equation in source.equations:
            id = equation.name.id
            env[id] = self.exact.evaluator(equation.value, env)
            if id in stepping:
                env[id] = env[id] + step * self.directions[id]
        return np.asarray(env[source.loss], object).item()
