"""Arrays that lack their second dimension: found where they meet others, and mended where they are made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from backproof.checking.scripts.assigning import assigned_value
from backproof.checking.scripts.listing import Edit
from backproof.checking.scripts.proposal import Proposal
from backproof.checking.scripts.values import Seen, Values


def dimension_added(values: Values, seen: Seen, row: bool) -> tuple[Edit, ...] | None:
    """The definition of a one-dimensional array changed so that it is a row or a column; None where that is unclear."""
    listing = values.listing
    for first in values.seen:
        if first.assigned and np.array_equal(first.value, seen.value) and first.value.shape == seen.value.shape:
            value = assigned_value(first.run.statement)
            if value is None or isinstance(first.run.statement, ast.AugAssign):
                return None
            start, end = listing.span(value)
            match value:
                case ast.Call(args=[ast.List() as inner, *_]) if row:
                    begin, stop = listing.span(inner)
                    return (Edit(begin, begin, "["), Edit(stop, stop, "]"))
                case _:
                    shape = "(1, -1)" if row else "(-1, 1)"
                    atom = isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
                    text = listing.segment(value)
                    new = f"{text if atom else f'({text})'}.reshape{shape}"
                    return (Edit(start, end, new),)
    return None


def outer_differences(values: Values) -> Iterator[Proposal]:
    """(n,) against (n, 1): what should be n differences is an n×n matrix."""
    listing = values.listing
    for seen in values.seen:
        if not isinstance(seen.node, ast.BinOp) or seen.value.ndim != 2 or seen.value.shape[0] != seen.value.shape[1]:
            continue
        sides = {s.node: s for s in seen.run.seen if s.order < seen.order}
        for one, other in ((seen.node.left, seen.node.right), (seen.node.right, seen.node.left)):
            flat, column = sides.get(one), sides.get(other)
            n = seen.value.shape[0]
            if flat is None or column is None or n < 2 or flat.value.shape != (n,) or column.value.shape != (n, 1):
                continue
            edits = dimension_added(values, flat, row=False)
            definition = next(
                (
                    s
                    for s in values.seen
                    if s.assigned and s.value.shape == (n,) and np.array_equal(s.value, flat.value)
                ),
                None,
            )
            if edits is None or definition is None:
                start, end = listing.span(one)
                edits = (Edit(start, end, f"{listing.segment(one)}.reshape(-1, 1)"),)
            line = definition.run.statement.lineno if definition is not None else seen.line
            yield Proposal(
                "broadcast",
                f"line {seen.line}: `{listing.segment(seen.node)}` has shape ({n}, {n}): `{flat.text}` of shape ({n},) "
                f"against `{column.text}` of shape ({n}, 1) makes a matrix of all pairs; `{flat.text}` must be a "
                f"column of shape ({n}, 1)",
                edits,
                line,
                flat.text,
            )
            return
