"""Compiled code kept on disk: found again by what it was made from, never trusted, never in the way.

An entry is a header, a digest and the object code. One that is damaged, foreign or cut short is taken for absent and
made again; files are written whole; what was not used longest goes first when the cache outgrows its limit.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from backproof.errors import OutputError
from backproof.files import atomic_write_bytes

MAGIC = b"backproof object 1\n"
LIMIT = 256 * 2**20
"""Bytes that the cache may take."""


def default_folder() -> Path:
    """``BACKPROOF_CACHE_DIR``, or the user's cache folder."""
    chosen = os.environ.get("BACKPROOF_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "backproof"
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "backproof"


class ObjectCache:
    """Object code by key.

    Args:
        folder: where; ``default_folder()`` where not given.
        limit: bytes that it may take.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        self.folder = default_folder() if folder is None else folder
        self.limit = limit

    @staticmethod
    def key(*parts: str) -> str:
        """A name for what is made from the parts."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part.encode()).to_bytes(8, "little") + part.encode())
        return digest.hexdigest()

    def get(self, key: str) -> bytes | None:
        """The code, or None where there is none that can be trusted."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        head, code = content[: len(MAGIC) + 32], content[len(MAGIC) + 32 :]
        return code if head == MAGIC + _digest(key, code) else None

    def put(self, key: str, code: bytes) -> None:
        """Keep the code; a folder that cannot be written to is no reason to stop."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(self._path(key), MAGIC + _digest(key, code) + code)
            self._trim()
        except (OSError, OutputError):
            return

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.object"

    def _trim(self) -> None:
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Last use, size and path of each entry; one that vanishes meanwhile is passed over."""
        for path in self.folder.glob("*.object"):
            try:
                found = path.stat()
            except OSError:
                continue
            yield found.st_mtime, found.st_size, path


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()
