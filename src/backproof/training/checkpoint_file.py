"""A checkpoint as a file: arrays and JSON in one safetensors file, with a checksum over every byte of it.

The arrays are ``state/…`` (parameters and what the update rule remembers), ``best/…``, ``history/…``, and of an epoch
in the making ``order`` and ``before/…``. The rest is JSON under ``backproof`` in the file's metadata.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from backproof.errors import DataError
from backproof.ir.arithmetic import Array
from backproof.training.epoch import Epoch
from backproof.training.identity import Identity
from backproof.training.snapshot import Candidate, Pass, Snapshot
from backproof.training.window import StreamOrder

FORMAT = "backproof checkpoint 1"
KEY = "backproof"
CHECKSUM = re.compile(rb'"checksum":"([0-9a-f]{64})"')
UNKNOWN = "0" * 64
"""What stands in place of the checksum while it is computed."""
COLUMNS = {"loss": float, "seconds": float, "steps": int, "learning_rate": float}
TABLES = ("metrics", "gradient_norms", "update_ratios")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A snapshot, and whose it is.

    Args:
        snapshot: what the run had come to.
        identity: of the training.
        epochs: that it was to make.
        written_by: the versions and the processor, on which the last bits may depend.
    """

    snapshot: Snapshot
    identity: Identity
    epochs: int
    written_by: str


def encoded(checkpoint: Checkpoint) -> bytearray:
    """The bytes of the file."""
    snapshot = checkpoint.snapshot
    best, current = snapshot.best, snapshot.current
    arrays = _named("state", snapshot.state) | _history_columns(snapshot.history)
    about: dict[str, Any] = {
        "format": FORMAT,
        "written_by": checkpoint.written_by,
        "epochs": checkpoint.epochs,
        "settings": dict(checkpoint.identity.settings),
        "marks": dict(checkpoint.identity.marks),
        "made": snapshot.made,
        "random": dict(snapshot.random),
        "rates": {name: repr(float(value)) for name, value in snapshot.rates.items()},
    }
    if best is not None:
        arrays |= _named("best", best.parameters)
        about["best"] = {"loss": repr(float(best.loss)), "epoch": best.epoch}
    if current is not None:
        arrays |= _named("before", current.before)
        about["current"] = {"done": current.done, "mean": repr(current.mean), "seconds": repr(current.seconds)}
        if isinstance(current.order, StreamOrder):  # which may have more samples than memory has room for
            about["current"]["order"] = current.order.recipe
        else:
            arrays["order"] = current.order
    # How a matrix lies in memory decides about the order of sums in a product, and so about the last bits.
    about["columns first"] = [name for name, array in arrays.items() if _columns_first(array)]
    text = json.dumps(about, allow_nan=False)
    stored = {name: np.array(array, order="C") for name, array in arrays.items()}
    return _sealed(save(stored, {"checksum": UNKNOWN, KEY: text}))


