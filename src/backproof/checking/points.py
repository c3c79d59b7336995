"""Points where a gradient tells right from wrong: drawn by the tool, and how much the user's own ones tell.

A point tells nothing about an entry that is exactly zero there, and little about one that rounding drowns: then wrong
gradients would pass as well. Points are drawn until every entry is decided at one of them, or there are enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.precision import Array, Floats, Precision, precision_of
from backproof.checking.truth import DECIDED, DECISIVE, Known, evaluated_at, known_of, written_from
from backproof.dims import Symbol, concrete
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, sizes_from
from backproof.ir.expr import Name
from backproof.ir.program import Program
from backproof.ir.rounding import Rounded
from backproof.ir.traverse import names

Point = Mapping[str, Array]
Truths = Mapping[str, Known]

MOST_POINTS = 5
FEWEST_POINTS = 2
TRIES = 24
BATCHES = (5, 7, 6, 8, 9, 11)
GAINS = (1.0, 2.0, 1.0, 4.0, 0.5, 1.0)
"""How large pre-activations are: deep networks need more or less for their gradients not to vanish or explode."""

SMALL = 20.0
"""No quantity of the forward pass is larger at the points that are drawn, if others can be found."""

LARGE = 10_000
"""Two points that together decide nearly all of so many entries will do."""

COMPLETE = 0.99
"""The share of the entries that must be decided at each point; where no two points do, several are taken together."""

COARSE_DECIDED = 0.5
"""In half precision, and at a kink, one per cent would never show; a missing factor does."""

ENOUGH = 0.5
"""The share of the entries that are not exactly zero which must be decided for a gradient to be called right."""

KINKS_ALONE = 1e-3
"""Bounds shrink to less than this part if kinks are what widened them."""

UNDERFLOW_STEPS = 1e4
"""An entry is exactly zero if its bound is at most this many allowances for underflow."""


def decided_share(precision: Precision) -> float:
    """The smallest fault that must show for an entry to be decided, as a share of its value."""
    return COARSE_DECIDED if precision.is_coarse else DECIDED


# --- drawing ------------------------------------------------------------------------------------------------------


def draw_points(trace: Trace, dtype: object = "float64", seed: int = 0) -> tuple[Point, ...]:
    """From two to five points where the gradients tell most, with numbers that float32 holds exactly.

    Args:
        trace: the derivation.
        dtype: the precision in which the gradients will be judged.
        seed: the same seed gives the same points.

    Example:
        >>> import backproof as bp
        >>> points = draw_points(bp.derive(bp.mlp(3, 2, 1)).trace)
        >>> points[0]["W_1"].shape, points[0]["X"].shape
        ((3, 2), (5, 3))
    """
    precision = precision_of(dtype)
    rng = np.random.default_rng(seed)
    batches = _batches(trace.program)
    candidates: list[_Candidate] = []
    complete: list[_Candidate] = []
    for attempt in range(TRIES):
        point = _drawn(trace.program, batches[len(complete) % len(batches)], GAINS[attempt % len(GAINS)], rng)
        candidate = _candidate(trace, point, precision)
        candidates.append(candidate)
        if candidate.tame and candidate.share >= COMPLETE:
            complete.append(candidate)
        if len(complete) == FEWEST_POINTS:
            return tuple(found.point for found in complete)
        if candidate.decided.size > LARGE and _covered(candidates) >= COMPLETE and len(candidates) >= FEWEST_POINTS:
            break
    return tuple(found.point for found in _covering(candidates))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A point that was drawn: which entries it decides, and whether the textbook form of the loss works there."""

    point: Point
    decided: Array
    tame: bool

    @property
    def share(self) -> float:
        """The share of the entries that it decides."""
        return float(self.decided.mean())


def _candidate(trace: Trace, point: Point, precision: Precision) -> _Candidate:
    ids, share = list(trace.gradients.values()), decided_share(precision)
    evaluator, values = evaluated_at(trace, point, precision.name)
    small = all(_is_small(values[equation.name.id]) for equation in trace.program.equations if equation.name.shape)
    tame = small and _is_tame(written_from(trace, trace.loss.id, evaluator, values))
    decided = np.concatenate([known_of(values[id]).decided(share).ravel() for id in ids])
    if decided.mean() < COMPLETE:
        evaluator, values = evaluated_at(trace, point, precision.name, likely=True)
        tame = small and _is_tame(written_from(trace, trace.loss.id, evaluator, values))
        decided |= np.concatenate([known_of(values[id], DECISIVE).decided(share).ravel() for id in ids])
    return _Candidate(point, decided, tame)


def _covered(candidates: Sequence[_Candidate]) -> float:
    """The share of the entries that are decided at one of the points that can be taken."""
    tame = [candidate.decided for candidate in candidates if candidate.tame]
    return float(np.logical_or.reduce(tame).mean()) if tame else 0.0


