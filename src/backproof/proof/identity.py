"""Testing obligations at a point, whatever its numbers are: exact residues, many digits, or degrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, assert_never

from backproof.backprop.trace import Trace
from backproof.dims import concrete
from backproof.errors import BackproofError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, Function, Name
from backproof.ir.program import Program
from backproof.proof.backward import backward_obligations
from backproof.proof.degree import Degree, DegreeArithmetic
from backproof.proof.forward import forward_obligations
from backproof.proof.modular import PoleError
from backproof.proof.obligations import Bind, Draw, Fact, Identity, Law, Obligation, direction
from backproof.proof.points import MOST_DRAWS, Points, draw_points

MOST_SEEDS = 10
"""How often other points are drawn where one of them is a pole."""

Outcome = TypeVar("Outcome", covariant=True)


class Place(Protocol[Outcome]):
    """Where expressions have values, and what it is to compare two of them there."""

    @property
    def env(self) -> dict[str, Any]: ...
    def __call__(self, expr: Expr) -> Any: ...
    def draw(self, name: Name, direction_of: str | None = None) -> Any: ...
    def compare(self, a: Any, b: Any) -> Outcome: ...


def obligations_of(trace: Trace) -> tuple[Obligation, ...]:
    """All that has to be shown for the trace, in order."""
    return (*forward_obligations(trace), *backward_obligations(trace))


def outcomes(obligations: Iterable[Obligation], place: Place[Outcome]) -> Iterator[tuple[Outcome, ...]]:
    """For each identity one outcome per right-hand side, for each law that of its values and that of its slopes.

    The place's named quantities grow by what the obligations bind and draw.
    """
    for obligation in obligations:
        match obligation:
            case Fact():
                pass
            case Bind(id, value):
                place.env[id] = place(value)
            case Draw(name, direction_of):
                place.env[name.id] = place.draw(name, direction_of)
            case Identity(_, left, rights):
                value = place(left)
                yield tuple(place.compare(value, place(right)) for right in rights)
            case Law():
                yield place.compare(place(obligation.before), place(obligation.after)), _slopes(obligation, place)
            case _:
                assert_never(obligation)


def _slopes(law: Law, place: Place[Outcome]) -> Outcome:
    """The comparison of the two tangents along a random direction of what is free in the law."""
    outside = dict(place.env)
    for name in law.free:
        place.env[direction(name).id] = place.draw(direction(name), name.id)
    for tangent in law.tangents:
        place.env[tangent.id] = place(tangent.value)
    before, after = law.slopes
    outcome = place.compare(place(before), place(after))
    place.env.clear()
    place.env.update(outside)
    return outcome


class DegreeEvaluator(Evaluator):
    """Values a function of the same quantity once, so that its factors are the same wherever it stands."""

    def __init__(self, degrees: DegreeArithmetic, sizes: Mapping[str, int]) -> None:
        super().__init__(degrees, sizes)
        self._found: dict[tuple[Function, int], tuple[Degree, Degree]] = {}

    def function(self, fn: Function, x: Degree) -> Degree:
        """f(x); the argument is kept with it, so that its identity stays its own."""
        key = (fn, id(x))
        if key not in self._found:
            self._found[key] = (x, super().function(fn, x))
        return self._found[key][1]


@dataclass(frozen=True)
class DegreePlace:
    """The degrees of everything that a program computes, in place of values."""

    evaluator: Evaluator
    degrees: DegreeArithmetic
    env: dict[str, Degree] = field(default_factory=dict)

    def __call__(self, expr: Expr) -> Degree:
        degree: Degree = self.evaluator(expr, self.env)
        return self.degrees.bounded(degree)

    def draw(self, name: Name, direction_of: str | None = None) -> Degree:
        """Random elements are the variables."""
        return self.degrees.variable(concrete(name.shape, self.evaluator.sizes))

    def compare(self, a: Degree, b: Degree) -> float:
        """The degree of a − b."""
        return self.degrees.difference(a, b)


def degree_place(program: Program, sizes: Mapping[str, int]) -> DegreePlace:
    """The degrees of a program's quantities, for the given sizes of symbolic dimensions."""
    degrees = DegreeArithmetic()
    place = DegreePlace(DegreeEvaluator(degrees, sizes), degrees)
    for name in (*program.inputs, *program.parameters):
        place.env[name.id] = place.draw(name)
    for equation in program.equations:
        place.env[equation.name.id] = place(equation.value)
    return place


def at_points(
    trace: Trace, obligations: Sequence[Obligation], points: int, seed: int, *, keep: bool = False
) -> tuple[Points, list[list[tuple[bool, ...]]]]:
    """The points drawn, and the outcomes at each.

    Args:
        trace: the derivation.
        obligations: what is tested.
        points, seed: how many points, and which.
        keep: whether the points keep all that the obligations bind; else they are emptied one after the other.

    Raises:
        BackproofError: a derivative has a pole wherever it is evaluated.
    """
    for attempt in range(MOST_SEEDS):
        drawn = draw_points(trace.program, points, seed + attempt * MOST_DRAWS)
        try:
            found: list[list[tuple[bool, ...]]] = []
            for point in drawn.points:
                found.append(list(outcomes(obligations, point)))
                if not keep:
                    point.env.clear()
            return drawn, found
        except PoleError:
            continue
    raise BackproofError("a derivative of this program divides by zero wherever it is evaluated; it cannot be tested")
