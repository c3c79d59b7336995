"""Legitimate ways of writing that differ from the derivation's, recognised in a program and not blamed."""

from __future__ import annotations

from backproof.checking.findings import Convention
from backproof.checking.scripts.judging import Judge
from backproof.checking.scripts.updates import NATURAL
from backproof.checking.truth import Known


def conventions(judge: Judge) -> tuple[Convention, ...]:
    """Legitimate ways of writing that differ from the derivation's."""
    found: list[Convention] = []
    placed = judge.main.roles.placed
    if "X" in placed and placed["X"].how == "transposed" and placed["X"].seen is not None:
        text = placed["X"].seen.text
        found.append(Convention("column-samples", f"`{text}` holds a sample in each column; the derivation has rows"))
    if any(p.how == "classes" for p in placed.values()):
        found.append(Convention("class-numbers", "the targets are numbers of classes; the derivation has one-hot rows"))
    deltas = [o for o in judge.main.outcomes.values() if o.id.startswith("delta") and o.right and o.placed]
    fine = all(e is None or abs(e - 1) <= NATURAL for e in judge.effects.values())
    seen_effects = any(e is not None for e in judge.effects.values())
    if fine and seen_effects and deltas:
        scale = deltas[0].placed.scale if deltas[0].placed is not None else 1.0
        name = judge.named(deltas[0].placed.seen)[0] if deltas[0].placed and deltas[0].placed.seen else ""
        if scale < 0:
            found.append(Convention("error-reversed", f"`{name}` is made with y − ŷ, and the updates add it"))
        if abs(abs(scale) - 1) > NATURAL:
            found.append(Convention("one-over-n", f"`{name}` lacks a constant factor that is made up for later"))
    loss = judge.main.outcomes.get(judge.trace.program.loss)
    if loss is not None and loss.known is not None and not loss.right:
        found += _loss_scaled(judge, loss.known)
    return tuple(found)


def _loss_scaled(judge: Judge, known: Known) -> list[Convention]:
    for scale in judge.follower.scales(judge.main.roles, ()):
        for seen, _ in judge.values.equal(known, scale, judge.main.window.span) if scale > 0 else ():
            if seen.assigned:
                told = f"`{seen.text}` is {scale:.6g} times the declared loss, whose gradients these are"
                return [Convention("loss-scaled", told)]
    return []
