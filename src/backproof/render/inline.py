"""Formulas within running text: an expression, or one with its shape beside it."""

from __future__ import annotations

from backproof.dims import SCALAR
from backproof.ir.expr import Expr, Partial
from backproof.notation import Notation
from backproof.render.dialects import Dialect
from backproof.render.document import Shaped
from backproof.render.typeset import writer


def inline(piece: Expr | Shaped, dialect: Dialect, notation: Notation) -> str:
    """The formula of a piece of prose, without delimiters.

    Example:
        >>> from backproof.ir.expr import Name
        >>> from backproof.render.dialects import LATEX, UNICODE
        >>> W = Name("W_1", (3, 2))
        >>> inline(Shaped(W), UNICODE, Notation())
        '[W_1]_{3×2}'
        >>> print(inline(Shaped(Partial(Name("L"), W)), LATEX, Notation()))
        [\\nabla_{W_1} L]_{\\scriptscriptstyle 3 \\times 2}
    """
    w = writer(dialect, notation)
    if isinstance(piece, Expr):
        return w(piece).text
    match piece.expr:
        case Partial(of, wrt) if dialect.name != "ascii":
            nabla = r"\nabla" if dialect.stacked else "∇"
            text = f"{nabla}_{{{w(wrt).text}}} {w(of).text}"
        case _:
            text = w(piece.expr).text
    if piece.expr.shape == SCALAR:
        return text
    by = {"latex": r" \times ", "unicode": "×", "ascii": "x"}[dialect.name]
    shape = by.join(map(w.dim, piece.expr.shape))
    size = r"\scriptscriptstyle " if dialect.stacked else ""
    return f"[{text}]_{{{size}{shape}}}"
