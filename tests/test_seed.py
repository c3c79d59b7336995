"""Every displayed equation (30) to (79) of the seed: its counterpart in the derivation, its value and its shape.

For each number the table names the step of the scalar view that is its counterpart. At random points three things must
agree: the seed's right-hand side in plain NumPy, the derivation's line, and the left-hand side itself, where a partial
derivative is taken by complex step through the plain NumPy network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.scalar import ScalarKind, ScalarStep, ScalarView
from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.dims import SCALAR, Shape
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Assembled, Component, Const, Expr, Name, Partial
from backproof.ir.indices import at
from backproof.ir.traverse import transform, walk
from seed_page import FORMULAS, Array, Point

POINTS = range(5)
TOLERANCE = 1e-12

W_1, W_2 = Name("W_1", (3, 2)), Name("W_2", (2, 1))
l_1, y_hat, L = Name("l_1", (1, 2)), Name("y_hat", (1, 1)), Name("L")
delta_1, delta_2 = Name("delta_1", (1, 2)), Name("delta_2", (1, 1))
prediction = Component(y_hat, 1, 1)


def unit(j: int) -> Component:
    """l_1^j."""
    return Component(l_1, 1, j)


def by_w1(i: int, j: int) -> Partial:
    """∂L/∂w_1^{ij}."""
    return Partial(L, Component(W_1, i, j))


def by_w2(i: int) -> Partial:
    """∂L/∂w_2^i."""
    return Partial(L, Component(W_2, i, 1))


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Where the derivation says what an equation of the seed says.

    Args:
        kind: the kind of the step.
        target: its left-hand side.
        line: which of its right-hand sides.
        shape: the seed's; () for an equation between numbers.
        using: the equations that the seed names there, its slip in (45) made right.
        nth: which of the steps of this kind with this left-hand side, where there are several.
    """

    kind: ScalarKind
    target: Expr
    line: int = -1
    shape: Shape = SCALAR
    using: tuple[str, ...] = ()
    nth: int = 0


COUNTERPARTS = {
    # input and output
    "30": Counterpart("define", l_1, 0, (1, 2)),
    "31": Counterpart("define", l_1, 1, (1, 2)),
    "32": Counterpart("entry", l_1, shape=(1, 2)),
    "33": Counterpart("entry", unit(1), 1),
    "34": Counterpart("entry", unit(2), 1),
    "35": Counterpart("define", y_hat, 0, (1, 1)),
    "36": Counterpart("define", y_hat, 1, (1, 1)),
    "37": Counterpart("entry", prediction, 1),
    # the gradient by W_2
    "40": Counterpart("collect", Partial(L, W_2), shape=(2, 1)),
    "41": Counterpart("chain", by_w2(1)),
    "42": Counterpart("partial", Partial(L, prediction), 0),
    "43": Counterpart("partial", Partial(prediction, Component(W_2, 1, 1)), 1, using=("36", "37")),
    "44": Counterpart("partial", Partial(prediction, Component(W_2, 1, 1)), 2, using=("35",)),
    "45": Counterpart("substitute", by_w2(1), using=("41", "42", "44")),
    "46": Counterpart("name", Component(delta_2, 1, 1)),
    "47": Counterpart("result", by_w2(1), using=("45", "46")),
    "48": Counterpart("likewise", by_w2(2), using=("46",)),
    "49": Counterpart("assemble", Partial(L, W_2), shape=(2, 1), using=("40", "47", "48")),
    "49.1": Counterpart("factor", Partial(L, W_2), 1, (2, 1), using=("49",)),
    # the gradient by W_1, first unit
    "50": Counterpart("collect", Partial(L, W_1), shape=(3, 2)),
    "51": Counterpart("chain", by_w1(1, 1)),
    "52": Counterpart("partial", Partial(L, prediction), nth=1),
    "53": Counterpart("partial", Partial(prediction, unit(1)), 1, using=("37",)),
    "54": Counterpart("partial", Partial(prediction, unit(1)), 2, using=("35",)),
    "55": Counterpart("partial", Partial(unit(1), Component(W_1, 1, 1)), 0, using=("33",)),
    "56": Counterpart("partial", Partial(unit(1), Component(W_1, 1, 1)), 2),
    "57": Counterpart("substitute", by_w1(1, 1), using=("51", "52", "54", "56")),
    "58": Counterpart("fold", by_w1(1, 1), using=("46", "57")),
    "59": Counterpart("name", Component(delta_1, 1, 1)),
    "60": Counterpart("result", by_w1(1, 1), using=("58", "59")),
    "61": Counterpart("likewise", by_w1(2, 1), using=("59",)),
    "62": Counterpart("likewise", by_w1(3, 1), using=("59",)),
    # the gradient by W_1, second unit
    "63": Counterpart("chain", by_w1(1, 2)),
    "64": Counterpart("partial", Partial(L, prediction), nth=2),
    "65": Counterpart("partial", Partial(prediction, unit(2)), 1, using=("37",)),
    "66": Counterpart("partial", Partial(prediction, unit(2)), 2, using=("35",)),
    "67": Counterpart("partial", Partial(unit(2), Component(W_1, 1, 2)), 0, using=("34",)),
    "68": Counterpart("partial", Partial(unit(2), Component(W_1, 1, 2)), 2),
    "69": Counterpart("substitute", by_w1(1, 2), using=("63", "64", "66", "68")),
    "70": Counterpart("fold", by_w1(1, 2), using=("46", "69")),
    "71": Counterpart("name", Component(delta_1, 1, 2)),
    "72": Counterpart("result", by_w1(1, 2), using=("70", "71")),
    "73": Counterpart("likewise", by_w1(2, 2), using=("71",)),
    "74": Counterpart("likewise", by_w1(3, 2), using=("71",)),
    # the matrix again
    "75": Counterpart("assemble", Partial(L, W_1), shape=(3, 2), using=("50", "60", "61", "62", "72", "73", "74")),
    "76": Counterpart("assemble", delta_1, shape=(1, 2)),
    "77": Counterpart("factor", Partial(L, W_1), 0, (3, 2), using=("75", "76")),
    "78": Counterpart("factor", Partial(L, W_1), 1, (3, 2), using=("75", "76")),
    "79": Counterpart("matrix", delta_1, 1, (1, 2), using=("46",)),
}
"""By the seed's number; its second (73) is called 74, the number that it lacks."""

