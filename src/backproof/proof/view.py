"""The scalar view proved: every line of every displayed equation equals its left-hand side, in the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backproof.backprop.scalar import ScalarStep, ScalarView
from backproof.ir.expr import Expr
from backproof.proof.certificate import StepProof
from backproof.proof.entries import entry_places, entry_points, equal
from backproof.proof.obligations import subject
from backproof.proof.points import FieldPoint
from backproof.proof.precise import PrecisePoint


def prove_view(view: ScalarView, *, points: int = 3, seed: int = 0) -> tuple[StepProof, ...]:
    """One proof per step of the view: target = lines[0] = lines[1] = ….

    What a step of the trace states already, such as the textbook form of a fused loss, rests on the proof of that step.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.spell_out import scalar_view
        >>> from backproof.backprop.sweep import backpropagate
        >>> proofs = prove_view(scalar_view(backpropagate(bp.mlp(3, 2, 1))))
        >>> all(proof.holds for proof in proofs)
        True
    """
    drawn = entry_points(view.trace, points=points, seed=seed)
    stated = {step.number: step.after for step in view.trace.steps if step.kind in ("define", "rewrite")}
    proofs = tuple(_proof(step, drawn, stated.get(step.trace_step or 0)) for step in view.steps)
    if all(proof.holds for proof in proofs):
        return proofs
    places = entry_places(view.trace, seed=seed)
    if not places:
        return proofs
    return tuple(
        proof if proof.holds else _proof(step, places, stated.get(step.trace_step or 0))
        for step, proof in zip(view.steps, proofs, strict=True)
    )


Place = FieldPoint | PrecisePoint


def _proof(step: ScalarStep, places: Sequence[Place], stated: Expr | None) -> StepProof:
    complaints = tuple(_complaints(step, places, stated))
    return StepProof(
        number=step.number,
        subject=subject(step.target),
        rule=step.kind,
        equation="the scalar view",
        holds=not complaints,
        method="field identity" if isinstance(places[0], FieldPoint) else "many digits",
        degree=0.0,
        points=len(places),
        bound=None,
        complaints=complaints,
    )


def _complaints(step: ScalarStep, places: Sequence[Place], stated: Expr | None) -> Iterator[str]:
    left = step.target
    for position, line in enumerate(step.lines, start=1):
        as_stated = position == 1 and line == stated
        if not as_stated and not all(equal(left, line, place) for place in places):
            yield f"line {position} is not equal to what stands before it"
        left = line
