"""The derivative of one function as its row has it, against its definition: in the field, and to many digits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backproof.dims import Shape
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Elementwise, Expr, Function, Name, total, zeros
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import walk
from backproof.proof.identity import outcomes
from backproof.proof.modular import PoleError
from backproof.proof.obligations import Draw, Identity
from backproof.proof.points import draw_points
from backproof.proof.precise import PreciseArithmetic, PrecisePoint
from backproof.rules.elementwise import derivative
from backproof.rules.jvp import tangent_of

ENTRIES: Shape = (4, 4)
"""Arguments at one point: enough that both sides of a kink are among them."""

PLACES = np.linspace(-2.9, 2.9, 16).reshape(4, 4)
"""Arguments for the comparison of digits, none of them a round number."""

X, Y, V = Name("x", ENTRIES), Name("y", ENTRIES), Name("v", ENTRIES)


def functions_in(program: Program) -> frozenset[Function]:
    """Every function that the program applies, and those that their definitions are made of."""
    found: set[Function] = set()

    def collect(expr: Expr) -> None:
        for node in walk(expr):
            if isinstance(node, Elementwise) and node.fn not in found:
                found.add(node.fn)
                if node.fn.definition is not None:
                    collect(node.fn.definition)

    for equation in program.equations:
        collect(equation.value)
    return frozenset(found)


def row_obligations(fn: Function) -> tuple[Program, tuple[Draw, Identity]]:
    """y = f(x), and that f'(x) v as the row has it is the tangent of the definition along v."""
    output = Elementwise(fn, X)
    program = Program((X,), (), (Equation(Y, output), Equation(Name("L"), total(Y))), "L")
    tangent = tangent_of(output, {"x": V})
    claimed = derivative(fn, X, Y) * V
    defined = zeros(ENTRIES) if tangent is None else tangent
    return program, (Draw(V), Identity(None, claimed, (defined,), f"{fn.name}' is not the derivative of {fn.name}"))


def row_holds_in_field(fn: Function, *, points: int = 3, seed: int = 0) -> bool:
    """Whether the row is an identity of rational functions in the values of primitives."""
    program, obligations = row_obligations(fn)
    drawn = draw_points(program, points, seed)
    try:
        return all(all(outcome) for point in drawn.points for outcome in outcomes(obligations, point))
    except PoleError:
        return False


def row_holds_in_digits(fn: Function, *, digits: int = 50) -> bool:
    """Whether the row agrees with the definition to that many digits, wherever both have a value."""
    return all(_agrees_at(fn, places, digits) for places in _places())


def _places() -> Iterator[np.ndarray]:
    yield PLACES
    yield np.abs(PLACES)


def _agrees_at(fn: Function, places: np.ndarray, digits: int) -> bool:
    program, obligations = row_obligations(fn)
    evaluator = Evaluator(PreciseArithmetic(2 * digits), {})
    point = PrecisePoint(evaluator, {}, np.random.default_rng(0), (), digits)
    point.env["x"] = point.arithmetic.array(places)
    try:
        point.env["y"] = point(program.definitions["y"].value)
        return all(all(outcome) for outcome in outcomes(obligations, point))
    except (ArithmeticError, ValueError, TypeError):
        # Outside its domain a function has no real value: this place says nothing.
        return bool((places < 0).any())
