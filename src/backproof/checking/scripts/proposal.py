"""A change of a program's text that could mend a fault, with what it says of the fault."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.checking.scripts.listing import Edit


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the text that could mend something, and what it would say of it.

    Args:
        kind: of fault.
        sentence: the finding.
        edits: the change.
        line, variable: where.
        id: the quantity that must be right afterwards; empty for a line that must not raise any more.
        before, after: the piece of the text, and what it becomes.
    """

    kind: str
    sentence: str
    edits: tuple[Edit, ...]
    line: int
    variable: str = ""
    id: str = ""
    ids: tuple[str, ...] = ()
