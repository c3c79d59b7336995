"""What every quantity of a derivation must be, and how far rounding in the user's precision may take it.

The values are computed in float64. The bounds come from the running error analysis of the derivation itself, with the
unit roundoff of the user's precision. They cover every order of summation, the textbook form of each function beside
its stable one (1/(1 + exp(−z)), log(1 + exp z), ½(1 + erf z/√2)), and either side of a kink: where the sign of an
argument cannot be told from that of its rounding error, every value between the one-sided derivatives is right.

Source:
    Higham, Accuracy and Stability of Numerical Algorithms (2002), sections 3.1 and 3.3; Higham & Mary, A new approach
    to probabilistic rounding error analysis (2019), for the errors of long sums that are likely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.findings import Deviation
from backproof.checking.precision import Array, Floats, Precision, precision_of
from backproof.errors import ShapeError, SpecificationError, suggestion
from backproof.ir.evaluate import Evaluator, sizes_from, sizes_of
from backproof.ir.expr import Elementwise, Expr, Function, Greater
from backproof.ir.rounding import MARGIN, ULPS, Rounded, RoundingArithmetic
from backproof.ir.traverse import names, walk

SAFETY = 4.0
"""The user's operations may lose this many times what the derivation's lose.

One part is for the float64 evaluation that they are compared with, the others for what people write in more operations
than the derivation does: a scale applied to every entry rather than once, an error rounded before it is squared.
"""

DECIDED = 0.01
"""An entry is decided by a comparison where a fault of one per cent would show."""

FUNCTION_SAFETY = 2.0
"""Library functions may lose twice what NumPy promises, not more: people do not write them themselves."""

COARSE_SAFETY = 2.0
"""In half precision no part is for the comparison, and library functions compute in float32 and round once."""

OTHER_FORMS = 2.0
"""A function that is not a primitive may lose this many units of 1, for people write σ(z) as ½(1 + tanh z/2), too."""

LIKELY = 6.0
"""Rounding errors that are independent exceed λ times their root mean square less often than once in 10⁸, for λ = 6."""

DECISIVE = 16.0
"""What exceeds the likely errors this many times is no rounding, though in a deep network it possibly could be."""

CANCELLING = frozenset({"tanh"})
"""Functions whose textbook form is a quotient of differences: the errors of its parts cancel, unseen by a bound."""

KINKED = frozenset({"abs", "relu", "negative_part", "sign"})
"""Functions that are exact in every form; they have no other error than their argument's."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a quantity must be.

    Args:
        value: the right values; between the one-sided ones where these differ.
        bound: how far each entry may be from them.
    """

    value: Floats
    bound: Floats

    def decided(self, share: float = DECIDED) -> Array:
        """The entries where a fault of this share of the value would show."""
        with np.errstate(all="ignore"):
            return np.asarray(np.isfinite(self.value) & (self.bound <= share * np.abs(self.value)))


# --- arithmetic ---------------------------------------------------------------------------------------------------


class _UserArithmetic(RoundingArithmetic):
    """Values in float64 with the errors of the user's precision, and intervals where a sign is in doubt."""

    def __init__(self, precision: Precision, settled: bool = False, likely: bool = False) -> None:
        super().__init__(np.float64)
        self.precision = precision
        self.settled = settled
        self.likely = likely
        self.unit = (COARSE_SAFETY if precision.is_coarse else SAFETY) * precision.unit
        self.ulps = 1.0 if precision.is_coarse else ULPS * FUNCTION_SAFETY / SAFETY
        self.tiny = SAFETY * precision.smallest
        self.underflow = SAFETY * precision.smallest

    def constant(self, value: Fraction) -> Rounded:
        computed = self.plain.constant(value)
        exact = float(self.precision.rounded(computed)) == value
        return Rounded(computed, np.asarray(0.0 if exact else self.unit * abs(float(computed))))

    def multiply(self, a: Rounded, b: Rounded) -> Rounded:
        product = super().multiply(a, b)
        nothing = ((a.value == 0) & (a.error == 0)) | ((b.value == 0) & (b.error == 0))
        return Rounded(product.value, np.where(nothing, self.tiny, product.error)) if nothing.any() else product

    def greater(self, a: Rounded, b: Rounded) -> Rounded:
        sure = super().greater(a, b)
        half = np.where((sure.error > 0) & (not self.settled), 0.5, 0.0)
        return Rounded(np.where(half > 0, 0.5, sure.value), half)

    def where(self, condition: Rounded, a: Rounded, b: Rounded) -> Rounded:
        taken = super().where(replace(condition, error=np.zeros_like(condition.error)), a, b)
        if condition.exact:
            return taken
        doubtful = condition.error > 0
        with np.errstate(all="ignore"):
            middle = (a.value + b.value) / 2
            apart = np.maximum(a.error, b.error) + np.abs(a.value - b.value) / 2
        return Rounded(np.where(doubtful, middle, taken.value), np.where(doubtful, apart, taken.error))

    def matmul(self, a: Rounded, b: Rounded) -> Rounded:
        certain = super().matmul(a, b)
        if not self.likely:
            return certain
        with np.errstate(all="ignore"):
            size = np.maximum(certain.size, np.sqrt(a.size**2 @ b.size**2))
            error = LIKELY * np.sqrt(a.value.shape[1]) * self.unit * size + self.tiny
            brought = np.sqrt(a.size**2 @ b.error**2) + np.sqrt(a.error**2 @ (b.size + b.error) ** 2)
            return Rounded(certain.value, np.fmin(certain.error, error + brought))

    def sum(self, x: Rounded, axis: int | None) -> Rounded:
        certain = super().sum(x, axis)
        if not self.likely:
            return certain
        with np.errstate(all="ignore"):
            squares = [np.sqrt(np.sum(part**2, axis=axis, keepdims=axis is not None)) for part in (x.size, x.error)]
            terms = x.value.size if axis is None else x.value.shape[axis]
            error = LIKELY * np.sqrt(terms) * self.unit * np.maximum(certain.size, squares[0]) + squares[1]
            return Rounded(certain.value, np.fmin(certain.error, error))

    def softmax(self, x: Rounded, axis: int) -> Rounded:
        return super().softmax(self._shifted(x, axis), axis)

    def logsumexp(self, x: Rounded, axis: int) -> Rounded:
        return super().logsumexp(self._shifted(x, axis), axis)

    def _shifted(self, x: Rounded, axis: int) -> Rounded:
        """People write exp(x − logsumexp x) as well, which rounds at the size of the largest entry."""
        largest = np.max(x.size, axis=axis, keepdims=True)
        return Rounded(x.value, x.error + self.unit * largest)

    def primitive(self, fn: str, x: Rounded) -> Rounded | None:
        if fn == "sign":
            doubtful = (x.size <= x.error) & (not self.settled)
            return Rounded(np.where(doubtful, 0.0, np.sign(x.value)), doubtful.astype(np.float64))
        found = super().primitive(fn, x)
        if found is not None and fn in ("relu", "negative_part"):
            # An argument that is exactly zero leaves a trace of doubt in the output, which the derivative looks at.
            return Rounded(found.value, np.where(x.value == 0, np.maximum(found.error, self.tiny), found.error))
        return found


