"""CSV and TSV files into columns of text, all at once or batch by batch, each row with its line in the file.

The structure is read by the standard library's `csv` module in strict mode and not by polars, whose reader
(2.1) fills a row that is too short without a word, turns a blank line into a row, and knows no line numbers.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.errors import DataError
from backproof.run.charset import ADVICE, charset_of
from backproof.run.memory import refuse_absurd_size
from backproof.run.wording import quoted

DELIMITERS = {",": '","', ";": '";"', "\t": "tab", "|": '"|"'}
_SAMPLE_BYTES = 1 << 16
_SAMPLE_RECORDS = 50
_BATCH_ROWS = 20_000
_FOREIGN = {
    b"PAR1": "is a Parquet file; rename it to .parquet",
    b"PK\x03\x04": "is a zip archive or a spreadsheet; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet; save the sheet as CSV",
    b"\x1f\x8b": "is compressed by gzip; add .gz to its name",
}


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """The fields of a file as they are written: ``columns`` of text and the line on which each row begins."""

    columns: pl.DataFrame
    nameless: frozenset[str]
    lines: NDArray[np.int64]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Layout:
    """How the text is written.

    Args:
        delimiter: between the fields.
        codec: of the characters, as Python calls it.
        notes: what was detected, for the user.
    """

    delimiter: str
    codec: str = "utf-8-sig"
    notes: tuple[str, ...] = ()

    @property
    def decimal_comma(self) -> bool:
        """Whether "1,5" may be a number."""
        return self.delimiter != ","


@dataclass(frozen=True, slots=True)
class TextBatches:
    """The rows of a file, some at a time.

    Args:
        names: of the columns.
        nameless: those of the names that were made here.
        layout: how the file is written.
        batches: of rows: the fields, and the lines on which the rows begin.
    """

    names: list[str]
    nameless: frozenset[str]
    layout: Layout
    batches: Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]


def read_delimited(path: Path, *, delimiter: str | None = None) -> TextTable:
    """The rows of a CSV file, all at once.

    Args:
        path: the file, ``.gz`` decompressed.
        delimiter: the character between fields; detected from the first records when None.

    Raises:
        DataError: the file cannot be read, or its rows do not all have the fields of its header.
    """
    with delimited_batches(path, delimiter=delimiter) as text:
        frames = [pl.DataFrame(schema=dict.fromkeys(text.names, pl.String))]
        lines = [np.empty(0, dtype=np.int64)]
        size = 0
        for frame, numbers in text.batches:
            size += int(frame.estimated_size())
            # the columns of text, their typed copies and the prepared matrix live side by side for a moment
            refuse_absurd_size(2 * size, f"the table up to line {numbers[-1]}", "use fewer rows or columns")
            frames.append(frame)
            lines.append(numbers)
        return TextTable(pl.concat(frames, rechunk=True), text.nameless, np.concatenate(lines), text.layout)


@contextmanager
def delimited_batches(path: Path, *, delimiter: str | None = None) -> Iterator[TextBatches]:
    """The rows of a CSV file batch by batch, in memory that does not grow with the file.

    Args:
        path: the file, ``.gz`` decompressed.
        delimiter: the character between fields; detected from the first records when None.

    Raises:
        DataError: the file cannot be read, or, when a batch is asked for, a row has not the fields of the header.
    """
    with _readable():
        layout = _layout(path, delimiter)
        with _open(path) as binary, io.TextIOWrapper(binary, encoding=layout.codec, newline="") as text:
            records = _records(text, layout.delimiter)
            names, nameless = _header(records)
            yield TextBatches(names, nameless, layout, _batched(records, names, layout.delimiter))


def _layout(path: Path, delimiter: str | None) -> Layout:
    with _open(path) as binary:
        head = binary.read(_SAMPLE_BYTES)
    _refuse_foreign(head)
    charset = charset_of(lambda: _open(path))
    if charset.codec != "utf-16":
        _refuse_zero_byte(head)
    # a sample may end in the middle of a character
    chosen = delimiter or sniff_delimiter(head.decode(charset.codec, errors="replace"))
    said = f"delimiter {DELIMITERS[chosen]} detected" if delimiter is None and chosen != "," else ""
    return Layout(chosen, charset.codec, tuple(note for note in (charset.note, said) if note))


def sniff_delimiter(sample: str) -> str:
    r"""The delimiter that splits the first records into the same number of fields, at least two.

    Example:
        >>> sniff_delimiter("a;b\n1,5;2\n"), sniff_delimiter("a\tb\n"), sniff_delimiter("alone\n1\n")
        (';', '\t', ',')
    """
    best, best_score = ",", (0.0, 1)
    for candidate in DELIMITERS:
        widths = [len(record) for record in _lenient(sample, candidate) if record]
        if not widths or widths[0] < 2:
            continue
        score = (Counter(widths)[widths[0]] / len(widths), widths[0])
        if score > best_score:
            best, best_score = candidate, score
    return best


def _lenient(sample: str, delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True):
            found.append(record)
            if len(found) == _SAMPLE_RECORDS:
                break
    except csv.Error:
        pass  # the real reading says what is wrong, and where
    return found


@contextmanager
def _readable() -> Iterator[None]:
    """Failures of the file itself as one clear line each."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"the text is not {error.encoding.upper()} ({error.reason}); {ADVICE}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"this is no complete gzip file ({error}); compress it or copy it again") from None


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _refuse_foreign(head: bytes) -> None:
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise DataError("the file is empty; give a file with a header line and rows")
    for signature, what in _FOREIGN.items():
        if head.startswith(signature):
            raise DataError(f"this {what}")


