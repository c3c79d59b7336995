"""The equations of a training step beyond the derivation: update rules, clipping, and what is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backproof.backprop.trace import Trace
from backproof.dims import SCALAR
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation, Remembered
from backproof.ir.traverse import names, transform
from backproof.kernels.llvm.steps import Update
from backproof.optimizers import RATE, Optimizer
from backproof.training.clipping import Clipping


def updates_of(trace: Trace, rule: Optimizer, clipping: Clipping | None = None) -> list[Update]:
    """All that changes in a step: every parameter by the rule, and what the program remembers for predictions.

    Each update is over identifiers of its own; what is common to all parameters comes with the first.
    """
    shared = frozenset(common(rule))
    clipped, gradients = (clipping or Clipping()).equations(trace)
    updates = [_update(trace.program.names[id], gradient, rule, shared) for id, gradient in gradients.items()]
    again = {common_id(f"{id}_next") for id in shared}
    rest = [
        Update(
            tuple(e for e in update.equations if e.name.id not in again),
            {new: old for new, old in update.moves.items() if new not in again},
        )
        for update in updates[1:]
    ]
    first = [Update((*clipped, *update.equations), update.moves) for update in updates[:1]]
    return [*first, *rest, *(_remembering(remembered) for remembered in trace.program.remembered)]


def _remembering(remembered: Remembered) -> Update:
    following = Name(f"{remembered.name.id}.next", remembered.name.shape)
    return Update((Equation(following, remembered.following),), {following.id: remembered.name.id})


def common(rule: Optimizer) -> list[str]:
    """What is remembered alike for every parameter: numbers that follow from each other alone, as powers of a decay.

    Example:
        >>> from backproof.optimizers import adam
        >>> common(adam())
        ['power_1', 'power_2']
    """
    following = {e.name.id: names(e.value) for e in rule.equations(SCALAR)}
    found = [id for id, memory in rule.memory.items() if memory.one_number]
    while True:
        known = {RATE.id, *found, *(f"{id}_next" for id in found)}
        kept = [id for id in found if following[f"{id}_next"] <= known]
        if kept == found:
            return found
        found = kept


def common_id(id: str) -> str:
    """The identifier of what is common to all parameters."""
    return f"all.{id}"


def _update(parameter: Name, gradient: str, rule: Optimizer, shared: frozenset[str]) -> Update:
    own = {"theta": parameter.id, "gradient": gradient, "theta_next": f"{parameter.id}.theta_next", RATE.id: RATE.id}
    for memory in rule.memory:
        for id in (memory, f"{memory}_next"):
            own[id] = common_id(id) if memory in shared else f"{parameter.id}.{id}"

    def renamed(expr: Expr) -> Expr:
        return transform(expr, lambda n: Name(own[n.id], n.shape) if isinstance(n, Name) else n)

    equations = tuple(
        Equation(Name(own[e.name.id], e.name.shape), renamed(e.value)) for e in rule.equations(parameter.shape)
    )
    moves = {own[f"{id}_next"]: own[id] for id in ("theta", *rule.memory)}
    return Update(equations, moves)


def beginning(
    rule: Optimizer, parameters: Mapping[str, Array], trained: Mapping[str, Any], rate: float
) -> dict[str, Any]:
    """Parameters, the rate, and what the rule remembers before the first step.

    Args:
        rule: the update rule.
        parameters: their values, and those of what the program remembers.
        trained: the parameters that the rule changes.
        rate: η.
    """
    state: dict[str, Any] = {**parameters, RATE.id: rate}
    shared = frozenset(common(rule))
    for id in trained:
        for name, memory in rule.memory.items():
            state[common_id(name) if name in shared else f"{id}.{name}"] = memory.beginning(parameters[id])
    return state
