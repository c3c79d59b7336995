"""Which characters the bytes of a text file are: UTF-8 unless it says or shows otherwise."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from backproof.errors import DataError

BLOCK = 1 << 20
UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
"""Bytes that stand for nothing in Windows-1252."""


@dataclass(frozen=True, slots=True)
class Charset:
    """The encoding as Python calls it, and what the user must be told of it."""

    codec: str
    note: str = ""


def charset_of(opened: Callable[[], IO[bytes]]) -> Charset:
    """UTF-8, with or without a byte order mark; UTF-16 where a mark says so; else Windows-1252 where that can be.

    Args:
        opened: opens the file, perhaps twice.

    Raises:
        DataError: the bytes are text in none of them; says where UTF-8 ends.

    Example:
        >>> import io
        >>> charset_of(lambda: io.BytesIO("blé".encode("cp1252"))).note
        'encoding Windows-1252 taken, as byte 0xe9 in line 1 is not UTF-8'
    """
    with opened() as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return Charset("utf-16", "encoding UTF-16 detected")
    with opened() as stream:
        fault = _first_fault(stream)
    if fault is None:
        return Charset("utf-8-sig")
    with opened() as stream:
        while block := stream.read(BLOCK):
            if len(block.translate(None, UNDEFINED)) != len(block):
                raise DataError(f"{fault.words} at offset {fault.offset} is not UTF-8; {ADVICE}")
    return Charset("cp1252", f"encoding Windows-1252 taken, as {fault.said} is not UTF-8")


ADVICE = "save the file again with the encoding UTF-8"


@dataclass(frozen=True, slots=True)
class _Fault:
    byte: int
    offset: int
    line: int

    @property
    def words(self) -> str:
        return f"line {self.line}: byte 0x{self.byte:02x}"

    @property
    def said(self) -> str:
        return f"byte 0x{self.byte:02x} in line {self.line}"


def _first_fault(stream: IO[bytes]) -> _Fault | None:
    """Where the first byte is that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line = 0, 1
    while True:
        block = stream.read(BLOCK)
        pending = decoder.getstate()[0]
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            whole = pending + block
            before = whole[: error.start]
            return _Fault(whole[error.start], offset - len(pending) + error.start, line + before.count(b"\n"))
        if not block:
            return None
        offset, line = offset + len(block), line + block.count(b"\n")
