"""How many threads a call gets: all of them, or one for a while where the others are kept from working.

Threads that wait for each other many times in a step are slow where another program takes one of their processors: each
wait then lasts until that program lets go. The bits do not depend on the number of threads, so nothing but time does.
"""

from __future__ import annotations

import numpy as np

SPEED = 100e9
"""Multiplications in a second that one thread makes at least where nobody disturbs it, in float32."""
WORSE = 4.0
"""Times what one thread would take at which the others are in the way."""
TELLING = 5e-3
"""Seconds below which a call says nothing: less than another program's turn."""
ALONE = 10
"""Calls with one thread, then all are tried again."""


class Crew:
    """Learns from how long calls take.

    Args:
        most: threads that may be used; as many as are worth it where None.

    Example:
        >>> crew = Crew(None)
        >>> crew.learn(threads=2, seconds=0.5, work=10**6)
        >>> crew.threads
        1
    """

    def __init__(self, most: int | None) -> None:
        self._most, self._alone = most, 0

    @property
    def threads(self) -> int | None:
        """For the next call: how many at most, None for as many as are worth it."""
        return 1 if self._alone else self._most

    def learn(self, threads: int, seconds: float, work: int, dtype: np.dtype[np.generic] | None = None) -> None:
        """A call with so many threads took so long for so many multiplications."""
        if self._alone:
            self._alone -= 1
            return
        speed = SPEED * 4 / (4 if dtype is None else dtype.itemsize)
        if threads > 1 and seconds > max(TELLING, WORSE * work / speed):
            self._alone = ALONE
