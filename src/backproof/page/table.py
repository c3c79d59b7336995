"""A user's table for the page: text that is checked here, and read by the page itself."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

from backproof.errors import DataError

LARGEST = 5_000_000
"""Bytes; more would make the page slow to open."""


def table_text(path: Path, inputs: int, outputs: int) -> str:
    """The text of a CSV file whose columns fit the network: its inputs, then its targets or one class.

    Raises:
        DataError: a file that cannot be read, is too large, or has other columns.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise DataError(f"{path} has {size:,} bytes; the page takes at most {LARGEST:,}, so give it fewer rows")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {path}: it is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        first = next(csv.reader(StringIO(text)), [])
    except csv.Error as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if len(first) not in (inputs + outputs, inputs + 1):
        wanted = f"{inputs} inputs and {'1 target' if outputs == 1 else f'{outputs} targets (or one class)'}"
        raise DataError(f"{path} has {len(first)} columns, but the network takes {wanted}; choose the columns first")
    return text
