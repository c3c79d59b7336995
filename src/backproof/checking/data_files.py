"""Gradients that some other program wrote to a file: NumPy's .npz, .safetensors or JSON. Nothing is unpickled."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from backproof.backprop.trace import Trace
from backproof.checking.functions import flattened
from backproof.checking.spelling import LOSSES, meant, squeezed
from backproof.errors import DataError, SpecificationError

SUFFIXES = (".npz", ".safetensors", ".json")
MOST_BYTES = 2**31


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of a file by name.

    Raises:
        DataError: no such file, or not what its suffix says.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} is larger than {MOST_BYTES >> 30} GiB; write fewer samples to it")
        match path.suffix.lower():
            case ".npz":
                return _read_npz(path)
            case ".safetensors":
                return dict(load_file(path))
            case ".json":
                return _read_json(path)
            case suffix:
                raise DataError(f"cannot read gradients from {path}: {suffix or 'no suffix'}; use one of {SUFFIXES}")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (SafetensorError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not a {path.suffix} file of arrays ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["unreadable"])[0]


def _read_npz(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(f"{path} holds one array without a name; write all arrays with numpy.savez")
        with archive:
            return {name: archive[name] for name in archive.files}


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold one object with an array for each name, not {type(content).__name__}")
    return {name: _array_of(name, value) for name, value in content.items()}


def _array_of(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _array_of(f"{name}.{key}", item) for key, item in value.items()}
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} is no array of numbers: give lists of equally long rows") from None


def split(trace: Trace, arrays: Mapping[str, Any], what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs and parameters among the arrays, and the gradients with the loss.

    Raises:
        DataError: an input, a parameter or every gradient is missing.
        SpecificationError: a name that means nothing.
    """
    names = [name.id for name in (*trace.program.inputs, *trace.program.parameters)]
    grouped = {key for key, value in arrays.items() if isinstance(value, Mapping) and _says_gradient(key, trace)}
    gradients: dict[str, Any] = {}
    point: dict[str, Any] = {}
    for key, value in arrays.items():
        if key in grouped:
            gradients |= {f"grad_{inner}": array for inner, array in flattened(value).items()}
        elif isinstance(value, Mapping):
            point |= flattened(value)
        elif _says_gradient(key, trace) or squeezed(key).casefold() in LOSSES:
            gradients[key] = value
        else:
            point[key] = value
    _check_names(trace, what, names, point, gradients)
    return point, gradients


def _check_names(
    trace: Trace, what: str, names: list[str], point: Mapping[str, Any], gradients: Mapping[str, Any]
) -> None:
    means = meant(point, names)
    strange = [key for key in point if key not in means]
    if strange:
        raise SpecificationError(
            f"{what} has {strange[0]!r}, which is none of {', '.join(names)} and no gradient of them"
        )
    missing = list(_lacking(names, means.values()))
    if missing:
        raise DataError(f"{what} lacks {', '.join(missing)}; it must hold every input and parameter, and the gradients")
    if not meant(gradients, list(trace.gradients), gradients=True):
        wanted = ", ".join(f"grad_{id}" for id in trace.gradients)
        raise DataError(f"{what} holds no gradient; name them {wanted}")


def _lacking(names: list[str], found: Any) -> Iterator[str]:
    there = set(found)
    yield from (name for name in names if name not in there)


def _says_gradient(key: str, trace: Trace) -> bool:
    """Whether the name is that of a gradient and not of a parameter."""
    ids = [name.id for name in (*trace.program.inputs, *trace.program.parameters)]
    if meant([key], ids).get(key) is not None:
        return False
    return key.casefold() in ("grads", "gradients") or bool(meant([key], list(trace.gradients), gradients=True))