def _covering(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Points that together decide most entries: each time the one that decides most of those still undecided."""
    left = [candidate for candidate in candidates if candidate.tame] or list(candidates)
    chosen: list[_Candidate] = []
    undecided = np.ones_like(left[0].decided)
    while left and len(chosen) < MOST_POINTS and (undecided.any() or len(chosen) < FEWEST_POINTS):
        best = max(left, key=lambda candidate: (int((candidate.decided & undecided).sum()), candidate.share))
        if len(chosen) >= FEWEST_POINTS and not (best.decided & undecided).any():
            break
        chosen.append(best)
        left = [candidate for candidate in left if candidate is not best]
        undecided = undecided & ~best.decided
    return chosen


def _is_small(computed: Rounded) -> bool:
    """Whether exp of the values neither overflows nor underflows where people forget to subtract the largest."""
    return bool(np.max(computed.size, initial=0.0) <= SMALL)


def _is_tame(loss: Known) -> bool:
    """Whether the loss can be computed by its textbook form: no probability is so near to 0 or 1 that log p is lost."""
    return bool(loss.bound <= DECIDED * np.abs(loss.value))


def _batches(program: Program) -> tuple[int, ...]:
    """Two batch sizes that are no layer's size, so that no shape fits by accident."""
    taken = {dim for name in program.names.values() for dim in name.shape if isinstance(dim, int)}
    free = [size for size in BATCHES if size not in taken]
    return tuple((free or list(BATCHES))[:2])


def _drawn(program: Program, batch: int, gain: float, rng: np.random.Generator) -> Point:
    free = _samples(program)
    sizes = {symbol: k + (batch if symbol in free else 3) for k, symbol in enumerate(program.symbols)}
    everything = (*program.inputs, *program.parameters)
    drawn = {name.id: _values(program, name, concrete(name.shape, sizes), gain, rng) for name in everything}
    return {id: np.asarray(array, np.float32).astype(np.float64) for id, array in drawn.items()}


def _samples(program: Program) -> frozenset[str]:
    """The dimensions that may differ from point to point: those that no parameter has."""
    fixed = {dim for name in program.parameters for dim in name.shape}
    return frozenset(symbol for symbol in program.symbols if Symbol(symbol) not in fixed)


def _values(program: Program, name: Name, shape: tuple[int, ...], gain: float, rng: np.random.Generator) -> Floats:
    for assumption in program.assumptions:
        if assumption.name == name.id:
            units, samples = (shape[1], shape[0]) if assumption.axis == 1 else shape
            return np.asarray(np.take(np.eye(units), rng.integers(units, size=samples), axis=1 - assumption.axis))
    structure = program.structure
    if structure is not None and structure.loss == "binary_cross_entropy" and name.id == "y":
        return rng.integers(2, size=shape).astype(np.float64)
    values = rng.normal(size=shape)
    if structure is not None and name in program.parameters:
        inputs = shape[0] if structure.samples == "rows" else shape[-1]
        values = values * (gain / np.sqrt(inputs) if name.id.startswith("W") else 0.5)
    return np.asarray(values)


# --- how much points tell -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Telling:
    """How much some points tell of one gradient.

    Args:
        decided: entries where a small fault would show at one of the points.
        zero: entries that are exactly zero at all of them.
        entries: all.
    """

    decided: int
    zero: int
    entries: int

    @property
    def enough(self) -> bool:
        """Whether a comparison there means something."""
        return self.decided > 0 and self.decided >= ENOUGH * (self.entries - self.zero)


def telling(truths: Sequence[Truths], id: str, precision: Precision, settled: Sequence[Truths] = ()) -> Telling:
    """How much the points tell of the gradient.

    Args:
        truths: what is known at each.
        id: of the gradient.
        precision: the user's.
        settled: what would be known if only the derivation's convention were right at kinks. What a kink alone leaves
            open is decided where a missing factor would show.
    """
    share = decided_share(precision)
    decided = np.logical_or.reduce([_decided(known[id], share) for known in truths])
    if settled:
        pairs = zip(truths, settled, strict=True)
        at_kinks = [_decided(known[id], COARSE_DECIDED) & _decided(sure[id], share) for known, sure in pairs]
        decided = decided | np.logical_or.reduce(at_kinks)
    zero = np.logical_and.reduce([_exactly_zero(known[id], precision) for known in truths])
    return Telling(int(decided.sum()), int(zero.sum()), int(decided.size))


def _decided(known: Known, share: float) -> Array:
    return np.asarray(known.decided(share) & (known.value != 0))


def _exactly_zero(known: Known, precision: Precision) -> Array:
    return np.asarray((known.value == 0) & (known.bound <= UNDERFLOW_STEPS * precision.smallest))


def why_not(
    trace: Trace,
    truths: Sequence[Truths],
    settled: Sequence[Truths],
    points: Sequence[Point],
    id: str,
    precision: Precision,
) -> str:
    """Why points do not tell whether a gradient is right, and what to do about it."""
    told = telling(truths, id, precision, settled)
    if _largest_bound(settled, id) < KINKS_ALONE * _largest_bound(truths, id):
        return (
            "units stand exactly at their kinks, where every value between the one-sided derivatives is right; shift "
            "the inputs or biases a little"
        )
    if told.zero == told.entries:
        cause = _zero_above(trace, truths, points, id, precision)
        because = f", because {cause} is" if cause else ""
        return f"every entry is exactly zero{because}; take other values, or none, and points are drawn that tell"
    worst = _largest_bound(truths, id)
    largest = max(float(np.max(np.abs(known[id].value), initial=0.0)) for known in truths)
    if not np.isfinite(worst) or not np.isfinite(largest):
        return f"the right values overflow or cannot be bounded in {precision.name}; take smaller weights or inputs"
    remedy = "smaller weights or inputs" + (", or float64" if precision.name != "float64" else "")
    undecided = lost(trace, truths, settled, points, id, precision) or told.entries - told.zero - told.decided
    return (
        f"{undecided} of {told.entries} entries are so small beside their rounding errors in {precision.name} that "
        f"wrong values would pass (the largest is {largest:.2g}, rounding may reach {worst:.2g}): units are saturated; "
        f"take {remedy}"
    )


def lost(
    trace: Trace,
    truths: Sequence[Truths],
    settled: Sequence[Truths],
    points: Sequence[Point],
    id: str,
    precision: Precision,
) -> int:
    """How many entries of a gradient are lost in their rounding errors at every point.

    An entry whose terms cancel by chance is not: a fault of one of its terms would show.
    """
    share = decided_share(precision)
    zero = np.logical_and.reduce([_exactly_zero(known[id], precision) for known in truths])
    left = ~zero
    for known, sure, point in zip(truths, settled, points, strict=True):
        left = left & ~_well_known(known[id], sure[id], np.abs(known[id].value), share)
        if not left.any():
            return 0
        terms = _size_of_terms(trace, known, point, id)
        left = left & ~_well_known(known[id], sure[id], terms, share)
    return int(left.sum())


def _well_known(known: Known, settled: Known, size: Array, share: float) -> Array:
    """The entries whose bound is a small share of a size, or would be but for a kink."""
    with np.errstate(all="ignore"):
        small = known.bound <= share * size
        at_kink = (known.bound <= COARSE_DECIDED * size) & (settled.bound <= share * size)
        return np.asarray(np.isfinite(known.value) & (small | at_kink) & (size > 0))


def _size_of_terms(trace: Trace, known: Truths, point: Point, id: str) -> Array:
    """What the entries of a gradient would be if none of their terms cancelled."""
    program = trace.program
    evaluator = Evaluator(NumpyArithmetic(), sizes_from(program, {name: np.shape(a) for name, a in point.items()}))
    equation = trace.joint.definitions[id]
    values = {name: np.abs(known[name].value if name in known else point[name]) for name in names(equation.value)}
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(evaluator(equation.value, values)))


