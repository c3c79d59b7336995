"""A formula that is claimed for a gradient, a Δ or a layer: whether it is right, and what is wrong with it.

A formula equal to the derivation's in normal form is right by algebra. Any other is decided by its value at random
points, in far more digits than chance could reproduce; a large network in float64, within the bounds on its rounding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backproof.backprop.simplify import simplify
from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy
from backproof.checking.compared import trace_of
from backproof.checking.edits import as_numpy
from backproof.checking.findings import Finding, Judged, Repair, Verdict
from backproof.checking.formulas import formula_of
from backproof.checking.kinds import sentence_of
from backproof.checking.mutants import Mutant, Mutants, mutant
from backproof.checking.points import draw_points
from backproof.checking.precision import Array
from backproof.checking.report import Report
from backproof.checking.strays import factor_edit, strays_near
from backproof.checking.truth import Known, deviation, evaluated_at
from backproof.dims import shape_text
from backproof.errors import FormulaError, ShapeError, SpecificationError, suggestion
from backproof.ir.arithmetic import MpmathArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Name
from backproof.ir.rounding import Rounded
from backproof.ir.traverse import names, substitute
from backproof.parsing import parse_expression

DIGITS = 40
AGREEMENT = 1e-25
"""Two formulas agree where they do to this share of the largest entry: 15 digits are left for cancellation."""

MOST_FOR_DIGITS = 4_000
"""Entries of inputs and parameters up to which many digits are affordable."""

POINTS = 3
MOST_PAIRS = 3_000


def check_claim(text: str, net: object, *, seed: int = 0) -> Report:
    """Whether ``name = formula`` holds, for a gradient, a Δ or a quantity of the forward pass.

    Args:
        text: the claim in the grammar of formulas, such as ``delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)``. It may
            use every quantity of the derivation by its identifier, ``dW_1`` for ``grad_W_1``, ``l_0`` for the input,
            ``z_1`` for the argument of a layer and the symbol of the batch size.
        net: a program, a derivation, or sizes such as ``"3-2-1"``.
        seed: for the points.

    Returns:
        A report of the one quantity; where the claim is wrong, with what is missing or replaced in it and with the
        right formula as the repair.

    Raises:
        FormulaError, SpecificationError: no claim, or an unknown name.
        UnsupportedError: a function that means something, but is not there yet.

    Example:
        >>> report = check_claim("delta_1 = (delta_2 @ W_2.T) * l_1", "3-2-1")
        >>> print(report.findings[0].sentence)
        Δl_1 lacks the factor 1 − l_1
        >>> print(report.findings[0].repair.after)
        delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)
    """
    trace = trace_of(net)
    left, right = _sides(text)
    vocabulary = _Vocabulary(Anatomy(trace))
    id = vocabulary.target(left)
    try:
        claimed = vocabulary.read(right)
    except ShapeError as error:
        return _Claim(trace, id, left, text, seed).unreadable(str(error))
    if id in names(claimed):
        raise SpecificationError(f"the claim for {left} uses {left} itself; write it in other quantities")
    return _Claim(trace, id, left, text, seed).decide(claimed)


def _sides(text: str) -> tuple[str, str]:
    if not isinstance(text, str):
        raise FormulaError(f"a claim must be a string, got {type(text).__name__}")
    sides = re.split(r"(?<![=<>!])=(?!=)", text, maxsplit=1)
    # An axis=0 within the formula is no equals sign of the claim: what stands before must be a name.
    if len(sides) != 2 or not re.fullmatch(r"\s*\w+\s*", sides[0]):
        raise FormulaError(f"a claim is a name, an equals sign and a formula, such as delta_1 = …; got {text!r}")
    return sides[0].strip(), sides[1].strip()


@dataclass(frozen=True)
class _Vocabulary:
    """What the names of a claim mean."""

    anatomy: Anatomy

    @property
    def aliases(self) -> Mapping[str, str]:
        """Other names of the derivation's quantities."""
        trace = self.anatomy.trace
        known = {f"d{parameter}": gradient for parameter, gradient in trace.gradients.items()}
        known |= {f"grad_{parameter}": gradient for parameter, gradient in trace.gradients.items()}
        structure = trace.source.structure
        if structure is not None:
            known["l_0"] = trace.program.inputs[0].id
            known |= {f"l_{layer.number}": layer.output for layer in structure.layers}
        return {alias: id for alias, id in known.items() if alias not in trace.joint.names}

    @property
    def arguments(self) -> Mapping[str, Expr]:
        """The arguments of the layers, where the derivation gives them no name of their own."""
        activated = self.anatomy.activated.values()
        structure = self.anatomy.trace.source.structure
        outputs = {} if structure is None else {layer.output: f"z_{layer.number}" for layer in structure.layers}
        found = {outputs[a.output.id]: a.argument for a in activated if a.output.id in outputs}
        return {id: value for id, value in found.items() if id not in self.anatomy.trace.joint.names}

    def target(self, written: str) -> str:
        """The quantity that the claim is for."""
        id = self.aliases.get(written, written)
        if id not in self.anatomy.equations:
            hint = suggestion(written, [*self.anatomy.equations, *self.aliases])
            raise SpecificationError(f"the derivation has no equation for {written!r}; {hint}")
        return id

    def read(self, formula: str) -> Expr:
        """The formula in the derivation's own quantities."""
        joint = self.anatomy.trace.joint.names
        arguments = self.arguments
        known = {**joint, **{alias: joint[id] for alias, id in self.aliases.items()}}
        known |= {id: Name(id, value.shape) for id, value in arguments.items()}
        return substitute(parse_expression(formula, known), dict(arguments))