SUMMARY = {"79": delta_1, "46": delta_2, "49.1": Partial(L, W_2), "78": Partial(L, W_1)}
"""What the four take-home equations are about. The seed's summary prints (79) as Δl_2 and (46) as Δl_1: slips."""

EXACT = ("45", "49", "57", "58", "69", "70", "75")
"""Equations where the seed says in full what is put into what."""


@cache
def view() -> ScalarView:
    """The derivation of the seed's network, weight by weight."""
    return scalar_view(backpropagate(bp.mlp(3, 2, 1)))


@cache
def step(number: str) -> ScalarStep:
    """The step of the derivation that is the counterpart of an equation."""
    c = COUNTERPARTS[number]
    found = [s for s in view().steps if s.kind == c.kind and s.target == c.target]
    assert len(found) > c.nth, f"({number}) has no counterpart: no {c.kind} step about {c.target}"
    return found[c.nth]


# --- values -------------------------------------------------------------------------------------------------------


def partial_value(symbol: Partial, point: Point) -> Fraction:
    """The value of ∂a/∂b between two entries, exactly as the complex step gives it."""
    of, wrt = symbol.of, symbol.wrt
    assert isinstance(wrt, Component)
    assert isinstance(wrt.row, int)
    assert isinstance(wrt.column, int)
    name, unit = (of.base.id, of.column) if isinstance(of, Component) else ("L", 1)
    assert isinstance(unit, int)
    return Fraction(point.partial(name, unit, wrt.base.id, wrt.row, wrt.column))


def value(expr: Expr, point: Point) -> Array:
    """The value of a formula of the derivation, where each ∂a/∂b is a symbol for its own value."""
    evaluator = Evaluator(NumpyArithmetic(), {})
    given = {"X": point.X, "y": point.y, "W_1": point.W_1, "W_2": point.W_2}
    named = evaluate_program(view().trace.joint, given, evaluator)

    def number(node: Expr) -> Expr:
        return Const(partial_value(node, point)) if isinstance(node, Partial) else node

    if isinstance(expr, Assembled) and any(isinstance(node, Partial) for node in walk(expr.body)):
        rows, columns = (range(1, int(str(size)) + 1) for size in expr.of_shape)
        entries = [[value(at(expr.body, {expr.row: i, expr.column: j}), point) for j in columns] for i in rows]
        return np.array(entries)
    return np.asarray(evaluator(transform(expr, number), named))


def left_hand_side(target: Expr, point: Point) -> Any:
    """The value of what an equation is about, by the plain NumPy network."""
    match target:
        case Partial(_, Name(id)):
            return point.gradient(id)
        case Partial():
            return float(partial_value(target, point))
        case Component(base, int() as row, int() as column):
            return getattr(point, base.id)[row - 1, column - 1]
        case Name(id):
            return getattr(point, id)
        case _:
            raise TypeError(type(target).__name__)


def agree(a: Any, b: Any) -> bool:
    """Whether two values agree to 1e-12 of the larger one."""
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.shape == b.shape and np.abs(a - b).max() <= TOLERANCE * max(np.abs(a).max(), np.abs(b).max(), 1e-3))


