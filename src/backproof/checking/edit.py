"""One edit of the right-hand side of an equation, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.ir.expr import Expr


@dataclass(frozen=True, slots=True)
class Edit:
    """A wrong right-hand side and what is wrong with it.

    Args:
        kind: the kind of fault.
        wrong: the right-hand side that was written.
        part: what is missing or replaced.
        instead: what stands there instead.
        function: the name of a function, where the sentence has one.
        value: a number or symbol, where the sentence has one.
        also: other equations that the same fault changes, with their right-hand sides.
    """

    kind: str
    wrong: Expr
    part: Expr | None = None
    instead: Expr | str | None = None
    function: str = ""
    value: str = ""
    also: tuple[tuple[str, Expr], ...] = ()