def _refuse_zero_byte(head: bytes) -> None:
    zero = head.find(b"\0")
    if zero >= 0:
        raise DataError(
            f"zero byte at offset {zero}, so this is UTF-16 text or no text at all; "
            "save the table again as CSV in UTF-8"
        )


def _records(text: IO[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the line on which it begins."""
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"line {line}: a quoted field cannot be read ({str(error).expandtabs(1)}); "
                'close each " and write a " inside a quoted field as ""'
            ) from None
        if len(record) > 1 or (record and record[0].strip()):
            yield line, record


def all_numbers(names: Iterable[str]) -> bool:
    """Whether a header holds numbers only, and so may be a row of data.

    Example:
        >>> all_numbers(["5.1", "3"]), all_numbers(["5.1", "species"])
        (True, False)
    """
    try:
        return all(math.isfinite(float(name)) for name in names)
    except ValueError:
        return False


def _header(records: Iterator[tuple[int, list[str]]]) -> tuple[list[str], frozenset[str]]:
    """The column names, and those of them that were made here for columns without one."""
    line, fields = next(records, (1, []))
    given = [field.strip() for field in fields]
    taken: dict[str, int] = {}
    for position, name in enumerate(given, start=1):
        if name and name in taken:
            advice = "add a line of names above the numbers" if all_numbers(given) else "rename one"
            raise DataError(
                f"line {line}: the column name {quoted(name)} stands twice "
                f"(columns {taken[name]} and {position}); {advice}"
            )
        taken[name] = position
    names = list(given)
    for position, name in enumerate(given, start=1):
        if not name:
            made = f"column {position}"
            while made in taken:
                made += "'"
            names[position - 1] = made
    return names, frozenset(names) - frozenset(given)


def _batched(
    records: Iterator[tuple[int, list[str]]], names: list[str], delimiter: str
) -> Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]:
    numbers: list[int] = []
    rows: list[list[str]] = []
    for line, record in records:
        if len(record) != len(names):
            raise DataError(
                f"line {line}: {len(record)} fields found, {len(names)} expected from the header; "
                f"look for a missing or surplus {DELIMITERS.get(delimiter, delimiter)}, "
                "and put quotes round a field that holds one"
            )
        numbers.append(line)
        rows.append(record)
        if len(rows) == _BATCH_ROWS:
            yield _batch(rows, numbers, names)
            numbers, rows = [], []
    if rows:
        yield _batch(rows, numbers, names)


def _batch(rows: list[list[str]], numbers: list[int], names: list[str]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame, np.asarray(numbers, dtype=np.int64)