class _UserEvaluator(Evaluator):
    """Every function by its stable form, with the larger of the errors of both forms."""

    arithmetic: _UserArithmetic

    def function(self, fn: Function, x: Rounded) -> Rounded:
        stable: Rounded = super().function(fn, x)
        if fn.definition is None or fn.name in KINKED or fn.name == "identity":
            return stable
        if fn.name in CANCELLING:
            return Rounded(stable.value, stable.error + OTHER_FORMS * self.arithmetic.unit)
        with np.errstate(all="ignore"):
            written: Rounded = self(fn.definition, {"x": x})
            textbook = np.where(np.isfinite(written.error), written.error + np.abs(written.value - stable.value), 0.0)
        error = np.maximum(stable.error, np.where(np.isfinite(textbook), textbook, 0.0))
        return Rounded(stable.value, error + OTHER_FORMS * self.arithmetic.unit)


# --- the truth ----------------------------------------------------------------------------------------------------


def truth_at(
    trace: Trace,
    point: Mapping[str, Array],
    dtype: object = "float64",
    *,
    settled: bool = False,
    likely: bool = False,
) -> dict[str, Known]:
    """The value of every equation, forward and backward, with the bound on what rounding may do to it.

    Args:
        trace: the derivation.
        point: an array of the declared shape for each input and parameter; rounded to ``dtype`` before it is used.
        dtype: the user's precision: float16, bfloat16, float32 or float64.
        settled: whether at a kink only the derivation's convention counts, rather than all between the two sides.
        likely: whether errors add up as is likely, by the root of the number of terms, rather than as is possible; the
            bound is then ``DECISIVE`` times what is likely.

    Returns:
        A ``Known`` for each equation of ``trace.joint``, by identifier.

    Raises:
        ShapeError: an array is missing or does not fit.
        SpecificationError: an unknown precision.

    Example:
        >>> import backproof as bp
        >>> trace = bp.derive(bp.mlp(1, 1, activation="identity")).trace
        >>> point = {"X": np.array([[2.0]]), "y": np.array([[1.0]]), "W_1": np.array([[3.0]])}
        >>> known = truth_at(trace, point, "float32")["grad_W_1"]
        >>> known.value.item(), bool(0 < known.bound.item() < 1e-4)
        (10.0, True)
    """
    _, values = evaluated_at(trace, point, dtype, settled=settled, likely=likely)
    times = DECISIVE if likely else 1.0
    return {equation.name.id: known_of(values[equation.name.id], times) for equation in trace.joint.equations}


