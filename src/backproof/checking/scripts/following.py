"""The backward equations followed through one pass: each on the user's own values of what it uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.scripts.roles import Placed, Roles, Search
from backproof.checking.scripts.updates import Update, ratio, updates
from backproof.checking.scripts.values import Seen, Values, View, views
from backproof.checking.scripts.windows import Window
from backproof.checking.truth import Known, known_from
from backproof.errors import BackproofError
from backproof.ir.expr import Expr
from backproof.ir.program import Equation
from backproof.ir.traverse import names

MOST_SUSPECTS = 150


@dataclass(slots=True)
class Outcome:
    """What became of one equation in a window.

    Args:
        id: of the quantity.
        known: what the equation gives on the user's own values; None where it could not be valued.
        placed: where the user has it, right or wrong; None where it was not seen.
        right: whether it follows, up to its scale.
        zero: whether it is zero at this point, so that it decides nothing.
        suspect: for a quantity that does not follow: what the program uses in its place.
    """

    id: str
    known: Known | None = None
    placed: Placed | None = None
    right: bool = False
    zero: bool = False
    suspect: Seen | None = None
    how: str = "same"
    stale: Update | None = None


@dataclass(slots=True)
class Followed:
    """One window followed: the outcomes by identifier, the roles with the user's values, the updates."""

    window: Window
    roles: Roles
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    updates: dict[str, Update] = field(default_factory=dict)

    @property
    def score(self) -> int:
        """How much of the backward pass was seen."""
        return sum(o.right and not o.zero for o in self.outcomes.values()) + 2 * len(self.updates)


