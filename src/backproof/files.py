"""Writing files whole or not at all: a temporary file in the same folder, then one rename."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from backproof.errors import OutputError


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """The file holds the text, as UTF-8, afterwards; or what it held before, and an error says why.

    Args:
        path: the file to write; links are followed. Line ends are written as they are.
        text: all of the file.

    Raises:
        OutputError: the file cannot be written, or the text holds a lone surrogate.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     atomic_write_text(f"{folder}/delta.txt", "Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)")
        ...     Path(f"{folder}/delta.txt").read_text(encoding="utf-8")
        'Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)'
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise OutputError(
            f"cannot write {_quoted(path)}: the character {text[error.start]!r} cannot be stored as UTF-8; "
            "remove it from the names and labels"
        ) from error
    atomic_write_bytes(path, data)


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """The file holds the data afterwards; or what it held before, and an error says why.

    A new file gets the permissions that the umask allows, an existing one keeps its own. A pipe or a device
    such as ``/dev/stdout`` cannot be replaced and is written to directly.

    Args:
        path: the file to write; links are followed.
        data: all of the file.

    Raises:
        OutputError: the file cannot be written.
    """
    with _refusals_explained(path):
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            Path(path).write_bytes(data)
            return
        target = Path(os.path.realpath(path))
        temporary = _beside(target, data, _replaceable(path))
        try:
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_replacement(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A place to write a file too large for the memory: it becomes the file when all went well, or nothing is left.

    Args:
        path: the file to write; links are followed. A pipe or a device is its own place.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_replacement(f"{folder}/rows.csv") as place:
        ...         _ = place.write_text("a,b")
        ...     [path.name for path in Path(folder).iterdir()]
        ['rows.csv']
    """
    with _refusals_explained(path):
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            temporary = target = Path(path)
        else:
            target = Path(os.path.realpath(path))
            temporary = _beside(target, b"", _replaceable(path))
    try:
        yield temporary
        if temporary != target:
            with _refusals_explained(path):
                with temporary.open("rb") as stream:
                    os.fsync(stream.fileno())
                os.replace(temporary, target)
    finally:
        if temporary != target:
            temporary.unlink(missing_ok=True)


def durable_write_bytes(path: str | os.PathLike[str], data: bytes | bytearray, scratch: str) -> None:
    """Like ``atomic_write_bytes``, and after a crash of the machine too: the folder's entry is on disk as well.

    Args:
        path: a file to make or replace.
        data: all of the file.
        scratch: the name, in the same folder, of the temporary file; one that a killed process left is replaced.

    Raises:
        OutputError: the file cannot be written, or perhaps not durably.
    """
    target = Path(path)
    temporary = target.with_name(scratch)
    with _refusals_explained(path):
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    """Put the names in the folder on disk; Windows has no call for it and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def atomic_write_together(folder: str | os.PathLike[str], contents: Mapping[str, bytes]) -> None:
    """All the files hold their data afterwards; or all what they held before, and an error says why.

    Everything is on disk under temporary names before the first file is replaced, so that a full disk leaves the old
    files as they were. Other files in the folder stay.

    Args:
        folder: an existing folder.
        contents: the data of each file by its name.

    Raises:
        OutputError: a file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     atomic_write_together(folder, {"a.txt": b"one", "b.txt": b"two"})
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['a.txt', 'b.txt']
    """
    ready: dict[Path, Path] = {}
    try:
        for name, data in contents.items():
            path = Path(folder, name)
            with _refusals_explained(path):
                mode = _replaceable(path)
                target = Path(os.path.realpath(path))
                ready[target] = _beside(target, data, mode)
        for target, temporary in ready.items():
            with _refusals_explained(target):
                os.replace(temporary, target)
    finally:
        for temporary in ready.values():
            temporary.unlink(missing_ok=True)


def refuse_unwritable(path: str | os.PathLike[str]) -> None:
    """Refuse a file that could not be written, before any long work for it.

    Raises:
        OutputError: its folder is missing, or may not be written to, or a folder is in its place.
    """
    with _refusals_explained(path):
        _replaceable(path)
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder does not exist")
        if _mode(path) is None and not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "the folder is not writable")


def output_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made with its parents if it is missing, and found writable before any long work starts.

    Raises:
        OutputError: it cannot be made or written to, or a file is in its place.
    """
    with _refusals_explained(path):
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "the folder is not writable")
        return folder


def _mode(path: str | os.PathLike[str]) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replaceable(path: str | os.PathLike[str]) -> int | None:
    """The permissions of the file that will be replaced; None where there is none yet."""
    mode = _mode(path)
    if mode is None:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder is in its place")
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    return stat.S_IMODE(mode)


def _beside(target: Path, data: bytes, mode: int | None) -> Path:
    """The data on disk in the target's folder, under a name of its own."""
    # The name does not build on the target's, which may be as long as the file system allows.
    temporary = target.with_name(f".backproof-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(mode)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


@contextmanager
def _refusals_explained(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what the operating system says into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {_quoted(path)}: {_advice(Path(path), error)}") from error


def _advice(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.EISDIR:
            return "a folder of that name is in its place; choose another name"
        case errno.EEXIST:
            return "a file of that name is in its place; choose another name"
        case errno.ENOTDIR:
            return f"{_quoted(path.parent)} is not a folder; choose another place"
        case errno.ENOENT:
            return f"the folder {_quoted(path.parent)} does not exist; create it first"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "permission denied; choose a place that you may write to"
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; free some space and run again"
        case errno.EFBIG:
            return "the file is larger than allowed here; write it to another place"
        case errno.ENAMETOOLONG:
            return "the name is too long; choose a shorter one"
        case _:
            return f"{error.strerror or error}; choose another place"


def _quoted(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))
