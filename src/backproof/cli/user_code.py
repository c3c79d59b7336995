"""A function out of a Python file of the user's, which is imported: executed, as Python does with any module."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from backproof.errors import BackproofError, DataError, SpecificationError, suggestion


def loaded(path: Path, name: str) -> Callable[..., Any]:
    """The function of that name, perhaps with dots, in the file.

    Raises:
        DataError: there is no such file, or it raises while it is imported.
        SpecificationError: it has no such function.
    """
    found: Any = _imported(path)
    for part in name.split("."):
        if not hasattr(found, part):
            known = [known for known in vars(found) if not known.startswith("_") and callable(getattr(found, known))]
            raise SpecificationError(f"{path} has no function {name!r}; {suggestion(name, known)}")
        found = getattr(found, part)
    if not callable(found):
        raise SpecificationError(f"{name} in {path} is {type(found).__name__} and no function; name a function")
    function: Callable[..., Any] = found
    return function


@contextmanager
def ending_refused(subject: str) -> Iterator[None]:
    """Where the user's code leaves the program, that is bad input and not the end of this one."""
    try:
        yield
    except SystemExit as error:
        raise DataError(f"{subject} leaves the program with exit status {error.code}; it must return") from None


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise DataError(f"cannot read {path}: there is no such file")
    name = path.stem if path.stem not in sys.modules else f"_checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise DataError(f"cannot import {path}: it is no Python file")
    module = importlib.util.module_from_spec(spec)
    # What the file imports stands beside it, as when Python runs it.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BackproofError:
        raise
    except SystemExit:
        raise DataError(
            f"{path} leaves the program while it is imported; put that under if __name__ == '__main__':"
        ) from None
    except Exception as error:
        raise DataError(f"{path}{_line(error, path)} raises {type(error).__name__} when imported: {error}") from error
    return module


def _line(error: Exception, path: Path) -> str:
    """The last line of the file that the error went through."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}," if error.lineno else ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return f", line {lines[-1]}," if lines else ""
