"""A model as one safetensors file: the arrays, and all else as JSON in its metadata; nothing in it is ever executed.

The metadata are one text, ``backproof``: a checksum of the JSON and the arrays, a space, and the JSON. A reader of
version 1 ignores keys that it does not know, so a later writer may add some; what a reader must understand to predict
at all is named in ``needs``, and a reader refuses a need that it does not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from backproof.errors import BackproofError, DataError
from backproof.ir.arithmetic import Array
from backproof.models.contents import Contents
from backproof.models.reading import contents_of
from backproof.models.schema import parsed
from backproof.run.fitted import column_description
from backproof.run.wording import quoted
from backproof.training.identity import array_digest

FORMAT, VERSION = "backproof model", 1
KEY = "backproof"
UNDERSTOOD: frozenset[str] = frozenset()
"""What ``needs`` may name."""


def encoded(contents: Contents) -> bytes:
    """The bytes of the file."""
    target, network = contents.target, asdict(contents.network)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "needs": [],
        "written_by": dict(contents.written_by),
        "network": {name: value for name, value in network.items() if value is not None},
        "derivation": contents.derivation,
        "columns": [column_description(column) for column in contents.columns],
        "inputs": list(contents.inputs),
        "target": {"name": target.name, "classes": target.labels, "mean": target.mean, "scale": target.scale},
        "training": dict(contents.training),
    }
    text = json.dumps(about, allow_nan=False)
    # safetensors writes the memory of an array as it lies, whatever its strides, and metadata in no order of its own.
    arrays = {id: np.ascontiguousarray(array) for id, array in contents.parameters.items()}
    return save(arrays, {KEY: sealed(text, arrays)})


def decoded(data: bytes) -> Contents:
    """What the bytes of a file hold, checked through and through.

    Raises:
        DataError: it was cut short or altered, is of another kind, or does not fit together; says which.
    """
    text, arrays = _opened(data)
    root = parsed(text)
    if root.mapping().get("format") != FORMAT:
        raise DataError("it holds no model; give a file that backproof train, or model.save, wrote")
    version = root["version"].whole(least=1)
    unknown = [need for need in root["needs"].texts() if need not in UNDERSTOOD]
    if version != VERSION or unknown:
        what = f"version {version} of the format" if version != VERSION else f"the need {quoted(unknown[0])}"
        writer = root["written_by"].mapping().get("backproof", "?")
        raise DataError(f"it has {what}, of Backproof {str(writer)[:20]!r}; install that version or a later one")
    try:
        return contents_of(root, arrays)
    except DataError:
        raise
    except BackproofError as error:
        raise DataError(f"its network cannot be built: {error}") from None


def sealed(text: str, arrays: Mapping[str, Array]) -> str:
    """The text after a checksum of it and of the arrays: of all that decides about predictions."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for id in sorted(arrays):
        digest.update(f"\n{id} {array_digest(arrays[id])}".encode("utf-8", "surrogatepass"))
    return f"{digest.hexdigest()} {text}"


def _opened(data: bytes) -> tuple[str, dict[str, Array]]:
    """The JSON text and the arrays."""
    try:
        arrays = load(data)
        # The metadata are read by hand, as safetensors gives them for files only.
        header: Any = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        stored = header.get("__metadata__", {}).get(KEY)
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = "".join(character for character in " ".join(str(error).split()) if character.isprintable())
        raise DataError(f"it is cut short, damaged, or no safetensors file ({reason[:100]})") from None
    if not isinstance(stored, str):
        raise DataError("it holds no model; give a file that backproof train, or model.save, wrote")
    text = stored.partition(" ")[2]
    if sealed(text, arrays) != stored:
        raise DataError("its checksum is wrong: it was cut short or altered; copy it again, or train again")
    return text, arrays
