"""Spelling a trace out entry by entry: ∂L/∂w for one weight w by the chain rule, "likewise", the matrix, its factors.

Nothing is derived a second time. Entries of the trace's own equations are taken in index notation, their partial
derivatives come from the same table of derivatives, the Δ that gets a name is the entry of the trace's Δ, and every
section ends in the trace's equation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from backproof.backprop.components import (
    Letters,
    assembled,
    canonical,
    component,
    contributions,
    entry,
    filled,
    free_indices,
    partials,
    without_ones,
)
from backproof.backprop.paths import Paths, Use, base, position
from backproof.backprop.reading import (
    EXPLICIT,
    WRITTEN_OUT,
    first_entries,
    in_entries,
    is_sum,
    opened,
    outer_product,
    quantities,
    sums_entries,
    with_definition,
)
from backproof.backprop.scalar import ScalarKind, ScalarStep, ScalarView, Section, Subject
from backproof.backprop.simplify import simplify
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Step, Trace
from backproof.dims import SCALAR, Symbol
from backproof.ir.expr import (
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Mul,
    Name,
    Partial,
    Softmax,
    SumOver,
)
from backproof.ir.program import Equation
from backproof.ir.traverse import names, transform

FULL_UNITS = 2
"""A layer of up to this many units gets the full derivation for each unit; a wider one for the first."""
ALL_LAYERS = 3
"""A network of up to this many layers has each derived; of a deeper one, hidden layers of one kind go likewise."""


def scalar_view(trace: Trace) -> ScalarView:
    """The derivation of every gradient entry by entry, for one example where the batch size is a symbol.

    A network normalised over the batch keeps its batch.

    Example:
        >>> import backproof as bp
        >>> view = scalar_view(backpropagate(bp.mlp(3, 2, 1)))
        >>> [section.about for section in view.sections]
        [(), ('W_2',), ('W_1',)]
    """
    one = _single_example(trace)
    return ScalarView(trace, one, _Writer(one).sections())


def _single_example(trace: Trace) -> Trace:
    structure = trace.source.structure
    if structure is None or structure.normalization == "batch":  # one example alone has no mean to speak of
        return trace
    batch = trace.source.names["X"].shape[0 if structure.samples == "rows" else 1]
    if not isinstance(batch, Symbol):
        return trace
    return backpropagate(trace.source.with_sizes(**{batch.name: 1}), wrt=trace.gradients)


class _Writer:
    """Writes the steps of one view, in order."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.loss = trace.loss
        self.letters = Letters()
        self.paths = Paths(trace, self.letters)
        self.steps: list[ScalarStep] = []
        self.numbers: dict[Expr, int] = {}
        self.formulas: dict[Expr, Expr] = {}
        self.deltas = {e.name.id: e.name for e in trace.backward}
        self.softmaxes = [e for e in trace.program.equations if isinstance(e.value, Softmax)]
        self.gradients = {
            step.target.wrt: step
            for step in trace.steps
            if step.kind == "gradient" and isinstance(step.target, Partial) and isinstance(step.target.wrt, Name)
        }

    # --- building blocks ----------------------------------------------------------------------------------------

    def add(
        self,
        kind: ScalarKind,
        target: Expr,
        lines: Iterable[Expr],
        reason: str = "",
        *,
        uses: Iterable[int] = (),
        trace_step: int | None = None,
    ) -> int:
        """Record a step; a line equal to the one before is left out."""
        free = free_indices(target)
        kept: list[Expr] = []
        for line in (canonical(line, free) for line in lines):
            if not kept or kept[-1] != line:
                kept.append(line)
        number = len(self.steps) + 1
        self.steps.append(ScalarStep(number, kind, target, tuple(kept), tuple(sorted(set(uses))), reason, trace_step))
        self.numbers[target] = number
        return number

    def used(self, *exprs: Expr) -> list[int]:
        """The numbers of the steps that the expressions were last given in."""
        return [self.numbers[e] for e in exprs if e in self.numbers]

    def written(self, equation: Equation, at: Expr, wrt: Expr | None = None) -> Expr:
        """An entry of an equation's right-hand side; short sums are written out where all indices are numbers."""
        numbered = not free_indices(at) and (wrt is None or not free_indices(wrt))
        row, column = position(at)
        return component(equation.value, row, column, self.letters, explicit=EXPLICIT if numbered else 0)

    def general(self, expr: Expr, at: Expr) -> Expr:
        """An entry of a backward expression, simplified, with sums in Σ notation."""
        row, column = position(at)
        return canonical(simplify(component(expr, row, column, self.letters)), free_indices(at))

    # --- sections -----------------------------------------------------------------------------------------------

    def sections(self) -> tuple[Section, ...]:
        found = [self._section("forward", (), self._forward)]
        likewise: list[Step] = []
        seen: set[str] = set()
        for parameter, step in self.gradients.items():
            kind = self._kind_of_layer(parameter.id)
            if kind in seen:
                likewise.append(step)
            else:
                seen.add(kind)
                found.append(self._section("gradient", (parameter.id,), self._gradient, parameter, step))
        if likewise:
            about = tuple(parameter.id for parameter, step in self.gradients.items() if step in likewise)
            found.append(self._section("layers", about, self._layers_likewise, likewise))
        return tuple(found)

    def _section(self, subject: Subject, about: tuple[str, ...], write: Callable[..., None], *args: object) -> Section:
        start = len(self.steps)
        write(*args)
        return Section(subject, about, tuple(self.steps[start:]))

    def _kind_of_layer(self, parameter: str) -> str:
        """Equal for the parameters of layers whose derivations differ in nothing but the layer's number."""
        structure = self.trace.source.structure
        layers = structure.layers if structure is not None else ()
        if len(layers) <= ALL_LAYERS:
            return parameter
        for layer in layers[:-2]:
            if parameter in (layer.weights, layer.bias):
                role = "weights" if parameter == layer.weights else "bias"
                return f"{role} {layer.activation} below {layers[layer.number].activation}"
        return parameter

    def _forward(self) -> None:
        for name in (*self.trace.program.parameters, *self.trace.program.inputs):
            if name.shape not in (SCALAR, (1, 1)):
                self.add("entry", name, (assembled(name, entry(name, "i", "j")),))
        last = {step.equation: step for step in self.trace.steps if step.kind in ("define", "rewrite")}
        for step in self.trace.steps:
            uses = self.used(step.target)
            if isinstance(step.target, Name) and step.kind == "define":
                self._definition(step, step.target)
            elif step.kind == "rewrite":
                self.add("define", step.target, (step.after,), step.reason, uses=uses, trace_step=step.number)
            if step is last.get(step.equation) and step.target.shape == SCALAR and sums_entries(step.after):
                self.add("entry", step.target, (in_entries(step.after, self.letters),), uses=self.used(step.target))

    def _definition(self, step: Step, name: Name) -> None:
        uses = self.used(*quantities(step.after))
        lines = with_definition(step.after)
        number = self.add("define", name, lines, step.reason, uses=uses, trace_step=step.number)
        if name.shape == SCALAR:
            return
        if name.shape != (1, 1):
            self.add("entry", name, (assembled(name, entry(name, "i", "j")),))
            self.numbers[name] = number
        equation = self.trace.program.definitions[name.id]
        for target in first_entries(name):
            self.add("entry", target, with_definition(self.written(equation, target)), uses=(number,))

    def _gradient(self, parameter: Name, step: Step) -> None:
        if parameter.shape == SCALAR:
            self.add("matrix", step.target, (step.before, step.after), step.reason, trace_step=step.number)
            return
        whole = assembled(parameter, Partial(self.loss, entry(parameter, "i", "j")))
        collected = self.add("collect", step.target, (whole,), "the gradient has the shape of the parameter")
        self._entries(parameter)
        self._assemble(parameter, step, collected)

    def _layers_likewise(self, steps: list[Step]) -> None:
        """The layers that go like one already derived: their Δ and their gradients, in the order of the trace."""
        wanted = {use for step in steps for use in step.uses}
        for step in self.trace.steps:
            delta = step.kind == "delta" and step.number in wanted and step.target not in self.numbers
            if delta or step in steps:
                uses = self.used(*quantities(step.after))
                self.add("matrix", step.target, (step.after,), "likewise", uses=uses, trace_step=step.number)

    # --- the entries of one gradient ----------------------------------------------------------------------------

    def _entries(self, parameter: Name) -> None:
        axis = self._unit_axis(parameter)
        units, others = parameter.shape[axis], parameter.shape[1 - axis]
        full = units if isinstance(units, int) and units <= FULL_UNITS else 1
        few = isinstance(others, int) and others <= WRITTEN_OUT
        for unit in range(1, full + 1):
            for other in range(1, others + 1) if isinstance(others, int) and few else (1,):
                w = entry(parameter, other, unit) if axis == 1 else entry(parameter, unit, other)
                self._derive(w) if other == 1 else self._likewise(w)
        if full != units or not few:
            self._likewise(entry(parameter, "i", "j"))

    def _unit_axis(self, parameter: Name) -> int:
        """Which index of the parameter counts the units of its layer: the one that the layer's output shares."""
        layer = self.paths.layer_of(entry(parameter, "i", "j"))
        if layer is not None and "i" in position(layer.at):
            return 0
        if layer is not None and "j" in position(layer.at):
            return 1
        return 0 if parameter.shape[0] == 1 else 1

    def _derive(self, w: Expr) -> None:
        """∂L/∂w in full; for a parameter that joins a layer whose Δ is named already, in one line."""
        target = Partial(self.loss, w)
        layer = self.paths.layer_of(w)
        named = None if layer is None else self._delta_at(layer)
        if named is not None and named in self.numbers:
            reason = f"{base(w).id} enters where the weights do"
            self.add("result", target, (self._result(w),), reason, uses=self.used(named))
            return
        chain = self.paths.chain(w)
        if chain == target:
            self._partial(target)
            return
        number = self.add("chain", target, (chain,), self._chain_reason(chain))
        symbols = partials(chain)
        for symbol in symbols:
            self._partial(symbol)
        raw = filled(chain, {symbol: self.formulas[symbol] for symbol in symbols if symbol in self.formulas})
        uses = [number, *self.used(*symbols)]
        self.add("substitute", target, (without_ones(raw), simplify(raw)), "substituting", uses=uses)
        if layer is not None and named is not None:
            self._name_delta(w, layer, named)

    def _chain_reason(self, chain: Expr) -> str:
        several = "chain rule, summed over all paths" if is_sum(chain) else "chain rule"
        through = [e for e in self.softmaxes if any(base(s.of) == e.name for s in partials(chain))]
        return several if not through else f"{several}; softmax: each entry depends on every argument of its sample"

    # --- one factor of the chain rule ---------------------------------------------------------------------------

    def _partial(self, symbol: Partial) -> None:
        """A formula for ∂a/∂b where a's own equation holds b; the adjoint of a layer above stays a symbol."""
        equation = self.trace.program.definitions[base(symbol.of).id]
        known = self.formulas.get(symbol)
        if known is not None:
            if not isinstance(known, Const):
                self.add("partial", symbol, (known,), uses=self.used(symbol))
            return
        if isinstance(equation.value, Softmax) or not self.paths.holds(equation, symbol.wrt):
            return
        if symbol.of == self.loss and not self.paths.feeds_only_the_loss(base(symbol.wrt)):
            return
        body = self.written(equation, symbol.of, symbol.wrt)
        value = body if symbol.of == self.loss else symbol.of
        whole, short = self._sum_of_terms(body, symbol.wrt, body), self._sum_of_terms(body, symbol.wrt, value)
        if whole is None or short is None:
            return
        lines = [without_ones(whole), simplify(whole), self._with_softmax_named(simplify(short))]
        if lines[1] != lines[2]:
            lines[0] = opened(lines[1])
        self.formulas[symbol] = canonical(lines[-1], free_indices(symbol))
        self.add("partial", symbol, lines, uses=self.used(symbol.of) or self.used(base(symbol.of)))

    def _sum_of_terms(self, body: Expr, wrt: Expr, value: Expr) -> Expr | None:
        """The partial derivative as one sum; None where a term asks for an entry that is not this one."""
        terms = contributions(body, wrt, value)
        if not terms or any(term.bindings for term in terms):
            return None
        return reduce(lambda a, b: a + b, (term.value for term in terms))

    def _with_softmax_named(self, expr: Expr) -> Expr:
        """exp(z) / Σ exp(z) written as the entry of the softmax that the program has a name for."""

        def change(node: Expr) -> Expr:
            match node:
                case Div(Elementwise(_, Component() as z), _):
                    for equation in self.softmaxes:
                        at = entry(equation.name, *position(z))
                        if canonical(self.written(equation, at)) == canonical(node):
                            return at
                    return node
                case _:
                    return node

        return transform(expr, change)

    # --- Δ ------------------------------------------------------------------------------------------------------

    def _delta_at(self, layer: Use) -> Expr:
        step = self.paths.layer_delta[layer.equation.name.id]
        at = layer.at
        if layer.sums:
            at = canonical(SumOver(layer.sums[0][0], layer.sums[0][1], at)).body  # type: ignore[attr-defined]
        return entry(base(step.target), *position(at))

    def _name_delta(self, w: Expr, layer: Use, named: Expr) -> None:
        target = Partial(self.loss, w)
        step = self.paths.layer_delta[layer.equation.name.id]
        formula = self.general(step.after, named)
        result = self._result(w)
        above = [self.deltas[id] for id in sorted(names(formula)) if id in self.deltas]
        if above:
            folded = simplify(transform(result, lambda node: formula if node == named else node))
            uses = [*self.used(target), *self.used(*above)]
            self.add("fold", target, (folded,), "by the definition of Δ", uses=uses)
        self.add("name", named, (formula,), "let", uses=self.used(target), trace_step=step.number)
        self.numbers[base(named)] = self.numbers[named]
        self.add("result", target, (result,), "then", uses=self.used(target, named))

    def _result(self, w: Expr) -> Expr:
        """The entry of the trace's own gradient that belongs to w, Δ first as the seed has it."""
        result = self.general(self.gradients[base(w)].after, w)

        def delta_first(node: Expr) -> Expr:
            match node:
                case Mul(a, Component(b) as delta) if b.id in self.deltas and names(a).isdisjoint(self.deltas):
                    return Mul(delta, a)
                case _:
                    return node

        return transform(result, delta_first)

    def _likewise(self, w: Expr) -> None:
        result = self._result(w)
        uses = self.used(*(self.deltas[id] for id in sorted(names(result)) if id in self.deltas))
        self.add("likewise", Partial(self.loss, w), (result,), "likewise", uses=uses)

    # --- the matrix again ---------------------------------------------------------------------------------------

    def _assemble(self, parameter: Name, step: Step, collected: int) -> None:
        last = {s.target: s.number for s in self.steps[collected:] if self._is_entry(s.target, parameter)}
        whole = assembled(parameter, self._result(entry(parameter, "i", "j")))
        self.add("assemble", step.target, (whole,), "assembling the entries", uses=[collected, *last.values()])
        deltas = [self.deltas[id] for id in sorted(names(step.after)) if id in self.deltas]
        for delta in deltas:
            if delta.shape != (1, 1) and not self._is_assembled(delta):
                self.add("assemble", delta, (assembled(delta, entry(delta, "i", "j")),), "let")
        outer = outer_product(step.after)
        lines = (step.after,) if outer is None else (outer, step.after)
        reason = "a column times a row" if outer is not None else "in matrix form"
        uses = [*self.used(step.target), *self.used(*quantities(step.after))]
        self.add("factor", step.target, lines, reason, uses=uses, trace_step=step.number)
        for delta in deltas:
            self._delta_matrix(delta)

    def _is_entry(self, target: Expr, parameter: Name) -> bool:
        """Whether the target is an entry of the parameter's gradient."""
        return isinstance(target, Partial) and target.of == self.loss and base(target.wrt) == parameter

    def _is_assembled(self, delta: Name) -> bool:
        return any(step.kind == "assemble" and step.target == delta for step in self.steps)

    def _delta_matrix(self, delta: Name) -> None:
        """The Δ of the layer as a matrix equation: the trace's own."""
        done = any(step.kind == "matrix" and step.target == delta for step in self.steps)
        if done or delta.shape == (1, 1):
            return
        step = next(s for s in self.trace.steps if s.kind == "delta" and s.target == delta)
        body = self.general(step.after, entry(delta, "i", "j"))
        uses = self.used(delta, *quantities(step.after))
        lines = (assembled(delta, body), step.after)
        self.add("matrix", delta, lines, "in matrix form", uses=uses, trace_step=step.number)
