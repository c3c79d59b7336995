"""The door to all checks: a gradient function, a training step, a script, or data that another program wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.calling import plan_of
from backproof.checking.claims import check_claim
from backproof.checking.compared import trace_of
from backproof.checking.data_files import SUFFIXES, read_arrays, split
from backproof.checking.findings import Finding, Judged, Verdict
from backproof.checking.functions import (
    Attempt,
    Points,
    attempt_at,
    conventions_of,
    explore,
    samples_at,
    variables_of,
)
from backproof.checking.judging import Judgement, Sample, judge
from backproof.checking.matching import diagnose
from backproof.checking.points import draw_points
from backproof.checking.precision import precision_of
from backproof.checking.raised import RaisedError
from backproof.checking.report import Report, described
from backproof.checking.returned import coarsest
from backproof.checking.scripts import check_script
from backproof.checking.steps import COARSE_RATES, LARGE_RATE, RATES, Step, explore_step, faults_of_steps, step_at
from backproof.errors import BackproofError, SpecificationError, suggestion
from backproof.ir.arguments import whole_number

Kind = Literal["auto", "gradient", "step", "data", "script", "claim"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CLAIM = re.compile(r"\s*\w+\s*=")
"""How a claim begins; no path does that is meant."""

Function = Callable[..., Any]
UserPoint = Mapping[str, Any]


def check(
    subject: Any,
    net: Any,
    *,
    points: UserPoint | Sequence[UserPoint] | None = None,
    order: Sequence[str] | None = None,
    dtype: object = None,
    kind: Kind = "auto",
    allow_uninformative: bool = False,
    seed: int = 0,
) -> Report:
    """|user − right| ≤ rounding bound, entry by entry, for every gradient; and where not, why not.

    Args:
        subject: a gradient function ``f(params, X, y)`` or ``f(W_1, …, X, y)`` that returns a mapping, tuple, list or
            one flat array of gradients, with or without the loss; a training step ``f(params, X, y, lr)`` that returns
            new parameters or changes them in place; a .npz, .safetensors or .json file, or a mapping, that holds
            inputs, parameters and gradients; a .py file, which is executed line by line in a process of its own; or a
            claim such as ``"delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)"``.
        net: what the gradients should be of: a program, a derivation, or sizes such as ``"3-2-1"``.
        points: inputs and parameters by name, once or several times; up to five points are drawn where not given.
        order: what each argument is, such as ``("W_1", "W_2", "X", "y")``, where the signature does not tell; or the
            order of the gradients in a sequence.
        dtype: the precision to judge in; that of the function's results where not given.
        kind: ``"gradient"`` or ``"step"`` where the signature does not tell, ``"claim"`` where a string is a formula.
        allow_uninformative: whether ``raise_if_wrong`` lets pass what could not be decided.
        seed: for the points drawn.

    Returns:
        A report: print it, or look at ``.ok``, ``.findings``; ``.raise_if_wrong()`` in a test.

    Raises:
        SpecificationError: the subject's arguments or results cannot be told apart; an unknown kind.
        DataError, ShapeError: points or data that do not fit the network.

    Source:
        Higham, Accuracy and Stability of Numerical Algorithms (2002), chapter 3.

    Example:
        >>> import backproof as bp
        >>> def gradients(W_1, X, y):
        ...     return X.T @ (X @ W_1 - y)
        >>> bp.check(gradients, bp.mlp(3, 1, activation="identity")).ok
        True
    """
    trace = trace_of(net)
    if kind not in KINDS:
        raise SpecificationError(f"unknown kind {kind!r}; {suggestion(str(kind), KINDS)}")
    if dtype is not None:
        precision_of(dtype)
    checker = _Checker(trace, points, order, dtype, seed)
    report = checker.run(subject, kind)
    return replace(report, allow_uninformative=allow_uninformative)


class _Checker:
    """One check: what is asked, and what every kind of subject needs for it."""

    def __init__(
        self,
        trace: Trace,
        points: UserPoint | Sequence[UserPoint] | None,
        order: Sequence[str] | None,
        dtype: object,
        seed: int,
    ) -> None:
        self.trace = trace
        self.given = None if points is None else (points,) if isinstance(points, Mapping) else tuple(points)
        if self.given == ():
            raise SpecificationError("points= holds no point; give at least one, or none so that they are drawn")
        if not all(isinstance(point, Mapping) for point in self.given or ()):
            raise SpecificationError("points= takes mappings of arrays by name, one for each point")
        if isinstance(order, str):
            raise SpecificationError(
                f"order= takes a name for each argument, such as ('params', 'X', 'y'), got {order!r}"
            )
        self.order = order
        self.dtype = dtype
        self.seed = whole_number("seed", seed, 0)

    def run(self, subject: Any, kind: Kind) -> Report:
        """The report for a subject of that kind."""
        if isinstance(subject, Mapping):
            return self.data(subject, "the data")
        if isinstance(subject, str) and (kind == "claim" or (kind == "auto" and CLAIM.match(subject))):
            return check_claim(subject, self.trace, seed=self.seed)
        if isinstance(subject, str | Path):
            return self.file(Path(subject))
        if not callable(subject):
            raise SpecificationError(
                f"cannot check a {type(subject).__name__}; give a function, a mapping of arrays, or a file"
            )
        name = name_of(subject)
        if kind == "step" or (kind == "auto" and self._takes_a_rate(subject, name)):
            return self.step(subject, name)
        return self.gradient(subject, name)

    def file(self, path: Path) -> Report:
        """The report for a file."""
        if path.suffix.lower() in SUFFIXES:
            return self.data(read_arrays(path), path.name)
        if path.suffix.lower() == ".py":
            return check_script(path, self.trace)
        raise SpecificationError(
            f"cannot check {path}: a script is a .py file, gradients are read from {', '.join(SUFFIXES)} files, and a "
            "claim is a name, an equals sign and a formula"
        )

    def _takes_a_rate(self, function: Function, name: str) -> bool:
        parameters = [name.id for name in self.trace.program.parameters]
        try:
            return plan_of(function, name, self.trace.program, parameters, self.order, step=False).is_step
        except SpecificationError:
            return False

    def points(self) -> Points:
        """The user's points, or drawn ones."""
        if self.given is not None:
            return Points(self.given, drawn=False)
        precision = "float32" if self.dtype is None else precision_of(self.dtype).name
        return Points(draw_points(self.trace, precision, self.seed), drawn=True)

    # --- kinds of subject -----------------------------------------------------------------------------------------

    def gradient(self, function: Function, name: str) -> Report:
        """A gradient function."""
        points = self.points()
        try:
            first = explore(function, name, self.trace, points, self.order)
            if points.drawn and self.dtype is None and precision_of(first.precision).is_coarse:
                # Half precision needs points of its own, and more of them.
                points = Points(draw_points(self.trace, first.precision, self.seed), drawn=True)
                first = explore(function, name, self.trace, points, self.order)
            samples, precisions = samples_at(function, name, self.trace, points, first, self.order)
        except RaisedError as raised:
            return self._raised(raised, name)
        report = self._reported(samples, precisions, variables_of(self.trace, first), name)
        report = replace(report, conventions=(*conventions_of(self.trace, first), *report.conventions))
        report = _with_misfits(report, first, name)
        if report.verdict is Verdict.WRONG and not self._repeats(function, name, first):
            return replace(report, findings=(_not_repeatable(name),))
        return report

    def _repeats(self, function: Function, name: str, first: Attempt) -> bool:
        """Whether the function gives the same at the same point once more."""
        try:
            again = list(attempt_at(function, name, self.trace, first.call.plan, first.layout, first.place, self.order))
        except (BackproofError, RaisedError):
            return False
        both = zip(first.reading.arrays.items(), again[first.number].reading.arrays.values(), strict=True)
        return all(np.array_equal(array, other, equal_nan=True) for (_, array), other in both)

    def step(self, function: Function, name: str) -> Report:
        """A training step, at two rates."""
        points = self.points()
        coarse = self.dtype is not None and precision_of(self.dtype).is_coarse
        rates: tuple[float, ...] = COARSE_RATES if coarse else RATES
        rates = rates if points.drawn else (*rates, LARGE_RATE)
        try:
            first = explore_step(function, name, self.trace, points, self.order, rates[0])
            steps = [first]
            for position in range(len(points.points)):
                place = points.place(self.trace, position, first.layout)
                plan = first.call.plan
                pending = rates[1:] if position == 0 else rates
                steps += [step_at(function, name, self.trace, plan, first.layout, place, rate) for rate in pending]
        except RaisedError as raised:
            return self._raised(raised, name)
        report = self._reported([step.sample for step in steps], [s.precision for s in steps], first.variables, name)
        report = replace(
            report,
            conventions=(*first.layout.conventions(self.trace.program), *report.conventions),
            points=len(points.points),
        )
        return self._with_faults_of_steps(report, name, steps)

    def data(self, arrays: Mapping[str, Any], name: str) -> Report:
        """Inputs, parameters and gradients that some program wrote."""
        point, gradients = split(self.trace, arrays, name)
        slots = [n.id for n in (*self.trace.program.parameters, *self.trace.program.inputs)]

        def written(*_: Any) -> Mapping[str, Any]:
            return gradients

        checker = _Checker(self.trace, point, slots, self.dtype, self.seed)
        points = checker.points()
        first = explore(written, name, self.trace, points, slots)
        samples, precisions = samples_at(written, name, self.trace, points, first, slots)
        variables = {id: written.removeprefix("result") for id, written in variables_of(self.trace, first).items()}
        report = checker._reported(samples, precisions, variables, name)
        return _with_misfits(replace(report, conventions=conventions_of(self.trace, first)), first, name)

    # --- reporting ------------------------------------------------------------------------------------------------

    def _reported(
        self, samples: Sequence[Sample], precisions: Sequence[str], variables: Mapping[str, str], name: str
    ) -> Report:
        dtype = coarsest(precisions) if self.dtype is None else precision_of(self.dtype).name
        judgement = judge(
            self.trace, samples, variables, dtype, insist=self.dtype is not None, chosen=self.given is None
        )
        findings = self._findings(judgement, samples, variables) if judgement.verdict is Verdict.WRONG else ()
        return Report(
            judgement.verdict,
            judgement.judged,
            findings,
            judgement.conventions,
            self.trace,
            name,
            judgement.dtype,
            len(samples),
            notes=judgement.notes,
        )

    def _findings(
        self, judgement: Judgement, samples: Sequence[Sample], variables: Mapping[str, str]
    ) -> tuple[Finding, ...]:
        wrong = [j for j in judgement.judged if j.verdict is Verdict.WRONG]
        not_finite = [j for j in wrong if j.deviation is not None and not np.isfinite(j.deviation.value)]
        if not_finite:
            return (_not_finite(self.trace, not_finite),)
        loss = self.trace.loss.id
        found: tuple[Finding, ...] = ()
        if any(j.id != loss for j in wrong) and all(p in s.given for s in samples for p in self.trace.gradients):
            points, given = [sample.point for sample in samples], [sample.given for sample in samples]
            found = diagnose(self.trace, points, given, dtype=judgement.dtype)
        if any(j.id != loss for j in wrong):
            found = found or tuple(_unexplained(j) for j in wrong if j.id != loss)
        found += tuple(_other_loss(j) for j in wrong if j.id == loss)
        return tuple(_named(self.trace, finding, variables) for finding in found)

    def _with_faults_of_steps(self, report: Report, name: str, steps: Sequence[Step]) -> Report:
        first = steps[0]
        if report.verdict is not Verdict.WRONG and not first.misfits:
            return report
        misfits = tuple(_misfit(first.variables.get(id, id), shape, first, id) for id, shape in first.misfits.items())
        found = misfits or faults_of_steps(self.trace, name, first, steps[1])
        return replace(report, verdict=Verdict.WRONG, findings=found or report.findings)

    def _raised(self, raised: RaisedError, name: str) -> Report:
        judged = tuple(Judged(id, Verdict.NOT_SEEN) for id in self.trace.gradients.values())
        finding = Finding("raises", "", raised.sentence, variable=raised.text, line=raised.line)
        dtype = "float64" if self.dtype is None else precision_of(self.dtype).name
        return Report(Verdict.WRONG, judged, (finding,), (), self.trace, name, dtype, 0)


