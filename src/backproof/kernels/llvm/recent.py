"""What was made last, by key: a bounded memory of things that are dear to make and large to keep."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The things that were asked for last; what was not asked for longest is let go.

    Args:
        most: how many are kept.

    Example:
        >>> squares = Recent(2)
        >>> [squares.found(n, lambda n=n: n * n) for n in (1, 2, 1, 3)], list(squares)
        ([1, 4, 1, 9], [1, 3])
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: dict[K, V] = {}

    def found(self, key: K, make: Callable[[], V]) -> V:
        """The thing of that key, made where it is not there."""
        value = self._kept.pop(key) if key in self._kept else make()
        self._kept[key] = value
        while len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
        return value

    def __iter__(self) -> Iterator[K]:
        """The keys, the last asked for at the end."""
        return iter(self._kept)

    def values(self) -> list[V]:
        """The things themselves, in the same order."""
        return list(self._kept.values())
