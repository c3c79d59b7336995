"""Which of a program's variables are the inputs and parameters: those with which its values follow the equations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.precision import Floats
from backproof.checking.scripts.values import Seen, Values, View, one_hot, views
from backproof.checking.truth import Known
from backproof.dims import Shape, Symbol
from backproof.errors import BackproofError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation
from backproof.ir.traverse import names

MOST_TRIALS = 4000
MOST_CANDIDATES = 40
LOOSE: Mapping[str, float] = {"float16": 2e-2, "float32": 2e-4, "float64": 1e-8}
"""How far relative to the largest entry a forward value may be off and still show which variables it is made of."""

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "X": ("x", "inputs", "input", "data", "features", "xs", "xb", "xtrain", "xbatch", "a0", "l0", "layer0"),
    "y": ("y", "t", "target", "targets", "label", "labels", "ys", "yb", "ytrain", "ytrue", "output", "outputs"),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A quantity of the derivation in the program.

    Args:
        array: the user's value in the derivation's shape, divided by ``scale``.
        seen: where; None where only the derivation has it.
        how: the orientation, as in ``View``.
        scale: what the user's value is multiplied by, compared with the derivation's.
    """

    array: Floats
    seen: Seen | None = None
    how: str = "same"
    scale: float = 1.0


@dataclass(slots=True)
class Roles:
    """What is known of a window: the quantities by identifier, the sizes, and which forward equations were met."""

    placed: dict[str, Placed] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    met: tuple[str, ...] = ()

    def arrays(self) -> dict[str, Floats]:
        return {id: p.array for id, p in self.placed.items()}


class Search:
    """Depth first through the forward equations, each tried with every variable that could be what it still lacks."""

    def __init__(self, trace: Trace, values: Values, dtype: str, hints: Mapping[str, str]) -> None:
        self.trace, self.values, self.dtype, self.hints = trace, values, dtype, hints
        self.trials = 0
        self.stored = values.stored()
        self.given = {name.id: name for name in (*trace.program.inputs, *trace.program.parameters)}
        self.forward = [e for e in trace.program.equations if e.name.id != trace.program.loss]
        self.one_hot = {a.name: a.axis for a in trace.program.assumptions}
        self._tried: dict[tuple[str, int, tuple[tuple[str, int], ...]], list[tuple[Seen, View, dict[str, int]]]] = {}
        self.best = Roles()

    def first(self) -> Roles:
        """The earliest assignment with which most of the forward equations are met."""
        self._descend(0, Roles())
        return self.best

    def _descend(self, k: int, roles: Roles, sure: bool = True) -> bool:
        if sure and len(roles.met) > len(self.best.met):
            self.best = roles
        if k == len(self.forward):
            return len(roles.met) == len(self.forward)
        equation = self.forward[k]
        for assigned in self.assignments(self.unknown(equation.value, roles), roles):
            if self.trials > MOST_TRIALS:
                return False
            hit = self._hit(equation, assigned)
            # A value that no variable ever holds may be there by chance: then nothing further is made of it.
            if hit is not None and self._descend(k + 1, hit, self.held(hit.placed[equation.name.id])):
                return True
        return False

    def unknown(self, value: Expr, roles: Roles) -> list[Name]:
        return [self.given[id] for id in self.given if id in names(value) and id not in roles.placed]

    def assignments(self, unknown: list[Name], roles: Roles, within: range | None = None) -> Iterator[Roles]:
        if not unknown:
            yield roles
            return
        for seen, view, sizes in self.candidates(unknown[0], roles.sizes, within):
            placed = {**roles.placed, unknown[0].id: Placed(view.array, seen, view.how)}
            yield from self.assignments(unknown[1:], Roles(placed, sizes, roles.met), within)

    def _hit(self, equation: Equation, roles: Roles) -> Roles | None:
        self.trials += 1
        value = self.evaluated(equation.value, roles)
        if value is None or not np.isfinite(value).all():
            return None
        used = [roles.placed[id].seen for id in names(equation.value) if id in roles.placed]
        earliest = max((s.order for s in used if s is not None), default=-1)
        for seen, view in self.values.equal(loose(value, self.dtype)):
            if seen.order > earliest and not any(seen is s or seen.value is s.value for s in used if s is not None):
                placed = {**roles.placed, equation.name.id: Placed(view.array, seen, view.how)}
                return Roles(placed, roles.sizes, (*roles.met, equation.name.id))
        return None

    def held(self, placed: Placed) -> bool:
        """Whether a variable ever holds the value."""
        if placed.seen is None:
            return False
        value = placed.seen.value
        near = self.values.near(value.size, float(np.abs(np.asarray(value, np.float64)).sum()), 0.0)
        return any(s.stored and s.value.shape == value.shape and np.array_equal(s.value, value) for s in near)

    def evaluated(self, value: Expr, roles: Roles) -> Floats | None:
        """The expression on what is placed; None where it cannot be computed."""
        try:
            with np.errstate(all="ignore"):
                computed = Evaluator(NumpyArithmetic(), roles.sizes)(value, roles.arrays())
            return np.asarray(computed, np.float64)
        except (BackproofError, ValueError, KeyError, IndexError):
            return None

    # --- candidates ---------------------------------------------------------------------------------------------------

    def candidates(
        self, name: Name, sizes: Mapping[str, int], within: range | None = None
    ) -> list[tuple[Seen, View, dict[str, int]]]:
        """The variables that could be the quantity: those of the window first, and among these those named like it."""
        start = 0 if within is None else within[0]
        key = (name.id, start, tuple(sorted(sizes.items())))
        if key not in self._tried:
            inside = [] if within is None else self.values.stored(within)
            found = [
                (seen, view, bound)
                for seen in [*inside, *self.stored]
                if self.hints.get(name.id, seen.text) == seen.text
                for shape, bound in shapes_for(seen, name.shape, sizes)
                for view in self._views(seen, name.id, shape)
            ]
            found.sort(
                key=lambda c: (not named_like(c[0].text, name.id), c[0].order < start, c[0].order, c[1].how != "same")
            )
            self._tried[key] = found[:MOST_CANDIDATES]
        return self._tried[key]

    def _views(self, seen: Seen, id: str, shape: tuple[int, ...]) -> Iterator[View]:
        yield from views(seen.value, shape)
        if id in self.one_hot:
            yield from one_hot(seen.value, shape, self.one_hot[id])

    def guess(self, name: Name, roles: Roles, taken: Iterable[Seen]) -> Placed | None:
        """The variable that fits by its shape and name, where no equation tells."""
        used = {s.value.tobytes() for s in taken}
        for seen, view, _ in self.candidates(name, roles.sizes):
            other = any(named_like(seen.text, id) for id in self.given if id != name.id)
            if seen.value.tobytes() not in used and not other:
                return Placed(view.array, seen, view.how)
        return None


