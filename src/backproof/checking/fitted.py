"""Faults with one unknown number: a factor or a coefficient that is solved for, and an entry that is off.

The backward pass is linear in every Δ. So a stray factor c at an equation shows in a gradient as
(user − right) = (c − 1) · (what doubling the equation adds), which one division solves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from backproof.checking.anatomy import Anatomy, is_number
from backproof.checking.edit import Edit
from backproof.checking.edits import Path, put, terms
from backproof.checking.mutants import Mutant, mutant
from backproof.checking.trials import Supposition, Trials
from backproof.ir.expr import Add, Const, Expr, Mul, Size, broadcast
from backproof.ir.program import Equation
from backproof.ir.traverse import names, walk

LOOSE = 0.02
"""How well a number must fit before it is tried in earnest, relative to what it explains."""

DENOMINATORS = (1, 12, 1_000, 1_000_000)


def fitted(trials: Trials, start: Supposition, id: str, pivot: str) -> Iterator[tuple[Mutant, Supposition]]:
    """The faults of an equation with one unknown number that explain a gradient, and what comes of each.

    Of the numbers that explain it alike, the simplest is taken.
    """
    stated = trials.anatomy.equations[id]
    stated = replace(stated, value=start.edits.get(id, stated.value))
    for place in _places(trials.anatomy, id, stated.value):
        number = _solved(trials, start, stated, pivot, place)
        for exact in () if number is None else _near(number, trials):
            edit = place.edit(trials, stated.value, exact)
            fault = None if edit is None else mutant(trials.anatomy, stated, edit)
            after = None if fault is None else trials.suppose(start, fault.edits, pivot)
            if fault is not None and after is not None:
                yield fault, after
                break


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a number may stand: at a part of the right-hand side, or before a quantity that is added to it."""

    path: Path = ()
    part: Expr | None = None
    added: Expr | None = None

    def scaled(self, value: Expr, number: Fraction) -> Expr:
        """The right-hand side with the number in its place."""
        if self.added is not None:
            return Add(value, _times(number, self.added))
        return put(value, self.path, _times(number, self.part if self.part is not None else value))

    def edit(self, trials: Trials, value: Expr, number: Fraction) -> Edit | None:
        """The fault, by where the number stands and what it is."""
        if number == (0 if self.added is not None else 1):
            return None
        wrong = self.scaled(value, number)
        if self.added is not None:
            return Edit("penalty-added", wrong, self.added, value=number_text(number))
        if self.part is None:
            return _of_whole(trials, value, wrong, number)
        return _of_term(trials, self.part, wrong, number)


def _times(number: Fraction, expr: Expr) -> Expr:
    return Mul(broadcast(Const(number), expr.shape), expr)


def _places(a: Anatomy, id: str, value: Expr) -> Iterator[_Place]:
    yield _Place()
    for path, term in terms(value):
        if not is_number(term):
            yield _Place(path, term)
    parameters = {name.id for name in a.trace.program.parameters}
    parameter = a.gradients.get(id)
    if parameter is not None and not any(names(term) <= parameters for _, term in terms(value)):
        yield _Place(added=a.trace.joint.names[parameter])


def _solved(trials: Trials, start: Supposition, equation: Equation, pivot: str, place: _Place) -> float | None:
    """The number that explains the pivot best at the first point; None where none does even roughly."""
    id, value = equation.name.id, equation.value
    user = trials.glimpsed(pivot)
    now = trials.glimpse(start, {id: value}, pivot)
    more = trials.glimpse(start, {id: place.scaled(value, Fraction(1 if place.added is not None else 2))}, pivot)
    if now is None or more is None or now.shape != user.shape or more.shape != user.shape:
        return None
    with np.errstate(all="ignore"):
        effect, residual = more - now, user - now
        power = float(np.sum(effect * effect))
        if not np.isfinite(power) or power == 0:
            return None
        found = float(np.sum(effect * residual)) / power
        left = float(np.linalg.norm(residual - found * effect))
        fits = left <= LOOSE * float(np.linalg.norm(residual))
    if not fits:
        return None
    return found if place.added is not None else 1 + found


