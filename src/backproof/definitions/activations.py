"""A user's own activation: the formula is parsed, its derivative derived, checked and written in the output."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from backproof.definitions.kinks import convention
from backproof.definitions.output_form import derivative_in_output
from backproof.definitions.recognise import recognised
from backproof.definitions.sampling import DIGITS, GRID, SANE, Sampler, UndefinedError, floats
from backproof.definitions.slopes import slope
from backproof.errors import FormulaError, SpecificationError
from backproof.ir.expr import Elementwise, Expr, Function, Name
from backproof.ir.traverse import children, names, substitute
from backproof.parsing import check_name, parse_scalar_formula
from backproof.rules.elementwise import register

MOST_OPERATIONS = 5_000
"""A function that grows beyond this when the functions in it are written out is refused."""


def activation(name: str, formula: str, *, variable: str = "x") -> Function:
    """y = f(x) by a formula, with its derivative derived; from then on ``name`` is known like a built-in function.

    The derivative is derived by the same tables as everything else, compared with a fifty-digit difference quotient,
    and written in terms of the output y where that is possible: the logistic function by its formula gets y(1 − y).

    Args:
        name: how networks and other formulas call it. A name of your own may be defined again.
        formula: an element-wise formula, such as ``x*tanh(softplus(x))``.
        variable: the name of its argument.

    Returns:
        The function, for ``activation=`` of a network; its name will do as well.

    Raises:
        FormulaError: the grammar refuses the formula; the message says what, where and what to do.
        SpecificationError: the name is taken, or the formula is no finite number, or not smooth enough, near 0.

    Example:
        >>> mish = activation("mish", "x*tanh(softplus(x))")
        >>> activation("logistic_by_hand", "1/(1 + exp(-x))").derivative == parse_scalar_formula("y*(1 - y)", "y")
        True
    """
    return register(function_of(name, formula, variable=variable))


def function_of(name: str, formula: str, *, variable: str = "x") -> Function:
    """The function that ``activation`` makes, which nobody else gets to know by its name.

    Raises:
        FormulaError, SpecificationError: see ``activation``.
    """
    check_name(name, "activation")
    check_name(variable, "variable")
    parsed = parse_scalar_formula(formula, [variable], defining=name)
    if variable not in names(parsed):
        raise FormulaError(
            f"the formula for {name} does not use {variable}; an activation depends on its argument",
            formula=formula,
        )
    definition = substitute(parsed, {variable: Name("x")})
    _check_operations(name, definition)
    stable = recognised(definition)
    written = " ".join(formula.split())
    fn = Function(name, definition, stable=None if stable == definition else stable, source=f"the formula {written}")
    return _differentiated(fn, definition)


def _differentiated(fn: Function, definition: Expr) -> Function:
    sampler = Sampler()
    derived = slope(definition)
    _check_values(fn, definition, sampler)
    _check_derivative(fn, definition, derived, sampler)
    derivative = derivative_in_output(fn, derived, sampler)
    _check_floats(fn, derivative)
    try:
        stated = convention(fn.name, definition, derived, sampler)
    except UndefinedError as kink:
        raise _not_finite(fn, "the derivative of ", str(kink)) from None
    return replace(fn, derivative=derivative, convention=stated)


# --- checks -------------------------------------------------------------------------------------------------------


def _check_operations(name: str, definition: Expr) -> None:
    """Refuse functions of functions of functions that explode, before anything is evaluated."""
    if _operations(definition, {}) > MOST_OPERATIONS:
        raise SpecificationError(
            f"the formula for {name} grows to more than {MOST_OPERATIONS:,} operations when the functions in it are "
            "written out; use fewer of them"
        )


def _operations(formula: Expr, known: dict[int, int]) -> int:
    count = 1 + sum(_operations(child, known) for child in children(formula))
    if isinstance(formula, Elementwise) and formula.fn.definition is not None:
        key = id(formula.fn)
        if key not in known:
            known[key] = _operations(formula.fn.definition, known)
        count += known[key]
    return count


def _check_values(fn: Function, definition: Expr, sampler: Sampler) -> None:
    """The value is a finite real number on the sane range."""
    for x in sampler.points:
        try:
            sampler.value(definition, x)
        except UndefinedError:
            raise _not_finite(fn, "", f"{float(x):.3g}") from None
    for at, value in zip(GRID, floats(Elementwise(fn, Name("x")), GRID), strict=True):
        if not math.isfinite(value):
            raise _not_finite(fn, "", f"{at:g}")


def _not_finite(fn: Function, what: str, at: str) -> SpecificationError:
    return SpecificationError(
        f"{what}{fn.name} is not a finite number at x = {at} ({fn.source}); an activation must be one for every "
        f"argument, at least from -{SANE} to {SANE}"
    )


def _check_derivative(fn: Function, definition: Expr, derived: Expr, sampler: Sampler) -> None:
    """The derivative agrees with the difference quotient, at points that are nobody's kink."""
    for x in sampler.points:
        try:
            expected: Any = sampler.difference(definition, x)
            agrees = sampler.agree(expected, sampler.value(derived, x))
        except UndefinedError:
            raise _not_finite(fn, "the derivative of ", f"{float(x):.3g}") from None
        if not agrees:
            raise SpecificationError(
                f"the derivative of {fn.name} does not agree with a {DIGITS}-digit difference at x = {float(x):.3g} "
                f"({fn.source}); the formula changes too fast there to be an activation"
            )


def _check_floats(fn: Function, derivative: Expr) -> None:
    """Floating point gives a finite derivative on the sane range, zero included."""
    for at, value in zip(GRID, floats(derivative, GRID, fn), strict=True):
        if not math.isfinite(value):
            raise _not_finite(fn, "the derivative of ", f"{at:g}")