def name_of(function: Function) -> str:
    """What to call a function in messages."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


# --- findings that need no search ---------------------------------------------------------------------------------


def _not_finite(trace: Trace, judged: Sequence[Judged]) -> Finding:
    """The first quantity, in the order of computation, that is not finite."""
    order = [equation.name.id for equation in trace.joint.equations]
    first = min(judged, key=lambda j: order.index(j.id))
    also = [j.variable or j.id for j in judged if j is not first]
    others = f"; so {'are' if len(also) > 1 else 'is'} {', '.join(also)}" if also else ""
    sentence = (
        f"{first.variable or first.id} {first.reason.removeprefix('it ')}{_at(first)}, where "
        f"{first.deviation.right if first.deviation else 0:.4g} is right: something overflows or is divided by zero"
        f"{others}"
    )
    return Finding("not-finite", first.id, sentence, variable=first.variable, deviation=first.deviation)


def _not_repeatable(name: str) -> Finding:
    sentence = (
        f"{name} gives other gradients when it is called again at the same point: it draws random numbers or keeps "
        "something between calls; make it a function of its arguments"
    )
    return Finding("not-repeatable", "", sentence)


def _at(judged: Judged) -> str:
    d = judged.deviation
    return f" at [{', '.join(map(str, d.index))}]" if d is not None and d.index else ""


def _unexplained(judged: Judged) -> Finding:
    sentence = f"{judged.variable or judged.id} is wrong{described(judged)}"
    return Finding("unexplained", judged.id, sentence, variable=judged.variable, deviation=judged.deviation)


def _other_loss(judged: Judged) -> Finding:
    d = judged.deviation
    ratio = f", {d.value / d.right:.6g} times that" if d is not None and d.right and np.isfinite(d.value) else ""
    values = f": {d.value:.8g}, but {d.right:.8g} is right{ratio}" if d is not None else ""
    return Finding("loss-differs", judged.id, f"the loss is not the declared one{values}", deviation=d)


def _named(trace: Trace, finding: Finding, variables: Mapping[str, str]) -> Finding:
    """The finding with the user's name of the gradient that it is about."""
    if finding.variable:
        return finding
    parameter = next((p for p, id in trace.gradients.items() if id == finding.equation), "")
    return replace(finding, variable=variables.get(parameter, ""))


def _misfit(variable: str, shape: tuple[int, ...], place: Any, id: str) -> Finding:
    wanted = tuple(np.shape(place.place.parameters[id]))
    turned = ": it is transposed" if shape == wanted[::-1] and shape != wanted else ""
    return Finding("shape", "", f"{variable} has shape {shape}, but {id} has shape {wanted}{turned}", variable=variable)


def _with_misfits(report: Report, attempt: Attempt, name: str) -> Report:
    """The report where gradients have shapes that do not fit: these findings stand before all others."""
    if not attempt.misfits:
        return report
    found: list[Finding] = []
    judged = {j.id: j for j in report.judged}
    for id in attempt.misfits:
        array, variable = attempt.reading.arrays[id], attempt.reading.variables[id]
        finding = replace(_misfit(variable, array.shape, attempt, id), equation=report.trace.gradients[id])
        found.append(finding)
        judged[finding.equation] = Judged(
            finding.equation, Verdict.WRONG, variable, shape=array.shape, reason=finding.sentence
        )
    others = tuple(f for f in report.findings if f.equation not in {g.equation for g in found})
    return replace(report, verdict=Verdict.WRONG, judged=tuple(judged.values()), findings=(*found, *others))