def _near(number: float, trials: Trials) -> Iterator[Fraction]:
    """Numbers that people write near the one found, the simplest first, and at last the number itself."""
    seen: set[Fraction] = set()
    for exact in (*_sizes(trials), *(Fraction(number).limit_denominator(most) for most in DENOMINATORS)):
        if exact not in seen and abs(float(exact) - number) <= LOOSE * max(abs(number), 1e-3):
            seen.add(exact)
            yield exact
    if np.isfinite(number) and Fraction(number) not in seen:
        yield Fraction(number)


def _sizes(trials: Trials) -> Iterator[Fraction]:
    """The number of samples, of outputs and of both together, and one over them."""
    for size in _counts(trials):
        yield Fraction(size)
        yield Fraction(1, size)


def _counts(trials: Trials) -> dict[int, str]:
    """What the numbers of samples, of outputs and of entries of the target are called."""
    a = trials.anatomy
    if a.batch is None:
        return {}
    axis, dim = a.batch
    target = next(name for name in a.trace.program.inputs if name.id in a.targets and name.shape)
    shape = trials.right[0][target.id].value.shape
    samples, units = shape[axis], shape[1 - axis]
    symbol = str(dim) if not isinstance(dim, int) else str(samples)
    called = {samples * units: f"{symbol} × {units}", units: str(units), samples: symbol}
    called.pop(1, None)
    return called


def _of_whole(trials: Trials, value: Expr, wrong: Expr, number: Fraction) -> Edit:
    """A factor before the whole right-hand side."""
    if number == 0:
        return Edit("zero", wrong)
    if number == -1:
        return Edit("sign", wrong, value)
    counts = _counts(trials)
    averages = any(isinstance(n, Size) for e in trials.anatomy.trace.joint.equations for n in walk(e.value))
    if number in counts and averages:
        return Edit("sum-for-mean", wrong, value, value=counts[int(number)])
    if 1 / number in counts:
        kind = "average-doubled" if averages else "mean-for-sum"
        return Edit(kind, wrong, value, value=counts[int(1 / number)])
    return Edit("stray-factor", wrong, value, value=number_text(number))


def _of_term(trials: Trials, term: Expr, wrong: Expr, number: Fraction) -> Edit:
    """A coefficient before one term: of the penalty, where the term rests on parameters alone."""
    parameters = {name.id for name in trials.anatomy.trace.program.parameters}
    penalty = names(term) <= parameters
    if number == 0:
        return Edit("penalty-missing" if penalty else "term-missing", wrong, term)
    if number == -1:
        return Edit("term-sign", wrong, term)
    counts = _counts(trials)
    if penalty and 1 / number in counts:
        return Edit("penalty-averaged", wrong, term, value=counts[int(1 / number)])
    return Edit("penalty-scaled" if penalty else "term-scaled", wrong, term, value=number_text(number))


def number_text(number: Fraction) -> str:
    """The number as people write it: a fraction where it is a simple one.

    Example:
        >>> number_text(Fraction(1, 3)), number_text(Fraction(137, 1000))
        ('1/3', '0.137')
    """
    simple = number.denominator <= 12
    return str(number) if simple else f"{float(number):.6g}"


# --- one entry ----------------------------------------------------------------------------------------------------


def entry_off(trials: Trials, start: Supposition, pivot: str) -> tuple[int, ...] | None:
    """The one entry of a gradient that is wrong at every point where the gradient is; None where more are."""
    places: set[tuple[int, ...]] = set()
    for point in range(len(trials.points)):
        user, right = trials.user[point][pivot], {**trials.right[point], **start.values[point]}[pivot]
        if user.shape != right.value.shape or user.size < 2:
            return None
        wrong = np.argwhere(~(np.abs(user - right.value) <= right.error))
        if len(wrong) > 1:
            return None
        places |= {tuple(int(i) for i in index) for index in wrong}
    return places.pop() if len(places) == 1 else None
