"""Derivations with one thing wrong: an edit in one step, in one backward equation, or in both alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from backproof.backprop.trace import Step, Trace
from backproof.dims import SCALAR
from backproof.ir.arithmetic import MpmathArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import (
    Add,
    Const,
    Div,
    Elementwise,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Partial,
    Power,
    Softmax,
    Sub,
    Sum,
    Transpose,
    Where,
    broadcast,
)
from backproof.ir.traverse import children, rebuilt, walk
from backproof.proof.samples import sample
from backproof.rules.elementwise import relu, sigmoid, tanh

Known = Mapping[str, Name]
Valued = tuple[Evaluator, Mapping[str, Any]]
Place = tuple[Valued, Valued]
Edit = Callable[[Expr, Known, Random], Expr | None]


def _other_name(node: Expr, known: Known, random: Random) -> Expr | None:
    if not isinstance(node, Name):
        return None
    others = [name for name in known.values() if name.shape == node.shape and name != node]
    return random.choice(others) if others else None


def _square_transposed(node: Expr, known: Known, random: Random) -> Expr | None:
    if node.shape == SCALAR or node.shape[0] != node.shape[1]:
        return None
    return node.x if isinstance(node, Transpose) else node.T


def _factor_dropped(node: Expr, known: Known, random: Random) -> Expr | None:
    return random.choice([node.a, node.b]) if isinstance(node, Mul) else None


def _term_dropped(node: Expr, known: Known, random: Random) -> Expr | None:
    return random.choice([node.a, node.b]) if isinstance(node, Add | Sub) else None


def _sum_along_the_other_axis(node: Expr, known: Known, random: Random) -> Expr | None:
    if not isinstance(node, Sum) or node.axis is None:
        return None
    other = Sum(node.x, 1 - node.axis)
    return broadcast(other.T, node.shape) if other.T.shape == node.shape else None


def _other_function(node: Expr, known: Known, random: Random) -> Expr | None:
    if not isinstance(node, Elementwise):
        return None
    return Elementwise(random.choice([fn for fn in (sigmoid, tanh, relu) if fn != node.fn]), node.x)


EDITS: Mapping[str, Edit] = {
    "a factor dropped": _factor_dropped,
    "a term dropped": _term_dropped,
    "a sign changed": lambda e, known, random: e.x if isinstance(e, Neg) else Neg(e),
    "doubled": lambda e, known, random: Const(2 * e.value) if isinstance(e, Const) and e.value else 2 * e,
    "another quantity of the same shape": _other_name,
    "a square transposed": _square_transposed,
    "minus for plus": lambda e, known, random: Sub(e.a, e.b) if isinstance(e, Add) else None,
    "plus for minus": lambda e, known, random: Add(e.a, e.b) if isinstance(e, Sub) else None,
    "a difference turned round": lambda e, known, random: Sub(e.b, e.a) if isinstance(e, Sub) else None,
    "a sum along the other axis": _sum_along_the_other_axis,
    "a product turned round": lambda e, known, random: (
        (e.b.T @ e.a.T) if isinstance(e, MatMul) and (e.b.T @ e.a.T).shape == e.shape else None
    ),
    "division for multiplication": lambda e, known, random: Div(e.a, e.b) if isinstance(e, Mul) else None,
    "multiplication for division": lambda e, known, random: Mul(e.a, e.b) if isinstance(e, Div) else None,
    "another power": lambda e, known, random: Power(e.x, e.exponent + 1) if isinstance(e, Power) else None,
    "squared": lambda e, known, random: Power(e, Fraction(2)),
    "a comparison turned round": lambda e, known, random: Greater(e.b, e.a) if isinstance(e, Greater) else None,
    "branches exchanged": lambda e, known, random: Where(e.condition, e.b, e.a) if isinstance(e, Where) else None,
    "one added": lambda e, known, random: 1 + e,
    "another function": _other_function,
    "a softmax along the other axis": lambda e, known, random: (
        Softmax(e.x, 1 - e.axis) if isinstance(e, Softmax) else None
    ),
    "the sum without its logarithm": lambda e, known, random: Sum(e.x, e.axis) if isinstance(e, LogSumExp) else None,
}
"""One mistake each, at one place of an expression; None where it cannot be made there."""

PLACES = ("the step", "the backward equation", "both", "everywhere", "everywhere", "everywhere")
"""Where the mistake is made. Everywhere: in both sides of the step and in its equation, so that they agree in it."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """A wrong derivation: what was done, to which step, and the trace that results."""

    edit: str
    place: str
    step: int
    trace: Trace


def corruptions(trace: Trace, random: Random, count: int) -> Iterator[Corruption]:
    """Up to ``count`` corruptions of the trace, each of them wrong: that its value differs was seen in many digits."""
    values = list(_places(trace))
    for _ in range(20 * count):
        if count == 0:
            return
        made = _corrupted(trace, random, values)
        if made is not None:
            count -= 1
            yield made


def _corrupted(trace: Trace, random: Random, values: list[Place]) -> Corruption | None:
    step = random.choice(trace.steps)
    name = _names(trace).get(step.number)
    if step.kind == "rewrite" and random.random() < 0.5:
        return None
    known = _known_before(trace, step)
    edit = random.choice(list(EDITS))
    wrong = _edited(step.after, EDITS[edit], known, random)
    if wrong is None or wrong.shape != step.after.shape or not _differ(step.after, wrong, values):
        return None
    place = random.choice(PLACES)
    if name is None and place != "everywhere":
        place = "the step"
    steps, backward = trace.steps, trace.backward
    if place != "the backward equation":
        before = wrong if place == "everywhere" else step.before
        steps = tuple(replace(s, before=before, after=wrong) if s is step else s for s in steps)
    if place != "the step":
        backward = tuple(replace(e, value=wrong) if e.name.id == name else e for e in backward)
    return Corruption(edit, place, step.number, replace(trace, steps=steps, backward=backward))


def _names(trace: Trace) -> dict[int, str]:
    """The backward equation that a step gives."""
    found: dict[int, str] = {}
    for step in trace.steps:
        if step.kind == "delta" and isinstance(step.target, Name):
            found[step.number] = step.target.id
        elif step.kind == "gradient" and isinstance(step.target, Partial) and isinstance(step.target.wrt, Name):
            found[step.number] = trace.gradients[step.target.wrt.id]
    return found


def _known_before(trace: Trace, step: Step) -> Known:
    """The names that the step may use."""
    names = {name.id: name for name in (*trace.program.inputs, *trace.program.parameters)}
    given = _names(trace)
    equations = {equation.name.id: equation.name for equation in trace.backward}
    for earlier in trace.steps[: step.number - 1]:
        if earlier.kind == "define" and isinstance(earlier.target, Name):
            names[earlier.target.id] = earlier.target
        elif earlier.number in given:
            names[given[earlier.number]] = equations[given[earlier.number]]
    if step.kind == "rewrite" and isinstance(step.target, Name):
        names.pop(step.target.id, None)
    return names


def _edited(expr: Expr, edit: Edit, known: Known, random: Random) -> Expr | None:
    """The expression with the edit made at one place where it can be, chosen at random."""
    nodes = [node for node in walk(expr) if edit(node, known, random) is not None]
    if not nodes:
        return None
    chosen = random.choice(nodes)

    def go(node: Expr) -> Expr:
        if node is chosen:
            changed = edit(node, known, random)
            return node if changed is None else changed
        return rebuilt(node, tuple(go(child) for child in children(node)))

    return go(expr)


def _places(trace: Trace) -> Iterator[Place]:
    """Three places where the quantities of the correct derivation have their values, to 50 digits and to 150."""
    for seed in range(3):
        sizes = dict.fromkeys(trace.program.symbols, 3 + seed)
        inputs = sample(trace.program, sizes, np.random.default_rng(seed), "float64", positive=False)
        yield _valued(trace, inputs, sizes, 50), _valued(trace, inputs, sizes, 150)


def _valued(trace: Trace, inputs: Mapping[str, Any], sizes: Mapping[str, int], digits: int) -> Valued:
    arithmetic = MpmathArithmetic(digits)
    evaluator = Evaluator(arithmetic, sizes)
    given = {id: arithmetic.array(value) for id, value in inputs.items()}
    return evaluator, evaluate_program(trace.joint, given, evaluator)


def _differ(right: Expr, wrong: Expr, places: list[Place]) -> bool:
    """Whether the two differ at one of the places, by as much in 50 digits as in 150: so it is no rounding."""
    for place in places:
        try:
            short, long = (_difference(right, wrong, *valued) for valued in place)
        except ArithmeticError:
            continue
        if long > 0 and abs(short - long) < 0.1 * long:
            return True
    return False


def _difference(right: Expr, wrong: Expr, evaluator: Evaluator, values: Mapping[str, Any]) -> Any:
    a, b = (np.asarray(evaluator(expr, values), object) for expr in (right, wrong))
    return np.max(np.abs(a - b))
