"""What has to be shown for the forward side: the equations stated are the program's, and rewriting changed no value."""

from __future__ import annotations

from collections.abc import Iterator

from backproof.backprop.trace import Step, Trace
from backproof.dims import shape_text
from backproof.ir.expr import Elementwise, Expr, LogSumExp, MatMul, Name, Softmax, zeros
from backproof.ir.traverse import names, walk
from backproof.proof.obligations import Bind, Fact, Identity, Law, Obligation, direction, listed, tangent
from backproof.proof.shapes import misfit
from backproof.rules.jvp import tangent_of


def forward_obligations(trace: Trace) -> Iterator[Obligation]:
    """What the ``define`` and ``rewrite`` steps of a trace have to satisfy."""
    yield from _Forward(trace).obligations()


class _Forward:
    """The forward steps in order, and what each name stands for so far."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.current: dict[str, Expr] = {}
        self.last_step: dict[str, int] = {}
        self.known = {name.id for name in (*trace.program.inputs, *trace.program.parameters)}

    def obligations(self) -> Iterator[Obligation]:
        for step in self.trace.steps:
            if step.kind in ("define", "rewrite"):
                yield from self._step(step)
        for equation in self.trace.program.equations:
            id = equation.name.id
            yield Fact(
                self.last_step.get(id),
                self.current.get(id) == equation.value,
                f"the program that is differentiated has another equation for {id}",
            )

    def _step(self, step: Step) -> Iterator[Obligation]:
        number = step.number
        id = step.target.id if isinstance(step.target, Name) else ""
        if id not in self.trace.program.definitions or id != step.equation:
            yield Fact(number, False, f"the program has no equation for {id or 'such a target'}")
            return
        faults = list(self._faults(step))
        yield from faults
        if not faults:
            yield from self._defined(step, id) if step.kind == "define" else self._rewritten(step, id)
        self.current[id] = step.after
        self.last_step[id] = number
        self.known.add(id)

    def _faults(self, step: Step) -> Iterator[Fact]:
        for side in (step.before, step.after):
            unknown = names(side) - self.known
            if unknown:
                yield Fact(step.number, False, f"it uses {listed(unknown)} before that is defined")
            elif misfit(side):
                yield Fact(step.number, False, f"the shapes do not fit: {misfit(side)}")
            elif side.shape != step.target.shape:
                found, wanted = shape_text(side.shape), shape_text(step.target.shape)
                yield Fact(step.number, False, f"the right-hand side is {found}, but must be {wanted}")

    def _defined(self, step: Step, id: str) -> Iterator[Obligation]:
        number = step.number
        yield Fact(number, id not in self.current, f"{id} is defined twice")
        yield Fact(number, step.before == step.after, "a definition has one right-hand side, this one has two")
        stated = self.trace.source.definitions.get(id)
        if stated is None:
            # A name that was brought in for a part of an equation: that equation's own step says what it must be.
            return
        if stated.value == step.after:
            yield Fact(number, True, "")
        else:
            yield Identity(number, step.after, (stated.value,), f"the program defines {id} otherwise")

    def _rewritten(self, step: Step, id: str) -> Iterator[Obligation]:
        yield Fact(
            step.number, self.current.get(id) == step.before, f"it rewrites something that {id} is not defined as"
        )
        free, bound = self._opened(names(step.before) | names(step.after))
        inside = self._inside_functions(step, bound)
        moved: dict[str, Expr] = {name.id: direction(name) for name in free if name.id in inside}
        tangents: list[Bind] = []
        for definition in bound:
            moving = tangent_of(definition.value, moved)
            if moving is not None:
                name = tangent(Name(definition.id, definition.value.shape))
                tangents.append(Bind(name.id, moving))
                moved[definition.id] = name
        slopes = [tangent_of(side, moved) for side in (step.before, step.after)]
        before, after = (zeros(step.target.shape) if slope is None else slope for slope in slopes)
        yield Law(
            step.number,
            step.before,
            step.after,
            free,
            tuple(bound),
            tuple(tangents),
            (before, after),
            "the two sides are not equal",
        )

    def _inside_functions(self, step: Step, bound: list[Bind]) -> frozenset[str]:
        """The names in arguments of functions: along these the tangents are compared, for fixed values of the rest."""
        opened = {definition.id: definition.value for definition in bound}
        inside: set[str] = set()
        for side in (step.before, step.after):
            for node in walk(side):
                if isinstance(node, Elementwise | Softmax | LogSumExp):
                    inside |= names(node)
        for id in reversed(opened):
            if id in inside:
                inside |= names(opened[id])
        return frozenset(inside)

    def _opened(self, ids: frozenset[str]) -> tuple[tuple[Name, ...], list[Bind]]:
        """The names that may take any value, and the equations of the others: no law looks through a product."""
        program = self.trace.program
        wanted = set(ids)
        bound: list[Bind] = []
        for equation in reversed(program.equations):
            id = equation.name.id
            if id in wanted and not any(isinstance(node, MatMul) for node in walk(equation.value)):
                bound.append(Bind(id, equation.value))
                wanted |= names(equation.value)
        free = wanted - {definition.id for definition in bound}
        return tuple(program.names[id] for id in sorted(free)), bound[::-1]
