"""Arrays by name from a file: NumPy's .npz, safetensors, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from backproof.errors import DataError


def _npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it holds no object with a name for each array")
    return found


READERS: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    ".npz": _npz,
    ".json": _json,
    ".safetensors": safetensors.numpy.load_file,
}


def read_values(path: Path) -> Mapping[str, Any]:
    """The arrays in a file, by name; nothing in it is ever executed.

    Raises:
        DataError: a suffix that is not known, or a file that cannot be read as what its suffix says.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"cannot read values from {path}: give a file that ends in {', '.join(READERS)}")
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise DataError(f"cannot read values from {path}: there is no such file") from error
    except Exception as error:  # the readers raise what they like for a damaged file
        raise DataError(f"cannot read values from {path}: {error}") from error
