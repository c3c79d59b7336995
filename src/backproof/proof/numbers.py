"""Floating-point evaluation of a derivation's equations against many digits, within a computed bound.

Two comparisons are made for every equation: with all equations before it evaluated in floating point too, and of the
equation alone on the floating-point values that it is given. The first says how good the result is; its bound grows
with depth. The second bound stays a few units of the last place, so it finds what the first is too wide to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.dims import concrete
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import MatMul
from backproof.ir.program import Program
from backproof.ir.rounding import MARGIN, Rounded, RoundingArithmetic
from backproof.ir.traverse import names, walk
from backproof.proof.precise import PreciseArithmetic

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

SECONDS_PER_PRODUCT = 2.5e-7
SECONDS_PER_ENTRY = 4e-6
"""What many digits cost on an ordinary machine: one term of a matrix product, one entry of anything else."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far computed values are from the exact ones, and how far they may be.

    Args:
        difference: the largest error of an entry, relative to the largest entry, or to the smallest normal number.
        bound: the largest bound of an entry, likewise.
        used: the largest part of its own bound that an entry's error takes up.
    """

    difference: float
    bound: float
    used: float

    @property
    def holds(self) -> bool:
        """Whether every entry is within its bound."""
        return self.used <= 1


@dataclass(frozen=True, slots=True)
class NumberProof:
    """The numbers of one equation in one dtype: at the end of the whole evaluation, and of the equation alone."""

    name: str
    dtype: str
    whole: Agreement
    alone: Agreement

    @property
    def holds(self) -> bool:
        """Whether both are within their bounds."""
        return self.whole.holds and self.alone.holds


@dataclass(frozen=True, slots=True)
class Reference:
    """Values that floating-point numbers are compared with: high + low, each up to ``doubt``."""

    high: Floats
    low: Floats
    doubt: Floats

    def agreement(self, computed: Rounded) -> Agreement:
        """How the computed values compare."""
        with np.errstate(all="ignore"):
            value = np.asarray(computed.value, np.float64)
            rest = np.asarray(computed.value - value.astype(computed.value.dtype), np.float64)
            error = np.abs((value - self.high) - self.low + rest)
            bound = computed.error * MARGIN + self.doubt
            used = np.where(error <= bound, np.where(bound > 0, error / np.where(bound > 0, bound, 1), 0.0), np.inf)
            used = np.where(np.isinf(bound), 0.0, used)
            scale = max(float(np.max(np.abs(self.high))), float(np.finfo(computed.value.dtype).smallest_normal))
            within = np.where(np.isfinite(error), error, 0.0)
            return Agreement(float(np.max(within)) / scale, float(np.max(bound)) / scale, float(np.max(used)))


class ManyDigits:
    """The reference for programs of ordinary size: mpmath numbers of twice the digits that are asked for."""

    def __init__(self, digits: int, sizes: Mapping[str, int]) -> None:
        self.label = f"{digits} digits"
        self.arithmetic = PreciseArithmetic(2 * digits)
        self.evaluator = Evaluator(self.arithmetic, sizes)

    def exactly(self, values: Array) -> Array:
        """Floating-point numbers as they are."""
        return self.arithmetic.array(values)

    def reference(self, values: Array) -> Reference:
        """The values as the sum of two floats, which is as good as exact beside a float."""
        high, low = self.arithmetic.two_floats(values)
        return Reference(high, low, np.zeros_like(high))


class WideFloats:
    """The reference for programs too large for many digits: extended precision with an error bound of its own."""

    def __init__(self, dtype: npt.DTypeLike, sizes: Mapping[str, int]) -> None:
        self.label = f"{np.finfo(dtype).precision} digits, with their own error bound"
        self.arithmetic = RoundingArithmetic(dtype)
        self.evaluator = Evaluator(self.arithmetic, sizes)

    def exactly(self, values: Array) -> Rounded:
        """Floating-point numbers as they are."""
        return self.arithmetic.exactly(values)

    def reference(self, values: Rounded) -> Reference:
        """The values as the sum of two floats, and the bound on their error."""
        high = np.asarray(values.value, np.float64)
        low = np.asarray(values.value - high.astype(values.value.dtype), np.float64)
        return Reference(high, low, values.error * MARGIN)


@dataclass(frozen=True, slots=True)
class Truth:
    """Every quantity of a derivation at one place, as it really is.

    The forward values are those of the program as it was given: the textbook form of a loss, not the fused one.
    """

    exact: ManyDigits | WideFloats
    inputs: Mapping[str, Array]
    values: Mapping[str, Any]
    references: Mapping[str, Reference]


def true_values(trace: Trace, inputs: Mapping[str, Array], exact: ManyDigits | WideFloats) -> Truth:
    """Every quantity from the given inputs and parameters."""
    stated = trace.source.definitions
    values: dict[str, Any] = {id: exact.exactly(value) for id, value in inputs.items()}
    references: dict[str, Reference] = {}
    for equation in trace.joint.equations:
        id = equation.name.id
        values[id] = exact.evaluator(stated.get(id, equation).value, values)
        references[id] = exact.reference(values[id])
    return Truth(exact, inputs, values, references)


def reference_for(trace: Trace, sizes: Mapping[str, int], digits: int, seconds: float) -> ManyDigits | WideFloats:
    """Many digits where that takes no longer than the seconds given, otherwise the widest floats there are."""
    if cost(trace.joint, sizes) <= seconds:
        return ManyDigits(digits, sizes)
    return WideFloats(np.longdouble, sizes)


def cost(program: Program, sizes: Mapping[str, int]) -> float:
    """The seconds that an evaluation to many digits takes, roughly."""
    total = 0.0
    for equation in program.equations:
        for node in walk(equation.value):
            entries = float(np.prod(concrete(node.shape, sizes), dtype=np.float64))
            if isinstance(node, MatMul):
                total += entries * concrete(node.a.shape, sizes)[1] * SECONDS_PER_PRODUCT
            total += entries * SECONDS_PER_ENTRY
    return total


def compare_numbers(trace: Trace, truth: Truth, dtype: npt.DTypeLike) -> Iterator[NumberProof]:
    """Every equation of the derivation, forward and backward, evaluated in the dtype and compared with the truth.

    Args:
        trace: the derivation.
        truth: its quantities, at inputs that the dtype holds exactly.
        dtype: the floating-point type to evaluate in.
    """
    exact, rounding = truth.exact, RoundingArithmetic(dtype)
    evaluator = Evaluator(rounding, exact.evaluator.sizes)
    computed: dict[str, Rounded] = {id: rounding.exactly(value) for id, value in truth.inputs.items()}
    given = dict(computed)
    on_given: dict[str, Any] = {id: truth.values[id] for id in truth.inputs}
    used = frozenset[str]().union(*(names(equation.value) for equation in trace.joint.equations))
    for equation in trace.joint.equations:
        id = equation.name.id
        computed[id] = evaluator(equation.value, computed)
        alone = evaluator(equation.value, given)
        expected = exact.reference(exact.evaluator(equation.value, on_given))
        whole = truth.references[id].agreement(computed[id])
        yield NumberProof(id, str(rounding.plain.dtype), whole, expected.agreement(alone))
        if id in used:
            given[id] = rounding.exactly(alone.value)
            on_given[id] = exact.exactly(alone.value)
