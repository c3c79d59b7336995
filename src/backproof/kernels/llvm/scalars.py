"""What is one number for a whole matrix: computed once in a step, and divided by once.

x / s, where s is one number for all entries of x, becomes x · (1/s): one division instead of one for every vector. That
rounds once more than the division, and is done where 1/s is neither too great nor too small to be a normal float.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from backproof.ir.expr import Add, Broadcast, Const, Div, Expr, Mul, Name, Sub
from backproof.ir.program import Equation
from backproof.ir.traverse import children, names, rebuilt
from backproof.kernels.llvm.plan import two_dimensional

ORDINARY = Fraction(2) ** 100
"""Constants up to this, and from one over it, have a reciprocal that is a normal float32 with room to spare."""


def hoisted(equations: Iterable[Equation]) -> list[Equation]:
    """The equations, with further ones for the numbers that matrices are multiplied by, or divided.

    Args:
        equations: over sizes that are integers.

    Example:
        >>> x, y, p = Name("x", (2, 3)), Name("y", (2, 3)), Name("p")
        >>> once, then = hoisted([Equation(y, x / (1 - p))])
        >>> once.value == 1 / (1 - p), then.value == x * once.name
        (True, True)
    """
    return _Once().run(equations)


class _Once:
    def __init__(self) -> None:
        self.found: list[Equation] = []
        self.known: dict[Expr, Name] = {}

    def run(self, equations: Iterable[Equation]) -> list[Equation]:
        for equation in equations:
            value = self._rewritten(equation.value)
            self.found.append(Equation(equation.name, value))
        return self.found

    def _rewritten(self, expr: Expr) -> Expr:
        match expr:
            case Div(x, Broadcast(Const(value), to)) if _ordinary(value):
                return Mul(self._rewritten(x), Broadcast(Const(1 / value), to))
            case Div(x, Broadcast(s, to)) if _one_number(s) and never_tiny(s):
                return Mul(self._rewritten(x), Broadcast(self._once(1 / s), to))
            case Broadcast(s, to) if _one_number(s):
                return Broadcast(self._once(s), to)
            case _:
                return rebuilt(expr, tuple(self._rewritten(child) for child in children(expr)))

    def _once(self, expr: Expr) -> Expr:
        """The name of an equation of its own, unless it is a name or a constant already."""
        if isinstance(expr, Name) or not names(expr):
            return expr
        value = self._rewritten(expr)
        if value not in self.known:
            self.known[value] = Name(f"#once{len(self.known)}", value.shape)
            self.found.append(Equation(self.known[value], value))
        return self.known[value]


def _one_number(expr: Expr) -> bool:
    return two_dimensional(expr.shape) == (1, 1)


def _ordinary(value: Fraction) -> bool:
    return 1 / ORDINARY <= abs(value) <= ORDINARY


def never_tiny(expr: Expr) -> bool:
    """Whether no value but 0 is so small that its reciprocal is infinite, whatever its names stand for.

    A sum or difference with a constant c is 0 or at least half a unit in the last place of c: what cancels is exact.

    Example:
        >>> never_tiny(1 - Name("p")), never_tiny(Name("p"))
        (True, False)
    """
    match expr:
        case Const(value):
            return _ordinary(value)
        case Add(Const(value), _) | Add(_, Const(value)) | Sub(Const(value), _) | Sub(_, Const(value)):
            return _ordinary(value)
        case _:
            return False
