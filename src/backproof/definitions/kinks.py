"""Where a formula has a kink, and which derivative holds there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from backproof.backprop.simplify import simplify
from backproof.definitions.sampling import Sampler, UndefinedError, floats
from backproof.definitions.slopes import slope
from backproof.ir.expr import Const, Elementwise, Expr, Greater, Neg
from backproof.ir.lift import lift
from backproof.ir.traverse import transform, walk
from backproof.rules.elementwise import ZERO, abs_

KINKED = frozenset({"abs", "relu", "negative_part", "sign"})
"""The functions that have their kink where their argument is 0."""


def switches(formula: Expr) -> Iterator[Expr]:
    """The expressions whose sign decides which branch of the formula holds."""
    for node in walk(formula):
        match node:
            case Greater(a, b):
                yield a - b
            case Elementwise(fn, argument) if fn.name in KINKED:
                yield argument
            case Elementwise(fn, argument) if fn.definition is not None:
                yield from (lift(inner, {"x": argument}) for inner in switches(fn.definition))
            case _:
                pass


def convention(name: str, formula: Expr, derivative: Expr, sampler: Sampler) -> str:
    """What holds at the kinks of the formula, in words; empty where it has none.

    Args:
        name: the function.
        formula: its definition in ``x``.
        derivative: its derivative in ``x`` alone.
        sampler: what values it.

    Raises:
        UndefinedError: the derivative at a kink is no finite number; says which kink.
    """
    found = [_roots(switch, sampler) for switch in switches(formula)]
    roots = sorted({root for roots in found if roots is not None for root in roots})
    for root, value in zip(roots, floats(derivative, [float(root) for root in roots]), strict=True):
        if not math.isfinite(value):
            raise UndefinedError(str(root))
    kinks = [root for root in roots if _is_kink(formula, derivative, root, sampler)]
    stated = [f"{name}'({root}) = {_value(derivative, root, sampler)}" for root in kinks]
    if None in found:
        where = "elsewhere" if stated else f"at a kink of {name}"
        stated.append(f"{where} [a > b] counts as 0 where a = b, and sign(0) = 0")
    return " and ".join(stated)


def _roots(switch: Expr, sampler: Sampler) -> frozenset[Fraction] | None:
    """Where the switch is 0, for one that is affine in ``x`` and in absolute values; None for any other."""
    roots: set[Fraction] = set()
    for branch in _without_absolute_values(switch):
        gradient, start = _number(slope(branch)), _number(simplify(lift(branch, {"x": ZERO})))
        if gradient is None or start is None:
            return None
        if gradient:
            roots.add(-start / gradient)
    return frozenset(root for root in roots if _is_zero_at(switch, root, sampler))


def _number(expr: Expr) -> Fraction | None:
    match expr:
        case Const(value):
            return value
        case Neg(Const(value)):
            return -value
        case _:
            return None


def _without_absolute_values(switch: Expr) -> Iterator[Expr]:
    """The switch with |u| written as u and as −u, for each combination of signs that is not too many."""
    inner = next((node for node in walk(switch) if isinstance(node, Elementwise) and node.fn == abs_), None)
    if inner is None:
        yield switch
        return
    for side in (inner.x, -inner.x):
        yield from _without_absolute_values(_replaced(switch, inner, side))


def _replaced(expr: Expr, old: Expr, new: Expr) -> Expr:
    return transform(expr, lambda node: new if node == old else node)


def _is_zero_at(formula: Expr, point: Fraction, sampler: Sampler) -> bool:
    try:
        return sampler.agree(0, sampler.value(formula, sampler.number(point)))
    except UndefinedError:
        return False


def _is_kink(formula: Expr, derivative: Expr, point: Fraction, sampler: Sampler) -> bool:
    """Whether the value or the derivative at the point differs from that on either side of it."""
    at, nearby = sampler.number(point), sampler.number(Fraction(1, 10**40))
    try:
        return any(
            not sampler.agree(_at(f, point, sampler), sampler.value(f, side))
            for f in (formula, derivative)
            for side in (at - nearby, at + nearby)
        )
    except UndefinedError:
        return False


def _at(formula: Expr, point: Fraction, sampler: Sampler) -> Any:
    """The value at the point itself, where a branch that is not taken may have none: floating point allows that."""
    try:
        return sampler.value(formula, sampler.number(point))
    except UndefinedError:
        [value] = floats(formula, [float(point)])
        if not math.isfinite(value):
            raise
        return sampler.number(Fraction(value))


def _value(derivative: Expr, point: Fraction, sampler: Sampler) -> str:
    value = _at(derivative, point, sampler)
    near = sampler.fraction(value, 1_000)
    return f"{float(value):.6g}" if near is None else str(near)
