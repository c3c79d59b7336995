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
from backproof.checking.strays import LOOSE, Stray, factor_edit, plain, strays_near, term_edit
from backproof.checking.trials import Supposition, Trials
from backproof.ir.expr import Add, Expr
from backproof.ir.program import Equation
from backproof.ir.traverse import names


def fitted(trials: Trials, start: Supposition, id: str, pivot: str) -> Iterator[tuple[Mutant, Supposition]]:
    """The faults of an equation with one unknown number that explain a gradient, and what comes of each.

    Of the numbers that explain it alike, the simplest is taken.
    """
    stated = trials.anatomy.equations[id]
    stated = replace(stated, value=start.edits.get(id, stated.value))
    for place in _places(trials.anatomy, id, stated.value):
        number = _solved(trials, start, stated, pivot, place)
        for stray in () if number is None else strays_near(number, trials.anatomy, trials.sizes):
            edit = place.edit(trials.anatomy, stated.value, stray)
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

    def scaled(self, value: Expr, stray: Stray) -> Expr:
        """The right-hand side with the number in its place."""
        if self.added is not None:
            return Add(value, stray.times(self.added))
        return put(value, self.path, stray.times(self.part if self.part is not None else value))

    def edit(self, a: Anatomy, value: Expr, stray: Stray) -> Edit | None:
        """The fault, by where the number stands and what it is; none where it changes nothing."""
        if stray.value == (0 if self.added is not None else 1):
            return None
        wrong = self.scaled(value, stray)
        if self.added is not None:
            return Edit("penalty-added", wrong, self.added, value=stray.text)
        return factor_edit(a, value, wrong, stray) if self.part is None else term_edit(a, self.part, wrong, stray)


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
    more = trials.glimpse(start, {id: place.scaled(value, plain(Fraction(1 if place.added is not None else 2)))}, pivot)
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


# --- one entry ----------------------------------------------------------------------------------------------------


def entry_off(trials: Trials, start: Supposition, pivot: str) -> tuple[int, ...] | None:
    """The one entry of a gradient that is wrong at every point where the gradient is; None where more are."""
    places: set[tuple[int, ...]] = set()
    for point in range(len(trials.points)):
        user, right = trials.user[point][pivot], {**trials.right[point], **start.values[point]}[pivot]
        if user.shape != right.value.shape or user.size < 2:
            return None
        wrong = np.argwhere(~(np.abs(user - right.value) <= trials.known(right).bound))
        if len(wrong) > 1:
            return None
        places |= {tuple(int(i) for i in index) for index in wrong}
    return places.pop() if len(places) == 1 else None
