"""Typesetting: an expression as LaTeX, Unicode text or ASCII, in a notation; one row per class of expression."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from backproof.dims import SCALAR, Dim
from backproof.ir.expr import (
    Add,
    Assembled,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Greater,
    Index,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Partial,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    SumOver,
    Transpose,
    Where,
)
from backproof.ir.indices import at
from backproof.ir.traverse import walk
from backproof.notation import Notation
from backproof.render.dialects import UNICODE, Dialect
from backproof.render.numerals import Form, numeral
from backproof.render.writer import (
    ATOM,
    CASES,
    COEFFICIENT,
    FRACTION,
    HADAMARD,
    MATMUL,
    POWER,
    PRODUCT,
    SUM,
    SUMMATION,
    SYMBOL,
    TIMES,
    Fragment,
    Rule,
    Writer,
)

LARGEST_WHOLE = 4
"""Rows or columns up to which a matrix is shown whole; of a larger one the corners are."""

WIDEST_WHOLE = 70
"""Letters up to which the entries of a row are shown whole."""

SHORTEST_ABBREVIATED = 2
"""Columns that are never too many to be shown."""

DEFAULT = Notation()


def typeset(expr: Expr, dialect: Dialect = UNICODE, notation: Notation = DEFAULT) -> str:
    """The expression as text of the dialect.

    Args:
        expr: any expression.
        dialect: LATEX (for pdflatex with amsmath and for KaTeX), UNICODE or ASCII.
        notation: the signs to use; the seed's by default.

    Raises:
        UnsupportedError: an expression of a class that has no row here.

    Example:
        >>> from backproof.render.dialects import LATEX
        >>> y, y_hat = Name("y", (1, 1)), Name("y_hat", (1, 1))
        >>> typeset((y_hat - y) * y_hat * (1 - y_hat))
        '(ŷ − y) × ŷ × (1 − ŷ)'
        >>> print(typeset(Name("l_1", (1, 2)).T @ Name("delta_2", (1, 1)), LATEX))
        l_1^\\top \\mathbin{.} \\Delta l_2
    """
    return writer(dialect, notation)(expr).text


@lru_cache(maxsize=64)
def writer(dialect: Dialect, notation: Notation) -> Writer:
    """The writer of a dialect in a notation; it remembers how names are spelt."""
    return Writer(dialect, notation, RULES)


def matrix_of(name: Name) -> Assembled:
    """The matrix [w_1^{11}, w_1^{12}; …] of the entries of a named quantity.

    Example:
        >>> typeset(matrix_of(Name("W_1", (3, 2))))
        '[w_1^{11}, w_1^{12}; w_1^{21}, w_1^{22}; w_1^{31}, w_1^{32}]'
    """
    return Assembled(name.shape, "i", "j", Component(name, "i", "j"))


def entries(w: Writer, e: Assembled) -> list[list[str]]:
    """The entries of a matrix that are shown, as texts; dots stand for the rest."""
    rows, columns = (_shown(dim) for dim in e.of_shape)
    texts = _entries(w, e, rows, columns)
    width = sum(max(map(w.dialect.measure, column)) for column in zip(*texts, strict=True))
    if width > WIDEST_WHOLE and None not in columns and len(columns) > SHORTEST_ABBREVIATED:
        return _entries(w, e, rows, [columns[0], None, columns[-1]])
    return texts


def _entries(w: Writer, e: Assembled, rows: list[Index | None], columns: list[Index | None]) -> list[list[str]]:
    beside, below, diagonal = w.dialect.dots

    def entry(row: Index | None, column: Index | None) -> str:
        if row is None or column is None:
            return diagonal if row is column else below if row is None else beside
        return w(at(e.body, {e.row: row, e.column: column})).text

    return [[entry(row, column) for column in columns] for row in rows]


def _shown(dim: Dim) -> list[Index | None]:
    """The indices that are shown of a dimension; None stands for those that are not."""
    if isinstance(dim, int):
        return list(range(1, dim + 1)) if dim <= LARGEST_WHOLE else [1, None, dim]
    return [1, None, dim.name]


# --- leaves -------------------------------------------------------------------------------------------------------


def _const(w: Writer, e: Const) -> Fragment:
    text, form = numeral(abs(e.value), w.dialect, decimals=w.notation.numbers == "decimals")
    level = ATOM if form is Form.DIGITS else FRACTION if form is Form.FRACTION else PRODUCT
    if e.value < 0:
        return Fragment(w.dialect.negative + text, min(level, PRODUCT), minus=True)
    return Fragment(text, level)


def _partial(w: Writer, e: Partial) -> Fragment:
    return w.partial(w.operand(e.of, POWER), w.operand(e.wrt, POWER))


# --- sums and products --------------------------------------------------------------------------------------------


def _binary(w: Writer, sign: str, e: Add | Sub) -> Fragment:
    left = w(e.a)
    first = left.text if left.level >= SUM else w.fenced(left)
    return Fragment(first + sign + w.right_operand(e.b, PRODUCT), SUM)


def _neg(w: Writer, e: Neg) -> Fragment:
    inner = w(e.x)
    bare = inner.level >= PRODUCT and not inner.minus
    text = inner.text if bare else w.fenced(inner)
    return Fragment(w.dialect.negative + text, PRODUCT, inner.kind, minus=True, open=bare and inner.open)


def _is_scalar(e: Expr) -> bool:
    """Whether the operand is a number to a reader, who does not see repetitions."""
    while isinstance(e, Broadcast):
        e = e.x
    return e.shape in (SCALAR, (1, 1))


def _mul(w: Writer, e: Mul) -> Fragment:
    a_scalar, b_scalar = _is_scalar(e.a), _is_scalar(e.b)
    if a_scalar and (not b_scalar or _number(e.a) is not None or isinstance(e.b, Sum)):
        return _scaled(w, e)
    if a_scalar or b_scalar or w.hadamard == w.dialect.times:
        return _chain(w, w.dialect.times, TIMES, e, FRACTION)
    return _chain(w, w.hadamard, HADAMARD, e, FRACTION)


def _number(e: Expr) -> Fraction | None:
    while isinstance(e, Broadcast):
        e = e.x
    return e.value if isinstance(e, Const) else None


def _is_numeric(e: Expr) -> bool:
    """Whether only numbers stand in the expression."""
    return not any(isinstance(node, Name | Component | Partial | Size) for node in walk(e))


def _scaled(w: Writer, e: Mul) -> Fragment:
    """A coefficient and what it multiplies, side by side where that reads well."""
    number, left, right = _number(e.a), w(e.a), w(e.b)
    if w.dialect.stacked:
        close = left.level >= FRACTION or number is not None
        tight = right.level >= FRACTION or right.kind in (MATMUL, SUMMATION)
    else:
        close = number is not None and "/" not in left.text and right.level not in (FRACTION, SYMBOL)
        tight = right.level >= POWER or right.kind == SUMMATION
    text = right.text if tight and not right.minus else w.fenced(right)
    mixed = number is not None and text.startswith(r"\frac")  # 2 \frac{1}{n} reads as two and a half
    plain = number is not None and _is_numeric(e.b)  # 0.4(1 - 0.4) reads as a function's value
    if not close or mixed or plain or number in (1, -1) or text[0].isdigit() or text.startswith(("|", r"\left|")):
        chain = _chain(w, w.dialect.times, TIMES, e, FRACTION)
        return chain._replace(kind=TIMES if _is_scalar(e) else COEFFICIENT)
    # A name before parentheses would look like a function.
    space = " " if text[0] != "(" else r"\, " if left.level == ATOM and number is None else ""
    is_open = right.open and text is right.text
    return Fragment(left.text + space + text, PRODUCT, COEFFICIENT, left.minus, is_open)


def _chain(w: Writer, sign: str, kind: str, e: Mul | MatMul, level: int) -> Fragment:
    """a sign b, where a may be a chain of the same kind and b may end in a sum."""
    left, right = w(e.a), w(e.b)
    if kind == MATMUL:
        left, right = w.whole(e.a), w.whole(e.b)
    same = left.level == PRODUCT and left.kind in (kind, COEFFICIENT, "") and not left.open
    first = left.text if same or left.level >= level else w.fenced(left)
    bare = (right.level >= level or right.kind == SUMMATION) and not right.minus
    second = right.text if bare else w.fenced(right)
    return Fragment(first + sign + second, PRODUCT, kind, left.minus and first is left.text, bare and right.open)


def _matmul(w: Writer, e: MatMul) -> Fragment:
    return _chain(w, w.matmul, MATMUL, e, FRACTION if w.dialect.stacked else SYMBOL)


def _div(w: Writer, e: Div) -> Fragment:
    return _quotient(w, e.a, e.b)


def _quotient(w: Writer, a: Expr, b: Expr) -> Fragment:
    if w.dialect.stacked:
        return Fragment(w.dialect.fraction(w(a).text, w(b).text), FRACTION)
    return Fragment(w.dialect.fraction(w.operand(a, POWER), w.operand(b, POWER)), FRACTION)


# --- element by element -------------------------------------------------------------------------------------------

_ONE = Const(Fraction(1))
_HALF = Fraction(1, 2)


def _power(w: Writer, e: Power) -> Fragment:
    if e.exponent < 0:
        below = e.x if e.exponent == -1 else Power(e.x, -e.exponent)
        return _quotient(w, _ONE, below)
    if e.exponent == _HALF:
        return Fragment(w.dialect.root(w(e.x).text), POWER)
    base = w(e.x)
    # A raised index and a power would look the same: l_1^2.
    confusable = w.dialect.stacked and w.raises_indices and isinstance(e.x, Name) and not _is_scalar(e.x)
    text = base.text if base.level == ATOM and not confusable else w.fenced(base)
    return Fragment(w.dialect.raised(text, str(e.exponent)), POWER)


def _comparison(w: Writer, e: Greater) -> str:
    return w.operand(e.a, SUM) + w.dialect.greater + w.operand(e.b, SUM)


def _greater(w: Writer, e: Greater) -> Fragment:
    return Fragment(w.dialect.fenced("[", _comparison(w, e)))


def _where(w: Writer, e: Where) -> Fragment:
    condition = _comparison(w, e.condition) if isinstance(e.condition, Greater) else f"{w(e.condition).text} = 1"
    text = w.dialect.cases(condition, w(e.a).text, w(e.b).text)
    return Fragment(text, CASES if w.dialect.stacked else ATOM)


def _elementwise(w: Writer, e: Elementwise) -> Fragment:
    argument = w(e.x).text
    match e.fn.name:
        case "exp":
            return Fragment(w.dialect.exponential(argument), POWER if w.dialect.stacked else ATOM)
        case "abs":
            return Fragment(w.dialect.fenced("|", argument))
        case "negative_part":
            return Fragment(w.dialect.applied("min", f"{argument}, 0"))
        case name:
            return Fragment(w.dialect.applied(name, argument))


# --- matrices -----------------------------------------------------------------------------------------------------

_ALONG = {0: "rows", 1: "columns"}


def _transpose(w: Writer, e: Transpose) -> Fragment:
    x = w.whole(e.x)
    return Fragment(w.dialect.transposed(x.text if x.level == ATOM else w.fenced(x)), POWER)


def _sum(w: Writer, e: Sum) -> Fragment:
    over = "" if e.axis is None else _ALONG[e.axis]
    return Fragment(w.dialect.summed(over, _summand(w, w.whole(e.x))), PRODUCT, SUMMATION, open=True)


def _summand(w: Writer, body: Fragment) -> str:
    return body.text if body.level >= PRODUCT and not body.minus else w.fenced(body)


def _normalised(w: Writer, name: str, e: Softmax | LogSumExp) -> Fragment:
    """A function of each sample; where it runs along the other axis, the axis is named."""
    sample_axis = 1 if w.notation.samples == "rows" else 0
    along = "" if e.axis == sample_axis else "rows" if e.axis == 1 else "columns"
    return Fragment(w.dialect.applied(name, w.whole(e.x).text, along))


def _sum_over(w: Writer, e: SumOver) -> Fragment:
    text = w.dialect.summed_over(e.variable, w.dim(e.size), _summand(w, w(e.body)))
    return Fragment(text, PRODUCT, SUMMATION, open=True)


def _assembled(w: Writer, e: Assembled) -> Fragment:
    return Fragment(w.dialect.matrix(entries(w, e)))


RULES: Mapping[type[Expr], Rule] = {
    Const: _const,
    Pi: lambda w, e: Fragment(w.dialect.pi),
    Size: lambda w, e: Fragment(w.dim(e.dim)),
    Name: lambda w, e: w.name(e.id),
    Component: lambda w, e: w.component(e.base.id, e.base.shape, e.row, e.column),
    Partial: _partial,
    Add: lambda w, e: _binary(w, w.dialect.plus, e),
    Sub: lambda w, e: _binary(w, w.dialect.minus, e),
    Mul: _mul,
    Div: _div,
    Neg: _neg,
    Power: _power,
    Greater: _greater,
    Where: _where,
    Elementwise: _elementwise,
    MatMul: _matmul,
    Transpose: _transpose,
    Sum: _sum,
    Broadcast: lambda w, e: w(e.x),
    Softmax: lambda w, e: _normalised(w, "softmax", e),
    LogSumExp: lambda w, e: _normalised(w, "logsumexp", e),
    SumOver: _sum_over,
    Assembled: _assembled,
}
"""How each class of expression is spelt."""
