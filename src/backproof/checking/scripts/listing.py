"""The text of a program with its syntax tree: where each node stands, and the text with pieces replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from backproof.checking.scripts.recording import numbered

Assigning = ast.Assign | ast.AugAssign | ast.AnnAssign
"""A statement that gives something a value."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One piece of the text replaced: the characters from ``start`` to ``end`` become ``new``."""

    start: int
    end: int
    new: str


class Listing:
    """A program's text and tree.

    Args:
        text: Python source.

    Raises:
        SyntaxError: it is not Python.

    Example:
        >>> listing = Listing("a = b + c")
        >>> [listing.segment(node) for node in listing.nodes if isinstance(node, ast.BinOp)]
        ['b + c']
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self.nodes = numbered(self.tree)
        self.number = {node: k for k, node in enumerate(self.nodes)}
        self.parent = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self._texts: dict[ast.AST, str] = {}

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends, as Python counts them."""
        return self.text.splitlines(keepends=True)

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """The place in the text of a column in bytes of a line counted from 1."""
        start = self._starts[line - 1]
        raw = self.text[start : self._starts[line] - 1].encode()
        return start + len(raw[:column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node begins and ends in the text."""
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The text of the node, as it was written."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_text(self, statement: ast.stmt) -> str:
        """The statement as it was written, without the indentation of its first line."""
        return self.segment(statement)

    def spelt(self, node: ast.AST) -> str:
        """The node in one normal form, so that two spellings of the same thing compare equal."""
        found = self._texts.get(node)
        if found is None:
            found = self._texts[node] = ast.unparse(node)
        return found

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that the node stands in; the node itself where it is one."""
        while not isinstance(node, ast.stmt):
            node = self.parent[node]
        return node

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that stand beside it, itself among them."""
        above = self.parent[statement]
        for _, value in ast.iter_fields(above):
            if isinstance(value, list) and statement in value:
                return [s for s in value if isinstance(s, ast.stmt)]
        return [statement]

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions and methods by name; of two with one name the later."""
        return {node.name: node for node in self.nodes if isinstance(node, ast.FunctionDef)}


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all the edits made; they do not overlap.

    Example:
        >>> edited("a * b", [Edit(0, 1, "c"), Edit(5, 5, ".T")])
        'c * b.T'
    """
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


def overlapping(first: Iterable[Edit], second: Iterable[Edit]) -> bool:
    """Whether two sets of edits touch the same characters."""
    return any((a.start < b.end and b.start < a.end) or a.start == b.start for a in first for b in second)
