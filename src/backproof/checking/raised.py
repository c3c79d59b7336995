"""Why the user's function raised: its line, and the shapes of what the line uses."""

from __future__ import annotations

import ast
import linecache
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from types import FrameType

MOST_SHAPES = 6
OWN = Path(__file__).parent
LIBRARIES = tuple({Path(sysconfig.get_paths()[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")})


@dataclass(frozen=True, slots=True)
class RaisedError(Exception):
    """An exception in the user's function.

    Args:
        sentence: what it raised, where, and the shapes there.
        line: of the user's file, counted from 1.
        text: the line itself.
        error: the exception.
    """

    sentence: str
    line: int | None
    text: str
    error: BaseException

    def __str__(self) -> str:
        return self.sentence


def _is_library(file: str) -> bool:
    return file.startswith("<") or any(Path(file).is_relative_to(folder) for folder in LIBRARIES)


def raised_in(name: str, error: BaseException) -> RaisedError:
    """The exception told in the user's terms."""
    frames = list(walk_tb(error.__traceback__))
    outside = [(f, n) for f, n in frames if not Path(f.f_code.co_filename).is_relative_to(OWN)]
    users = [(f, n) for f, n in outside if not _is_library(f.f_code.co_filename)] or outside
    message = " ".join(str(error).split()) or "no message"
    what = f"{type(error).__name__}: {message}"
    if not users:
        return RaisedError(f"{name} could not be called ({what})", None, "", error)
    frame, line = users[-1]
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    file = Path(frame.f_code.co_filename).name
    shown = f", `{text}`" if text else ""
    shapes = ", ".join(_shapes(frame, text))
    where = f"{file}, line {line}{shown}{'; ' + shapes if shapes else ''}"
    return RaisedError(f"{name} raises {what} ({where})", line, text, error)


def _shapes(frame: FrameType, text: str) -> Iterator[str]:
    """The arrays that the line uses, with their shapes."""
    known = {**frame.f_globals, **frame.f_locals}
    for name in _names(text)[:MOST_SHAPES]:
        shape = getattr(known.get(name), "shape", None)
        if isinstance(shape, tuple):
            yield f"{name} is {tuple(int(n) for n in shape)}"


def _names(text: str) -> list[str]:
    try:
        tree = ast.parse(text.rstrip(":"))
    except SyntaxError:
        return []
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    return list(dict.fromkeys(node.id for node in sorted(found, key=lambda n: n.col_offset)))