class Follower:
    """Follows the equations through the windows of one recording."""

    def __init__(self, trace: Trace, values: Values, search: Search, dtype: str) -> None:
        self.trace, self.values, self.search, self.dtype = trace, values, search, dtype
        self.parameters = [name.id for name in trace.program.parameters]
        self.gradient_of = {gradient: id for id, gradient in trace.gradients.items()}

    def follow(self, window: Window) -> Followed:
        """Every equation in its order."""
        followed = Followed(window, Roles(dict(window.roles.placed), dict(window.roles.sizes), window.roles.met))
        for equation in self.trace.program.equations:
            self._forward(equation, followed)
        for id in self.parameters:
            placed = followed.roles.placed.get(id)
            if placed is not None:
                found = next(updates(self.values, window, id, placed), None)
                if found is not None:
                    followed.updates[id] = found
        for equation in self.trace.backward:
            self._backward(equation, followed)
        loss = followed.outcomes[self.trace.program.loss]
        loss.known = loss.known or self.known(loss.id, followed.roles)
        return followed

    # --- forward ------------------------------------------------------------------------------------------------------

    def _forward(self, equation: Equation, followed: Followed) -> None:
        id, roles = equation.name.id, followed.roles
        outcome = followed.outcomes[id] = Outcome(id)
        if id == self.trace.program.loss:
            self._loss(equation, followed, outcome)
            return
        self._fill(equation.value, followed)
        outcome.known = self.known(id, roles)
        if outcome.known is None:
            return
        placed = roles.placed.get(id)
        if placed is None:
            hit = self._hit(outcome.known, 1.0, followed.window)
            placed = Placed(hit[1].array, hit[0], hit[1].how) if hit is not None else None
            if placed is not None and not self.search.held(placed) and not self._meets(id, placed, followed):
                placed = None
        if placed is not None and np.all(np.abs(placed.array - outcome.known.value) <= outcome.known.bound):
            outcome.placed, outcome.right, roles.placed[id] = placed, True, placed
            return
        outcome.placed = self._used_later(id, outcome.known, followed)
        outcome.suspect = outcome.placed.seen if outcome.placed is not None else None
        roles.placed[id] = outcome.placed or Placed(outcome.known.value)

    def _loss(self, equation: Equation, followed: Followed, outcome: Outcome) -> None:
        """The loss need not be computed; where it is, it tells which variable the targets are."""
        roles = followed.roles
        ready = max((p.seen.order for p in roles.placed.values() if p.seen is not None), default=0)
        for assigned in self._targets(equation.value, roles, followed.window.span):
            # What is made from the prediction is no target.
            if any(p.seen is not None and self._first(p.seen) > ready for p in assigned.placed.values()):
                continue
            outcome.known = self.known(equation.name.id, assigned)
            if outcome.known is None or self._all_zero(outcome.known):
                continue
            hit = self._hit(outcome.known, 1.0, followed.window)
            if hit is None:
                outcome.known = None
            else:
                roles.placed = {**assigned.placed, equation.name.id: Placed(hit[1].array, hit[0])}
                roles.sizes = assigned.sizes
                outcome.placed, outcome.right = roles.placed[equation.name.id], True
                return

    def _first(self, seen: Seen) -> int:
        """The moment at which a value first appeared."""
        near = self.values.near(seen.value.size, float(np.abs(np.asarray(seen.value, np.float64)).sum()), 0.0)
        return next((s.order for s in near if np.array_equal(s.value, seen.value)), seen.order)

    def _fill(self, value: Expr, followed: Followed) -> None:
        """Inputs and parameters that no forward equation showed: by shape and name."""
        roles = followed.roles
        for name in self.search.unknown(value, roles):
            taken = [p.seen for p in roles.placed.values() if p.seen is not None]
            guessed = self.search.guess(name, roles, taken)
            if guessed is not None:
                roles.placed[name.id] = guessed
                for dim, size in zip(name.shape, guessed.array.shape, strict=True):
                    if not isinstance(dim, int):
                        roles.sizes.setdefault(dim.name, size)

    def _targets(self, value: Expr, roles: Roles, within: range) -> Iterator[Roles]:
        """The roles with each choice of what the expression still lacks; nothing computed can be an input."""
        unknown = self.search.unknown(value, roles)
        computed = {p.seen.value.tobytes() for id, p in roles.placed.items() if p.seen and id not in self.search.given}
        for assigned in self.search.assignments(unknown, roles, within):
            new = (assigned.placed[name.id].seen for name in unknown)
            if not any(seen is not None and seen.value.tobytes() in computed for seen in new):
                yield assigned

    # --- backward -----------------------------------------------------------------------------------------------------

    def _backward(self, equation: Equation, followed: Followed) -> None:
        id = equation.name.id
        outcome = followed.outcomes[id] = Outcome(id)
        before = followed.roles
        if self._found(equation, followed, outcome) and not self._by_chance(outcome, followed):
            return
        outcome.right, outcome.placed, followed.roles = False, None, _without(followed.roles, before, id)
        self._fill(equation.value, followed)
        outcome.known = self.known(id, followed.roles)
        if outcome.known is None:
            return
        if self._zero(outcome, followed):
            return
        if self._stepped(followed, outcome) or self._stale(equation, followed, outcome):
            return
        placed = self._used_later(id, outcome.known, followed)
        if placed is not None:
            placed = self._signed(equation, placed, followed)
            outcome.placed, outcome.suspect = placed, placed.seen
        followed.roles.placed[id] = placed or Placed(outcome.known.value)

    def _found(self, equation: Equation, followed: Followed, outcome: Outcome) -> bool:
        """Whether the right value is there, in some orientation and scale, whatever is still unknown."""
        id, roles = equation.name.id, followed.roles
        for assigned in self._targets(equation.value, roles, followed.window.span):
            known = self.known(id, assigned)
            if known is None or self._all_zero(known):
                continue
            for scale, hit in self._scaled_hits(known, assigned, followed.window, self._orientation(id, roles)):
                placed = Placed(hit[1].array / scale, hit[0], hit[1].how, scale)
                roles.placed, roles.sizes = {**assigned.placed, id: placed}, assigned.sizes
                outcome.known, outcome.placed, outcome.right = known, placed, True
                return True
        return False

    def _stepped(self, followed: Followed, outcome: Outcome) -> bool:
        """Whether a gradient that stands nowhere by itself is what its parameter is changed by."""
        update = followed.updates.get(self.gradient_of.get(outcome.id, ""))
        if update is None or outcome.known is None:
            return False
        eta = ratio(update, outcome.known.value, outcome.known.bound)
        # Every step is a multiple of a gradient of one entry.
        if eta is None or (outcome.known.value.size == 1 and not update.explains(eta)):
            return False
        outcome.placed = Placed(outcome.known.value, update.seen, update.how)
        outcome.right = True
        followed.roles.placed[outcome.id] = outcome.placed
        return True

    def _by_chance(self, outcome: Outcome, followed: Followed) -> bool:
        """Whether the right value stands in a larger expression only, and another one is used as the quantity."""
        if outcome.id in self.gradient_of or outcome.placed is None or outcome.known is None:
            return False
        if self.search.held(outcome.placed) or self._meets(outcome.id, outcome.placed, followed):
            return False
        return self._used_later(outcome.id, outcome.known, followed) is not None

    def _meets(self, id: str, placed: Placed, followed: Followed) -> bool:
        """Whether with this value an equation further down is met."""
        roles = Roles({**followed.roles.placed, id: placed}, followed.roles.sizes)
        for equation in self.trace.joint.equations:
            if id in names(equation.value) and equation.name.id != self.trace.program.loss:
                known = self.known(equation.name.id, roles)
                if known is None or self._all_zero(known):
                    continue
                if next(self._scaled_hits(known, roles, followed.window, None), None) is not None:
                    return True
                if self._moves(equation.name.id, known, followed):
                    return True
        return False

    def _scaled_hits(
        self, known: Known, roles: Roles, window: Window, how: str | None
    ) -> Iterator[tuple[float, tuple[Seen, View]]]:
        """The value itself, its negative, or else the multiple of it that a variable holds last."""
        others: list[tuple[bool, int, float, tuple[Seen, View]]] = []
        for scale in self.scales(roles, known.value.shape):
            for hit in self._hits(known, scale, window, how):
                if abs(scale) == 1:
                    yield scale, hit
                    return
                others.append((hit[0].assigned, hit[0].order, scale, hit))
        if others:
            _, _, scale, hit = max(others, key=lambda o: (o[0], o[1] if o[0] else -o[1]))
            yield scale, hit

    def scales(self, roles: Roles, shape: tuple[int, ...]) -> list[float]:
        """The factors that people leave out or put in, here."""
        targets = [roles.placed[n.id].array.size for n in self.trace.program.inputs if n.id in roles.placed]
        return scales({**roles.sizes, **{f" {k}": size for k, size in enumerate(targets[1:])}}, shape)

    def _orientation(self, id: str, roles: Roles) -> str | None:
        """The orientation that a gradient must have where its shape does not tell."""
        placed = roles.placed.get(self.gradient_of.get(id, ""))
        return placed.how if placed is not None and placed.how in ("same", "transposed") else None

    def _zero(self, outcome: Outcome, followed: Followed) -> bool:
        if outcome.known is None or not self._all_zero(outcome.known):
            return False
        outcome.zero = True
        followed.roles.placed[outcome.id] = Placed(outcome.known.value)
        return True

    @staticmethod
    def _all_zero(known: Known) -> bool:
        return bool((np.abs(known.value) <= known.bound).all())

    def _stale(self, equation: Equation, followed: Followed, outcome: Outcome) -> bool:
        """Whether it follows with a parameter that was updated too early."""
        for id in names(equation.value):
            update = followed.updates.get(id)
            if update is None:
                continue
            roles = followed.roles
            changed = Roles({**roles.placed, id: Placed(roles.placed[id].array - update.step)}, roles.sizes)
            known = self.known(outcome.id, changed)
            if known is None:
                continue
            for scale in self.scales(roles, known.value.shape):
                hit = self._hit(known, scale, followed.window)
                if hit is not None and hit[0].order > update.seen.order:
                    outcome.placed = Placed(hit[1].array / scale, hit[0], hit[1].how, scale)
                    outcome.suspect, outcome.stale = hit[0], update
                    roles.placed[outcome.id] = outcome.placed
                    return True
        return False

    def _used_later(self, id: str, known: Known, followed: Followed) -> Placed | None:
        """What the program uses as the quantity: with it, an equation further down is met."""
        users = [e for e in self.trace.joint.equations if id in names(e.value)]
        roles = followed.roles
        shape = known.value.shape
        tried = 0
        for seen, view in self._suspects(shape, followed):
            tried += 1
            if tried > MOST_SUSPECTS:
                break
            with_it = Roles({**roles.placed, id: Placed(view.array, seen, view.how)}, roles.sizes)
            for equation in users:
                value = self.known(equation.name.id, with_it)
                if value is None or self._all_zero(value):
                    continue
                for scale in self.scales(roles, value.value.shape):
                    hit = self._hit(value, scale, followed.window)
                    if hit is not None and hit[0].order > seen.order and hit[0].value.size >= 1:
                        return with_it.placed[id]
                if self._moves(equation.name.id, value, followed):
                    return with_it.placed[id]
        return None

    def _moves(self, gradient: str, known: Known, followed: Followed) -> bool:
        """Whether the parameter is changed by a multiple of the value; of one entry everything is a multiple."""
        update = followed.updates.get(self.gradient_of.get(gradient, ""))
        eta = None if update is None else ratio(update, known.value, known.bound)
        return update is not None and eta is not None and (known.value.size > 1 or update.explains(eta))

    def _signed(self, equation: Equation, placed: Placed, followed: Followed) -> Placed:
        """The wrong value in the scale of what it is made from; that of the first one is told by the updates."""
        roles, id = followed.roles, equation.name.id
        backward = {e.name.id for e in self.trace.backward}
        above = [roles.placed[n].scale for n in names(equation.value) & backward if n in roles.placed]
        scale = next((s for s in above if s != 1.0), 1.0)
        if not above:
            with_it = Roles({**roles.placed, id: placed}, roles.sizes)
            for gradient, parameter in self.gradient_of.items():
                update = followed.updates.get(parameter)
                if update is not None and id in names(self.trace.joint.definitions[gradient].value):
                    known = self.known(gradient, with_it)
                    eta = None if known is None else ratio(update, known.value, known.bound)
                    scale = -1.0 if eta is not None and eta < 0 else scale
        return Placed(placed.array / scale, placed.seen, placed.how, scale)

    def _suspects(self, shape: tuple[int, ...], followed: Followed) -> Iterator[tuple[Seen, View]]:
        """Values of the window in the shape that are not known to be anything else."""
        from_known = [p.seen.value.tobytes() for p in followed.roles.placed.values() if p.seen is not None]
        taken = set(from_known)
        for seen in unclaimed(self.values, followed.window, taken):
            for view in views(seen.value, shape):
                yield seen, view

    # --- values -------------------------------------------------------------------------------------------------------

    def known(self, id: str, roles: Roles) -> Known | None:
        """The equation on the user's values; None where they do not fit."""
        try:
            known = known_from(self.trace, id, roles.arrays(), self.dtype)
        except (BackproofError, ValueError, KeyError):
            return None
        return known if np.isfinite(known.value).all() else None

    def _hit(self, known: Known, scale: float, window: Window, how: str | None = None) -> tuple[Seen, View] | None:
        hits = self._hits(known, scale, window, how)
        return hits[0] if hits else None

    def _hits(self, known: Known, scale: float, window: Window, how: str | None = None) -> list[tuple[Seen, View]]:
        hits = self.values.equal(known, scale, window.span)
        if how is not None and known.value.ndim == 2 and known.value.shape[0] == known.value.shape[1] > 1:
            hits = [(seen, view) for seen, view in hits if view.how == how]
        return hits


def _without(roles: Roles, before: Roles, id: str) -> Roles:
    placed = {key: value for key, value in roles.placed.items() if key != id}
    return Roles(placed, roles.sizes, before.met)


def unclaimed(values: Values, window: Window, taken: set[bytes]) -> Iterator[Seen]:
    """Each distinct value of a window that is nothing known, what was assigned before what is only part of a line."""
    met = set(taken)
    inside = [s for s in values.seen if window.start <= s.order < window.end]
    for seen in sorted(inside, key=lambda s: (not s.assigned, s.order)):
        key = seen.value.tobytes()
        if key not in met:
            met.add(key)
            yield seen


def scales(sizes: dict[str, int], shape: tuple[int, ...]) -> list[float]:
    """The factors by which people's intermediate values differ: a sign, the number of samples or of entries, a two."""
    found = [1.0, -1.0]
    counts = {float(v) for v in sizes.values()} | {float(np.prod(shape or (1,)))}
    for count in sorted(counts - {1.0}):
        found += [count, 1 / count, -count, -1 / count, 2 / count, count / 2, -2 / count, -count / 2]
    return list(dict.fromkeys([*found, 2.0, 0.5, -2.0, -0.5]))
