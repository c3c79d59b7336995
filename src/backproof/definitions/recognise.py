"""Known functions found in a formula: log(1 + exp(x)) is softplus(x), which floating point can compute."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from backproof.backprop.simplify import simplify
from backproof.ir.expr import Add, Const, Elementwise, Expr, Mul, Name, Neg, Power
from backproof.ir.lift import lift
from backproof.ir.traverse import children, transform
from backproof.parsing import parse_scalar_formula

SPELLINGS: Mapping[str, str] = {
    "log(1 + exp(x))": "softplus(x)",
    "log((exp(x) + exp(-x))/2)": "log_cosh(x)",
    "log(cosh(x))": "log_cosh(x)",
    "(exp(x) - exp(-x))/(exp(x) + exp(-x))": "tanh(x)",
    "(exp(2*x) - 1)/(exp(2*x) + 1)": "tanh(x)",
    "(1 - exp(-2*x))/(1 + exp(-2*x))": "tanh(x)",
    "exp(x)/(1 + exp(x))": "sigmoid(x)",
    "1/(1 + exp(-x))": "sigmoid(x)",
    "1/(1 + exp(x))": "sigmoid(-x)",
    "a/(1 + exp(-x))": "a*sigmoid(x)",
    "a/(1 + exp(x))": "a*sigmoid(-x)",
    "log(1 + x)": "log1p(x)",
    "exp(x) - 1": "expm1(x)",
}
"""Identities that make a formula stable, the more special ones first; a and x are any expressions."""


@cache
def _rules() -> tuple[tuple[Expr, Expr], ...]:
    return tuple(
        (parse_scalar_formula(before, "ax"), parse_scalar_formula(after, "ax")) for before, after in SPELLINGS.items()
    )


def recognised(formula: Expr) -> Expr:
    """An equal formula with the known functions that it spells out.

    Example:
        >>> from backproof.rules.elementwise import softplus
        >>> x = Name("x")
        >>> recognised(parse_scalar_formula("log(exp(x) + 1)", "x")) == Elementwise(softplus, x)
        True
    """
    return transform(formula, _replaced)


def _replaced(node: Expr) -> Expr:
    for before, after in _rules():
        found: dict[str, Expr] = {}
        if _matches(before, node, found):
            return lift(after, {name: simplify(value) for name, value in found.items()})
    return node


def _matches(pattern: Expr, node: Expr, found: dict[str, Expr]) -> bool:
    """Whether the node is the pattern for some values of its names, which are put in ``found``."""
    match pattern, node:
        case Name(id), _:
            return found.setdefault(id, node) == node
        case Neg(inner), Mul(Const(value), other) if value < 0:
            return _matches(inner, other if value == -1 else Const(-value) * other, found)
        case Mul(Const(factor), inner), Mul(Const(value), other) if factor != value:
            return _matches(inner, Const(value / factor) * other, found)
        case (Add(a, b), Add(c, d)) | (Mul(a, b), Mul(c, d)):
            return _both((a, b), (c, d), found) or _both((a, b), (d, c), found)
        case Elementwise(fn, inner), Elementwise(other_fn, other):
            return fn == other_fn and _matches(inner, other, found)
        case (Const(), _) | (Power(), _):
            return pattern == node
        case _:
            return type(pattern) is type(node) and _both(children(pattern), children(node), found)


def _both(patterns: tuple[Expr, ...], nodes: tuple[Expr, ...], found: dict[str, Expr]) -> bool:
    attempt = dict(found)
    if all(_matches(p, n, attempt) for p, n in zip(patterns, nodes, strict=True)):
        found.update(attempt)
        return True
    return False