def test_every_displayed_equation_is_in_the_table() -> None:
    numbers = [str(n) for n in chain(range(30, 38), range(40, 80))]
    numbers.insert(numbers.index("49") + 1, "49.1")
    assert list(COUNTERPARTS) == numbers
    assert list(FORMULAS) == numbers
    assert len(numbers) == 49


@pytest.mark.parametrize("number", COUNTERPARTS)
def test_the_counterpart_has_the_shape_of_the_seeds_equation(number: str) -> None:
    counterpart, found = COUNTERPARTS[number], step(number)
    line = found.lines[counterpart.line]
    assert found.target.shape == counterpart.shape
    assert line.shape == counterpart.shape
    assert np.shape(FORMULAS[number](Point(0))) == counterpart.shape


@pytest.mark.parametrize("number", COUNTERPARTS)
def test_the_counterpart_has_the_value_of_the_seeds_formula(number: str) -> None:
    line = step(number).lines[COUNTERPARTS[number].line]
    for point in map(Point, POINTS):
        seeds = FORMULAS[number](point)
        assert agree(value(line, point), seeds), f"({number}): the derivation's line"
        assert agree(left_hand_side(COUNTERPARTS[number].target, point), seeds), f"({number}): the left-hand side"


def test_no_two_equations_have_the_same_counterpart() -> None:
    places = [(step(number).number, COUNTERPARTS[number].line % len(step(number).lines)) for number in COUNTERPARTS]
    assert len(set(places)) == len(places)


def test_the_counterparts_come_in_the_order_of_the_seed() -> None:
    places = [(step(number).number, COUNTERPARTS[number].line % len(step(number).lines)) for number in COUNTERPARTS]
    assert places == sorted(places)


# --- what uses what -----------------------------------------------------------------------------------------------


def rests_on(number: int) -> Iterator[int]:
    """The step and everything that it uses, directly or not."""
    by_number = {s.number: s for s in view().steps}
    seen, waiting = set[int](), [number]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            yield current
            waiting += by_number[current].uses


def numbers_of(equations: Iterable[str]) -> set[int]:
    """The numbers of the steps that are their counterparts."""
    return {step(equation).number for equation in equations}


@pytest.mark.parametrize("number", [number for number, c in COUNTERPARTS.items() if c.using])
def test_the_step_rests_on_the_equations_that_the_seed_names(number: str) -> None:
    assert numbers_of(COUNTERPARTS[number].using) <= set(rests_on(step(number).number))


@pytest.mark.parametrize("number", EXACT)
def test_what_the_seed_puts_into_what_is_all_that_is_used(number: str) -> None:
    assert set(step(number).uses) == numbers_of(COUNTERPARTS[number].using)


# --- the seed's slips (DESIGN, section 8) -------------------------------------------------------------------------


@pytest.mark.parametrize("number", SUMMARY)
def test_the_summary_is_about_the_right_quantities(number: str) -> None:
    about, at_a_point = SUMMARY[number], Point(7)
    target = step(number).target
    assert (target.base if isinstance(target, Component) else target) == about
    assert agree(left_hand_side(about, at_a_point), np.reshape(FORMULAS[number](at_a_point), about.shape))


def test_the_seeds_summary_as_printed_is_wrong() -> None:
    """(79) is Δl_1 and not Δl_2, (46) is Δl_2 and not Δl_1: their shapes alone say so."""
    point = Point(7)
    assert np.shape(FORMULAS["79"](point)) == delta_1.shape != delta_2.shape
    assert not np.allclose(FORMULAS["46"](point), left_hand_side(delta_1, point))


def test_the_shapes_that_the_seed_misprints() -> None:
    """[W_2] is printed 32×1 and is 2×1; [l_1] is printed 1×1 and is 1×2."""
    entries = {s.target: s.target.shape for s in view().steps if s.kind == "entry"}
    assert entries[W_2] == (2, 1)
    assert entries[l_1] == (1, 2)


def test_the_number_73_stands_for_two_equations() -> None:
    assert step("73").number != step("74").number
    assert step("73").target == by_w1(2, 2)
    assert step("74").target == by_w1(3, 2)


def test_what_is_substituted_in_41_is_42_and_44() -> None:
    """The seed says (43) and (44), which are one chain of equations for the same factor."""
    assert step("43").number == step("44").number
    assert set(step("45").uses) == {step("41").number, step("42").number, step("44").number}


def test_the_updates_of_the_listing_are_swapped() -> None:
    """The listing gives W_1 layer 2's gradient, and the reverse; not even the shapes agree."""
    gradients = {
        s.target.wrt: s.lines[-1].shape for s in view().steps if s.kind == "factor" and isinstance(s.target, Partial)
    }
    assert gradients == {W_1: (3, 2), W_2: (2, 1)}
