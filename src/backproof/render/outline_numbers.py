"""A derivation with numbers: what is given, and one step of gradient descent with the gradients that were derived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.ir.evaluate import evaluate_program
from backproof.ir.expr import Mul, Name, Partial, Sub, broadcast
from backproof.render.document import Display, Paragraph
from backproof.render.figures import DIGITS, Figures, shown
from backproof.render.outline_parts import Blocks, Parts, heading, paragraph

ETA = Name("eta")


def given_blocks(parts: Parts, note: str = "") -> Blocks:
    """The values of the inputs and parameters.

    Args:
        note: which of them the equations below are about.
    """
    figures = parts.figures
    if figures is None:
        return []
    program = parts.trace.source
    return [
        heading(1, "The numbers", "numbers"),
        paragraph(f"The derivation is read with these numbers{note}:"),
        *(
            Display(number=0, target=name, lines=(), shape=name.shape, values=shown(figures.values[name.id]))
            for name in (*program.inputs, *program.parameters)
        ),
    ]


def update_blocks(parts: Parts, *, after: int) -> Blocks:
    """One step with the learning rate: each parameter less η times its gradient, and the loss then.

    Args:
        after: the number of the equation before.
    """
    figures, rate = parts.figures, parts.learning_rate
    if figures is None or rate is None:
        return []
    trace = parts.trace
    wanted = [name for name in trace.program.parameters if name.id in trace.gradients]
    with np.errstate(all="ignore"):  # infinities are shown as such
        stepped = {name.id: figures.values[name.id] - rate * figures.gradient(name.id) for name in wanted}
    blocks: Blocks = [
        heading(1, ("One step with learning rate ", ETA, f" = {rate:g}"), "step"),
        paragraph("Each parameter moves against its gradient:"),
    ]
    for number, name in enumerate(wanted, start=after + 1):
        moved = Sub(name, Mul(broadcast(ETA, name.shape), Partial(trace.loss, name)))
        values = shown(stepped[name.id])
        blocks.append(Display(number, name, (moved,), shape=name.shape, relation="←", values=values))
    return [*blocks, _loss_after(parts, figures, stepped)]


def _loss_after(parts: Parts, figures: Figures, stepped: Mapping[str, npt.NDArray[Any]]) -> Paragraph:
    program = parts.trace.program
    given = {name.id: figures.values[name.id] for name in (*program.inputs, *program.parameters)}
    with np.errstate(all="ignore"):
        values = evaluate_program(program, {**given, **stepped}, figures.evaluator)
    before, now = (float(np.asarray(found[program.loss]).item()) for found in (figures.values, values))
    verb = "falls" if now < before else "rises" if now > before else "goes"
    loss = parts.trace.loss
    return paragraph("With these, the loss ", loss, f" {verb} from {before:.{DIGITS}g} to {now:.{DIGITS}g}.")
