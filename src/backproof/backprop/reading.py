"""What is shown of an expression: definitions written out, the entries of a product, the quantities it names."""

from __future__ import annotations

from backproof.backprop.components import Letters, component, entry
from backproof.ir.expr import Assembled, Elementwise, Expr, MatMul, Name, Sum, SumOver, Transpose, Where
from backproof.ir.lift import lift
from backproof.ir.traverse import node_count, transform, walk

EXPLICIT = 4
"""Sums of up to this many terms are written out in the forward equations, as the seed does."""
LONGEST_SUM = 40
"""Nodes of a scalar's equation up to which its sums are."""
WRITTEN_OUT = 3
"""Rows or columns of up to this many entries get an equation for each; longer ones one for all."""


def with_definition(expr: Expr) -> tuple[Expr, ...]:
    """The expression, and where its outermost function has a short smooth definition, that written out."""
    match expr:
        case Elementwise(fn, x) if fn.definition is not None and _is_short(fn.definition):
            return (expr, lift(fn.definition, {"x": x}))
        case _:
            return (expr,)


def _is_short(definition: Expr) -> bool:
    nodes = list(walk(definition))
    smooth = not any(isinstance(node, Where) for node in nodes)
    return smooth and len(nodes) <= 8 and sum(isinstance(node, Elementwise) for node in nodes) == 1


def opened(expr: Expr) -> Expr:
    """The expression with its functions replaced by their short definitions."""
    return transform(expr, lambda node: with_definition(node)[-1])


def quantities(expr: Expr) -> list[Expr]:
    """The named quantities of an expression, each once."""
    return list(dict.fromkeys(node for node in walk(expr) if isinstance(node, Name)))


def is_sum(chain: Expr) -> bool:
    """Whether a chain rule runs over several paths."""
    return any(isinstance(node, SumOver) for node in walk(chain))


def first_entries(name: Name) -> list[Expr]:
    """The entries of a quantity that get an equation each."""
    counts = [size if isinstance(size, int) and size <= WRITTEN_OUT else 1 for size in name.shape]
    return [entry(name, i, j) for i in range(1, counts[0] + 1) for j in range(1, counts[1] + 1)]


def outer_product(product: Expr) -> Expr | None:
    """A column times a row with their entries shown; None where the expression is no such product."""

    def shown(expr: Expr) -> Expr | None:
        match expr:
            case Name():
                return Assembled(expr.shape, "i", "j", entry(expr, "i", "j"))
            case Transpose(Name() as x):
                return Assembled(expr.shape, "i", "j", entry(x, "j", "i"))
            case _:
                return None

    match product:
        case MatMul(a, b) if a.shape[1] == 1 and b.shape[0] == 1 and node_count(product) <= 5:
            left, right = shown(a), shown(b)
            return None if left is None or right is None else MatMul(left, right)
        case _:
            return None


def sums_entries(scalar: Expr) -> bool:
    """Whether a scalar is made of the entries of matrices."""
    return any(isinstance(node, Sum | MatMul) for node in walk(scalar))


def in_entries(scalar: Expr, letters: Letters) -> Expr:
    """A scalar in terms of the entries that it is made of; short sums are written out."""
    written = component(scalar, 1, 1, letters, explicit=EXPLICIT)
    return written if node_count(written) <= LONGEST_SUM else component(scalar, 1, 1, letters)
