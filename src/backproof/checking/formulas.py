"""Expressions as the grammar of formulas reads them: what a person may type back."""

from __future__ import annotations

from fractions import Fraction

from backproof.dims import Shape
from backproof.emit.spelling import NUMPY_SPELLING, Level, Spelling, Text, Vocabulary, spelt
from backproof.ir.expr import Elementwise, Expr, Function
from backproof.ir.lift import lift
from backproof.ir.lowering import Operation, lower
from backproof.ir.traverse import transform
from backproof.rules.elementwise import known_functions


def formula_of(expr: Expr) -> str:
    """The expression as a formula; reading it gives an equal expression.

    Example:
        >>> from backproof.ir.expr import Name
        >>> l, d, W = Name("l_1", (4, 2)), Name("delta_2", (4, 1)), Name("W_2", (2, 1))
        >>> formula_of((d @ W.T) * l * (1 - l))
        '(delta_2 @ W_2.T) * l_1 * (1 - l_1)'
    """
    return spelt(lower(transform(expr, _known)), GRAMMAR_SPELLING, _Words()).text


def _known(node: Expr) -> Expr:
    """A function that the grammar knows under its name; any other by its definition."""
    match node:
        case Elementwise(Function(name, definition) as fn, x) if known_functions().get(name) != fn:
            return node if definition is None else transform(lift(definition, {"x": x}), _known)
        case _:
            return node


class _Words:
    """The derivation's own names."""

    def quantity(self, id: str) -> str:
        return id

    def size(self, name: str) -> str:
        return name

    def shape(self, shape: Shape) -> str:
        return "x".join(map(str, shape))

    def call(self, fn: Function, argument: str) -> Text:
        return Text(f"{fn.name}({argument})")

    def helper(self, name: str) -> str:
        return name


def _number(words: Vocabulary, o: Operation) -> Text:
    value = o.detail
    if not isinstance(value, Fraction) or value.denominator == 1:
        return Text(str(value), Level.SIGN if str(value).startswith("-") else Level.ATOM)
    decimal = repr(float(value))
    return Text(decimal) if Fraction(decimal) == value and "e" not in decimal else Text(f"({value})")


def _power(words: Vocabulary, o: Operation, x: Text) -> Text:
    exponent = str(o.detail)
    simple = exponent.isdecimal()
    return Text(f"{x.within(Level.ATOM)}^{exponent if simple else f'({exponent})'}", Level.POWER)


def _along(name: str, x: Text, axis: object) -> Text:
    return Text(f"{name}({x})" if axis is None else f"{name}({x}, axis={axis})")


GRAMMAR_SPELLING: Spelling = {
    **NUMPY_SPELLING,
    "number": _number,
    "pi": lambda words, o: Text("pi"),
    "power": _power,
    "scalar_power": _power,
    "sqrt": lambda words, o, x: Text(f"sqrt({x})"),
    "indicator": lambda words, o, a, b: Text(f"({a} > {b.within(Level.SUM)})"),
    "greater": lambda words, o, a, b: Text(f"({a} > {b.within(Level.SUM)})"),
    "nonzero": lambda words, o, x: x,
    "where": lambda words, o, c, a, b: Text(f"where({c}, {a}, {b})"),
    "apply": lambda words, o, x: words.call(o.detail, str(x)),
    "sum": lambda words, o, x: _along("sum", x, o.detail),
    "softmax": lambda words, o, x: _along("softmax", x, o.detail),
    "logsumexp": lambda words, o, x: _along("logsumexp", x, o.detail),
    "repeat": lambda words, o, x: x,
    "fill": lambda words, o, x: x,
}
"""NumPy's spelling with the grammar's own words for what they spell differently."""
