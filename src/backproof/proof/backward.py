"""What has to be shown for the backward side: every claimed adjoint is what its uses send back; then all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from backproof.backprop.trace import Step, Trace
from backproof.dims import shape_text
from backproof.ir.expr import Expr, Name, Partial, zeros
from backproof.ir.program import Equation
from backproof.ir.traverse import children, names, rebuilt
from backproof.proof.obligations import (
    Bind,
    Draw,
    Fact,
    Identity,
    Obligation,
    adjoint,
    direction,
    inner_product,
    listed,
    subject,
    sum_of,
    tangent,
)
from backproof.proof.shapes import misfit
from backproof.rules.elementwise import ONE
from backproof.rules.jvp import tangent_of


def backward_obligations(trace: Trace) -> Iterator[Obligation]:
    """What the steps of a trace that give adjoints have to satisfy."""
    yield from _Backward(trace).obligations()


class _Backward:
    """The backward steps in order, and the adjoints claimed so far."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.program = trace.program
        self.equations = {equation.name.id: equation for equation in trace.backward}
        self.quantity_of = {gradient: id for id, gradient in trace.gradients.items()}
        self.claimed: set[str] = set()
        self.vanishing: dict[str, bool] = {}
        self.named_by: dict[str, int] = {}
        self.drawn: set[str] = set()
        self.parts = {equation.name.id: [equation] for equation in self.program.equations}
        """Each equation, taken apart at the places whose adjoints have been given a name."""
        self.users: dict[str, list[Equation]] = {}
        for equation in self.program.equations:
            for id in names(equation.value):
                self.users.setdefault(id, []).append(equation)

    def obligations(self) -> Iterator[Obligation]:
        for step in self.trace.steps:
            if step.kind not in ("define", "rewrite"):
                yield from self._step(step)
        yield from self._completeness()
        yield from self._all_at_once()

    # --- one step -------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> Iterator[Obligation]:
        faults = [*self._faults(step), *self._names(step)]
        yield from faults
        if faults:
            return
        yield from self._backward_equation(step)
        if step.before != step.after:
            yield Identity(step.number, step.after, (step.before,), "simplifying changed the value")
        match step.kind, step.target:
            case "start", _:
                yield from self._start(step)
            case "delta", Name() as name:
                yield from self._delta(step, name)
            case "chain" | "gradient", Partial(of, Name() as name) if of == self.trace.loss:
                yield from self._claim(step, name, step.after)
            case _:
                yield Fact(step.number, False, "its target is no derivative of the loss")

    def _faults(self, step: Step) -> Iterator[Fact]:
        """What makes the step impossible to evaluate, and what it may not rest on."""
        number = step.number
        own = self._own_name(step)
        for side in (step.before, step.after):
            unknown = [id for id in self._unknown(side) if id != own]
            if unknown:
                yield Fact(number, False, f"it uses {listed(unknown)}, which no earlier step gives")
            elif misfit(side):
                yield Fact(number, False, f"the shapes do not fit: {misfit(side)}")
            elif side.shape != step.target.shape:
                found, wanted = shape_text(side.shape), shape_text(step.target.shape)
                yield Fact(number, False, f"the right-hand side is {found}, but must be {wanted}")
        if any(not 0 < use < number or use not in self.trace.by_number for use in step.uses):
            yield Fact(number, False, "it says to use a step that does not come before it")
            return
        formulas = frozenset[str]().union(*(names(self.trace.by_number[use].after) for use in step.uses))
        silent = [
            id
            for id in names(step.before)
            if id in self.named_by and self.named_by[id] not in step.uses and id not in formulas
        ]
        if silent:
            yield Fact(number, False, f"it uses {listed(silent)} without naming a step that has it")

    def _own_name(self, step: Step) -> str | None:
        """The name that a wanted quantity's adjoint is given by its own step: ``∂L/∂q = grad_q``."""
        if step.kind == "chain" and isinstance(step.target, Partial) and isinstance(step.target.wrt, Name):
            return self.trace.gradients.get(step.target.wrt.id)
        return None

    def _names(self, step: Step) -> Iterator[Fact]:
        """The backward equation that the step gives: it must say what the step says."""
        id = self._own_name(step)
        if isinstance(step.target, Name):
            id = step.target.id
        elif step.kind == "gradient" and isinstance(step.target, Partial) and isinstance(step.target.wrt, Name):
            id = self.trace.gradients.get(step.target.wrt.id, "")
        if id is None:
            return
        equation = self.equations.get(id)
        own = equation is not None and step.after == equation.name
        if equation is None:
            yield Fact(step.number, False, f"there is no backward equation for {subject(step.target)}")
        elif not own and equation.value != step.after:
            yield Fact(step.number, False, f"the backward equation for {id} says something else")
        elif misfit(equation.value) or equation.value.shape != equation.name.shape:
            yield Fact(step.number, False, f"the backward equation for {id} has the wrong shape")
        elif own and self._unknown(equation.value):
            yield Fact(step.number, False, f"the backward equation for {id} uses what no earlier one gives")

    def _start(self, step: Step) -> Iterator[Obligation]:
        loss = self.trace.loss
        yield Fact(step.number, step.target == Partial(loss, loss), "a derivation starts at ∂L/∂L")
        yield Identity(step.number, step.after, (ONE,), "∂L/∂L is 1")
        yield from self._claimed(loss, step.after)

    def _claim(self, step: Step, name: Name, claim: Expr) -> Iterator[Obligation]:
        """⟨claim, V⟩ = Σ ⟨∂L/∂e, Jₑ V⟩ over the equations e that use the quantity."""
        terms: list[Expr] = []
        for part in (part for user in self.users.get(name.id, []) for part in self.parts[user.name.id]):
            moved = tangent_of(part.value, {name.id: direction(name)})
            if moved is None or self._vanishes(part.name.id):
                continue
            if part.name.id not in self.claimed:
                yield Fact(step.number, False, f"it rests on ∂L/∂{part.name.id}, which no earlier step gives")
                return
            terms.append(inner_product(adjoint(part.name), moved))
        yield from self._direction(name)
        used = listed(equation.name.id for equation in self.users.get(name.id, [])) or "nothing"
        sentence = f"this is not ∂L/∂{name.id}, by forward mode through {used}"
        yield Identity(step.number, inner_product(claim, direction(name)), (sum_of(terms),), sentence)
        yield from self._claimed(name, claim)

    def _claimed(self, name: Name, claim: Expr) -> Iterator[Obligation]:
        self.claimed.add(name.id)
        yield Bind(adjoint(name).id, claim)

    def _direction(self, name: Name) -> Iterator[Obligation]:
        if name.id not in self.drawn:
            self.drawn.add(name.id)
            yield Draw(direction(name), name.id)

    def _backward_equation(self, step: Step) -> Iterator[Obligation]:
        """From here on the name that the step gives may be used."""
        id = self._own_name(step) or (step.target.id if isinstance(step.target, Name) else None)
        if step.kind == "gradient" and isinstance(step.target, Partial) and isinstance(step.target.wrt, Name):
            id = self.trace.gradients[step.target.wrt.id]
        if id is not None and id not in self.named_by:
            self.named_by[id] = step.number
            yield Bind(id, self.equations[id].value)

    # --- Δ: the adjoint inside an equation ------------------------------------------------------------------------

    def _delta(self, step: Step, name: Name) -> Iterator[Obligation]:
        equation = self.program.definitions.get(step.equation)
        if equation is None or step.inner is None or step.inner.shape != name.shape:
            yield Fact(step.number, False, "it names the adjoint of something that its equation does not hold")
            return
        if step.inner == equation.value:
            yield from self._claim(step, equation.name, step.after)
            return
        yield from self._inner(step, name, equation, step.inner)

    def _inner(self, step: Step, name: Name, equation: Equation, inner: Expr) -> Iterator[Obligation]:
        """⟨claim, V⟩ = ⟨∂L/∂e, J V⟩ where J moves one place of the equation; equal places get a Δ each."""
        if equation.name.id not in self.claimed:
            yield Fact(step.number, False, f"it rests on ∂L/∂{equation.name.id}, which no earlier step gives")
            return
        moving, along = Name(f"inside {equation.name.id}, step {step.number}", inner.shape), direction(name)
        parts = self.parts[equation.name.id]
        places = [
            (position, opened)
            for position, part in enumerate(parts)
            for opened in _with_one_replaced(part.value, inner, moving)
        ]
        if not places:
            yield Fact(step.number, False, f"the equation for {equation.name.id} does not hold such a part")
            return
        yield from self._direction(name)
        yield Bind(moving.id, inner)
        rights = tuple(self._sent(parts[position], opened, moving, along) for position, opened in places)
        sentence = f"this is not the adjoint inside {equation.name.id}, by forward mode"
        yield Identity(step.number, inner_product(step.after, along), rights, sentence)
        if len(places) == 1:
            # What stands in this part is from here on tested against the Δ as it was given.
            ((position, opened),) = places
            parts[position] = replace(parts[position], value=opened)
            parts.append(Equation(moving, inner))
            yield from self._claimed(moving, name)

    def _sent(self, part: Equation, opened: Expr, moving: Name, along: Expr) -> Expr:
        moved = tangent_of(opened, {moving.id: along})
        return zeros(()) if moved is None else inner_product(adjoint(part.name), moved)

    # --- quantities without a step --------------------------------------------------------------------------------

    def _vanishes(self, id: str) -> bool:
        """Whether ∂L/∂q is zero for the reason that no tangent reaches the loss from q."""
        if id in self.claimed or id == self.program.loss:
            return False
        if id not in self.vanishing:
            self.vanishing[id] = all(
                self._vanishes(user.name.id) or tangent_of(user.value, {id: self.program.names[id]}) is None
                for user in self.users.get(id, [])
            )
        return self.vanishing[id]

    # --- the derivation as a whole --------------------------------------------------------------------------------

    def _completeness(self) -> Iterator[Obligation]:
        """Every backward equation belongs to a step, and every gradient that is promised is given."""
        for equation in self.trace.backward:
            id = equation.name.id
            if id in self.named_by:
                continue
            quantity = self.program.names.get(self.quantity_of.get(id, ""))
            if quantity is not None and quantity.id in self.claimed and not self._unknown(equation.value):
                yield Bind(id, equation.value)
                yield Identity(None, equation.value, (adjoint(quantity),), f"{id} is not ∂L/∂{quantity.id}")
                self.named_by[id] = 0
            else:
                yield Fact(None, False, f"no step gives the backward equation for {id}")
        for id, gradient in self.trace.gradients.items():
            yield Fact(None, gradient in self.named_by, f"no step gives the gradient of {id}")

    def _unknown(self, expr: Expr) -> list[str]:
        return [id for id in names(expr) if id not in self.program.names and id not in self.named_by]

    def _all_at_once(self) -> Iterator[Obligation]:
        """⟨all gradients, V⟩ = dL along V, by one forward pass over the equations as they were given."""
        wanted = [self.program.names[id] for id in self.trace.gradients if id in self.program.names]
        if any(self.trace.gradients[name.id] not in self.named_by for name in wanted):
            return
        moving: dict[str, Expr] = {}
        for name in wanted:
            yield from self._direction(name)
            if name.id not in self.program.definitions:
                moving[name.id] = direction(name)
        yield from self._tangents({name.id for name in wanted}, moving)
        left = [inner_product(Name(self.trace.gradients[n.id], n.shape), direction(n)) for n in wanted]
        right = moving.get(self.program.loss, zeros(()))
        sentence = "the gradients together do not give the directional derivative of the loss"
        yield Identity(None, sum_of(left), (right,), sentence)

    def _tangents(self, wanted: set[str], moving: dict[str, Expr]) -> Iterator[Obligation]:
        stated: Mapping[str, Equation] = self.trace.source.definitions
        for equation in self.program.equations:
            id = equation.name.id
            moved = tangent_of(stated.get(id, equation).value, moving)
            if id in wanted:
                along = direction(equation.name)
                moved = along if moved is None else moved + along
            if moved is not None:
                yield Bind(tangent(equation.name).id, moved)
                moving[id] = tangent(equation.name)


def _with_one_replaced(expr: Expr, inner: Expr, by: Expr) -> Iterator[Expr]:
    """The expression with one occurrence of the part replaced, for each occurrence in turn."""
    if expr == inner:
        yield by
        return
    operands = children(expr)
    for position, operand in enumerate(operands):
        for changed in _with_one_replaced(operand, inner, by):
            yield rebuilt(expr, (*operands[:position], changed, *operands[position + 1 :]))
