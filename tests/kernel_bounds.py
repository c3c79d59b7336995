"""How far machine code may be from the reference: the bound of running error analysis, which both obey.

The reference evaluates every equation in the dtype and carries a bound on its error. Machine code computes the same
equations with sums in another order, products and sums rounded together, functions within 4 ulp and reciprocals of
numbers that many entries are divided by: the same bound holds for it. So both lie within the bound of the exact value,
and at most FACTOR bounds apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.evaluate import Evaluator
from backproof.ir.program import Equation
from backproof.ir.rounding import MARGIN, Rounded, RoundingArithmetic
from backproof.kernels.llvm.run import NativeRun
from backproof.kernels.llvm.steps import Update

FACTOR = 2.0 * MARGIN


@dataclass(frozen=True, slots=True)
class Distance:
    """Of values from the reference.

    Args:
        used: the largest part of what was allowed that an entry takes up; more than 1 is wrong.
        where: the quantity and entry that takes it.
        entries: how many were compared.
        informative: the share of them whose bound is finite.
    """

    used: float
    where: str
    entries: int
    informative: float


def bounded(
    equations: Iterable[Equation], given: Mapping[str, Any], dtype: Any, sizes: Mapping[str, int]
) -> dict[str, Rounded]:
    """Every quantity as the reference computes it, with the bound on its error."""
    arithmetic = RoundingArithmetic(dtype)
    evaluator = Evaluator(arithmetic, sizes)
    values = {id: arithmetic.exactly(np.asarray(value, dtype)) for id, value in given.items()}
    with np.errstate(all="ignore"):
        for equation in equations:
            values[equation.name.id] = evaluator(equation.value, values)
    return values


def distance(found: Mapping[str, Any], reference: Mapping[str, Rounded]) -> Distance:
    """How far values are from those of the reference, in units of what is allowed."""
    worst, where, entries, finite = 0.0, "", 0, 0
    for id, value in found.items():
        expected = reference[id]
        computed = np.broadcast_to(np.asarray(value, np.float64), np.shape(expected.value))
        with np.errstate(all="ignore"):
            apart = np.abs(computed - np.asarray(expected.value, np.float64))
            allowed = FACTOR * np.asarray(expected.error)
            used = np.where(apart <= allowed, apart / np.where(allowed > 0, allowed, 1), np.inf)
            used = np.where((apart == 0) | np.isinf(allowed), 0.0, used)
        entries, finite = entries + used.size, finite + int(np.isfinite(allowed).sum())
        if float(np.max(used)) > worst:
            place = np.unravel_index(int(np.argmax(used)), used.shape)
            worst, where = float(np.max(used)), f"{id}{[int(k) for k in place]}"
    return Distance(worst, where, entries, finite / max(entries, 1))


def gradient_distance(
    trace: Trace, dtype: Any, sizes: Mapping[str, int], kernel: Any, given: Mapping[str, Any]
) -> Distance:
    """A kernel's loss and gradients, by names of the derivation; given: its parameters and inputs."""
    given = {id: np.asarray(value, dtype) for id, value in given.items()}
    parameters = {p.id: given[p.id] for p in trace.program.parameters}
    loss, gradients = kernel(parameters, **{p.id: given[p.id] for p in trace.program.inputs})
    assert set(gradients) == set(trace.gradients)
    found = {trace.program.loss: loss, **{trace.gradients[id]: value for id, value in gradients.items()}}
    return distance(found, bounded(trace.joint.equations, given, dtype, sizes))


def step_distance(
    run: NativeRun,
    trace: Trace,
    updates: Iterable[Update],
    batch: Mapping[str, Any],
    order: Any,
    sizes: Mapping[str, int],
) -> Distance:
    """One step of a run from where it stands: its loss and everything that it remembers afterwards.

    Args:
        batch: the samples that the order picks, by input.
    """
    updates, before = list(updates), run.state()
    losses = run.steps(order, len(order))
    after = run.state()
    equations = [*trace.joint.equations, *(equation for update in updates for equation in update.equations)]
    reference = bounded(equations, {**before, **batch}, losses.dtype, sizes)
    found = {new: after[old] for update in updates for new, old in update.moves.items()}
    return distance({trace.program.loss: losses[0], **found}, reference)