@dataclass(frozen=True)
class _Claim:
    """One claim, and how it is decided."""

    trace: Trace
    id: str
    left: str
    text: str
    seed: int

    @property
    def right(self) -> Expr:
        return self.trace.joint.definitions[self.id].value

    def unreadable(self, complaint: str) -> Report:
        """Two shapes in the formula do not fit."""
        sentence = sentence_of("shapes", target=self.left, part=complaint)
        return self._report(Verdict.WRONG, "exact", 0, self._finding("shapes", sentence))

    def decide(self, claimed: Expr) -> Report:
        """The verdict on a formula that has been read."""
        if claimed.shape != self.right.shape:
            return self._of_wrong_shape(claimed)
        known = {e.value: e.name for e in self.trace.program.equations if e.name.id != self.id}
        if simplify(claimed, known) == simplify(self.right, known):
            return self._report(Verdict.RIGHT, "exact", 0, notes=("the two formulas have the same normal form",))
        points = draw_points(self.trace, "float64", self.seed)[:POINTS]
        if sum(np.size(value) for value in points[0].values()) <= MOST_FOR_DIGITS:
            holds, how = self._in_digits(claimed, points), f"{DIGITS} digits"
        else:
            holds, how = self._in_floats(claimed, points), "float64"
        if holds:
            return self._report(Verdict.RIGHT, how, len(points))
        return self._wrong(claimed, points, how)

    def _of_wrong_shape(self, claimed: Expr) -> Report:
        have, want = claimed.shape, self.right.shape
        if have == want[::-1] and self.decide(claimed.T).ok:
            part = Anatomy(self.trace).text(self.right)
            found = self._finding("transposed", sentence_of("transposed", target=self.left, part=part))
        else:
            part = f"the formula gives {shape_text(have)}, but {self.left} is {shape_text(want)}"
            found = self._finding("shapes", sentence_of("shapes", target=self.left, part=part))
        return self._report(Verdict.WRONG, "exact", 0, found)

    def _in_digits(self, claimed: Expr, points: Sequence[Mapping[str, Array]]) -> bool:
        arithmetic = MpmathArithmetic(DIGITS)
        with arithmetic.context.workdps(DIGITS):
            return all(self._agree(claimed, point, arithmetic) for point in points)

    def _agree(self, claimed: Expr, point: Mapping[str, Array], arithmetic: MpmathArithmetic) -> bool:
        evaluator = Evaluator(arithmetic, _sizes(self.trace, point))
        values = {id: arithmetic.array(value) for id, value in point.items()}
        used = names(claimed) | names(self.right)
        needed = Anatomy(self.trace).needed_for(tuple(id for id in used if id in self.trace.joint.definitions))
        for equation in self.trace.joint.equations:
            if equation.name.id in needed:
                values[equation.name.id] = evaluator(equation.value, values)
        ours, theirs = (np.asarray(evaluator(side, values)) for side in (self.right, claimed))
        largest = max(np.max(np.abs(ours)), np.max(np.abs(theirs)))
        return bool(np.all(np.abs(ours - theirs) <= AGREEMENT * largest))

    def _in_floats(self, claimed: Expr, points: Sequence[Mapping[str, Array]]) -> bool:
        evaluated = [evaluated_at(self.trace, point) for point in points]
        return all(_same(values[self.id], evaluator(claimed, values)) for evaluator, values in evaluated)

    # --- what is wrong --------------------------------------------------------------------------------------------

    def _wrong(self, claimed: Expr, points: Sequence[Mapping[str, Array]], how: str) -> Report:
        evaluated = [evaluated_at(self.trace, point) for point in points]
        theirs = [evaluator(claimed, values) for evaluator, values in evaluated]
        worst = deviation(_known(evaluated[0][1][self.id]), np.asarray(theirs[0].value, np.float64))
        mutants = Mutants(Anatomy(self.trace), evaluated[0][0].sizes)
        found = list(self._explaining(mutants, evaluated, theirs))
        if found:
            first = found[0]
            others = tuple(dict.fromkeys(m.sentence for m in found[1:] if m.sentence != first.sentence))
            finding = self._finding(first.kind, first.sentence, first, others)
        else:
            part = mutants.anatomy.text(self.right)
            finding = self._finding("not-followed", sentence_of("not-followed", target=self.left, part=part))
        return self._report(Verdict.WRONG, how, len(points), replace(finding, wrong=claimed, deviation=worst))

    def _explaining(
        self,
        mutants: Mutants,
        evaluated: Sequence[tuple[Evaluator, Mapping[str, Rounded]]],
        theirs: Sequence[Rounded],
    ) -> Iterator[Mutant]:
        """The faults that turn the right formula into one with the claim's values: one, or else two."""

        def fits(wrong: Expr) -> bool:
            return all(
                _fits(wrong, evaluator, values, claim)
                for (evaluator, values), claim in zip(evaluated, theirs, strict=True)
            )

        single = [m for m in mutants.of(self.id) if not m.also and fits(m.wrong)]
        scaled = self._scaled(mutants.anatomy, evaluated[0][0].sizes, evaluated[0][1], theirs[0])
        single += next(([m] for m in scaled if fits(m.wrong)), [])
        yield from single
        if single:
            return
        equation, tried = self.trace.joint.definitions[self.id], 0
        for first in mutants.of(self.id):
            for second in mutants.of_edited(replace(equation, value=first.wrong)):
                tried += 1
                if tried > MOST_PAIRS:
                    return
                if fits(second.wrong):
                    yield replace(second, sentence=f"{first.sentence}; and {second.sentence}")
                    return

    def _scaled(
        self, anatomy: Anatomy, sizes: Mapping[str, int], values: Mapping[str, Rounded], theirs: Rounded
    ) -> Iterator[Mutant]:
        """The right formula times a number that comes near to the claim."""
        ours = np.asarray(values[self.id].value, np.float64)
        power = float(np.sum(ours * ours))
        equation = self.trace.joint.definitions[self.id]
        for stray in strays_near(float(np.sum(ours * theirs.value)) / power, anatomy, sizes) if power else ():
            wrong = stray.times(equation.value)
            yield mutant(anatomy, equation, factor_edit(anatomy, equation.value, wrong, stray))

    # --- the report -----------------------------------------------------------------------------------------------

    def _finding(
        self, kind: str, sentence: str, fault: Mutant | None = None, alternatives: tuple[str, ...] = ()
    ) -> Finding:
        after = f"{self.left} = {formula_of(self.right)}"
        return Finding(
            kind=kind,
            equation=self.id,
            sentence=sentence,
            variable=self.left,
            right=self.right,
            part=None if fault is None else fault.part,
            alternatives=alternatives,
            repair=Repair(self.text.strip(), after, checked=True),
        )

    def _report(
        self,
        verdict: Verdict,
        how: str,
        points: int,
        finding: Finding | None = None,
        notes: tuple[str, ...] = (),
    ) -> Report:
        worst = None if finding is None else finding.deviation
        judged = Judged(self.id, verdict, variable=self.left, deviation=worst)
        findings = () if finding is None else (finding,)
        return Report(verdict, (judged,), findings, (), self.trace, self.text.strip(), how, points, notes=notes)


def _sizes(trace: Trace, point: Mapping[str, Array]) -> Mapping[str, int]:
    given = (*trace.program.inputs, *trace.program.parameters)
    pairs = ((d, s) for name in given for d, s in zip(name.shape, np.shape(point[name.id]), strict=True))
    return {dim.name: size for dim, size in pairs if not isinstance(dim, int)}


def _known(value: Rounded) -> Known:
    return Known(np.asarray(value.value, np.float64), value.error)


def _same(ours: Rounded, theirs: Rounded) -> bool:
    if ours.value.shape != theirs.value.shape:
        return False
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(ours.value - theirs.value) <= ours.error + theirs.error))


def _fits(wrong: Expr, evaluator: Evaluator, values: Mapping[str, Rounded], claim: Rounded) -> bool:
    try:
        with np.errstate(all="ignore"):
            return _same(evaluator(as_numpy(wrong), values), claim)
    except (ValueError, IndexError):
        return False