def evaluated_at(
    trace: Trace,
    point: Mapping[str, Array],
    dtype: object = "float64",
    *,
    settled: bool = False,
    likely: bool = False,
) -> tuple[Evaluator, dict[str, Rounded]]:
    """Every quantity with the bound on its error, inputs and parameters too, and what evaluated them.

    Args and Raises: as ``truth_at``.
    """
    precision = precision_of(dtype)
    sizes = sizes_from(trace.program, {id: np.shape(value) for id, value in point.items()})
    arithmetic = _UserArithmetic(precision, settled, likely)
    evaluator = _UserEvaluator(arithmetic, sizes)
    values: dict[str, Rounded] = {}
    for name in (*trace.program.inputs, *trace.program.parameters):
        values[name.id] = arithmetic.exactly(precision.rounded(point[name.id]))
    stated = trace.source.definitions
    for equation in trace.joint.equations:
        id = equation.name.id
        values[id] = evaluator(equation.value, values)
        if id in stated and stated[id].value != equation.value:
            values[id] = _either(values[id], evaluator(stated[id].value, values))
    return evaluator, values


def as_written(trace: Trace, id: str, point: Mapping[str, Array], dtype: object = "float64") -> Known:
    """An equation as the program states it, before it was made stable, with all that rounding may do to it there.

    Args and Raises: as ``truth_at``.
    """
    evaluator, values = evaluated_at(trace, point, dtype)
    return written_from(trace, id, evaluator, values)


def written_from(trace: Trace, id: str, evaluator: Evaluator, values: Mapping[str, Rounded]) -> Known:
    """As ``as_written``, from what ``evaluated_at`` gave."""
    stated = trace.source.definitions.get(id, trace.joint.definitions[id])
    with np.errstate(all="ignore"):
        written: Rounded = evaluator(stated.value, values)
        error = written.error + np.abs(written.value - values[id].value)
    return known_of(Rounded(values[id].value, np.where(np.isnan(error), np.inf, error)))