def loose(value: Floats, dtype: str) -> Known:
    """The value with room for rounding, for the search only."""
    room = LOOSE.get(dtype, 1e-8) * float(np.max(np.abs(value), initial=0.0)) + 1e-300
    return Known(value, np.full(value.shape, room))


def shapes_for(seen: Seen, shape: Shape, sizes: Mapping[str, int]) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    """The concrete shapes of a quantity that an array could have, with the sizes that follow."""
    have = seen.value.shape
    ways: list[tuple[int, ...]] = [have, have[::-1]] if len(have) == 2 else []
    if len(have) <= 1:
        ways = [(1, seen.value.size), (seen.value.size, 1)]
    if shape == ():
        ways = [()] if seen.value.size == 1 else []
    # Numbers of classes stand for one-hot samples, so the other dimension is the declared one.
    if seen.value.dtype.kind in "iu" and len(shape) == 2 and 1 in (*have, len(have)):
        ways += [
            (seen.value.size, d) if axis == 1 else (d, seen.value.size)
            for axis, d in enumerate(shape)
            if isinstance(d, int)
        ]
    for way in dict.fromkeys(ways):
        bound = dict(sizes)
        for dim, size in zip(shape, way, strict=True):
            if isinstance(dim, Symbol):
                if bound.setdefault(dim.name, size) != size:
                    break
            elif dim != size:
                break
        else:
            yield way, bound


def named_like(text: str, id: str) -> bool:
    """Whether people call the quantity so.

    Example:
        >>> named_like("self.W1", "W_1"), named_like("params['b2']", "b_2"), named_like("X_train", "X")
        (True, True, True)
    """
    plain = re.sub(r"[^a-z0-9]", "", text.rpartition("self.")[2].partition("[:")[0].lower().removeprefix("params"))
    wanted = id.replace("_", "").lower()
    return plain == wanted or plain in SPELLINGS.get(id, ())
