"""Between our formulas and SymPy's rational functions; no text of a user ever reaches SymPy.

A function such as tanh(x + 1) is one symbol to SymPy, so that its work is that of polynomials: it shortens and
confirms, and differentiates nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy

from backproof.ir.expr import Add, Const, Div, Elementwise, Expr, Mul, Name, Neg, Pi, Power, Sub
from backproof.ir.lift import lift
from backproof.ir.traverse import node_count, transform
from backproof.rules.elementwise import exp

MOST_NODES = 120
"""A longer formula would keep SymPy busy for longer than a user waits."""
LARGEST_POWER = 24
"""exp(k·u) is written as the k-th power of exp(u), up to this k."""


class NotInTableError(Exception):
    """A class that the table does not have, on either side."""


class Translator:
    """Formulas to SymPy and back; functions become symbols and stay the same symbol throughout."""

    def __init__(self) -> None:
        self.symbols: dict[Expr, Any] = {}
        self.meanings: dict[Any, Expr] = {}

    def to_sympy(self, expr: Expr) -> Any:
        """The expression in SymPy's classes.

        Raises:
            NotInTableError: a comparison, or a class that is no scalar operation.
        """
        go = self.to_sympy
        match expr:
            case Const(value):
                return sympy.Rational(value.numerator, value.denominator)
            case Add(a, b):
                return go(a) + go(b)
            case Sub(a, b):
                return go(a) - go(b)
            case Mul(a, b):
                return go(a) * go(b)
            case Div(a, b):
                return go(a) / go(b)
            case Neg(x):
                return -go(x)
            case Power(x, exponent):
                return go(x) ** sympy.Rational(exponent.numerator, exponent.denominator)
            case Name() | Pi() | Elementwise():
                return self.symbol(expr)
            case _:
                raise NotInTableError(type(expr).__name__)

    def symbol(self, expr: Expr) -> Any:
        """The symbol for a name or a function."""
        if expr not in self.symbols:
            # Named by appearance: SymPy orders terms by name, and the order must not change from run to run.
            made = sympy.Symbol(f"s{len(self.symbols):03}", real=True)
            self.symbols[expr], self.meanings[made] = made, expr
        return self.symbols[expr]

    def from_sympy(self, expr: Any) -> Expr:
        """The expression in our classes.

        Raises:
            NotInTableError: a class of SymPy's that has no counterpart here.
        """
        if expr.is_Symbol:
            return self.meanings[expr]
        if expr.is_Rational:
            return Const(_fraction(expr))
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul or expr.is_Pow:
            return self._product(expr)
        raise NotInTableError(str(expr.func))

    def _sum(self, expr: Any) -> Expr:
        """The terms, those with a plus sign first, so that a sum begins with a minus only where it must."""
        terms = sorted(
            ((term.could_extract_minus_sign(), term) for term in expr.as_ordered_terms()), key=lambda t: t[0]
        )
        negative, first = terms[0]
        total = Neg(self.from_sympy(-first)) if negative else self.from_sympy(first)
        for negative, term in terms[1:]:
            total = total - self.from_sympy(-term) if negative else total + self.from_sympy(term)
        return total

    def _product(self, expr: Any) -> Expr:
        number = Fraction(1)
        above: list[Expr] = []
        below: list[Expr] = []
        for factor in sympy.Mul.make_args(expr):
            base, exponent = factor.as_base_exp()
            if factor.is_Rational:
                number *= _fraction(factor)
            elif exponent.is_Rational:
                power = _fraction(exponent)
                ours = self.from_sympy(base)
                (below if power < 0 else above).append(ours if abs(power) == 1 else Power(ours, abs(power)))
            else:
                raise NotInTableError(str(factor))
        if abs(number) != 1 or not above:
            above.insert(0, Const(abs(number)))
        result = _times(above) / _times(below) if below else _times(above)
        return Neg(result) if number < 0 else result


def _fraction(rational: Any) -> Fraction:
    return Fraction(int(rational.p), int(rational.q))


def _times(factors: list[Expr]) -> Expr:
    return reduce(lambda a, b: a * b, factors)


def shorter_forms(formula: Expr, output: Expr) -> Iterator[Expr]:
    """Equal formulas as SymPy writes them, none of them longer, with ``y`` for the output where it occurs.

    Args:
        formula: in ``x``.
        output: what ``y`` stands for, in ``x``.
    """
    length = node_count(formula)
    if length > MOST_NODES:
        return
    translator = Translator()
    try:
        given, defined = translator.to_sympy(formula), translator.to_sympy(output)
    except NotInTableError:
        return
    y = translator.symbol(Name("y"))
    for rewrite in REWRITES:
        written = rewrite(given)
        for form in dict.fromkeys((written, rewrite(written.subs(defined, y)), written.subs(defined, y))):
            if form.count_ops() > length:
                continue
            try:
                ours = translator.from_sympy(form)
            except NotInTableError:
                continue
            if node_count(ours) <= length:
                yield ours


REWRITES: tuple[Callable[[Any], Any], ...] = (
    lambda e: e,
    sympy.expand,
    sympy.factor_terms,
    sympy.together,
    sympy.factor,
)
"""The ways of SymPy's that shorten, the cheap ones first."""


# --- confirming an identity -------------------------------------------------------------------------------------


def is_zero(formula: Expr) -> bool:
    """Whether the formula is confirmed to be zero, as a rational function of exponentials and of other functions.

    Example:
        >>> from backproof.rules.elementwise import tanh
        >>> x = Name("x")
        >>> is_zero(Elementwise(tanh, 2 * x) - (1 - 2 / (Elementwise(exp, 4 * x) + 1)))
        True
    """
    try:
        written = _in_exponentials(written_out(formula))
    except NotInTableError:
        return False
    return bool(sympy.cancel(sympy.together(written)) == 0)


def written_out(formula: Expr) -> Expr:
    """The formula with all functions written out by their definitions, down to the primitives."""

    def change(node: Expr) -> Expr:
        if isinstance(node, Elementwise) and node.fn.definition is not None:
            return lift(written_out(node.fn.definition), {"x": node.x})
        return node

    return transform(formula, change)


def _in_exponentials(formula: Expr) -> Any:
    """The formula in SymPy's classes, every exponential a power of as few symbols as possible.

    exp(2u) and exp(−u) are not strangers: with e for exp(u) they are e² and 1/e. The symbol stands for the exponential
    of the greatest common divisor, for SymPy itself would write exp(1.7·u) as the 17th power of exp(u/10).
    """
    translator = Translator()
    written = translator.to_sympy(formula)
    shares: dict[Any, dict[Any, Fraction]] = {}
    for node, symbol in list(translator.symbols.items()):
        if isinstance(node, Elementwise) and node.fn == exp:
            factor, rest = sympy.expand(translator.to_sympy(node.x)).as_content_primitive()
            if rest.could_extract_minus_sign():
                factor, rest = -factor, -rest
            shares.setdefault(rest, {})[symbol] = _fraction(factor)
    powers: dict[Any, Any] = {}
    for rest, factors in shares.items():
        base = sympy.Dummy(f"exp({rest})", positive=True)
        common = _common_divisor(factors.values())
        if any(abs(factor / common) > LARGEST_POWER for factor in factors.values()):
            raise NotInTableError("exp")
        powers |= {symbol: base ** int(factor / common) for symbol, factor in factors.items()}
    return written.subs(powers)


def _common_divisor(numbers: Any) -> Fraction:
    given = list(numbers)
    return Fraction(math.gcd(*(n.numerator for n in given)), math.lcm(*(n.denominator for n in given)))
