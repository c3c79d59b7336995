"""The scalar view: one weight at a time, as the seed's author writes it; sentences come from the kinds of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from backproof.backprop.components import free_indices
from backproof.backprop.scalar import ScalarKind, ScalarStep, ScalarView, Section
from backproof.ir.expr import Assembled, MatMul, Name, Partial
from backproof.render.document import Block, Prose, Reference, Shaped
from backproof.render.outline_batch import closing_blocks
from backproof.render.outline_forward import forward_blocks, weights_blocks
from backproof.render.outline_numbers import given_blocks, update_blocks
from backproof.render.outline_opening import LISTED_PARAMETERS, conventions, opening, parameters_listed
from backproof.render.outline_parts import Blocks, Parts, base_id, heading, paragraph
from backproof.render.outline_rule import rule_blocks
from backproof.render.outline_telling import Telling
from backproof.render.words import listed, number_word, references


def scalar_blocks(parts: Parts, view: ScalarView) -> tuple[Block, ...]:
    """Forward, loss, the gradient of one parameter after the other, the batch, and what to take home."""
    telling = Telling(parts, view)
    forward, *sections = view.sections
    weights = weights_blocks(telling, forward.steps)
    body: Blocks = forward_blocks(telling, forward.steps)
    body += [heading(1, "Gradients", "gradients"), *_announcement(telling, sections)]
    for position, section in enumerate(sections):
        body += _section(telling, section, position)
    closing, last = closing_blocks(telling)
    body += closing
    body += update_blocks(parts, after=last)
    body += rule_blocks(parts, body)
    return (
        *opening(parts),
        *weights,
        *conventions(parts, [*weights, *body]),
        *given_blocks(parts, telling.example_note),
        *body,
    )


def _announcement(telling: Telling, sections: Sequence[Section]) -> Blocks:
    loss = telling.view.trace.loss
    names = telling.view.trace.source.names
    wanted = [Partial(loss, names[id]) for section in sections for id in section.about]
    if not wanted:
        return []
    first = Shaped(wanted[0])
    if len(wanted) == 1:
        return [paragraph("There is one set of gradients, ", first, ".")]
    if len(wanted) > LISTED_PARAMETERS:
        return [
            paragraph(
                f"There are {len(wanted)} sets of gradients, one for each of the parameters ",
                parameters_listed(telling.view.trace),
                ". Let us first compute ",
                first,
                ".",
            )
        ]
    order = {name.id: place for place, name in enumerate(telling.view.trace.source.parameters)}
    sets = listed([(Shaped(each),) for each in sorted(wanted, key=lambda each: order.get(base_id(each), len(order)))])
    return [
        paragraph(
            f"There are {number_word(len(wanted))} sets of gradients: ", sets, ". Let us first compute ", first, "."
        )
    ]


def _section(telling: Telling, section: Section, position: int) -> Blocks:
    trace = telling.view.trace
    about = [Partial(trace.loss, trace.source.names[id]) for id in section.about]
    if section.subject == "layers":
        return _layers(telling, section)
    blocks: Blocks = [heading(2, listed([(Shaped(gradient),) for gradient in about]), f"gradient-{position + 1}")]
    teller = _Teller(telling, section, is_first=position == 0)
    for place, step in enumerate(section.steps):
        words = teller.words(place)
        note = _note(telling, step)
        blocks += [paragraph(*words), telling.display(step, note)] if words else [telling.display(step, note)]
    return blocks


def _note(telling: Telling, step: ScalarStep) -> Prose:
    """What stands beside a factor of the chain rule."""
    if step.kind != "partial" or not step.uses:
        return ()
    known = all(telling.by_number[number].target == step.target for number in step.uses)
    return ("as in " if known else "using ", *references(step.uses))


def _layers(telling: Telling, section: Section) -> Blocks:
    """The layers that go like one that was derived."""
    numbers = sorted({layer.number for id in section.about for layer in (telling.layers.get(id),) if layer is not None})
    span = f"Layers {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"Layer {numbers[0]}"
    go = "go" if len(numbers) > 1 else "goes"
    blocks: Blocks = [
        heading(2, f"{span}, likewise", "likewise"),
        paragraph(f"Nothing in this derivation depends on the layer's number, so {span.lower()} {go} likewise:"),
    ]
    for absent, run in groupby(section.steps, key=telling.leaves_out):
        steps = list(run)
        blocks += telling.likewise(steps) if absent else [telling.display(step) for step in steps]
    return blocks


@dataclass
class _Teller:
    """Says what comes before each equation of one gradient, from what the step does and what it uses."""

    telling: Telling
    section: Section
    is_first: bool
    chains: int = 0
    said: set[ScalarKind] = field(default_factory=set)

    def words(self, place: int) -> Prose:
        """The words before the step at this place; none where it goes on from the step before."""
        step = self.section.steps[place]
        before = self.section.steps[place - 1] if place else None
        words = self._words(step, before)
        self.said.add(step.kind)
        return words

    def _words(self, step: ScalarStep, before: ScalarStep | None) -> Prose:
        match step.kind:
            case "collect":
                return ("It has one entry for each entry of ", self._parameter(step), ":")
            case "chain":
                return self._chain(step)
            case "partial":
                return self._first(step) if before is None or before.kind in ("collect", "likewise") else ()
            case "substitute":
                lead, tail = (
                    ("Using ", ",") if self.chains > 1 or "substitute" in self.said else ("Substituting ", ", we get")
                )
                return self._by(step, lead, tail)
            case "fold":
                return self._by(step, "Now, using ", ",")
            case "name":
                return ("Further, let",) if before is not None and before.kind == "fold" else ("Let",)
            case "result":
                return self._result(step, before)
            case "likewise":
                return self._likewise(step, before)
            case "assemble":
                return self._assemble(step)
            case "factor":
                return self._factor(step)
            case "matrix":
                return self._matrix(step)
            case "define" | "entry":
                return ()

    @property
    def _beginning(self) -> str:
        return "Let us first compute " if self.is_first else "Let us first focus on "

    # --- one kind of step each ------------------------------------------------------------------------------------

    def _first(self, step: ScalarStep) -> Prose:
        return ("Let us compute ", step.target, ":")

    def _chain(self, step: ScalarStep) -> Prose:
        self.chains += 1
        lead = "Now let us focus on " if self.chains > 1 else self._beginning
        if "summed over all paths" in step.reason:
            paths = " reaches the loss on several paths, and the chain rule sums over them:"
            return (lead, step.target, ". Here ", step.target.wrt, paths)  # type: ignore[attr-defined]
        return (lead, step.target, ":")

    def _by(self, step: ScalarStep, lead: str, tail: str) -> Prose:
        """Which equations are put into which: those about something else into the one about the same."""
        into = [number for number in step.uses if self._about(number) == step.target]
        put = [number for number in step.uses if number not in into]
        if not put:
            return ("Therefore,",)
        where: Prose = (" in ", *references(into)) if into else ()
        return (lead, *references(put), *where, tail)

    def _about(self, number: int) -> object:
        return self.telling.by_number[number].target

    def _result(self, step: ScalarStep, before: ScalarStep | None) -> Prose:
        own = [number for number in step.uses if self._about(number) == step.target]
        if own:
            return ("Then ", *references(own), " reduces to")
        if before is not None and before.kind == "result":
            return ("and with ", *references(step.uses))
        used: Prose = (", so with ", *references(step.uses)) if step.uses else (", so",)
        return (self._parameter(step), " enters where the weights do", *used)

    def _likewise(self, step: ScalarStep, before: ScalarStep | None) -> Prose:
        free = sorted(free_indices(step.target))
        if free:
            return ("Likewise, for every ", *listed([(Name(index),) for index in free]), ",")
        return () if before is not None and before.kind == "likewise" else ("Likewise,",)

    def _assemble(self, step: ScalarStep) -> Prose:
        if isinstance(step.target, Name):
            shown = self._like(step.target)
            return ("In the notation of ", Reference(shown), ", let") if shown else ("Let",)
        entries = {each.target: each.number for each in self.section.steps if self._is_of_an_entry(each, step)}
        put = entries.values()
        into = [number for number in step.uses if self.telling.by_number[number].kind == "collect"]
        ready = "Now we have the pieces, and just need to assemble them. " if self.chains > 1 else ""
        return (ready + "Using ", *references(put), " in ", *references(into), ",")

    def _is_of_an_entry(self, step: ScalarStep, assembled: ScalarStep) -> bool:
        """Whether the step gives the derivative by one entry of what is assembled."""
        match step.target, assembled.target:
            case Partial(of, wrt), Partial(whole, parameter):
                mine = of == whole and wrt != parameter and base_id(wrt) == base_id(parameter)
                return mine and step.kind != "chain" and step.number < assembled.number
            case _:
                return False

    def _like(self, delta: Name) -> int | None:
        """The equation that shows the entries of the layer whose Δ this is."""
        structure = self.telling.view.trace.source.structure
        layers = structure.layers if structure is not None else ()
        output = next((layer.output for layer in layers if layer.delta == delta.id), None)
        return next(
            (
                step.number
                for step in self.telling.view.steps
                if step.kind == "entry" and isinstance(step.after, Assembled) and base_id(step.target) == output
            ),
            None,
        )

    def _factor(self, step: ScalarStep) -> Prose:
        own = [number for number in step.uses if self._about(number) == step.target]
        letting = [n for n in step.uses if n not in own and self.telling.by_number[n].kind == "assemble"]
        product = isinstance(step.lines[0], MatMul) and len(step.lines) > 1 and step.target.shape != (1, 1)
        end = ", which is a column times a row, we get" if product else ", we get in matrix form"
        if letting:
            return ("Using ", *references(letting), " in ", *references(own), end)
        return ("This is a column times a row:",) if product else ("In matrix form,",)

    def _matrix(self, step: ScalarStep) -> Prose:
        if not isinstance(step.target, Name):
            return ("In matrix form,",)
        named = [s.number for s in self.section.steps if s.kind == "name" and base_id(s.target) == step.target.id]
        if named:
            return (
                "Note what ",
                *references(named),
                f" say{'s' if len(named) == 1 else ''} of all entries of ",
                step.target,
                ". Therefore,",
            )
        return ("For all entries of ", step.target, " together,")

    def _parameter(self, step: ScalarStep) -> Name:
        return self.telling.view.trace.source.names[base_id(step.target)]
