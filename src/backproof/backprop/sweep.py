"""The reverse sweep: one general differentiator over named equations; its trace is the derivation.

The adjoint of a quantity is the sum of the cotangents that its uses send back. An adjoint used once is written where
it is used; one that is used in several places gets a name: Δ for the linear part of a layer, ∂L/∂q for a quantity q.
So the backward equations are those of a textbook, and everything stays linear in the size of the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from backproof.backprop.simplify import simplify
from backproof.backprop.stabilise import is_linear_part, rewrites, with_named_arguments
from backproof.backprop.trace import Kind, Step, Trace
from backproof.errors import SpecificationError, UnsupportedError, suggestion
from backproof.ir.expr import Const, Expr, Name, Partial, Softmax, zeros
from backproof.ir.program import Equation, Program, fresh
from backproof.ir.traverse import children, names
from backproof.rules.elementwise import ONE
from backproof.rules.vjp import VJP


def backpropagate(program: Program, *, wrt: Iterable[str] | None = None) -> Trace:
    """∂L/∂θ for every parameter θ of the program, with every step on the way.

    Args:
        program: the forward equations and the loss.
        wrt: identifiers of the quantities whose gradients are wanted; the parameters where not given.

    Raises:
        SpecificationError: an identifier that the program does not have, or nothing to differentiate.
        UnsupportedError: an operation without a row in the table of derivatives.

    Source:
        Griewank & Walther, Evaluating Derivatives (2008), section 3.2; Baydin et al., Automatic differentiation in
        machine learning: a survey (2018).

    Example:
        >>> import backproof as bp
        >>> trace = backpropagate(bp.mlp(3, 2, 1))
        >>> [equation.name.id for equation in trace.backward]
        ['delta_2', 'grad_W_2', 'delta_1', 'grad_W_1']
    """
    wanted = tuple(wrt) if wrt is not None else tuple(p.id for p in program.parameters)
    if not wanted:
        raise SpecificationError("there is nothing to differentiate: the program has no parameters; name one in wrt=")
    for id in wanted:
        if id not in program.names:
            raise SpecificationError(f"cannot differentiate by {id!r}: {suggestion(id, program.names)}")
    return _Sweep(program, wanted).run()


@dataclass(slots=True)
class _Contribution:
    """What one equation sends back to a quantity, and the steps it rests on."""

    cotangent: Expr
    equation: str
    uses: tuple[int, ...]


@dataclass(slots=True)
class _Current:
    """The equation that the sweep is in, whether its Δ is named already, and the steps in force there."""

    equation: Equation
    uses: tuple[int, ...]
    delta_named: bool = False


@dataclass
class _Sweep:
    source: Program
    wanted: tuple[str, ...]
    program: Program = field(init=False)
    loss: Name = field(init=False)
    known: dict[Expr, Expr] = field(init=False)
    active: set[str] = field(init=False)
    taken: set[str] = field(init=False)
    position: dict[str, int] = field(init=False)
    steps: list[Step] = field(default_factory=list)
    backward: list[Equation] = field(default_factory=list)
    gradients: dict[str, str] = field(default_factory=dict)
    defined_by: dict[str, int] = field(default_factory=dict)
    contributions: dict[str, list[_Contribution]] = field(default_factory=dict)

    def run(self) -> Trace:
        stated = with_named_arguments(self.source)
        self.program, changes = rewrites(stated)
        self.known = {e.value: e.name for e in stated.equations if not isinstance(e.value, Name | Const)}
        self.loss = self.program.names[self.program.loss]
        self.active = self._active()
        self.taken = set(self.program.names)
        self.position = {e.name.id: position for position, e in enumerate(self.program.equations)}
        for equation in stated.equations:
            step = self._record("define", "definition", equation.name, equation.value, equation.label, equation.name.id)
            self.defined_by[equation.name.id] = step
            for change in (c for c in changes if c.equation == equation.name.id):
                step = self._record(
                    "rewrite",
                    change.rule,
                    equation.name,
                    change.after,
                    change.reason,
                    change.equation,
                    change.before,
                )
                self.defined_by[change.equation] = step
        self._backward()
        return Trace(self.source, self.program, tuple(self.steps), tuple(self.backward), self.gradients)

    # --- the forward side -----------------------------------------------------------------------------------------

    def _active(self) -> set[str]:
        """The quantities that depend on something wanted."""
        active = set(self.wanted)
        for equation in self.program.equations:
            if not active.isdisjoint(names(equation.value)):
                active.add(equation.name.id)
        return active

    def _record(
        self,
        kind: Kind,
        rule: str,
        target: Expr,
        after: Expr,
        reason: str,
        equation: str,
        before: Expr | None = None,
        uses: Iterable[int] = (),
        inner: Expr | None = None,
    ) -> int:
        number = len(self.steps) + 1
        if kind in ("define", "rewrite"):
            uses = (self.defined_by[id] for id in names(after) if id in self.defined_by)
        before = after if before is None else before
        used = tuple(sorted(set(uses)))
        self.steps.append(Step(number, kind, rule, target, before, after, used, reason, equation, inner))
        return number

    # --- the backward side ----------------------------------------------------------------------------------------

    def _backward(self) -> None:
        start = self._record(
            "start", "start", Partial(self.loss, self.loss), ONE, "a quantity changes with itself one to one",
            self.loss.id,
        )  # fmt: skip
        self.contributions[self.loss.id] = [_Contribution(ONE, self.loss.id, (start,))]
        first_use = self._first_uses()
        for position in range(len(self.program.equations) - 1, -1, -1):
            equation = self.program.equations[position]
            if equation.name.id in self.active and self.contributions.get(equation.name.id):
                self._through(equation)
            for id in first_use.get(position, ()):
                self._gradient(id)
        for id in self.wanted:
            if id not in self.gradients:
                self._gradient(id)

    def _first_uses(self) -> dict[int, list[str]]:
        """The wanted leaves by the position of the first equation that uses them: there their gradient is complete."""
        found: dict[int, list[str]] = {}
        waiting = {id: order for order, id in enumerate(self.wanted) if id not in self.program.definitions}
        for position, equation in enumerate(self.program.equations):
            here = [id for id in names(equation.value) if id in waiting]
            if here:
                found[position] = sorted(here, key=waiting.__getitem__)
            for id in here:
                del waiting[id]
        return found

    def _through(self, equation: Equation) -> None:
        """Send the adjoint of the quantity back through its equation."""
        id = equation.name.id
        received = self._received(id)
        raw = reduce(lambda a, b: a + b, (c.cotangent for c in received))
        adjoint = self._simplify(raw)
        uses = tuple(use for c in received for use in c.uses)
        current = _Current(equation, uses)
        senders = " and ".join(dict.fromkeys(c.equation for c in received))
        reason = f"{id} reaches the loss through {senders}"
        if id in self.wanted:
            adjoint = self._named(self._fresh(f"grad_{id}"), adjoint)
            self.gradients[id] = adjoint.id
        if self._deserves_name(equation.value, adjoint, current):
            adjoint = self._name_adjoint(equation.value, raw, adjoint, current, reason)
        elif id != self.loss.id:
            step = self._record(
                "chain", "chain rule", Partial(self.loss, equation.name), adjoint, reason, id, raw, uses
            )
            current.uses = (step, self.defined_by[id])
        else:
            current.uses = (*uses, self.defined_by[id])
        self._push(equation.value, adjoint, equation.name, current)

    def _push(self, node: Expr, g: Expr, value: Expr, current: _Current) -> None:
        """Send the cotangent g of a node to the names below it; ``value`` is an expression for the node itself."""
        if isinstance(node, Name):
            if node.id in self.active:
                self.contributions.setdefault(node.id, []).append(
                    _Contribution(g, current.equation.name.id, current.uses)
                )
            return
        if self._deserves_name(node, g, current):
            reason = f"the adjoint inside {current.equation.name.id} is used more than once, so it gets a name"
            g = self._name_adjoint(node, g, self._simplify(g), current, reason)
        rule = VJP.get(type(node))
        if rule is None:
            raise UnsupportedError(f"{type(node).__name__} has no row in the table of derivatives (rules/vjp.py)")
        for child, cotangent in zip(children(node), rule(node, g, value), strict=True):
            if cotangent is not None and not self.active.isdisjoint(names(child)):
                self._push(child, cotangent, child, current)

    def _deserves_name(self, node: Expr, g: Expr, current: _Current) -> bool:
        """An adjoint gets a name where it would otherwise be written twice, and at the linear part of a layer."""
        if isinstance(g, Name) or not names(g):
            return False
        layer = current.equation.delta is not None and not current.delta_named and is_linear_part(node)
        active = [child for child in children(node) if not self.active.isdisjoint(names(child))]
        return layer or len(active) > 1 or (isinstance(node, Softmax) and bool(active))

    def _name_adjoint(self, node: Expr, raw: Expr, adjoint: Expr, current: _Current, reason: str) -> Name:
        equation = current.equation
        if equation.delta is not None and not current.delta_named and is_linear_part(node):
            id, current.delta_named = self._fresh(equation.delta), True
        elif node is equation.value:
            id = self._fresh(f"grad_{equation.name.id}")
        else:
            id = self._fresh(f"delta_{equation.name.id}")
        name = self._named(id, adjoint)
        step = self._record("delta", "name", name, adjoint, reason, equation.name.id, raw, current.uses, node)
        self.defined_by[id] = step
        current.uses = (step, *(self.defined_by[q] for q in names(node) if q in self.defined_by))
        return name

    def _named(self, id: str, value: Expr) -> Name:
        name = Name(id, value.shape)
        self.backward.append(Equation(name, value))
        return name

    def _gradient(self, id: str) -> None:
        """∂L/∂θ, complete once every equation that uses θ has been passed."""
        leaf = self.program.names[id]
        received = self._received(id)
        raw = reduce(lambda a, b: a + b, (c.cotangent for c in received)) if received else zeros(leaf.shape)
        after = self._simplify(raw)
        used = " and ".join(dict.fromkeys(c.equation for c in received))
        reason = f"{id} is used in {used}" if received else f"the loss does not depend on {id}"
        self._record(
            "gradient", "chain rule", Partial(self.loss, leaf), after, reason,
            received[0].equation if received else self.loss.id, raw, (u for c in received for u in c.uses),
        )  # fmt: skip
        self.gradients[id] = self._named(self._fresh(f"grad_{id}"), after).id

    def _received(self, id: str) -> list[_Contribution]:
        """What was sent back to a quantity, in the order in which the program uses it."""
        return sorted(self.contributions.get(id, []), key=lambda c: self.position.get(c.equation, -1))

    def _simplify(self, expr: Expr) -> Expr:
        return simplify(expr, self.known)

    def _fresh(self, wanted: str) -> str:
        id = fresh(wanted, self.taken)
        self.taken.add(id)
        return id
