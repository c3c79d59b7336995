"""What one recording says: which quantities are right, what is wrong where, and which conventions the program has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.findings import Judged, Verdict
from backproof.checking.precision import Array
from backproof.checking.scripts.assigning import assigned_value
from backproof.checking.scripts.effects import Effects
from backproof.checking.scripts.following import Follower, Outcome, unclaimed
from backproof.checking.scripts.mending import Fault, Goal, Mender, value_goal
from backproof.checking.scripts.roles import Search, loose
from backproof.checking.scripts.updates import NATURAL, Update, ratio
from backproof.checking.scripts.values import Seen, Values, View, views
from backproof.checking.scripts.windows import windows
from backproof.checking.truth import Known, deviation
from backproof.ir.expr import MatMul
from backproof.ir.traverse import walk
from backproof.render.figures import shown

MOST_FOLLOWED = 4
MOST_BLIND = 15


@dataclass(slots=True)
class Trouble:
    """Something that is not as the derivation has it.

    Args:
        id: the quantity.
        kind: where it is known without a change of the text: ``weights-before-step``, ``gradients-swapped``, ``sign``.
        faults: the places where a change could mend it, the likeliest first.
        outcome: what was found.
        update: the change of a parameter that is not as it should be.
        value: a number that the sentence needs.
        other: the identifier of what is there in its place.
    """

    id: str
    kind: str = ""
    faults: list[Fault] = field(default_factory=list)
    outcome: Outcome | None = None
    update: Update | None = None
    value: float = 1.0
    other: str = ""


class Judge:
    """Judges one recording of a program."""

    def __init__(self, trace: Trace, values: Values, dtype: str, hints: dict[str, str]) -> None:
        self.trace, self.values, self.dtype = trace, values, dtype
        self.search = Search(trace, values, dtype, hints)
        self.follower = Follower(trace, values, self.search, dtype)
        followed = [self.follower.follow(w) for w in windows(self.search)[:MOST_FOLLOWED]]
        self.main = max(followed, key=lambda f: f.score)
        self.all = [f for f in followed if f is self.main or f.updates.keys() == self.main.updates.keys()]
        self.steps = Effects(trace, self.follower, self.main)
        self.effects = self.steps.all()
        self.mender = Mender(trace, values, self.main)

    # --- troubles -------------------------------------------------------------------------------------------------

    def troubles(self) -> list[Trouble]:
        """Everything that is wrong, in the order of the equations."""
        found: list[Trouble] = []
        for outcome in self.main.outcomes.values():
            if not outcome.right and not outcome.zero and outcome.known is not None:
                trouble = self._not_followed(outcome)
                if trouble is not None:
                    found.append(trouble)
        swapped = list(self._swapped())
        return [*found, *self._scaled(), *swapped, *self._elsewhere({t.update.parameter for t in swapped if t.update})]

    def _not_followed(self, outcome: Outcome) -> Trouble | None:
        if outcome.id == self.trace.program.loss:
            return None
        if outcome.stale is not None:
            return Trouble(outcome.id, "weights-before-step", [], outcome, outcome.stale)
        trouble = Trouble(outcome.id, "", list(self.faults(outcome)), outcome)
        parameter = self.follower.gradient_of.get(outcome.id)
        if parameter is not None:
            trouble.update = self.main.updates.get(parameter)
        return trouble if trouble.faults or outcome.suspect is not None or trouble.update is not None else None

    def faults(self, outcome: Outcome) -> Iterator[Fault]:
        """Where the quantity could be mended."""
        parameter = self.follower.gradient_of.get(outcome.id)
        update = self.main.updates.get(parameter or "")
        if outcome.suspect is not None:
            fault = self.fault_at(outcome, outcome.suspect)
            if fault is not None:
                yield fault
        outside = outcome.suspect is not None and self._origin(outcome.suspect)
        if outside and outside.stored and not outside.assigned and parameter is None:
            yield from self._in_pieces(outcome)
        if update is not None and parameter is not None:
            yield from self._at_update(outcome, update)
        elif outcome.suspect is None:
            yield from self._blind(outcome)

    def fault_at(self, outcome: Outcome, seen: Seen, allowed: tuple[float, ...] | None = None) -> Fault | None:
        origin = self._origin(seen)
        node = origin.node
        run = origin.run
        if origin.assigned:
            value = assigned_value(run.statement)
            changed = isinstance(run.statement, ast.AugAssign) or node is not _target(run.statement)
            if value is None or changed:
                read = self._read(origin)
                if read is None:
                    return None
                node, run = read.node, read.run
            else:
                node = value
        known = outcome.known
        if known is None:
            return None
        shape = self._user_shape(outcome.id, seen)
        how = self._how(outcome.id)
        goal = value_goal(known, allowed or self._allowed(outcome.id, known), shape, how)
        transposed = self._transposed(outcome.id, how, seen, known)
        return Fault(outcome.id, known, run, node, goal, transposed)

    def _transposed(self, id: str, how: str | None, seen: Seen, known: Known) -> bool:
        if how is not None:
            return how == "transposed"
        shape = known.value.shape
        if seen.value.ndim == 2 and seen.value.shape != shape and seen.value.T.shape == shape:
            return True
        inputs = self.main.roles.placed.get("X")
        return inputs is not None and inputs.how == "transposed"

    def _origin(self, seen: Seen) -> Seen:
        """Where the value came from: the first expression of the window that had it."""
        same = [
            s
            for s in self.values.seen
            if self.main.window.start <= s.order <= seen.order
            and s.value.shape == seen.value.shape
            and np.array_equal(s.value, seen.value)
        ]
        computed = [s for s in same if not s.stored or s.assigned]
        return (computed or same or [seen])[0]

    def _read(self, origin: Seen) -> Seen | None:
        """Where a variable that was changed in place is first read."""
        for seen in self.values.seen:
            if seen.order > origin.order and seen.text == origin.text and seen.stored and not seen.assigned:
                return seen if np.array_equal(seen.value, origin.value) else None
        return None

    def _user_shape(self, id: str, seen: Seen) -> tuple[int, ...] | None:
        parameter = self.main.roles.placed.get(self.follower.gradient_of.get(id, ""))
        if parameter is not None and parameter.seen is not None:
            return parameter.seen.value.shape if parameter.seen.value.ndim == 2 else None
        return seen.value.shape if seen.value.ndim else None

    def _how(self, id: str) -> str | None:
        parameter = self.main.roles.placed.get(self.follower.gradient_of.get(id, ""))
        return parameter.how if parameter is not None and parameter.how in ("same", "transposed") else None

    def _allowed(self, id: str, known: Known) -> tuple[float, ...]:
        """The scale of what the quantity is made from; for the first Δ any sign."""
        own = self.main.outcomes[id].placed
        if own is not None:
            return (own.scale,)
        inner = {e.name.id for e in self.trace.backward} - set(self.follower.gradient_of)
        scales = [o.placed.scale for o in self.main.outcomes.values() if o.placed is not None and o.id in inner]
        return tuple(dict.fromkeys([*scales, 1.0]))

    def _at_update(self, outcome: Outcome, update: Update) -> Iterator[Fault]:
        """The statement that changes the parameter, or where the variable that it uses was made."""
        known = outcome.known
        value = assigned_value(update.seen.run.statement)
        if known is None or value is None:
            return
        for seen in update.seen.run.seen:
            if seen.stored and not seen.assigned and seen.text != update.seen.text and self._made_inside(seen):
                for view in self._repeated(seen, update.step.shape):
                    eta = ratio(update, view.array, np.zeros(()))
                    if eta is not None:
                        sign = float(np.sign(eta))
                        fault = self.fault_at(outcome, seen, (sign,))
                        if fault is not None:
                            yield fault
                        break
        goal = self.step_goal(update, known, value)
        yield Fault(outcome.id, known, update.seen.run, value, goal, update.how == "transposed")

    def _made_inside(self, seen: Seen) -> bool:
        """An array, or a number that was computed in this pass rather than a learning rate."""
        origin = self._origin(seen)
        return seen.value.size > 1 or (
            origin is not seen and not origin.stored and origin.order >= self.main.window.start
        )

    @staticmethod
    def _repeated(seen: Seen, shape: tuple[int, ...]) -> list[View]:
        if seen.value.size == 1 and shape:
            return [View(np.full(shape, float(seen.value.reshape(()))), "same")]
        return list(views(seen.value, shape))

    def step_goal(self, update: Update, known: Known, value: ast.expr) -> Goal:
        """The step is a natural multiple of the gradient."""
        statement, placed = update.seen.run.statement, self.main.roles.placed[update.parameter]
        outcome = Outcome(known=known, id=update.parameter)

        def reached(array: Array) -> bool:
            after = np.asarray(array)
            before = placed.seen.value if placed.seen is not None else after
            if isinstance(statement, ast.AugAssign):
                if np.broadcast_shapes(after.shape, before.shape) != before.shape:
                    return False
                after = before - after if isinstance(statement.op, ast.Sub) else before + after
            rates = [abs(r) for p in self.follower.parameters if p != update.parameter and (r := self.steps.rate(p))]
            if after.shape != before.shape:
                return False
            view = next((v for v in views(after, placed.array.shape) if v.how == placed.how), None)
            if view is None:
                return False
            changed = Update(update.parameter, update.seen, placed.array - view.array, update.room, update.how)
            eta = ratio(changed, known.value, known.bound)
            if not np.any(known.value):
                return not np.any(changed.step)
            if eta is None or eta <= 0:
                return False
            return any(abs(eta - r) <= NATURAL * r for r in rates) or (
                self.steps.unexplained(eta, changed, outcome) == 1.0 and (eta != 1 or update.scalars == {1.0})
            )

        return reached

    def _in_pieces(self, outcome: Outcome) -> Iterator[Fault]:
        """A value that comes from outside the program's lines: the part of its equation that they do compute."""
        for expr in walk(self.trace.joint.definitions[outcome.id].value):
            if not isinstance(expr, MatMul):
                continue
            wanted = self.search.evaluated(expr, self.main.roles)
            if wanted is None or not np.any(wanted):
                continue
            known = loose(wanted, self.dtype)
            for fault in self._blind(replace(outcome, known=known, placed=None, suspect=None)):
                yield replace(fault, goal=value_goal(known, (1.0, -1.0), None, None))

    def _blind(self, outcome: Outcome) -> Iterator[Fault]:
        """Whatever was assigned and is nothing else that is known."""
        taken = {p.seen.value.tobytes() for p in self.main.roles.placed.values() if p.seen is not None}
        count = 0
        for seen in unclaimed(self.values, self.main.window, taken):
            value = assigned_value(seen.run.statement) if seen.assigned else None
            if value is None and isinstance(seen.run.statement, ast.Return) and seen.node is seen.run.statement.value:
                value = seen.node
            if value is None or seen.value.ndim == 0 or isinstance(seen.run.statement, ast.AugAssign):
                continue
            count += 1
            if count > MOST_BLIND:
                return
            fault = self.fault_at(outcome, seen)
            if fault is not None:
                yield fault

    # --- scales and updates -----------------------------------------------------------------------------------------

    def _scaled(self) -> Iterator[Trouble]:
        """Gradients that are right but for a factor, where nothing that follows takes it away."""
        wrong = {id: e for id, e in self.effects.items() if e is not None and abs(e - 1) > NATURAL}
        if not wrong:
            return
        known = [e for e in self.effects.values() if e is not None]
        everywhere = len(wrong) == len(known) and max(known) - min(known) <= NATURAL * abs(known[0])
        if everywhere and len(wrong) > 1:
            factor = next(iter(wrong.values()))
            first = self._first_scaled(factor)
            if first is not None:
                yield self._scale_trouble(first, factor)
                return
        for id, factor in wrong.items():
            outcome = self.main.outcomes[self.trace.gradients[id]]
            yield self._scale_trouble(outcome, factor, self.main.updates.get(id))

    def _first_scaled(self, factor: float) -> Outcome | None:
        for equation in self.trace.backward:
            outcome = self.main.outcomes[equation.name.id]
            if outcome.placed is not None and outcome.right and outcome.placed.seen is not None:
                inner = outcome.id not in self.follower.gradient_of
                same = factor == -1 or abs(outcome.placed.scale - factor) <= NATURAL * abs(factor)
                if inner and same:
                    return outcome
        return None

    def _scale_trouble(self, outcome: Outcome, factor: float, update: Update | None = None) -> Trouble:
        trouble = Trouble(outcome.id, "sign" if factor == -1 else "scale", [], outcome, update, factor)
        placed, known = outcome.placed, outcome.known
        if placed is not None and placed.seen is not None and known is not None:
            if update is None or placed.seen is not update.seen:
                goal = (placed.scale / factor,)
                fault = self.fault_at(outcome, placed.seen, goal)
                scaled = update is None or abs(placed.scale) != 1 or factor == placed.scale
                if fault is not None and scaled:
                    trouble.faults.append(fault)
            if update is not None:
                trouble.faults += list(self._at_update(outcome, update))[:-1]
                value = assigned_value(update.seen.run.statement)
                if value is not None:
                    goal_step = self.step_goal(update, known, value)
                    trouble.faults.append(
                        Fault(outcome.id, known, update.seen.run, value, goal_step, update.how == "transposed")
                    )
        return trouble

    def _swapped(self) -> Iterator[Trouble]:
        """Parameters that are changed by another parameter's gradient."""
        for id, update in self.main.updates.items():
            own = self.main.outcomes[self.trace.gradients[id]]
            if own.known is None or ratio(update, own.known.value, own.known.bound) is not None:
                continue
            for other, gradient in self.trace.gradients.items():
                found = self.main.outcomes[gradient]
                if other == id or found.known is None or not found.right:
                    continue
                for view in views(found.known.value, update.step.shape):
                    if ratio(update, view.array, np.zeros(())) is not None:
                        yield Trouble(gradient, "gradients-swapped", [], own, update, other=other)
                        break

    def _elsewhere(self, told: set[str]) -> Iterator[Trouble]:
        """Steps that are no multiple of a gradient that is right, where those of all other parameters are."""
        off = [id for id in self.main.updates if self.effects.get(id) is None and id not in told]
        plain = [id for id in self.main.updates if self.effects.get(id) is not None]
        for id in off if plain else ():
            outcome, update = self.main.outcomes[self.trace.gradients[id]], self.main.updates[id]
            value = assigned_value(update.seen.run.statement)
            if not outcome.right or outcome.known is None or value is None:
                continue
            grown = update.seen.value.shape != update.step.shape and update.seen.value.T.shape != update.step.shape
            if np.abs(update.step).max() <= 8 * update.room.max() and not grown:
                continue
            goal = self.step_goal(update, outcome.known, value)
            fault = Fault(outcome.id, outcome.known, update.seen.run, value, goal, update.how == "transposed")
            yield Trouble(outcome.id, "", [fault], outcome, update)

    # --- judged -----------------------------------------------------------------------------------------------------

    def judged(self) -> tuple[Judged, ...]:
        """The verdict on every quantity."""
        return tuple(self._judged(outcome) for outcome in self.main.outcomes.values())

    def _judged(self, outcome: Outcome) -> Judged:
        parameter = self.follower.gradient_of.get(outcome.id)
        placed, known = outcome.placed, outcome.known
        seen = placed.seen if placed is not None else None
        variable, line = self.named(seen) if seen is not None else ("", None)
        shape = seen.value.shape if seen is not None else ()
        if outcome.zero:
            reason = "it is zero at every pass that was looked at, so that nothing wrong in it would show"
            return Judged(outcome.id, Verdict.NOT_INFORMATIVE, reason=reason)
        if known is None or placed is None:
            return Judged(outcome.id, Verdict.NOT_SEEN)
        effect = self.effects.get(parameter or "")
        if outcome.right and (effect is None or abs(effect - 1) <= NATURAL):
            values, right = shown(placed.array), shown(known.value)
            return Judged(outcome.id, Verdict.RIGHT, variable, line, shape, values=values, right=right)
        factor = effect if outcome.right and effect is not None else placed.scale
        array = placed.array * factor
        off = deviation(known, array) if array.shape == known.value.shape else None
        values, right = shown(array), shown(known.value)
        return Judged(outcome.id, Verdict.WRONG, variable, line, shape, off, values=values, right=right)

    def named(self, seen: Seen) -> tuple[str, int]:
        """The variable that holds a value, and the line that gave it; the expression where none does."""
        span = self.main.window
        for other in self.values.seen:
            inside = span.start <= other.order < span.end and other.assigned
            if inside and np.array_equal(other.value, seen.value):
                return other.text, other.run.statement.lineno
        return (seen.text if len(seen.text) <= 40 else f"{seen.text[:37]}..."), seen.line


def _target(statement: ast.stmt) -> ast.expr | None:
    match statement:
        case ast.Assign([target]) | ast.AnnAssign(target=target):
            return target
        case _:
            return None
