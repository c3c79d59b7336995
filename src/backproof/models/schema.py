"""JSON read with its path in hand: each value is of the type that is wanted, or refused in one line."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from backproof.errors import DataError
from backproof.run.wording import quoted

LONGEST_TEXT = 10_000
"""Characters in a name or a formula."""


def parsed(text: str) -> Node:
    """The root of a JSON text.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return Node("", json.loads(text, parse_constant=_refused))
    except RecursionError:
        raise DataError("its description is nested too deeply") from None
    except ValueError as error:
        raise DataError(f"its description is no JSON ({' '.join(str(error).split())})") from None


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands: ``network.sizes[0]``.

    Example:
        >>> root = parsed('{"network": {"sizes": [3, "x"]}}')
        >>> [size.whole(least=1) for size in root["network"]["sizes"].items()]
        Traceback (most recent call last):
        backproof.errors.DataError: network.sizes[1] should be a whole number of at least 1, found 'x'
    """

    path: str
    value: Any

    def __getitem__(self, key: str) -> Node:
        found = self.mapping()
        if key not in found:
            raise DataError(f"{self._under(key)} is missing")
        return Node(self._under(key), found[key])

    def optional(self, key: str) -> Node | None:
        """The value under a key; None where there is none, or null."""
        value = self.mapping().get(key)
        return None if value is None else Node(self._under(key), value)

    def mapping(self) -> dict[str, Any]:
        """An object's values by key."""
        return self.value if isinstance(self.value, dict) else self._refuse("an object")

    def entries(self) -> dict[str, Node]:
        """An object's nodes by key."""
        return {key: Node(self._under(key), value) for key, value in self.mapping().items()}

    def items(self) -> list[Node]:
        """The nodes of a list."""
        if not isinstance(self.value, list):
            self._refuse("a list")
        return [Node(f"{self.path}[{number}]", value) for number, value in enumerate(self.value)]

    def text(self) -> str:
        """A text, not endless, which UTF-8 can hold."""
        if not isinstance(self.value, str) or len(self.value) > LONGEST_TEXT:
            self._refuse("a text" if not isinstance(self.value, str) else "a shorter text")
        if any("\ud800" <= character <= "\udfff" for character in self.value):
            self._refuse("a text without lone surrogates")
        return str(self.value)

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(node.text() for node in self.items())

    def one_of(self, *choices: str) -> str:
        """One of some words."""
        if not isinstance(self.value, str) or self.value not in choices:
            self._refuse(f"one of {', '.join(choices)}")
        return str(self.value)

    def truth(self) -> bool:
        """true or false."""
        return self.value if isinstance(self.value, bool) else self._refuse("true or false")

    def whole(self, *, least: int = 0, most: int = 2**53) -> int:
        """A whole number."""
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            self._refuse(f"a whole number of at least {least}")
        return int(number)

    def number(self, *, least: float = -math.inf, below: float = math.inf) -> float:
        """A finite number from ``least`` to below ``below``."""
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int | float) or abs(number) > 1.7e308:
            self._refuse("a finite number")
        if not least <= number < below:
            self._refuse(f"a number from {least:g} to below {below:g}")
        return float(number)

    def numbers(self) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(node.number() for node in self.items())

    def _under(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _refuse(self, wanted: str) -> Any:
        raise DataError(f"{self.path or 'its description'} should be {wanted}, found {quoted(self.value)}")
