"""The scalar view as data: displayed equations in sections, each linked to the step of the trace that it spells out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backproof.backprop.trace import Trace
from backproof.ir.expr import Expr

ScalarKind = Literal[
    "define", "entry", "collect", "chain", "partial", "substitute", "fold", "name", "result", "likewise",
    "assemble", "factor", "matrix",
]  # fmt: skip

Subject = Literal["forward", "gradient", "layers"]


@dataclass(frozen=True, slots=True)
class ScalarStep:
    """One displayed equation: ``target = lines[0] = lines[1] = …``.

    Args:
        number: counts from 1 through the view.
        kind: ``define`` and ``entry`` state the forward equations and their entries; ``collect`` shows the gradient
            as a matrix of partial derivatives; ``chain`` applies the chain rule; ``partial`` gives one factor;
            ``substitute`` puts the factors together; ``name`` introduces a Δ; ``fold`` uses one already introduced;
            ``result`` is ∂L/∂w in terms of Δ, ``likewise`` the same for another weight; ``assemble`` collects the
            results, ``factor`` writes the matrix as a product, ``matrix`` restates an equation of the trace.
        target: the left-hand side.
        lines: equal right-hand sides, in the order in which they are reached.
        uses: the numbers of earlier steps.
        reason: why, in a phrase.
        trace_step: the number of the step of the trace that this spells out, if there is one.
    """

    number: int
    kind: ScalarKind
    target: Expr
    lines: tuple[Expr, ...]
    uses: tuple[int, ...] = ()
    reason: str = ""
    trace_step: int | None = None

    @property
    def after(self) -> Expr:
        """The last right-hand side."""
        return self.lines[-1]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the view: the forward equations, or the gradient of one parameter.

    Args:
        subject: ``"forward"``, ``"gradient"`` or ``"layers"`` (further layers, which go likewise).
        about: the identifiers of the parameters that the section is about.
        steps: its equations.
    """

    subject: Subject
    about: tuple[str, ...]
    steps: tuple[ScalarStep, ...]


@dataclass(frozen=True)
class ScalarView:
    """The derivation weight by weight.

    Args:
        batch: the trace that the reader asked for.
        trace: the trace that is spelled out: for one example where the batch size is a symbol, otherwise the same.
        sections: forward, then one per parameter, last layer first.
    """

    batch: Trace
    trace: Trace
    sections: tuple[Section, ...]

    @property
    def steps(self) -> tuple[ScalarStep, ...]:
        """All steps in order."""
        return tuple(step for section in self.sections for step in section.steps)

    @property
    def single_example(self) -> bool:
        """Whether the view is for one example of a batch whose size is a symbol."""
        return self.trace is not self.batch