def known_from(trace: Trace, id: str, upstream: Mapping[str, Array], dtype: object = "float64") -> Known:
    """What one equation gives on the user's own values of the quantities it uses.

    Args:
        trace: the derivation.
        id: the equation of ``trace.joint``.
        upstream: the user's values by identifier, inputs and parameters among them; more than needed does no harm.
        dtype: the user's precision.

    Raises:
        SpecificationError: no such equation, or a value that it needs is not there.
        ShapeError: values whose shapes do not fit.
    """
    equations = trace.joint.definitions
    if id not in equations:
        raise SpecificationError(f"the derivation has no equation for {id!r}; {suggestion(id, equations)}")
    value = equations[id].value
    used = sorted(names(value))
    missing = [name for name in used if name not in upstream]
    if missing:
        raise SpecificationError(f"the equation for {id} needs {', '.join(missing)}; give the user's values of them")
    arithmetic = _UserArithmetic(precision_of(dtype))
    declared = trace.joint.names
    given = {name: np.asarray(array, np.float64) for name, array in upstream.items() if name in declared}
    sizes = sizes_of((declared[name] for name in given), {name: np.shape(array) for name, array in given.items()})
    evaluator = _UserEvaluator(arithmetic, sizes)
    values = {name: arithmetic.exactly(array) for name, array in given.items()}
    if _looks_at_signs(value):
        values |= {name: _in_doubt_at_kinks(trace, name, values, evaluator) for name in used}
    return known_of(evaluator(value, values))


def _looks_at_signs(expr: Expr) -> bool:
    return any(isinstance(n, Greater) or (isinstance(n, Elementwise) and n.fn.name in KINKED) for n in walk(expr))


def _in_doubt_at_kinks(trace: Trace, id: str, values: Mapping[str, Rounded], evaluator: _UserEvaluator) -> Rounded:
    """The user's value of a quantity, in doubt where its own equation has its kink: ReLU is 0 on both sides of one."""
    equation = trace.joint.definitions.get(id)
    given = values[id]
    if equation is None or not names(equation.value) <= values.keys() or not _looks_at_signs(equation.value):
        return given
    own = evaluator(equation.value, values)
    at_kink = (given.value == 0) & (own.size <= own.error)
    return Rounded(given.value, np.where(at_kink, own.error, 0.0))


def _either(stable: Rounded, written: Rounded) -> Rounded:
    """The stable form's value with the larger error of the two, where the textbook form has a finite one."""
    with np.errstate(all="ignore"):
        error = written.error + np.abs(written.value - stable.value)
        return Rounded(stable.value, np.where(np.isfinite(error), np.maximum(error, stable.error), stable.error))


def known_of(computed: Rounded, times: float = 1.0) -> Known:
    """A value with its error, some times over, as what the user's value must be."""
    with np.errstate(all="ignore"):
        return Known(np.asarray(computed.value, np.float64), np.asarray(computed.error * (MARGIN * times), np.float64))


# --- comparing ----------------------------------------------------------------------------------------------------


def deviation(known: Known, array: Array) -> Deviation | None:
    """The entry farthest outside its bound; None where every entry is within.

    A value that is not finite is outside, whatever the bound.

    Args:
        known: what the quantity must be.
        array: the user's values, of the same shape.

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> known = Known(np.array([[1.0, 2.0]]), np.array([[0.1, 0.1]]))
        >>> deviation(known, np.array([[1.05, 2.05]])) is None
        True
        >>> deviation(known, np.array([[1.05, 2.5]])).index
        (0, 1)
    """
    given = np.asarray(array, np.float64)
    if given.shape != known.value.shape:
        raise ShapeError(f"the values have shape {given.shape}, but the quantity has shape {known.value.shape}")
    with np.errstate(all="ignore"):
        off = np.abs(given - known.value)
        finite = np.isfinite(given)
        outside = ~finite | (off > known.bound)
        if not outside.any():
            return None
        ratio = np.where(known.bound > 0, off / known.bound, np.where(off > 0, np.inf, 0.0))
        ratio = np.where(finite, np.where(outside, ratio, -1.0), np.inf)
    index = _worst(ratio, np.where(finite, off, np.inf))
    return Deviation(
        index, float(given[index]), float(known.value[index]), float(known.bound[index]), int(outside.sum()), given.size
    )


def _worst(ratio: Array, off: Array) -> tuple[int, ...]:
    """The largest ratio; among equally large ones, such as those to a bound of zero, the largest difference."""
    worst = np.where(ratio == ratio.max(), off, -1.0)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(worst)), ratio.shape))
