"""The matrix view, step by step as the trace has them; and the equations to take home, for every view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from backproof.backprop.trace import Step, Trace
from backproof.dims import SCALAR
from backproof.ir.expr import Name, Partial
from backproof.ir.traverse import names
from backproof.render.document import Block, Display, Prose
from backproof.render.outline_alike import likewise
from backproof.render.outline_numbers import given_blocks, update_blocks
from backproof.render.outline_opening import conventions, opening
from backproof.render.outline_parts import Blocks, Parts, base_id, heading, paragraph
from backproof.render.outline_rule import rule_blocks
from backproof.render.words import capitalised, listed, loss_words, references

FORWARD = ("define", "rewrite")
"""The kinds of step that state the program."""
FORWARD_WORDS = "Forward, from the inputs to the loss:"


def matrix_blocks(parts: Parts) -> tuple[Block, ...]:
    """Every step of the trace in order, each with the sentence that says why."""
    forward = [step for step in parts.trace.steps if step.kind in FORWARD]
    backward = [step for step in parts.trace.steps if step.kind not in FORWARD]
    body: Blocks = [heading(1, "Forward", "forward"), *_told(parts, forward)]
    body += [heading(1, "Backward", "backward"), *_told(parts, backward)]
    body.append(heading(1, "To summarise the take-home", "take-home"))
    body += take_home(parts, lambda step: parts.step(step, restated=True))
    body += update_blocks(parts, after=parts.trace.steps[-1].number)
    body += rule_blocks(parts, body)
    return (*opening(parts), *conventions(parts, body), *given_blocks(parts), *body)


def summary_blocks(parts: Parts) -> tuple[Block, ...]:
    """The equations to take home and nothing else."""
    body: Blocks = [heading(1, "The equations", "equations"), *take_home(parts, parts.step)]
    body += update_blocks(parts, after=parts.trace.steps[-1].number)
    body += rule_blocks(parts, body)
    return (*opening(parts), *conventions(parts, body), *given_blocks(parts), *body)


# --- every step ---------------------------------------------------------------------------------------------------


def _told(parts: Parts, steps: Sequence[Step]) -> Blocks:
    consumers = _consumers(parts.trace)
    blocks: Blocks = []
    for step, left_out in with_gaps(parts, steps):
        if left_out:
            blocks += gap(parts, left_out, f", in steps ({left_out[0].number}) to ({left_out[-1].number})")
        else:
            blocks += [paragraph(*_sentence(parts, step, consumers)), parts.step(step)]
    return blocks


def with_gaps(parts: Parts, steps: Sequence[Step]) -> Iterator[tuple[Step, list[Step]]]:
    """The steps; in place of those about layers that are left out, all of these at once."""
    for absent, run in groupby(steps, key=lambda step: base_id(step.target) in parts.left_out):
        found = list(run)
        if absent:
            yield found[0], found
        else:
            yield from ((step, []) for step in found)


def gap(parts: Parts, steps: Sequence[Step], where: str = "") -> Blocks:
    """What stands in place of steps about layers that are like those shown."""
    structure = parts.trace.source.structure
    if structure is None:
        return []
    kept = [step for step in steps if step.kind in ("define", "delta", "gradient")]
    absent = [(parts.left_out[base_id(step.target)], (step.target, step.after)) for step in kept]
    return likewise(structure, absent, where)


def _sentence(parts: Parts, step: Step, consumers: Mapping[str, tuple[Name, ...]]) -> tuple[object, ...]:
    """Why the step holds, in words; ends where its equation begins."""
    using: Prose = ("using ", *references(step.uses)) if step.uses else ()
    match step.kind:
        case "define":
            return (definition_words(parts.trace, step),)
        case "rewrite":
            return (f"{capitalised(step.reason)}:",)
        case "start":
            return ("The sweep back starts at the loss, which changes with itself one to one:",)
        case "chain" | "gradient":
            target = step.target.wrt if isinstance(step.target, Partial) else step.target
            through = listed([(name,) for name in consumers.get(base_id(target), ())])
            verb = (" is used in ", *through) if through else (" is used",)
            return (target, *verb, ". By the chain rule, ", using, ",")
        case "delta":
            return (*_before_delta(parts, step, consumers), "By the chain rule, ", *using, ", let")


def _before_delta(parts: Parts, step: Step, consumers: Mapping[str, tuple[Name, ...]]) -> Prose:
    """Why an adjoint gets a name: a quantity of its own, or what stands inside the equation of one."""
    equation = parts.trace.program.definitions[step.equation]
    if step.inner is None or step.inner == equation.value:
        through = listed([(name,) for name in consumers.get(equation.name.id, ())])
        return (equation.name, " is used in ", *through, ". ")
    return ("In ", equation.name, ", the derivative with respect to ", step.inner, " gets a name. ")


def _consumers(trace: Trace) -> Mapping[str, tuple[Name, ...]]:
    """The quantities whose equations use a quantity, by its identifier."""
    found: dict[str, list[Name]] = {}
    for equation in trace.program.equations:
        for id in sorted(names(equation.value)):
            found.setdefault(id, []).append(equation.name)
    return {id: tuple(uses) for id, uses in found.items()}


def definition_words(trace: Trace, step: Step) -> Prose:
    """What an equation of the program defines."""
    if step.target.shape == SCALAR:
        return loss_words(step.reason, is_loss=step.target == trace.loss)
    return (f"{capitalised(step.reason).replace(': ', ', ')}:",) if step.reason else ("Let",)


# --- the equations to take home -----------------------------------------------------------------------------------


def take_home(parts: Parts, display: Callable[[Step], Display], opening: str = FORWARD_WORDS) -> Blocks:
    """The equations that a program needs: forward, then each Δ and each gradient.

    Args:
        display: how a step is displayed; only its last right-hand side is kept.
        opening: what is said before the first equation.
    """
    forward, backward = forward_steps(parts.trace), backward_steps(parts.trace)
    return [
        paragraph(opening),
        *_shown(parts, forward, display),
        paragraph("Backward, from the loss to the gradients:"),
        *_shown(parts, backward, display),
    ]


def forward_steps(trace: Trace) -> list[Step]:
    """The last form of every equation of the program."""
    last = {step.equation: step for step in trace.steps if step.kind in FORWARD}
    return list(last.values())


def backward_steps(trace: Trace) -> list[Step]:
    """The steps that give the backward equations."""
    backward = {equation.name.id for equation in trace.backward}
    return [step for step in trace.steps if step.kind not in FORWARD and _backward_id(step) in backward]


def _backward_id(step: Step) -> str:
    return f"grad_{base_id(step.target)}" if isinstance(step.target, Partial) else base_id(step.target)


def _shown(parts: Parts, steps: Sequence[Step], display: Callable[[Step], Display]) -> Blocks:
    blocks: Blocks = []
    for step, left_out in with_gaps(parts, steps):
        if left_out:
            blocks += gap(parts, left_out)
        else:
            shown = display(step)
            blocks.append(replace(shown, lines=shown.lines[-1:]))
    return blocks
