"""An update rule as people write it: its equations, each replacing the value of its left-hand side, and its source."""

from __future__ import annotations

from backproof.dims import SCALAR
from backproof.ir.expr import Expr, Name, Partial
from backproof.ir.traverse import substitute
from backproof.optimizers import RATE, Optimizer
from backproof.render.document import Display, Prose
from backproof.render.outline_parts import Blocks, Parts, heading, paragraph
from backproof.render.words import listed

SYMBOLS = {
    "gradient": "g",
    RATE.id: "eta",
    "velocity": "v",
    "mean": "m",
    "square": "v",
    "power_1": "p_1",
    "power_2": "p_2",
}
"""What the literature calls the quantities of a rule; others are called as the rule does."""


def rule_blocks(parts: Parts, body: Blocks) -> Blocks:
    """How the parameters are updated by the rule.

    Args:
        body: what stands before, for the numbers of the equations.
    """
    rule = parts.rule
    if rule is None:
        return []
    equations = rule.equations(SCALAR)
    renamed: dict[str, Expr] = {}
    for id in ("theta", "gradient", RATE.id, *rule.memory):
        symbol = Name(SYMBOLS.get(id, id))
        renamed |= {id: symbol, f"{id}_next": symbol}
    theta, g, eta = (Name(SYMBOLS.get(id, id)) for id in ("theta", "gradient", RATE.id))
    blocks: Blocks = [
        heading(1, f"The update: {rule.name}", "update"),
        paragraph(
            "After each step every parameter, here ", theta, ", is updated entry by entry, by its gradient ", g, " = ",
            Partial(parts.trace.loss, theta), " with the learning rate ", eta, *_remembered(rule), ":",
        ),
    ]  # fmt: skip
    last = max((block.number for block in body if isinstance(block, Display)), default=0)
    for number, equation in enumerate(equations, start=last + 1):
        target = renamed.get(equation.name.id, equation.name)
        blocks.append(Display(number, target, (substitute(equation.value, renamed),), relation="←"))
    return [*blocks, paragraph(f"Source: {rule.source}.")] if rule.source else blocks


def _remembered(rule: Optimizer) -> Prose:
    """Where what is remembered between steps starts."""
    if not rule.memory:
        return ()
    starts: dict[float, list[Expr]] = {}
    for id, memory in rule.memory.items():
        starts.setdefault(memory.start, []).append(Name(SYMBOLS.get(id, id)))
    told = [(*listed([(name,) for name in found]), f" from {start:g}") for start, found in starts.items()]
    return (". Remembered from step to step, starting: ", *listed(told))
