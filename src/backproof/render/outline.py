"""The outline: from a derivation to a document, in the three ways to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy.typing as npt

from backproof.backprop.spell_out import scalar_view
from backproof.backprop.trace import Trace
from backproof.notation import Notation
from backproof.optimizers import Optimizer
from backproof.render.document import Badge, Certified, Document
from backproof.render.outline_alike import left_out
from backproof.render.outline_matrix import matrix_blocks, summary_blocks
from backproof.render.outline_opening import title
from backproof.render.outline_parts import Parts
from backproof.render.outline_scalar import scalar_blocks

View = Literal["scalar", "matrix", "summary"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that a derivation is read with.

    Args:
        values: an array for each input and parameter; further quantities are computed, so what is given of them is
            not looked at.
        learning_rate: η of the step that is shown at the end; None for no step.
    """

    values: Mapping[str, npt.ArrayLike]
    learning_rate: float | None = None


def outline(
    trace: Trace,
    *,
    view: View = "scalar",
    notation: Notation | None = None,
    badges: Mapping[int, Badge] | None = None,
    trace_badges: Mapping[int, Badge] | None = None,
    certified: Certified | None = None,
    numbers: Numbers | None = None,
    rule: Optimizer | None = None,
    fold: bool = True,
    facts: Mapping[str, str] | None = None,
) -> Document:
    """A derivation as a document.

    Args:
        trace: the derivation.
        view: ``"scalar"`` takes one weight at a time and assembles the matrices at the end, ``"matrix"`` shows every
            step of the trace, ``"summary"`` the equations that a program needs.
        notation: the signs; the seed's way when not given. Which way samples lie is taken from the program.
        badges: what the proof says, by step number of the view.
        trace_badges: the same by step number of the trace, for the matrix equations at the end of the scalar view.
        certified: the summary of the proof.
        numbers: the numbers to read the derivation with.
        rule: an update rule to show after the gradients.
        fold: whether of many layers that are alike only the first and the last are shown.
        facts: what made the document, for its colophon.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> outline(backpropagate(bp.mlp(3, 2, 1)), view="summary").title
        ('Gradients of a 3-2-1 network',)
    """
    structure = trace.source.structure
    chosen = replace(
        notation or Notation(),
        loss=trace.loss.id,
        samples=structure.samples if structure is not None else (notation or Notation()).samples,
    )
    parts = Parts(
        trace=trace,
        notation=chosen,
        badges=badges or {},
        trace_badges=trace_badges if trace_badges is not None else {} if view == "scalar" else badges or {},
        certified=certified,
        given=numbers.values if numbers is not None else None,
        learning_rate=numbers.learning_rate if numbers is not None else None,
        left_out=left_out(structure) if structure is not None and fold else {},
        rule=rule,
    )
    match view:
        case "scalar":
            blocks = scalar_blocks(parts, scalar_view(trace))
        case "matrix":
            blocks = matrix_blocks(parts)
        case "summary":
            blocks = summary_blocks(parts)
        case _:
            assert_never(view)
    return Document(title(trace), chosen, blocks, facts or {})
