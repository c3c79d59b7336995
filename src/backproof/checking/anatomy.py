"""What each part of a derivation is: which factor is σ', which quantity a weight, an activation, a Δ or an error.

It is read off the derivation itself, so it holds for every program, not only for networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from backproof.backprop.simplify import simplify
from backproof.backprop.trace import Trace
from backproof.checking.edits import factors, product, without
from backproof.dims import Dim
from backproof.ir.expr import Broadcast, Const, Div, Elementwise, Expr, Function, MatMul, Name, Size, Softmax
from backproof.ir.program import Equation
from backproof.ir.traverse import names, walk
from backproof.notation import Notation
from backproof.render.typeset import typeset
from backproof.rules.elementwise import derivative


@dataclass(frozen=True, slots=True)
class Activated:
    """A quantity that is a function of another, entry by entry: ``output = fn(argument)``.

    Args:
        fn: the function.
        argument: an expression for what it is applied to.
        output: the quantity.
        slope: its derivative as the derivation writes it.
    """

    fn: Function
    argument: Expr
    output: Name
    slope: Expr

    @property
    def parts(self) -> tuple[Expr, ...]:
        """The factors of the derivative."""
        return factors(self.slope)


@dataclass(frozen=True)
class Anatomy:
    """The parts of one derivation by what they are."""

    trace: Trace

    @cached_property
    def equations(self) -> Mapping[str, Equation]:
        """Every equation, forward and backward, by what it defines."""
        return self.trace.joint.definitions

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The place of every quantity: inputs and parameters first, at −1."""
        given = {name.id: -1 for name in (*self.trace.program.inputs, *self.trace.program.parameters)}
        return given | {e.name.id: place for place, e in enumerate(self.trace.joint.equations)}

    @cached_property
    def gradients(self) -> Mapping[str, str]:
        """The parameter by the identifier of its gradient."""
        return {gradient: parameter for parameter, gradient in self.trace.gradients.items()}

    @cached_property
    def backward(self) -> frozenset[str]:
        """The identifiers of all backward quantities."""
        return frozenset(e.name.id for e in self.trace.backward)

    @cached_property
    def deltas(self) -> tuple[Name, ...]:
        """The backward quantities that are no gradient of a parameter."""
        return tuple(e.name for e in self.trace.backward if e.name.id not in self.gradients)

    @cached_property
    def weights(self) -> frozenset[str]:
        """The parameters that a matrix product takes."""
        parameters = {name.id for name in self.trace.program.parameters}
        factored = (node for e in self.trace.program.equations for node in walk(e.value) if isinstance(node, MatMul))
        return frozenset(id for node in factored for id in names(node) if id in parameters)

    @cached_property
    def targets(self) -> frozenset[str]:
        """The inputs that only the loss sees: what is predicted, not what it is predicted from."""
        seen = {name.id for name in self.trace.program.inputs}
        multiplied = {id for e in self.trace.program.equations for id in names_in_products(e.value)}
        return frozenset(seen - multiplied)

    @cached_property
    def activations(self) -> frozenset[str]:
        """The data and the outputs of the layers: what a matrix product takes that is no parameter."""
        multiplied = {id for e in self.trace.program.equations for id in names_in_products(e.value)}
        outputs = {a.output.id for a in self.activated.values()}
        return frozenset((multiplied | outputs) - {name.id for name in self.trace.program.parameters})

    @cached_property
    def activated(self) -> Mapping[str, Activated]:
        """The quantities that are a function of another, by identifier."""
        known = {e.value: e.name for e in self.trace.program.equations}
        found: dict[str, Activated] = {}
        for equation in self.trace.program.equations:
            match equation.value:
                case Elementwise(fn, argument):
                    slope = simplify(derivative(fn, argument, equation.name), known)
                    found[equation.name.id] = Activated(fn, argument, equation.name, slope)
                case _:
                    pass
        return found

    @cached_property
    def users(self) -> Mapping[str, tuple[str, ...]]:
        """For each quantity the equations that use it, in order."""
        found: dict[str, list[str]] = {}
        for equation in self.trace.joint.equations:
            for id in sorted(names(equation.value)):
                found.setdefault(id, []).append(equation.name.id)
        return {id: tuple(users) for id, users in found.items()}

    @cached_property
    def seen_backward(self) -> frozenset[str]:
        """The forward quantities with an equation that the gradients rest on."""
        return frozenset(id for g in self.gradients for id in self.upstream(g) if id not in self.backward)

    def downstream(self, ids: tuple[str, ...]) -> tuple[Equation, ...]:
        """The equations that change with any of these quantities, themselves left out, in order."""
        reached, waiting = set(ids), list(ids)
        while waiting:
            for user in self.users.get(waiting.pop(), ()):
                if user not in reached:
                    reached.add(user)
                    waiting.append(user)
        found = sorted(reached.difference(ids), key=self.order.__getitem__)
        return tuple(self.equations[id] for id in found)

    def needed_for(self, ids: tuple[str, ...]) -> frozenset[str]:
        """The equations that any of these quantities rest on, their own too."""
        reached: set[str] = set()
        for id in ids:
            if id not in reached:
                reached.update(self.upstream(id))
        return frozenset(reached)

    def upstream(self, id: str) -> tuple[str, ...]:
        """The equations that a quantity rests on, its own first and the others from the latest back."""
        reached, waiting = {id}, [id]
        while waiting:
            for used in names(self.equations[waiting.pop()].value):
                if used in self.equations and used not in reached:
                    reached.add(used)
                    waiting.append(used)
        return tuple(sorted(reached, key=self.order.__getitem__, reverse=True))

    @cached_property
    def batch(self) -> tuple[int, Dim] | None:
        """Along which axis the samples lie, and how many they are; None where no target tells."""
        target = next((name for name in self.trace.program.inputs if name.id in self.targets and name.shape), None)
        if target is None:
            return None
        structure = self.trace.source.structure
        axis = 1 if structure is not None and structure.samples == "columns" else 0
        return axis, target.shape[axis]

    def slope_in(self, expr: Expr) -> Activated | None:
        """The function whose whole derivative is among the factors of the expression."""
        found, used = set(factors(expr)), names(expr)
        near = (self._sloping[id] for id in used if id in self._sloping)
        fitting = (a for group in near for a in group if found.issuperset(a.parts))
        return max(fitting, key=lambda a: len(a.parts), default=None)

    @cached_property
    def _sloping(self) -> Mapping[str, tuple[Activated, ...]]:
        """The functions whose derivative uses a quantity, by the quantity."""
        by_name: dict[str, list[Activated]] = {}
        for activated in self.activated.values():
            for id in names(activated.slope):
                by_name.setdefault(id, []).append(activated)
        return {id: tuple(group) for id, group in by_name.items()}

    @cached_property
    def sloped(self) -> Mapping[str, tuple[Name, ...]]:
        """The backward quantities in which the whole derivative of a function stands, by that function's output."""
        found: dict[str, list[Name]] = {}
        for delta in self.deltas:
            there = self.slope_in(self.equations[delta.id].value)
            if there is not None:
                found.setdefault(there.output.id, []).append(delta)
        return {id: tuple(deltas) for id, deltas in found.items()}

    def function_at(self, id: str) -> Activated | None:
        """The function of the layer whose Δ a backward quantity is, whether or not its derivative stands in it."""
        step = next((s for s in self.trace.steps if s.kind == "delta" and s.target == self.equations[id].name), None)
        if step is None:
            return None
        if step.equation in self.activated:
            return self.activated[step.equation]
        users = (self.activated.get(user) for user in self.users.get(step.equation, ()))
        return next((a for a in users if a is not None), None)

    def softmax_at(self, id: str) -> Name | None:
        """The output of the softmax whose argument's Δ a backward quantity is."""
        step = next((s for s in self.trace.steps if s.kind == "delta" and s.target == self.equations[id].name), None)
        if step is None:
            return None
        candidates = (step.equation, *self.users.get(step.equation, ()))
        found = (self.equations[c] for c in candidates if isinstance(self.equations[c].value, Softmax))
        return next((equation.name for equation in found), None)

    @cached_property
    def sent_back(self) -> tuple[MatMul, ...]:
        """The products that send a Δ back through the weights."""
        deltas = {delta.id for delta in self.deltas}
        values = (self.equations[delta.id].value for delta in self.deltas)
        products = (node for value in values for node in walk(value) if isinstance(node, MatMul))
        return tuple(node for node in products if names(node) & deltas)

    @cached_property
    def errors(self) -> tuple[tuple[Expr, str], ...]:
        """The output errors, such as ŷ − y: the first Δ without its derivative and its numbers; with its identifier."""
        if not self.trace.backward:
            return ()
        first = next((d for d in self.deltas if names(self.equations[d.id].value) & self.targets), None)
        if first is None:
            return ()
        value = self.equations[first.id].value
        slope = self.slope_in(value)
        bare = value if slope is None else without(value, slope.parts)
        if bare is None:
            return ()
        plain = tuple(part for part in factors(bare) if not is_number(part))
        candidates = dict.fromkeys([first if bare == value else bare, *([product(plain)] if plain else [])])
        return tuple((error, first.id) for error in candidates)

    def near(self, id: str, at: str, most: int) -> Iterator[Name]:
        """Other quantities that are there when an equation is computed, those that stand near first."""
        here, name = self.order[at], self.trace.joint.names[id]
        wanted = self.order[id] if self.order[id] >= 0 else here
        others = (
            other
            for other in self.trace.joint.names.values()
            if other.shape and other.id not in (id, at) and self.order[other.id] < here
        )
        ranked = sorted(others, key=lambda o: (o.shape != name.shape, abs(self._place(o, here) - wanted)))
        yield from ranked[:most]

    def _place(self, name: Name, here: int) -> int:
        """Where a quantity belongs: a parameter where it is first used."""
        place = self.order[name.id]
        if place >= 0 or name.id not in self.users:
            return place if place >= 0 else here
        return min(self.order[user] for user in self.users[name.id])

    # --- words ----------------------------------------------------------------------------------------------------

    @cached_property
    def notation(self) -> Notation:
        """The seed's signs, with samples lying as in this program."""
        structure = self.trace.source.structure
        plain = Notation(loss=self.trace.program.loss)
        return plain if structure is None else replace(plain, samples=structure.samples)

    def text(self, expr: Expr) -> str:
        """The expression as a person reads it."""
        return typeset(expr, notation=self.notation)

    def target(self, id: str) -> str:
        """The left-hand side of an equation: Δl_1, ∂L/∂W_1, ŷ."""
        return self.text(self.trace.joint.names[id])


def names_in_products(expr: Expr) -> Iterator[str]:
    """The identifiers of what the matrix products of an expression take."""
    for node in walk(expr):
        if isinstance(node, MatMul):
            yield from names(node)


def is_number(expr: Expr) -> bool:
    """Whether numbers and sizes alone determine the expression.

    Example:
        >>> from backproof.dims import Symbol
        >>> is_number(1 / Size(Symbol("n"))), is_number(Name("x"))
        (True, False)
    """
    match expr:
        case Const() | Size():
            return True
        case Broadcast(x):
            return is_number(x)
        case Div(a, b):
            return is_number(a) and is_number(b)
        case _:
            return False
