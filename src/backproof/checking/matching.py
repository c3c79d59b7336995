"""A diagnosis of wrong gradients: which equation is not followed, and what was written in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy
from backproof.checking.findings import Deviation, Finding, Repair
from backproof.checking.kinds import sentence_of
from backproof.checking.mutants import Mutant, Mutants
from backproof.checking.precision import Array
from backproof.checking.search import Explanation, Search
from backproof.checking.trials import Trials
from backproof.checking.truth import deviation

POINTS = 3
"""Points that are matched together: chance does not match at two, and further ones only where these show nothing."""

MOST_ALTERNATIVES = 12
"""So many other explanations are listed; further ones are rarer still."""


def diagnose(
    trace: Trace,
    points: Sequence[Mapping[str, Array]],
    given: Sequence[Mapping[str, Array]],
    *,
    dtype: object = "float64",
    learning_rate: float | None = None,
) -> tuple[Finding, ...]:
    """The faults that explain gradients, found by their values alone.

    The derivation's equations are edited as people get them wrong, and every edit that gives the user's gradients at
    all points is a possible cause. What no values can tell apart is listed as an alternative.

    Args:
        trace: the derivation.
        points: at each of at least two points, the inputs and parameters by identifier.
        given: at each, the user's gradient of each parameter by the PARAMETER's identifier, in the derivation's shape
            or in the wrong shape that it has.
        dtype: the user's precision.
        learning_rate: of the training step that the gradients were taken from, (before − after)/rate: then weights
            updated too early are recognised. None where the program gives gradients.

    Returns:
        One finding for each fault; nothing where all gradients are right. Where no faults that are known explain
        everything, the last finding names the first equation that must be wrong.

    Example:
        >>> import numpy as np
        >>> import backproof as bp
        >>> from backproof.checking.truth import truth_at
        >>> trace = bp.derive(bp.mlp(2, 3, 2)).trace
        >>> rng = np.random.default_rng(0)
        >>> shapes = {"X": (4, 2), "y": (4, 2), "W_1": (2, 3), "W_2": (3, 2)}
        >>> points = [{id: rng.normal(size=shape) for id, shape in shapes.items()} for _ in range(2)]
        >>> right = [truth_at(trace, point) for point in points]
        >>> given = [{"W_1": r["grad_W_1"].value, "W_2": -r["grad_W_2"].value} for r in right]
        >>> print(diagnose(trace, points, given)[0].sentence)
        ∂L/∂W_2 has the wrong sign
    """
    for first in range(0, len(points), POINTS):
        some = slice(first, first + POINTS)
        trials = Trials(Anatomy(trace), points[some], given[some], dtype)
        found = Search(trials, Mutants(trials.anatomy, trials.sizes, learning_rate)).run()
        if found:
            return _findings(trials, found)
    return ()


def _findings(trials: Trials, found: Sequence[Explanation]) -> tuple[Finding, ...]:
    """A finding for each fault of the best explanation."""
    best = found[0]
    others = _others(best, found[1:])
    worst = _worst(trials)
    findings = [_finding(trials.anatomy, fault, others[place], worst) for place, fault in enumerate(best.faults)]
    if best.unexplained:
        findings.append(_unknown(trials, best, worst))
    return tuple(findings)


def _others(best: Explanation, found: Iterable[Explanation]) -> list[list[str]]:
    """For each fault of the best explanation what other explanations have in its place, the most common first."""
    lists: list[list[str]] = [[] for _ in best.faults]
    for explanation in found:
        for fault in explanation.faults:
            if fault.sentence in best.sentences:
                continue
            place = next((n for n, own in enumerate(best.faults) if own.equation == fault.equation), 0)
            if fault.sentence not in lists[place]:
                lists[place].append(fault.sentence)
    return lists


def _finding(a: Anatomy, fault: Mutant, others: Sequence[str], worst: Deviation | None) -> Finding:
    return Finding(
        kind=fault.kind,
        equation=fault.equation,
        sentence=fault.sentence,
        right=fault.right,
        part=fault.part,
        wrong=fault.wrong,
        alternatives=tuple(others[:MOST_ALTERNATIVES]),
        deviation=worst,
        repair=_repair(a, fault),
    )


def _repair(a: Anatomy, fault: Mutant) -> Repair | None:
    """The equation as it was written and as it should be, in the names of the derivation."""
    if fault.wrong == fault.right or fault.kind == "one-sample":
        return None
    target = a.target(fault.equation)
    return Repair(f"{target} = {a.text(fault.wrong)}", f"{target} = {a.text(fault.right)}")


def _worst(trials: Trials) -> Deviation | None:
    """The worst entry of the first wrong gradient, at the first point that shows it."""
    right = trials.nothing().explained
    for id in trials.gradients:
        for point in range(len(trials.points)) if id not in right else ():
            known, user = trials.right[point][id], trials.user[point][id]
            if known.value.shape == user.shape:
                found = deviation(trials.known(known), user)
                if found is not None:
                    return found
    return None


# --- what no known fault explains ---------------------------------------------------------------------------------


def _unknown(trials: Trials, partial: Explanation, worst: Deviation | None) -> Finding:
    """The first equation that must be wrong, where no fault of the catalogue explains the rest."""
    a = trials.anatomy
    blamed = _blamed(a, partial)
    told = [_told(a, id) for id in (blamed, *(id for id in partial.suspects if id != blamed))]
    return Finding(
        kind="not-followed",
        equation=blamed,
        sentence=told[0],
        right=a.equations[blamed].value,
        alternatives=tuple(told[1:]),
        deviation=worst,
    )


def _blamed(a: Anatomy, partial: Explanation) -> str:
    """The equation nearest to the gradients that accounts for all of them at once; else the first gradient's own."""
    for id in partial.suspects:
        touched = {id, *(e.name.id for e in a.downstream((id,)))}
        if touched.issuperset(partial.unexplained):
            return id
    return partial.unexplained[0]


def _told(a: Anatomy, id: str) -> str:
    return sentence_of("not-followed", target=a.target(id), part=a.text(a.equations[id].value))
