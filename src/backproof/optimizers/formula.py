"""A user's own update rule, by formulas."""

from __future__ import annotations

import re

from backproof.dims import SCALAR, Shape
from backproof.errors import FormulaError
from backproof.ir.expr import Expr, Name, broadcast
from backproof.ir.program import Equation
from backproof.ir.traverse import names, substitute
from backproof.optimizers.rule import RATE, Memory, Optimizer
from backproof.optimizers.rules import register
from backproof.parsing.formulas import parse_expression

IDENTIFIER = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)(.*)", re.DOTALL)
GIVEN = ("theta", "gradient", "rate", "t")
MOST = 20
"""Formulas in one rule."""


def optimizer(name: str, formulas: str) -> Optimizer:
    """θ ← f(θ, g, η, …) by formulas; from now on ``name`` stands for the rule wherever an optimizer is named.

    Args:
        name: how options will call it.
        formulas: assignments in order, separated by semicolons or new lines, the last to ``theta``. They may use
            ``theta`` (θ), ``gradient`` (g), ``rate`` (η), ``t`` (the number of the step, from 1), and whatever they
            assign themselves, which is remembered from step to step and starts at zero.

    Returns:
        The rule.

    Raises:
        FormulaError: a formula that the grammar refuses, or no assignment to ``theta`` at the end.
        SpecificationError: the name belongs to a built-in rule.

    Example:
        >>> import backproof as bp
        >>> rule = bp.optimizer("heavy_ball", "v = 0.9*v + gradient; theta = theta - rate*v")
        >>> sorted(rule.memory)
        ['v']
    """
    lines = [line.strip() for line in re.split(r"[;\n]", formulas) if line.strip()]
    if not 1 <= len(lines) <= MOST:
        raise FormulaError(f"an update rule has 1 to {MOST} formulas, got {len(lines)}", formula=formulas)
    assigned = [_assignment(line) for line in lines]
    memory = {id: Memory(0) for id, _ in assigned[:-1]}
    _check_targets([id for id, _ in assigned], formulas)
    counts = any("t" in names(expr) for expr in _expressions(assigned, SCALAR).values())

    def equations(shape: Shape) -> tuple[Equation, ...]:
        found = [
            Equation(Name(f"{id}_next", shape), broadcast(expr, shape))
            for id, expr in _expressions(assigned, shape).items()
        ]
        step = Name("t_next")
        counted = [Equation(e.name, substitute(e.value, {"t": step})) for e in found]
        return (Equation(step, Name("t") + 1), *counted) if counts else tuple(found)

    remembered = {**memory, "t": Memory(0, one_number=True)} if counts else memory
    return register(Optimizer(name, equations, remembered, "the user's own formulas"))


def _assignment(line: str) -> tuple[str, str]:
    found = IDENTIFIER.fullmatch(line)
    if found is None:
        raise FormulaError(f"{line!r} assigns nothing; write one such as theta = theta - rate*gradient", formula=line)
    return found.group(1), found.group(2).strip()


def _check_targets(targets: list[str], formulas: str) -> None:
    if targets[-1] != "theta":
        raise FormulaError("the last formula must assign to theta, the parameter", formula=formulas)
    for id in targets[:-1]:
        if id in GIVEN or id.endswith("_next") or targets.count(id) > 1:
            raise FormulaError(f"{id!r} cannot be assigned here; choose another name, once", formula=formulas)


def _expressions(assigned: list[tuple[str, str]], shape: Shape) -> dict[str, Expr]:
    """The right-hand sides; what was assigned above is its new value."""
    known = {id: Name(id, shape) for id in ("theta", "gradient", *(id for id, _ in assigned[:-1]))}
    known |= {"rate": RATE, "t": Name("t")}
    fresh: dict[str, Expr] = {}
    found: dict[str, Expr] = {}
    for id, formula in assigned:
        value = parse_expression(formula, known)
        if value.shape not in (shape, SCALAR):
            raise FormulaError(f"the formula for {id} has another shape than the parameter", formula=formula)
        found[id] = substitute(value, fresh)
        fresh[id] = Name(f"{id}_next", shape)
    return found
