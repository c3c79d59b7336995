"""The paths by which one entry of a quantity reaches the loss, and the chain rule along them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from backproof.backprop.components import Letters, canonical, component, contributions, entry
from backproof.backprop.simplify import simplify
from backproof.backprop.trace import Step, Trace
from backproof.dims import Dim
from backproof.ir.expr import Component, Expr, Index, MatMul, Name, Partial, Softmax, SumOver
from backproof.ir.indices import at
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import children, names

Bound = frozenset[tuple[str, Index]]
"""What index variables must be for an entry of an equation to hold the entry in question."""


@dataclass(frozen=True, slots=True)
class Use:
    """One entry ``at`` of an equation's quantity that holds the entry in question.

    ``sums`` are the index variables of ``at`` that run over a whole dimension: all those entries hold it.
    """

    equation: Equation
    at: Expr
    sums: tuple[tuple[str, Dim], ...]


class Paths:
    """The uses of every quantity of a trace's program.

    Args:
        trace: the derivation whose program is looked at.
        letters: where index variables come from.
    """

    def __init__(self, trace: Trace, letters: Letters) -> None:
        self.loss = trace.loss
        self.letters = letters
        self._loss_equation = trace.program.definitions[trace.program.loss]
        self._users = _users(trace.program)
        self.layer_delta: dict[str, Step] = {}
        for step in trace.steps:
            if step.kind == "delta" and step.inner is not None and _holds_product(step.inner):
                self.layer_delta.setdefault(step.equation, step)

    def uses(self, target: Expr) -> tuple[Use, ...]:
        """Where the entry is used, equation by equation."""
        return tuple(use for equation in self._users.get(base(target).id, []) for use in self._in(equation, target))

    def _in(self, equation: Equation, target: Expr) -> list[Use]:
        q = equation.name
        row, column = self.letters.fresh(), self.letters.fresh()
        place = entry(q, row, column)
        if isinstance(equation.value, Softmax):
            return [self._along(q, target, equation.value.axis, row, equation)]
        value = component(equation.value, row, column, self.letters)
        bindings = (
            frozenset((k, v) for k, v in term.bindings.items() if k in (row, column))
            for term in contributions(value, target, place)
        )
        found = reduce(_without_overlap, dict.fromkeys(bindings), list[Bound]())
        return [self._use(equation, at(place, dict(bound)), (row, column)) for bound in sorted(found, key=len)]

    def _along(self, q: Name, target: Expr, axis: int, variable: str, equation: Equation) -> Use:
        """Every entry of one sample's softmax holds every entry of its argument."""
        row, column = position(target)
        place = entry(q, row, variable) if axis == 1 else entry(q, variable, column)
        return self._use(equation, place, (variable,))

    def _use(self, equation: Equation, place: Expr, free: Iterable[str]) -> Use:
        shape = equation.name.shape
        places = zip(position(place), shape, strict=True) if shape else ()
        return Use(equation, place, tuple((i, size) for i, size in places if isinstance(i, str) and i in free))

    def layer_of(self, target: Expr) -> Use | None:
        """The use of a parameter's entry in a layer, whose Δ has a name; None where there is none."""
        return next((use for use in self.uses(target) if use.equation.name.id in self.layer_delta), None)

    def holds(self, equation: Equation, target: Expr) -> bool:
        """Whether the equation's right-hand side holds the quantity of the entry."""
        return equation in self._users.get(base(target).id, [])

    def chain(self, target: Expr) -> Expr:
        """∂L/∂target by the chain rule, as a sum of products of partial derivatives along the paths.

        A path ends at the first quantity whose adjoint is known: one that stands in the loss alone, or the output of
        a layer above, whose Δ has been derived already.
        """
        return canonical(self._chain(target, first=True))

    def _chain(self, target: Expr, *, first: bool) -> Expr:
        uses = self.uses(target)
        through = [use for use in uses if use.equation.name != self.loss]
        if not through:
            return Partial(self.loss, target)
        terms: list[Expr] = []
        for use in through:
            known = not first and use.equation.name.id in self.layer_delta
            ends = known or self.feeds_only_the_loss(use.equation.name)
            factor = Partial(self.loss, use.at) if ends else self._chain(use.at, first=False)
            terms.append(summed(use.sums, factor * Partial(use.at, target)))
        if len(through) < len(uses):
            terms.append(self._direct(target))
        return reduce(lambda a, b: a + b, terms)

    def _direct(self, target: Expr) -> Expr:
        """What the loss's own equation adds to ∂L/∂target where the entry reaches the loss on other paths too.

        It is written out at once, for the symbol ∂L/∂target stands for the sum over all paths.
        """
        body = component(self._loss_equation.value, 1, 1, self.letters)
        return simplify(reduce(lambda a, b: a + b, (term.value for term in contributions(body, target, body))))

    def feeds_only_the_loss(self, name: Name) -> bool:
        """Whether the loss's own equation alone holds the quantity."""
        return all(equation.name == self.loss for equation in self._users.get(name.id, []))


def _without_overlap(found: list[Bound], bound: Bound) -> list[Bound]:
    """The places that hold an entry, where one that lies within others becomes one with them.

    ``∂c[k,m]/∂z[k,1]`` for all m counts what m = 1 gives already.
    """
    overlapping = [other for other in found if all(dict(other).get(k, v) == v for k, v in bound)]
    if not overlapping:
        return [*found, bound]
    apart = [other for other in found if other not in overlapping]
    return _without_overlap(apart, bound.intersection(*overlapping))


def _users(program: Program) -> dict[str, list[Equation]]:
    """For each quantity the equations that hold it and lead to the loss, in the order of the program."""
    users: dict[str, list[Equation]] = {}
    leading = {program.loss}
    for equation in reversed(program.equations):
        if equation.name.id in leading:
            for id in names(equation.value):
                leading.add(id)
                users.setdefault(id, []).insert(0, equation)
    return users


def base(target: Expr) -> Name:
    """The named quantity that an entry belongs to."""
    match target:
        case Component(name):
            return name
        case Name():
            return target
        case _:
            raise TypeError(f"{type(target).__name__} is no entry of a quantity")


def position(target: Expr) -> tuple[Index, Index]:
    """The indices of an entry; a scalar stands at (1, 1)."""
    return (target.row, target.column) if isinstance(target, Component) else (1, 1)


def summed(sums: Iterable[tuple[str, Dim]], body: Expr) -> Expr:
    """The body summed over index variables."""
    return reduce(lambda inner, over: SumOver(over[0], over[1], inner), sums, body)


def _holds_product(inner: Expr) -> bool:
    """Whether the adjoint named here is that of a linear part: a matrix product, perhaps with a bias."""
    return any(isinstance(node, MatMul) for node in (inner, *children(inner)))
