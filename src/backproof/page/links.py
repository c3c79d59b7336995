"""Formulas whose quantities can be found again on the page: each is set within ``\\htmlData`` with a number for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from backproof.dims import Shape
from backproof.ir.expr import Assembled, Component, Const, Expr, Index, Name, Partial, Size, SumOver
from backproof.ir.traverse import walk
from backproof.notation import Notation
from backproof.render.dialects import LATEX
from backproof.render.symbols import GRADIENT
from backproof.render.typeset import RULES
from backproof.render.widths import latex_width
from backproof.render.writer import ATOM, Fragment, Writer

LINK = re.compile(r"\\htmlData\{[vn]=\d+\}")
LONGEST = 30
"""Nodes of an expression into which numbers are put: beyond that nobody follows them."""

Reference = tuple[str, int | None]
"""A quantity, and which of its entries, counted row by row; None for all of it."""


@dataclass(slots=True)
class References:
    """What the formulas speak of, each with its number.

    Args:
        shapes: the quantities that can be referred to; of others nothing is linked.
    """

    shapes: Mapping[str, Shape]
    numbers: dict[Reference, int] = field(default_factory=dict)

    def number(self, reference: Reference) -> int:
        """The number of a reference, new where it was not met before."""
        return self.numbers.setdefault(reference, len(self.numbers))

    def rows(self) -> list[list[object]]:
        """The table for the page: quantity and entry by number."""
        return [[id, at] for id, at in self.numbers]


class LinkedWriter(Writer):
    """Writes LaTeX in which every quantity carries its number."""

    def __init__(self, notation: Notation, references: References) -> None:
        measured = replace(LATEX, measure=lambda text: latex_width(LINK.sub("", text)))
        super().__init__(measured, notation, RULES)
        self.references = references

    def name(self, id: str) -> Fragment:
        return self._linked(super().name(id), id, None)

    def component(self, id: str, shape: Shape, row: Index, column: Index) -> Fragment:
        fragment = super().component(id, shape, row, column)
        at = entry_of(shape, row, column)
        return fragment if at is None else self._linked(fragment, id, at)

    def _linked(self, fragment: Fragment, id: str, at: int | None) -> Fragment:
        if id not in self.references.shapes or id.startswith(GRADIENT):
            return fragment
        number = self.references.number((id, at))
        return fragment._replace(text=rf"\htmlData{{v={number}}}{{{fragment.text}}}")


class NumberWriter(LinkedWriter):
    """Writes LaTeX in which every entry is a number, to be filled in on the page."""

    def name(self, id: str) -> Fragment:
        return self._number(id, 0) if id in self.references.shapes else super().name(id)

    def component(self, id: str, shape: Shape, row: Index, column: Index) -> Fragment:
        return self._number(id, entry_of(shape, row, column) or 0)

    def _number(self, id: str, at: int) -> Fragment:
        return Fragment(rf"\htmlData{{n={self.references.number((id, at))}}}{{0.0000}}", ATOM)


def entry_of(shape: Shape, row: Index, column: Index) -> int | None:
    """The position of an entry row by row; None where an index is no number, or the width is not known.

    Example:
        >>> entry_of((3, 2), 2, 1)
        2
    """
    if not (isinstance(row, int) and isinstance(column, int) and shape and isinstance(shape[1], int)):
        return None
    return (row - 1) * shape[1] + column - 1


def takes_numbers(expr: Expr) -> bool:
    """Whether numbers put into the expression show something: it is short, and about single entries."""
    nodes = list(walk(expr))
    if len(nodes) > LONGEST or any(isinstance(node, Partial | SumOver | Size | Assembled) for node in nodes):
        return False
    if any(
        isinstance(node, Component) and not (isinstance(node.row, int) and isinstance(node.column, int))
        for node in nodes
    ):
        return False
    leaves = [node for node in nodes if isinstance(node, Name | Component)]
    if any(node.shape not in ((), (1, 1)) for node in leaves if not _is_base(node, nodes)):
        return False
    return bool(leaves) and not isinstance(expr, Name | Component | Const)


def _is_base(node: Expr, nodes: list[Expr]) -> bool:
    """Whether the node is the quantity of which an entry is taken."""
    return any(isinstance(other, Component) and other.base == node for other in nodes)