def drowned_above(trace: Trace, truths: Sequence[Truths], id: str, precision: Precision) -> str:
    """An adjoint that the gradient rests on and of which no entry is decided at any point; empty where there is none.

    A penalty may make a gradient large where all that comes from the data is lost.
    """
    equations = {equation.name.id: equation for equation in trace.backward}
    share, left, seen = decided_share(precision), [id], {id}
    while left:
        for name in sorted(names(equations[left.pop()].value) & equations.keys() - seen):
            seen.add(name)
            left.append(name)
            known = [truth[name] for truth in truths]
            zero = all(_exactly_zero(k, precision).all() for k in known)
            if not zero and not any(_decided(k, share).any() for k in known):
                return name
    return ""


def _largest_bound(truths: Sequence[Truths], id: str) -> float:
    return max(float(np.max(known[id].bound, initial=0.0)) for known in truths)


def _zero_above(trace: Trace, truths: Sequence[Truths], points: Sequence[Point], id: str, precision: Precision) -> str:
    """The quantity farthest upstream whose being zero makes the gradient zero; empty where there is none."""
    equations = {equation.name.id: equation for equation in trace.backward}
    found = ""
    while id in equations:
        above = (name for name in sorted(names(equations[id].value)) if _vanishes(name, truths, points, precision))
        zero = next(above, None)
        if zero is None:
            break
        found = id = zero
    return found


def _vanishes(id: str, truths: Sequence[Truths], points: Sequence[Point], precision: Precision) -> bool:
    if all(id in known for known in truths):
        return all(bool(_exactly_zero(known[id], precision).all()) for known in truths)
    return all(not np.any(point[id]) for point in points)
