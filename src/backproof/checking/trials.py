"""What gradients come out when some equations are not followed, and whether they are the user's.

A changed equation changes only what is downstream of it. It is computed in order and only as far as it can still be
the explanation: most suppositions fall at the first gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from backproof.checking.anatomy import Anatomy
from backproof.checking.edits import as_numpy
from backproof.checking.precision import Array, Floats
from backproof.checking.truth import DECISIVE, Known, evaluated_at, known_of
from backproof.checking.windows import Window, seen_through, window_on
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr
from backproof.ir.program import Equation
from backproof.ir.rounding import Rounded
from backproof.ir.traverse import names

Values = Mapping[str, Rounded]
Edits = Mapping[str, Expr]
Ids = tuple[str, ...]

ALIKE = 1e-3
"""How alike two gradients must be at the largest entry before they are compared within their bounds."""


@dataclass(frozen=True, slots=True)
class Supposition:
    """Equations that are not followed, and what comes of it at every point.

    Args:
        edits: the right-hand sides that stand instead, by identifier.
        values: at each point the quantities that differ from the derivation's.
        explained: the gradients that come out as the user has them.
    """

    edits: Edits
    values: tuple[Values, ...]
    explained: frozenset[str]


@dataclass
class Trials:
    """The derivation at some points, beside the gradients that a user's program gave there.

    Args:
        anatomy: of the derivation.
        points: at each, the inputs and parameters by identifier.
        given: at each, the user's gradients by the identifier of the PARAMETER.
        dtype: in which the user computes.
        times: what the errors are multiplied by: in deep networks those that are possible decide nothing, so that
            those that are likely are taken, some times over.
    """

    anatomy: Anatomy
    points: Sequence[Mapping[str, Array]]
    given: Sequence[Mapping[str, Array]]
    dtype: object = "float64"
    right: tuple[Values, ...] = field(init=False)
    evaluators: tuple[Evaluator, ...] = field(init=False)
    user: tuple[Mapping[str, Array], ...] = field(init=False)
    computed: int = 0
    times: float = 1.0
    quick: Evaluator = field(init=False)
    _plain: dict[int, tuple[Expr, Expr]] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)
    _right_plain: Mapping[str, Array] = field(init=False)
    _needed: dict[tuple[str, ...], tuple[Equation, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        trace = self.anatomy.trace
        evaluated = [evaluated_at(trace, point, self.dtype) for point in self.points]
        if self.points and not self._all_decided(evaluated[0][1]):
            evaluated = [evaluated_at(trace, point, self.dtype, likely=True) for point in self.points]
            self.times = DECISIVE
        self.evaluators = tuple(evaluator for evaluator, _ in evaluated)
        self.right = tuple(values for _, values in evaluated)
        self._right_plain = {id: rounded.value for id, rounded in self.right[0].items()}
        self.quick = Evaluator(NumpyArithmetic(), self.sizes)
        gradients = trace.gradients
        self.user = tuple(
            {gradients[id]: np.asarray(value, np.float64) for id, value in given.items() if id in gradients}
            for given in self.given
        )

    @property
    def sizes(self) -> Mapping[str, int]:
        """The sizes of the symbolic dimensions at the first point."""
        return self.evaluators[0].sizes

    @property
    def gradients(self) -> tuple[str, ...]:
        """The gradients that the user gave, in the order in which the derivation has them."""
        return tuple(sorted(self.user[0], key=self.anatomy.order.__getitem__))

    def nothing(self) -> Supposition:
        """Every equation followed."""
        every = range(len(self.points))
        right = (id for id in self.gradients if all(self.is_users(id, k, self.right[k][id]) for k in every))
        return Supposition({}, tuple({} for _ in every), frozenset(right))

    @cached_property
    def undecided(self) -> frozenset[str]:
        """The gradients that agree with the derivation, but would whatever they were: they are no evidence."""
        agreeing = self.nothing().explained
        return frozenset(id for id in agreeing if not any(self._decided(values[id]) for values in self.right))

    def _decided(self, value: Rounded) -> bool:
        return bool(self.known(value).decided().any())

    def _all_decided(self, values: Values) -> bool:
        """Whether the errors that are possible leave something of every gradient that was given."""
        ids = (id for parameter, id in self.anatomy.trace.gradients.items() if parameter in self.given[0])
        return all(self._decided(values[id]) for id in ids if values[id].value.any())

    def known(self, value: Rounded) -> Known:
        """The value with its bound."""
        return known_of(value, self.times)

    def is_users(self, id: str, point: int, value: Rounded) -> bool:
        """Whether the user's gradient is this value, within the rounding of both."""
        user = self.user[point][id]
        if user.shape != value.value.shape:
            return False
        with np.errstate(all="ignore"):
            return bool(np.all((np.abs(user - value.value) <= self.known(value).bound) | (user == value.value)))

    # --- changed equations ------------------------------------------------------------------------------------------

    def changed(self, start: Supposition, edits: Edits, point: int) -> Iterator[tuple[str, Rounded | None]]:
        """The quantities that change when equations are edited further, in order, as they are computed."""
        values = {**self.right[point], **start.values[point]}
        yield from self._computed(start, edits, self.evaluators[point], values, self.gradients)

    def _computed(
        self, start: Supposition, edits: Edits, evaluator: Evaluator, values: dict[str, Any], wanted: Ids
    ) -> Iterator[tuple[str, Any]]:
        """Each quantity on the way to those wanted, as NumPy computes it; None and an end where it raises."""
        together = {**start.edits, **edits}
        for equation in self._in_order(edits, wanted):
            id = equation.name.id
            value = self._value(together.get(id, equation.value), evaluator, values)
            yield id, value
            if value is None:
                return
            values[id] = value

    def _value(self, expr: Expr, evaluator: Evaluator, values: Mapping[str, Any]) -> Any | None:
        self.computed += 1
        try:
            with np.errstate(all="ignore"):
                return evaluator(self._as_numpy(expr), values)
        except (ValueError, IndexError):
            return None

    def _as_numpy(self, expr: Expr) -> Expr:
        """As NumPy computes it; kept by identity, for hashing a large tree costs as much as rewriting it."""
        kept = self._plain.get(id(expr))
        if kept is None:
            kept = self._plain[id(expr)] = (expr, as_numpy(expr))
        return kept[1]

    def _in_order(self, edits: Edits, wanted: Ids) -> Sequence[Equation]:
        """The edited equations and what is between them and what is wanted; one after all that it uses now."""
        order = self.anatomy.order
        places = {id: max([order[id], *(order[used] + 0.5 for used in names(wrong))]) for id, wrong in edits.items()}
        changing = self._between(tuple(edits), wanted)
        return sorted(changing, key=lambda e: places.get(e.name.id, order[e.name.id]))

    def _between(self, edited: Ids, wanted: Ids) -> tuple[Equation, ...]:
        key = (*edited, "", *wanted)
        if key not in self._needed:
            own = tuple(self.anatomy.equations[id] for id in edited)
            needed = self.anatomy.needed_for(wanted)
            self._needed[key] = tuple(e for e in (*own, *self.anatomy.downstream(edited)) if e.name.id in needed)
        return self._needed[key]

    # --- suppositions -----------------------------------------------------------------------------------------------

    def plausible(self, start: Supposition, edits: Edits, pivot: str) -> bool:
        """Whether a gradient comes out at all like the user's at the first point; cheap, and sure where it says no."""
        if not self._sharp(start, pivot):
            return True
        found, user = self.glimpse(start, edits, pivot), self.glimpsed(pivot)
        if found is None or found.shape != user.shape:
            return False
        with np.errstate(all="ignore"):
            size = max(np.max(np.abs(found), initial=0.0), np.max(np.abs(user), initial=0.0))
            return bool(np.max(np.abs(user - found), initial=0.0) <= ALIKE * size) or not np.isfinite(size)

    def glimpse(self, start: Supposition, edits: Edits, pivot: str) -> Floats | None:
        """What a gradient becomes at the first point, without a bound, of a large one only some rows and columns."""
        values = self._plain_values(start)
        together = {**start.edits, **edits}
        last = together.get(pivot, self.anatomy.equations[pivot].value)
        above = tuple(id for id in names(last) if id in self.anatomy.equations)
        if any(value is None for _, value in self._computed(start, edits, self.quick, values, above)):
            return None
        try:
            with np.errstate(all="ignore"):
                seen = seen_through(self._window(pivot), self._as_numpy(last), self.quick, values)
                return np.asarray(seen, np.float64)
        except (ValueError, IndexError):
            return None

    def glimpsed(self, pivot: str) -> Floats:
        """The same rows and columns of the user's gradient."""
        return self._window(pivot).of(self.user[0][pivot])

    def _window(self, pivot: str) -> Window:
        if pivot not in self._windows:
            self._windows[pivot] = window_on(self.user[0][pivot])
        return self._windows[pivot]

    def _plain_values(self, start: Supposition) -> dict[str, Any]:
        changed = {id: rounded.value for id, rounded in start.values[0].items()}
        return {**self._right_plain, **changed}

    def _sharp(self, start: Supposition, pivot: str) -> bool:
        """Whether rounding and kinks leave the gradient so well known that a rough comparison is sure."""
        right = start.values[0].get(pivot, self.right[0][pivot])
        with np.errstate(all="ignore"):
            return bool(np.max(self.known(right).bound, initial=0.0) <= ALIKE / 100 * np.max(right.size, initial=0.0))

    def assume(self, start: Supposition, edits: Edits) -> Supposition | None:
        """What comes of further edits, whether or not they explain anything; None where NumPy would raise."""
        found = [dict(self.changed(start, edits, point)) for point in range(len(self.points))]
        values = tuple(
            {**before, **{id: value for id, value in after.items() if value is not None}}
            for before, after in zip(start.values, found, strict=True)
        )
        raises = any(value is None for after in found for value in after.values())
        return None if raises else Supposition({**start.edits, **edits}, values, start.explained)

    def suppose(self, start: Supposition, edits: Edits, pivot: str) -> Supposition | None:
        """What comes of further edits; None where they cannot be the explanation.

        Args:
            start: what is supposed already.
            edits: the equations that are not followed either.
            pivot: a gradient that they must explain.

        Returns:
            None where NumPy would raise, where the pivot is not explained, or one that was explained no longer is.
        """
        if not self.plausible(start, edits, pivot):
            return None
        explained = [*start.explained]
        found: list[Values] = []
        for point in range(len(self.points)):
            values = self._at(start, edits, pivot, point)
            if values is None:
                return None
            found.append({**start.values[point], **values})
        every = range(len(self.points))
        changed = (id for id in self.gradients if id in found[0] and id not in start.explained)
        explained += [id for id in changed if all(self.is_users(id, k, found[k][id]) for k in every)]
        return Supposition({**start.edits, **edits}, tuple(found), frozenset(explained))

    def _at(self, start: Supposition, edits: Edits, pivot: str, point: int) -> Values | None:
        values: dict[str, Rounded] = {}
        for id, value in self.changed(start, edits, point):
            if value is None:
                return None
            values[id] = value
            must = id == pivot or id in start.explained
            if must and id in self.user[point] and not self.is_users(id, point, value):
                return None
        return values if pivot in values else None
