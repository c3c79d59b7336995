"""An update that comes too early, moved behind the line that still needs the old weights."""

from __future__ import annotations

import ast

from backproof.checking.scripts.listing import Edit, Listing


def moved_after(listing: Listing, update: ast.stmt, needs: ast.stmt) -> tuple[Edit, ...] | None:
    """The edits that move one statement behind another; None where they do not stand in the same block.

    Example:
        >>> from backproof.checking.scripts.listing import edited
        >>> listing = Listing("W = W - g\\nd = e @ W.T\\n")
        >>> print(edited(listing.text, moved_after(listing, *listing.tree.body)), end="")
        d = e @ W.T
        W = W - g
    """
    needs = _beside(listing, update, needs)
    block = listing.block(update)
    if needs not in block or update is needs or block.index(update) > block.index(needs):
        return None
    start, _ = listing.span(update)
    begin = listing.text.rfind("\n", 0, start) + 1
    alone = not listing.text[begin:start].strip() and _ends_line(listing, update) and _ends_line(listing, needs)
    if not alone:
        return None
    finish = _line_end(listing, update)
    place = _line_end(listing, needs)
    moved = listing.text[begin:finish]
    if place and listing.text[place - 1 : place] != "\n":
        return (Edit(begin, finish, ""), Edit(place, place, f"\n{moved.rstrip(chr(10))}"))
    return (Edit(begin, finish, ""), Edit(place, place, moved))


def _beside(listing: Listing, update: ast.stmt, needs: ast.stmt) -> ast.stmt:
    """The statement of the update's own block in which the other one stands."""
    block = listing.block(update)
    node: ast.AST = needs
    while node in listing.parent and node not in block:
        node = listing.parent[node]
    return node if isinstance(node, ast.stmt) else needs


def _ends_line(listing: Listing, statement: ast.stmt) -> bool:
    _, end = listing.span(statement)
    rest = listing.text[end : _line_end(listing, statement)].strip()
    return not rest or rest.startswith("#")


def _line_end(listing: Listing, statement: ast.stmt) -> int:
    _, end = listing.span(statement)
    newline = listing.text.find("\n", end)
    return len(listing.text) if newline < 0 else newline + 1
