"""How much memory is free, and the refusal of what would not fit in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from backproof.errors import DataError

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB", "ZB")


def available_memory() -> int | None:
    """The bytes that a new array may take without swapping; None where the system does not say.

    Linux says what is available (free plus what caches would give back); elsewhere the size of the
    physical memory is the only portable figure, and a looser bound.

    Example:
        >>> free = available_memory()
        >>> free is None or free > 0
        True
    """
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    if found:
        return int(found[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def refuse_absurd_size(need: int, what: str, advice: str) -> None:
    """Refuse ``what`` when the ``need`` bytes it would take are not available.

    Raises:
        DataError: says the memory needed, the memory available, and the ``advice``.

    Example:
        >>> refuse_absurd_size(2**70, "the table", "use fewer rows")
        Traceback (most recent call last):
        backproof.errors.DataError: the table would need 1.2 ZB of memory, and ... is available...
    """
    free = available_memory()
    if free is not None and need > free:
        raise DataError(f"{what} would need {size_text(need)} of memory, and {size_text(free)} is available; {advice}")


def size_text(size: int) -> str:
    """A number of bytes as people read it, in powers of 1000.

    Example:
        >>> size_text(999), size_text(1_500_000), size_text(3 * 10**21)
        ('999 bytes', '1.5 MB', '3.0 ZB')
    """
    if size < 1000:
        return f"{size} bytes"
    amount = float(size)
    for unit in _UNITS:
        amount /= 1000
        if amount < 999.95 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f} {unit}"
