"""Telling the scalar view: its steps as displayed equations, with the numbers of the example that is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from backproof.backprop.scalar import ScalarStep, ScalarView
from backproof.dims import Symbol
from backproof.ir.expr import Expr
from backproof.ir.program import Layer
from backproof.render.document import Display, Prose
from backproof.render.figures import Figures
from backproof.render.outline_alike import likewise
from backproof.render.outline_parts import Blocks, Parts, base_id

PUT_IN = ("entry", "partial", "name", "result", "likewise")
"""The kinds of step whose right-hand sides are worth reading with numbers in them."""


@dataclass(frozen=True)
class Telling:
    """The scalar view of a derivation and what was asked for."""

    parts: Parts
    view: ScalarView

    @cached_property
    def figures(self) -> Figures | None:
        """The numbers of the example that the view looks at: the first one of a batch."""
        given = self.parts.given
        if given is None:
            return None
        if self.view.single_example:
            given = first_example(given, self.view)
        return Figures.of(self.view.trace, given)

    @property
    def example_note(self) -> str:
        """Which of the examples that were given the equations are about."""
        figures = self.parts.figures
        if figures is None or not self.view.single_example:
            return ""
        (size,) = {figures.evaluator.size(Symbol(name)) for name in self.view.batch.source.symbols}
        return "" if size == 1 else f", the entries with those of the first of the {size} examples"

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """The layers by the identifiers of their outputs, arguments and parameters."""
        structure = self.view.trace.source.structure
        layers = structure.layers if structure is not None else ()
        roles = [(layer, (layer.output, layer.pre_activation, layer.weights, layer.bias)) for layer in layers]
        return {id: layer for layer, ids in roles for id in ids if id is not None}

    @cached_property
    def by_number(self) -> Mapping[int, ScalarStep]:
        """The steps of the view by their number."""
        return {step.number: step for step in self.view.steps}

    def leaves_out(self, step: ScalarStep) -> bool:
        """Whether the step is about a layer that is not shown."""
        return base_id(step.target) in self.parts.left_out

    def likewise(self, steps: Sequence[ScalarStep]) -> Blocks:
        """What stands in place of steps about layers that are like those shown."""
        structure = self.view.trace.source.structure
        if structure is None:
            return []
        kept = [step for step in steps if step.kind in ("define", "matrix")]
        absent = [(self.parts.left_out[base_id(step.target)], (step.target, step.lines[0])) for step in kept]
        return likewise(structure, absent)

    def display(self, step: ScalarStep, note: Prose = ()) -> Display:
        """The step as an equation."""
        figures = self.figures
        return Display(
            number=step.number,
            target=step.target,
            lines=step.lines,
            reason=step.reason,
            uses=step.uses,
            shape=step.target.shape,
            note=note,
            badge=self.parts.badges.get(step.number),
            substituted=None if figures is None or step.kind not in PUT_IN else figures.put_in(_shortest(step)),
            values=() if figures is None else figures.value(step.target, step.lines),
        )


def _shortest(step: ScalarStep) -> Expr:
    """The right-hand side to put numbers in: an entry before its function is written out, all else at its simplest."""
    return step.lines[0] if step.kind == "entry" else step.lines[-1]


def first_example(given: Mapping[str, npt.ArrayLike], view: ScalarView) -> dict[str, npt.ArrayLike]:
    """The arrays with only the first of the examples that the batch has."""
    first: dict[str, npt.ArrayLike] = {}
    for id, name in view.batch.source.names.items():
        if id in given:
            array = np.asarray(given[id])
            cut = tuple(slice(0, 1) if isinstance(dim, Symbol) else slice(None) for dim in name.shape)
            first[id] = array[cut] if array.ndim == len(cut) else array
    return first
