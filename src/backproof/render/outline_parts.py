"""What the outlines of all views share: the request, displayed equations with badges and numbers, alike layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy.typing as npt

from backproof.backprop.trace import Step, Trace
from backproof.ir.expr import Component, Expr, Name, Partial
from backproof.ir.program import Layer
from backproof.notation import Notation
from backproof.optimizers import Optimizer
from backproof.render.document import Badge, Block, Certified, Display, Heading, Paragraph, Prose
from backproof.render.figures import Figures


@dataclass(frozen=True)
class Parts:
    """What was asked for, and how an equation of it is displayed.

    Args:
        trace_badges: what the proof says of the steps of the trace; ``badges`` of those of the view.
        given: the arrays to read the derivation with.
        rule: how parameters are updated, where that is shown.
        left_out: the layers that are not shown, by the identifiers of all their quantities.
    """

    trace: Trace
    notation: Notation
    badges: Mapping[int, Badge]
    trace_badges: Mapping[int, Badge]
    certified: Certified | None
    given: Mapping[str, npt.ArrayLike] | None
    learning_rate: float | None
    left_out: Mapping[str, Layer]
    rule: Optimizer | None = None

    @cached_property
    def figures(self) -> Figures | None:
        """The numbers of the trace, where there are any."""
        return None if self.given is None else Figures.of(self.trace, self.given)

    def step(self, step: Step, *, number: int | None = None, restated: bool = False) -> Display:
        """A step of the trace as an equation, under its own number if no other is given."""
        lines = distinct(step.before, step.after)
        return Display(
            number=step.number if number is None else number,
            target=step.target,
            lines=lines,
            reason=step.reason,
            uses=step.uses if number is None else (),
            shape=step.shape,
            restated=restated,
            badge=self.trace_badges.get(step.number),
            values=() if self.figures is None else self.figures.value(step.target, lines),
        )


def base_id(target: Expr) -> str:
    """The identifier of the quantity that an equation is about: W_1 for ∂L/∂w_1^{11}; empty for all else."""
    match target:
        case Name(id) | Component(Name(id)):
            return id
        case Partial(_, wrt):
            return base_id(wrt)
        case _:
            return ""


def distinct(*lines: Expr) -> tuple[Expr, ...]:
    """The lines without those that repeat the line before."""
    return tuple(line for position, line in enumerate(lines) if position == 0 or line != lines[position - 1])


def heading(level: Literal[1, 2], text: Prose | str, anchor: str) -> Heading:
    """A heading of plain text or of prose."""
    return Heading(level, (text,) if isinstance(text, str) else text, anchor)


def paragraph(*text: object) -> Paragraph:
    """A paragraph of strings, expressions, references and prose made of them."""
    flat: list[object] = []
    for piece in text:
        if isinstance(piece, tuple):
            flat += piece
        elif piece != "":
            flat.append(piece)
    return Paragraph(tuple(flat))  # type: ignore[arg-type]  # its own callers pass what Prose is made of


Blocks = list[Block]
