"""Names in emitted sources: every quantity, size and function under an identifier that is safe and its own."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from backproof.ir.program import fresh

PYTHON_RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins)})


class Identifiers:
    """Gives each name of a program one identifier, never two the same one.

    Args:
        reserved: identifiers that the text uses for itself.

    Example:
        >>> identifiers = Identifiers(["np"])
        >>> identifiers.of("quantity", "W_1"), identifiers.of("quantity", "np"), identifiers.of("quantity", "a;b\\n")
        ('W_1', 'np_2', 'a_b_')
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {*PYTHON_RESERVED, *reserved}
        self._given: dict[tuple[str, object], str] = {}

    def of(self, kind: str, key: object, wanted: str | None = None) -> str:
        """The identifier of a thing; the same for the same kind and key.

        Args:
            kind: what it is, so that a size and a quantity of one name stay apart.
            key: which one it is.
            wanted: the identifier to come close to; the key where not given.
        """
        found = self._given.get((kind, key))
        if found is None:
            found = fresh(_plain(str(key) if wanted is None else wanted), self._taken)
            self._taken.add(found)
            self._given[kind, key] = found
        return found


def _plain(wanted: str) -> str:
    """ASCII letters, digits and underscores, a letter first: nothing in a name can become code."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", wanted).lstrip("_")
    return plain if re.match(r"[A-Za-z]", plain) else f"q_{plain}"


def comment_text(text: str) -> str:
    """The text on one line without anything invisible, so that it cannot leave a comment.

    Example:
        >>> comment_text("a\\nimport os")
        'a import os'
    """
    return "".join(c if c.isprintable() else " " for c in text)
