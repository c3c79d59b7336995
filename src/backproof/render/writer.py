"""The writer: what typesetting needs beyond the table of rules: parentheses, names, indices, shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from backproof.dims import SCALAR, Dim, Shape
from backproof.errors import UnsupportedError
from backproof.ir.expr import (
    Assembled,
    Broadcast,
    Component,
    Expr,
    Index,
    LogSumExp,
    MatMul,
    Name,
    Partial,
    Softmax,
    Sum,
    SumOver,
    Transpose,
)
from backproof.ir.traverse import children
from backproof.notation import Notation
from backproof.render.dialects import Dialect
from backproof.render.symbols import DELTA, GRADIENT, Symbol, symbol_of

# --- how tightly a text holds together ----------------------------------------------------------------------------

CASES, SUM, PRODUCT, FRACTION, SYMBOL, POWER, ATOM = range(7)
"""Levels: what stands on a lower one needs parentheses inside what asks for a higher one."""

TIMES, HADAMARD, MATMUL, COEFFICIENT, SUMMATION = "times", "hadamard", "matmul", "coefficient", "summation"
"""Kinds of product: a chain of one kind needs no parentheses, a mixture does."""


class Fragment(NamedTuple):
    """A spelt expression and what decides about parentheses around it.

    ``minus``: it begins with a sign, and cannot follow an operator. ``open``: it ends in the body of a sum, and what
    followed would be read as part of that body. ``kind``: which product it is.
    """

    text: str
    level: int = ATOM
    kind: str = ""
    minus: bool = False
    open: bool = False


Rule = Callable[["Writer", Any], Fragment]
"""How an expression of one class is spelt."""


class Writer:
    """Spells expressions in one dialect and one notation."""

    def __init__(self, dialect: Dialect, notation: Notation, rules: Mapping[type[Expr], Rule]) -> None:
        self.dialect = dialect
        self.notation = notation
        self.rules = rules
        self.hadamard = dialect.hadamard[notation.hadamard]
        self.matmul = dialect.matmul[notation.matmul]
        self.raises_indices = notation.indices == "seed"
        self._names: dict[str, Fragment] = {}

    def __call__(self, expr: Expr) -> Fragment:
        rule = self.rules.get(type(expr))
        if rule is None:
            raise UnsupportedError(
                f"{type(expr).__name__} has no row in the typesetting table; add one to RULES in render/typeset.py"
            )
        return rule(self, expr)

    def fenced(self, fragment: Fragment) -> str:
        return self.dialect.fenced("(", fragment.text)

    def operand(self, expr: Expr, level: int) -> str:
        """The operand's text, in parentheses where it holds together less tightly than the level."""
        fragment = self(expr)
        return fragment.text if fragment.level >= level else self.fenced(fragment)

    def right_operand(self, expr: Expr, level: int) -> str:
        """The text of what follows an operator, where no other sign may stand."""
        fragment = self(expr)
        return self.fenced(fragment) if fragment.level < level or fragment.minus else fragment.text

    def whole(self, expr: Expr) -> Fragment:
        """An operand whose shape matters, with a repetition shown that would be invisible."""
        fragment = self(expr)
        if visible_shape(expr) == expr.shape:
            return fragment
        return Fragment(self.dialect.repeated(fragment.text, self.shape(expr.shape)))

    # --- names and indices ---

    def name(self, id: str) -> Fragment:
        known = self._names.get(id)
        if known is None:
            known = self._names[id] = self._spell_name(id)
        return known

    def _spell_name(self, id: str) -> Fragment:
        if id.startswith(GRADIENT):
            return self.partial(self.name(self.notation.loss).text, self.name(id.removeprefix(GRADIENT)).text)
        prefix, symbol = self.symbol(id)
        return Fragment(prefix + self.scripted(symbol))

    def symbol(self, id: str) -> tuple[str, Symbol]:
        """What stands before a name, and the symbol; the Δ of layer 1 is written before the layer's output l_1."""
        if not id.startswith(DELTA):
            return "", symbol_of(id)
        layer = id.removeprefix(DELTA)
        if self.notation.delta == "Δ" and self.dialect.adjoint is not None:
            return self.dialect.adjoint, symbol_of(f"l_{layer}" if layer[:1].isdigit() else layer)
        return "", Symbol("delta", "", tuple(layer.removeprefix("l_").split("_")))

    def scripted(self, symbol: Symbol, indices: str = "") -> str:
        base = self.dialect.letter(symbol.base)
        if symbol.accent:
            base = self.dialect.accented(symbol.accent, base)
        below, above = ("", indices) if self.raises_indices else (indices, "")
        # In LaTeX a subscript is spelt letter by letter, which escapes it.
        sub = symbol.sub if self.dialect.stacked else tuple(map(self.dialect.text, symbol.sub))
        return self.dialect.scripted(base, sub, below, above)

    def partial(self, of: str, wrt: str) -> Fragment:
        return Fragment(self.dialect.partial(of, wrt), SYMBOL)

    def component(self, id: str, shape: Shape, row: Index, column: Index) -> Fragment:
        indices = self.indices(shape, row, column)
        if id.startswith(GRADIENT):
            entry = self.component(id.removeprefix(GRADIENT), shape, row, column)
            return self.partial(self.name(self.notation.loss).text, entry.text)
        prefix, symbol = self.symbol(id)
        text = prefix + self.scripted(symbol.lowered, indices)
        return Fragment(text, POWER if indices and self.raises_indices else ATOM)

    def indices(self, shape: Shape, row: Index, column: Index) -> str:
        """The indices of an entry, without that of a single row or column."""
        written = [(str(index), dim) for index, dim in zip((row, column), shape, strict=False) if dim != 1]
        apart = not self.raises_indices or any(not isinstance(dim, int) or dim > 9 for _, dim in written)
        return ("," if apart else "").join(index for index, _ in written)

    def dim(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self.name(dim.name).text

    def shape(self, shape: Shape) -> str:
        return self.dialect.times.strip().join(self.dim(dim) for dim in shape)


def visible_shape(expr: Expr) -> Shape:
    """The shape that a reader sees, to whom repetitions are invisible."""
    match expr:
        case Broadcast(x):
            return visible_shape(x)
        case Name() | MatMul() | Transpose() | Sum() | Softmax() | LogSumExp():
            return expr.shape
        case Component() | Partial() | SumOver() | Assembled():
            return expr.shape
        case _:
            seen = SCALAR
            for child in children(expr):
                seen = _common(seen, visible_shape(child))
            return seen


def _common(a: Shape, b: Shape) -> Shape:
    if a == SCALAR or b == SCALAR:
        return a or b
    rows, columns = (x if y == 1 else y for x, y in zip(a, b, strict=True))
    return (rows, columns)
