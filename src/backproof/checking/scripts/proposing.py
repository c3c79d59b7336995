"""From what is wrong in one recording to changes of the program's text, each with its sentence."""

from __future__ import annotations

from collections.abc import Iterator

from backproof.backprop.trace import Trace
from backproof.checking.kinds import sentence_of
from backproof.checking.scripts.assigning import assigned_value
from backproof.checking.scripts.following import Outcome
from backproof.checking.scripts.judging import Judge, Trouble
from backproof.checking.scripts.mending import Fault, Mend
from backproof.checking.scripts.naming import kind_of, told
from backproof.checking.scripts.proposal import Proposal
from backproof.checking.scripts.spelling import Words, scope_at, spell
from backproof.checking.scripts.stale import moved_after
from backproof.checking.scripts.values import Values

MOST_ALTERNATIVES = 4


def proposals(trace: Trace, values: Values, judge: Judge, trouble: Trouble) -> list[Proposal]:
    """The changes that could take a trouble away, the likeliest first; one without a change where none is known."""
    match trouble.kind:
        case "weights-before-step":
            found = list(_moved(values, judge, trouble))
        case "gradients-swapped":
            found = list(_exchanged(trace, values, judge, trouble))
        case _:
            found = list(_mended(trace, values, judge, trouble))
    return found or [_unmended(judge, trouble)]


def _mended(trace: Trace, values: Values, judge: Judge, trouble: Trouble) -> Iterator[Proposal]:
    mender = judge.mender
    best: list[tuple[int, Fault, Mend]] = []
    for number, fault in enumerate(trouble.faults):
        mends = mender.mends(fault)
        best += [(mend.change.cost + number, fault, mend) for mend in mends[:MOST_ALTERNATIVES]]
        if best and trouble.outcome is not None and trouble.outcome.suspect is not None:
            break
    seen: set[tuple[object, ...]] = set()
    for _, fault, mend in sorted(best, key=lambda b: b[0])[:MOST_ALTERNATIVES]:
        if mend.change.edits in seen:
            continue
        seen.add(mend.change.edits)
        target = _target(values, judge, fault, mend)
        kind, value = _scale_kind(judge, trouble) if trouble.kind == "scale" else (kind_of(trace, fault, mend), "")
        if trouble.kind == "sign" and kind not in ("error-reversed", "term-sign"):
            kind = "sign"
        yield Proposal(
            kind,
            told(trace, fault, mend, kind, target, value),
            mend.change.edits,
            mend.line,
            target,
            trouble.id,
        )


def _target(values: Values, judge: Judge, fault: Fault, mend: Mend) -> str:
    """What the changed line gives a value to, as the user calls it."""
    statement = mend.statement
    value = assigned_value(statement)
    for seen in mend.run.seen:
        if value is not None and seen.assigned:
            return seen.text
    placed = judge.main.roles.placed.get(fault.id)
    if placed is not None and placed.seen is not None:
        return judge.named(placed.seen)[0]
    return fault.id


def _scale_kind(judge: Judge, trouble: Trouble) -> tuple[str, str]:
    """What a constant factor means: a sum for a mean, a mean for a sum, or a number that does not belong."""
    factor = abs(trouble.value)
    counts = {float(s) for s in judge.main.roles.sizes.values()} - {1.0}
    outcome = trouble.outcome
    if outcome is not None and outcome.known is not None and outcome.known.value.size > 1:
        counts |= {s * d for s in counts for d in map(float, outcome.known.value.shape)}
    if any(abs(factor - c) < 1e-6 * c for c in counts):
        return "sum-for-mean", f"{factor:.6g}"
    if any(abs(1 / factor - c) < 1e-6 * c for c in counts):
        return "mean-for-sum", f"{1 / factor:.6g}"
    return "stray-factor", f"{trouble.value:.6g}"


# --- order of updates -------------------------------------------------------------------------------------------------


def _moved(values: Values, judge: Judge, trouble: Trouble) -> Iterator[Proposal]:
    update, outcome = trouble.update, trouble.outcome
    if update is None or outcome is None or outcome.suspect is None:
        return
    target = judge.named(outcome.suspect)[0]
    statement = update.seen.run.statement
    text = update.seen.text
    sentence = (
        f"line {outcome.suspect.line}: `{target}` is made with `{text}` after line {statement.lineno} has updated it: "
        "it must be made with the weights of the forward pass"
    )
    edits = moved_after(values.listing, statement, outcome.suspect.run.statement)
    if edits is not None:
        yield Proposal(trouble.kind, sentence, edits, statement.lineno, target, trouble.id)


def _exchanged(trace: Trace, values: Values, judge: Judge, trouble: Trouble) -> Iterator[Proposal]:
    """The update uses another parameter's gradient: its own in its place."""
    update = trouble.update
    if update is None:
        return
    own = update.parameter
    outcome = judge.main.outcomes[trace.gradients[own]]
    value = assigned_value(update.seen.run.statement)
    if value is None or outcome.known is None:
        return
    mender = judge.mender
    goal = judge.step_goal(update, outcome.known, value)
    fault = Fault(outcome.id, outcome.known, update.seen.run, value, goal, update.how == "transposed")
    placed = judge.main.roles.placed.get(trouble.other)
    other = placed.seen.text if placed is not None and placed.seen is not None else trouble.other
    for mend in mender.mends(fault)[:MOST_ALTERNATIVES]:
        sentence = f"line {mend.line}: `{update.seen.text}` is changed by the gradient of `{other}`"
        yield Proposal(trouble.kind, sentence, mend.change.edits, mend.line, update.seen.text, outcome.id)


# --- without a change -------------------------------------------------------------------------------------------------


def _unmended(judge: Judge, trouble: Trouble) -> Proposal:
    """The finding where no change of the text is known."""
    outcome = trouble.outcome
    seen = None
    if outcome is not None:
        seen = outcome.suspect or (outcome.placed.seen if outcome.placed is not None else None)
    if seen is None and trouble.update is not None:
        seen = trouble.update.seen
    if trouble.update is not None and outcome is not None and outcome.right:
        seen = trouble.update.seen
    target, line = judge.named(seen) if seen is not None else (trouble.id, 0)
    kind, value = trouble.kind, ""
    if kind == "scale":
        kind, value = _scale_kind(judge, trouble)
    if kind not in ("sum-for-mean", "mean-for-sum", "stray-factor", "sign"):
        kind = kind or "not-followed"
        part = _equation_text(judge, outcome)
        sentence = f"`{target}` does not follow the equation of {trouble.id}{part}"
    else:
        sentence = sentence_of(kind, target=f"`{target}`", value=value, part="", instead="", function="")
    where = f"line {line}: " if line else ""
    return Proposal(kind, where + sentence, (), line, target, trouble.id)


def _equation_text(judge: Judge, outcome: Outcome | None) -> str:
    if outcome is None or outcome.suspect is None:
        return ""
    words = Words(judge.values.listing, judge.main.roles, scope_at(judge.values, outcome.suspect.run))
    text = spell(judge.trace.joint.definitions[outcome.id].value, words)
    return f", {text}" if text is not None else ""
