"""The trace of a derivation: its steps in order, and the backward equations that they yield."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from backproof.dims import Shape
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation, Program

Kind = Literal["define", "rewrite", "start", "chain", "delta", "gradient"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation: ``target = before = after``.

    Args:
        number: counts from 1 through the whole trace.
        kind: what the step does:
            ``define`` states an equation of the program; ``rewrite`` replaces its right-hand side by an equal one;
            ``start`` is ∂L/∂L = 1; ``chain`` gives ∂L/∂q for a named quantity q; ``delta`` names the adjoint inside
            an equation (the Δ of a layer); ``gradient`` gives ∂L/∂θ for a parameter θ.
        rule: the name of the rule that was applied, e.g. ``"MatMul"`` or ``"log_softmax"``.
        target: what the step is about: a ``Name``, or ``Partial(L, q)``.
        before: the right-hand side as the rule gives it.
        after: the right-hand side simplified.
        uses: the numbers of the earlier steps that it rests on.
        reason: why, in one sentence without mathematics markup.
        equation: the identifier of the program's equation that the step belongs to.
        inner: for ``delta``: the sub-expression of that equation whose adjoint is named; otherwise None.
    """

    number: int
    kind: Kind
    rule: str
    target: Expr
    before: Expr
    after: Expr
    uses: tuple[int, ...]
    reason: str
    equation: str
    inner: Expr | None = None

    @property
    def shape(self) -> Shape:
        """The shape of both sides."""
        return self.target.shape


@dataclass(frozen=True)
class Trace:
    """A whole derivation as data.

    Args:
        source: the program as it was given.
        program: the program that was differentiated: the source with its rewrites done.
        steps: all steps, forward first.
        backward: the backward equations in order: each Δ and each gradient, over names of the program and before.
        gradients: for each parameter the identifier of its gradient among the backward equations.
    """

    source: Program
    program: Program
    steps: tuple[Step, ...]
    backward: tuple[Equation, ...]
    gradients: Mapping[str, str]

    @cached_property
    def joint(self) -> Program:
        """Forward and backward equations as one program: what is evaluated, emitted and compiled."""
        return Program(
            inputs=self.program.inputs,
            parameters=self.program.parameters,
            equations=(*self.program.equations, *self.backward),
            loss=self.program.loss,
            assumptions=self.program.assumptions,
            structure=self.program.structure,
            remembered=self.program.remembered,
            drawn=self.program.drawn,
        )

    @cached_property
    def by_number(self) -> Mapping[int, Step]:
        """The steps by their number."""
        return {step.number: step for step in self.steps}

    @cached_property
    def loss(self) -> Name:
        """The scalar that is differentiated."""
        return self.program.names[self.program.loss]
