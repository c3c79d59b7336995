"""By which factor each gradient is too large as it is used: a learning rate explains one, a stray number does not."""

from __future__ import annotations

import ast

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.scripts.following import Followed, Follower, Outcome
from backproof.checking.scripts.updates import NATURAL, Update, ratio


class Effects:
    """The steps of one pass compared with the gradients.

    Args:
        trace: the derivation.
        follower: knows the factors that people leave out.
        main: the pass.
    """

    def __init__(self, trace: Trace, follower: Follower, main: Followed) -> None:
        self.trace, self.follower, self.main = trace, follower, main

    def all(self) -> dict[str, float | None]:
        """The effect of each parameter; steps that no number explains are compared with those that are explained."""
        found = {id: self._effect(id) for id in self.follower.parameters}
        rates = [
            abs(r) for id, e in found.items() if e is not None and abs(e) == 1 and (r := self.rate(id)) is not None
        ]
        for id, effect in found.items():
            if effect is not None and np.isnan(effect):
                rate = self.rate(id) or 1.0
                found[id] = float(rate / rates[0]) if rates else float(np.sign(rate))
        return {**found, **self._inconsistent(found)}

    def _inconsistent(self, effects: dict[str, float | None]) -> dict[str, float]:
        """Steps that have another rate than the others have, though no other variable is in them."""
        rates = {id: abs(r) for id, e in effects.items() if e is not None and abs(e) == 1 and (r := self.rate(id))}
        if len(rates) < 2:
            return {}
        ordered = sorted(rates.values())
        usual = min(
            rates, key=lambda id: (-sum(abs(rates[id] - r) <= NATURAL * r for r in ordered), self._literals(id))
        )
        found: dict[str, float] = {}
        for id, rate in rates.items():
            off = abs(rate - rates[usual]) > NATURAL * rate
            if off and self._variables(id) <= self._variables(usual):
                found[id] = float((effects[id] or 1.0) * rate / rates[usual])
        return found

    def _literals(self, id: str) -> int:
        statement = self.main.updates[id].seen.run.statement
        return sum(isinstance(n, ast.Constant) for n in ast.walk(statement))

    def _variables(self, id: str) -> set[float]:
        """The numbers in the statement that have a name."""
        run = self.main.updates[id].seen.run
        return {float(s.value) for s in run.seen if s.stored and s.value.ndim == 0}

    def rate(self, id: str) -> float | None:
        outcome, update = self.main.outcomes.get(self.trace.gradients[id]), self.main.updates.get(id)
        if outcome is None or outcome.known is None or update is None:
            return None
        return ratio(update, outcome.known.value, outcome.known.bound)

    def _effect(self, id: str) -> float | None:
        """The factor by which a parameter's gradient is too large as it is used, its sign with it; None if unknown."""
        outcome = self.main.outcomes.get(self.trace.gradients[id])
        update = self.main.updates.get(id)
        if outcome is None or outcome.known is None or outcome.zero:
            return None
        if update is not None:
            eta = ratio(update, outcome.known.value, outcome.known.bound)
            return None if eta is None else self.unexplained(eta, update, outcome)
        return outcome.placed.scale if outcome.right and outcome.placed is not None else None

    def unexplained(self, eta: float, update: Update, outcome: Outcome) -> float:
        """What of a step's size the numbers in its statement do not explain."""
        numbers = {abs(s) for s in update.scalars if s and np.isfinite(s)}
        scalars = numbers - {1.0} or {1.0}
        sign, size = np.sign(eta), abs(eta)
        if any(abs(s - size) <= NATURAL * size for s in scalars):
            return float(sign)
        if outcome.placed is not None and outcome.right and outcome.placed.seen is not update.seen:
            scale = abs(outcome.placed.scale)
            if any(abs(s * scale - size) <= NATURAL * size for s in scalars):
                return float(sign * scale)
        pairs = {a * b for a in scalars for b in scalars} | {a / b for a in scalars for b in scalars}
        if any(abs(s - size) <= NATURAL * size for s in pairs):
            return float(sign)
        candidates = self.follower.scales(
            self.main.roles, outcome.known.value.shape if outcome.known is not None else ()
        )
        if outcome.known is not None and outcome.known.value.size == 1:
            return float(sign)
        for scale in candidates:
            if scale > 0 and any(abs(s * scale - size) <= NATURAL * size for s in scalars):
                return float(sign * scale)
        return float("nan")
