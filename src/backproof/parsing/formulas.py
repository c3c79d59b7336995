"""A formula as an expression: over scalars, to be applied element by element, or over matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backproof.dims import Symbol
from backproof.errors import FormulaError
from backproof.ir.expr import Expr, Name, Size
from backproof.parsing.building import Scope
from backproof.parsing.grammar import Parser
from backproof.parsing.tokens import Source, tokenize

LONGEST_FORMULA = 2_000
"""Characters; a longer formula is refused before it is read."""


def parse_scalar_formula(text: str, variables: Iterable[str], *, defining: str | None = None) -> Expr:
    """The expression of a formula over scalars, such as ``x*tanh(softplus(x))``.

    Args:
        text: the formula.
        variables: the names that it may use.
        defining: the function that it defines, which it may not call.

    Raises:
        FormulaError: the grammar refuses the formula; the message says what, where and what to do.

    Example:
        >>> x = Name("x")
        >>> parse_scalar_formula("x*x - 1", ["x"]) == x * x - 1
        True
        >>> parse_scalar_formula("x*sigmiod(x)", ["x"])
        Traceback (most recent call last):
        ...
        backproof.errors.FormulaError: unknown function 'sigmiod'; did you mean 'sigmoid'? — at column 3: x*|sigmiod(x)
    """
    names = {name: Name(name) for name in variables}
    return _parsed(text, Scope(names, elementwise=True, defining=defining))


def parse_expression(text: str, names: Mapping[str, Name], *, sizes: bool = True) -> Expr:
    """The expression of a formula over scalars and matrices, such as ``sum((X @ w - y)^2)``.

    Args:
        text: the formula.
        names: the quantities that it may use.
        sizes: whether the symbols of their shapes may be used too, as numbers.

    Raises:
        FormulaError: the grammar refuses the formula; the message says what, where and what to do.
        ShapeError: two shapes that do not fit.
        UnsupportedError: a function that means something, but is not there yet.

    Example:
        >>> X, w = Name("X", (Symbol("n"), 3)), Name("w", (3, 1))
        >>> parse_expression("X @ w", {"X": X, "w": w}) == X @ w
        True
    """
    dims = (dim for name in names.values() for dim in name.shape if sizes)
    symbols = {dim.name: Size(dim) for dim in dims if isinstance(dim, Symbol)}
    return _parsed(text, Scope({**symbols, **names}))


def _parsed(text: str, scope: Scope) -> Expr:
    source = Source(text)
    check_length(text, LONGEST_FORMULA, "formula")
    if not text.strip():
        raise FormulaError("the formula is empty; write one such as x*tanh(x)", formula=text, column=1)
    return Parser(source, tokenize(source), scope).whole().expr


def check_length(text: str, most: int, what: str) -> None:
    """Refuse a text that is none, or too long.

    Raises:
        FormulaError: it is no string, or longer than ``most`` characters.
    """
    if not isinstance(text, str):
        raise FormulaError(f"a {what} must be a string, got {type(text).__name__}")
    if len(text) > most:
        raise FormulaError(f"the {what} has {len(text):,} characters; {most:,} are the most")