def decoded(data: bytes) -> Checkpoint:
    """The checkpoint in the bytes of a file.

    Raises:
        DataError: the file is cut short, altered or no checkpoint; says which.
    """
    _check_sum(data)
    try:
        # The metadata are read by hand, as safetensors gives them for files only.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"][KEY])
        if about["format"] != FORMAT:
            raise DataError(f"it is written in the format {about['format']!r:.60}, not {FORMAT!r}")
        first = set(about["columns first"])
        arrays = {name: np.array(a, order="F" if name in first else "C") for name, a in load(data).items()}
        return _checkpoint(about, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("it is no checkpoint of Backproof") from error


def _checkpoint(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> Checkpoint:
    best = current = None
    if "best" in about:
        best = Candidate(float(about["best"]["loss"]), _under("best", arrays), int(about["best"]["epoch"]))
    if "current" in about:
        told = about["current"]
        order = StreamOrder(**told["order"]) if "order" in told else arrays["order"]
        before = _under("before", arrays)
        current = Pass(order, before, int(told["done"]), float(told["mean"]), float(told["seconds"]))
    snapshot = Snapshot(
        int(about["made"]),
        _under("state", arrays),
        _epochs(_under("history", arrays)),
        best,
        current,
        dict(about["random"]),
        {name: float(value) for name, value in about["rates"].items()},
    )
    identity = Identity(dict(about["settings"]), dict(about["marks"]))
    return Checkpoint(snapshot, identity, int(about["epochs"]), str(about["written_by"]))


# --- arrays by name ---------------------------------------------------------------------------------------------------


def _named(group: str, arrays: Mapping[str, Any]) -> dict[str, Array]:
    return {f"{group}/{id}": np.asarray(array) for id, array in arrays.items()}


def _under(group: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    start = len(group) + 1
    return {name[start:]: array for name, array in arrays.items() if name.startswith(f"{group}/")}


def _columns_first(array: Array) -> bool:
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


# --- the history as columns -------------------------------------------------------------------------------------------


def _history_columns(history: tuple[Epoch, ...]) -> dict[str, Array]:
    """Each quantity as one array over the epochs; where not all epochs have it, with a second one of those that do."""
    found: dict[str, Array] = {
        f"history/{name}": np.array([getattr(epoch, name) for epoch in history], kind) for name, kind in COLUMNS.items()
    }
    _put_column(found, "history/validation_loss", [epoch.validation_loss for epoch in history])
    for table in TABLES:
        rows = [getattr(epoch, table) for epoch in history]
        for key in dict.fromkeys(key for row in rows for key in row):
            _put_column(found, f"history/{table}/{key}", [row.get(key) for row in rows])
    return found


def _put_column(found: dict[str, Array], name: str, values: list[float | None]) -> None:
    there = [number for number, value in enumerate(values) if value is not None]
    if there:
        found[name] = np.array([values[number] for number in there], float)
        found[f"{name}?"] = np.array(there, np.int64)


def _epochs(columns: Mapping[str, Array]) -> tuple[Epoch, ...]:
    plain: dict[str, Any] = {name: columns[name].tolist() for name in COLUMNS}
    count = len(plain["loss"])
    validation = dict(_column(columns, "validation_loss"))
    tables: dict[str, Any] = {table: [{} for _ in range(count)] for table in TABLES}
    for name in columns:
        table, _, key = name.partition("/")
        if key and not key.endswith("?"):
            for number, value in _column(columns, name):
                tables[table][number][key] = value
    return tuple(
        Epoch(
            number + 1,
            **{name: values[number] for name, values in plain.items()},
            validation_loss=validation.get(number),
            **{table: rows[number] for table, rows in tables.items()},
        )
        for number in range(count)
    )


def _column(columns: Mapping[str, Array], name: str) -> list[tuple[int, float]]:
    if name not in columns:
        return []
    return list(zip(columns[f"{name}?"].tolist(), columns[name].tolist(), strict=True))


# --- the checksum -----------------------------------------------------------------------------------------------------


def _sealed(data: bytes) -> bytearray:
    """The file with its checksum: that of the file with zeros in its place."""
    sealed = bytearray(data)
    start, end = _place(data)
    sealed[start:end] = hashlib.sha256(data).hexdigest().encode()
    return sealed


def _check_sum(data: bytes) -> None:
    start, end = _place(data)
    digest = hashlib.sha256(memoryview(data)[:start])
    digest.update(UNKNOWN.encode())
    digest.update(memoryview(data)[end:])
    if digest.hexdigest().encode() != data[start:end]:
        raise DataError("its checksum is wrong: it was cut short or altered")


def _place(data: bytes) -> tuple[int, int]:
    """Where the checksum stands: in the header, once."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise DataError("it is cut short, or no safetensors file")
    found = list(CHECKSUM.finditer(data, 8, 8 + length))
    if len(found) != 1:
        raise DataError("it has no checksum, so it is no checkpoint of Backproof, or an altered one")
    return found[0].span(1)
