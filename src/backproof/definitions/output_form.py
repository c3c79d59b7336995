"""The derivative of a function as people write it: in terms of the output y where it can be, and short.

σ' = y(1 − y) rather than exp(−x)/(1 + exp(−x))². Every form but the first comes from the one that the tables derive,
and is taken only where it evaluates to the same digits and is no worse in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

from backproof.backprop.simplify import simplify
from backproof.definitions.kinks import switches
from backproof.definitions.recognise import recognised
from backproof.definitions.sampling import FAR, Sampler, UndefinedError, floats
from backproof.definitions.slopes import slope
from backproof.definitions.symbolic import is_zero, shorter_forms
from backproof.ir.expr import Const, Expr, Function, Name
from backproof.ir.traverse import names, node_count
from backproof.rules.elementwise import ONE, ZERO

LARGEST_DENOMINATOR = 10**6

y = Name("y")


def derivative_in_output(fn: Function, derived: Expr, sampler: Sampler) -> Expr:
    """The best form of the derivative.

    Args:
        fn: the function, without its derivative.
        derived: the derivative in ``x``, as the tables give it.
        sampler: what values it.
    """
    quadratic = quadratic_in_output(fn, derived, sampler)
    if quadratic is not None:
        return quadratic
    definition = fn.definition
    if definition is None:
        return derived
    forms = sorted(dict.fromkeys(_forms(fn, definition, derived)), key=lambda form: _cost(form, fn))
    return next((form for form in forms if _equal(form, derived, definition, sampler)), derived)


def _cost(form: Expr, fn: Function) -> tuple[int, bool, int]:
    """What makes a form worse: failures in floating point, then the use of the argument, then length."""
    return (_failures(form, fn), "x" in names(form), node_count(form))


def _forms(fn: Function, definition: Expr, derived: Expr) -> Iterator[Expr]:
    """The derivative in several equal forms, the ones as derived first."""
    spelled = recognised(definition)
    known = {simplify(definition): y, simplify(spelled): y}
    for start in dict.fromkeys((derived, slope(spelled))):
        yield simplify(start, known)
        yield start
        for form in shorter_forms(start, spelled if spelled != definition else definition):
            yield form
            yield simplify(form, known)
            yield simplify(recognised(form), known)


def _equal(form: Expr, derived: Expr, definition: Expr, sampler: Sampler) -> bool:
    try:
        return all(
            sampler.agree(sampler.value(derived, x), sampler.value(form, x, sampler.value(definition, x)))
            for x in sampler.points
        )
    except UndefinedError:
        return False


def _failures(form: Expr, fn: Function) -> int:
    """At how many points floating point gives no finite value."""
    return sum(not math.isfinite(value) for value in floats(form, FAR, fn))


def quadratic_in_output(fn: Function, derived: Expr, sampler: Sampler) -> Expr | None:
    """a + b·y + c·y² with rational a, b, c, where the derivative is that; otherwise None.

    The coefficients are found from the values at three points; that the identity holds everywhere is confirmed by
    SymPy, which decides it for rational functions of exponentials: among them every logistic curve.
    """
    if fn.definition is None or any(True for _ in switches(fn.definition)):
        return None
    try:
        values = [(sampler.value(fn.definition, x), sampler.value(derived, x)) for x in sampler.points]
    except UndefinedError:
        return None
    found = _coefficients(values, sampler)
    if found is None:
        return None
    a, b, c = (Const(coefficient) for coefficient in found)
    output = fn.definition
    if not is_zero(derived - (a + b * output + c * output**2)):
        return None
    return _written(*found)


def _coefficients(values: list[tuple[Any, Any]], sampler: Sampler) -> tuple[Fraction, Fraction, Fraction] | None:
    """a, b, c with f' = a + b·f + c·f² at all points."""
    mp = sampler.arithmetic.context
    for three in combinations(values[:5], 3):
        matrix = mp.matrix([[1, f, f * f] for f, _ in three])
        try:
            solved = mp.lu_solve(matrix, mp.matrix([slope_there for _, slope_there in three]))
        except ZeroDivisionError:
            continue
        a, b, c = (sampler.fraction(value, LARGEST_DENOMINATOR) for value in solved)
        if a is None or b is None or c is None:
            return None
        p, q, r = (sampler.number(coefficient) for coefficient in (a, b, c))
        return (a, b, c) if all(sampler.agree(d, p + q * f + r * f * f) for f, d in values) else None
    return None


def _written(a: Fraction, b: Fraction, c: Fraction) -> Expr:
    """a + b·y + c·y², factored where a = 0: y(1 − y)."""
    if a == 0 and b and c:
        product = y * _sum_of(((Fraction(1), ONE), (c / b, y)))
        return product if b == 1 else Const(b) * product
    return _sum_of(((a, ONE), (b, y), (c, y**2)))


def _sum_of(terms: tuple[tuple[Fraction, Expr], ...]) -> Expr:
    total: Expr | None = None
    # A positive term first: 1 − y² rather than −y² + 1.
    for coefficient, power in sorted(terms, key=lambda term: term[0] < 0):
        if coefficient == 0:
            continue
        size = abs(coefficient)
        term = Const(size) if power == ONE else power if size == 1 else Const(size) * power
        if total is None:
            total = -term if coefficient < 0 else term
        else:
            total = total - term if coefficient < 0 else total + term
    return ZERO if total is None else total
