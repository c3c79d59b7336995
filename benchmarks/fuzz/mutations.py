"""Mutations of bytes, of JSON and of tables: each a function of a random generator, so that a seed repeats them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from backproof.models.file import KEY, sealed

INTERESTING = [
    b"\0", b"\xff", b'"', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"1e999", b"-0", b"nan",
    b"inf", b"\xef\xbb\xbf", b"\xff\xfe", b"\x81", b"\xe9", b"1_000", b"0x10", b"1,5", b"=1+1", b"{", b"}", b"[",
    b"]", b"\\", b"9" * 400, b"2024-02-30", b"9999-12-31T23:59:59", b"0000-00-00", b"true", b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
]  # fmt: skip
ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3.5, 1e308, -1e308, 5e-324, 2**31, 2**53, 2**63, 10**400, "", "x", "softmax",
    "relu", "W_1", "\0", "\ud800", "z" * 20_000, [], {}, [[]], [1], ["a", "a"], {"a": {}}, "date", "numeric", "1",
]  # fmt: skip


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to six small changes."""
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        place = rng.randrange(len(found) + 1)
        length = rng.choice([1, 1, 2, 8, 64, 1000])
        match rng.randrange(8):
            case 0 if found:
                found[min(place, len(found) - 1)] ^= 1 << rng.randrange(8)
            case 1:
                found[place : place + length] = b""
            case 2:
                found[place:place] = rng.randbytes(length)
            case 3:
                found[place:place] = found[place : place + length] * rng.choice([1, 2, 50])
            case 4:
                found[place : place + length] = rng.choice(INTERESTING)
            case 5:
                found[place:place] = rng.choice(INTERESTING) * rng.choice([1, 1, 3, 1000])
            case 6:
                del found[place:]
            case _:
                found[:8] = rng.choice([0, 1, 8, len(found), 2**31, 2**63, 2**64 - 1]).to_bytes(8, "little")
    return bytes(found)


def mutated_model(data: bytes, rng: random.Random) -> bytes:
    """A model file that was altered: its bytes, its header, or its description or arrays with a right checksum."""
    kinds: list[Callable[[bytes, random.Random], bytes]] = [mutated_bytes, _altered_header, _altered_contents]
    return rng.choices(kinds, [2, 1, 3])[0](data, rng)


def _altered_header(data: bytes, rng: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    _alter(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _altered_contents(data: bytes, rng: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY].partition(" ")[2])
    arrays = {id: array.copy() for id, array in load(data).items()}
    if rng.random() < 0.75:
        for _ in range(rng.choice([1, 1, 2, 4])):
            _alter(about, rng)
    if rng.random() < 0.4:
        _alter_arrays(arrays, rng)
    text = json.dumps(about)
    if rng.random() < 0.1:
        text = mutated_bytes(text.encode(), rng).decode("utf-8", "replace")
    return save(arrays, {KEY: sealed(text, arrays)})


def _alter_arrays(arrays: dict[str, Any], rng: random.Random) -> None:
    id = rng.choice(sorted(arrays))
    array = arrays[id]
    match rng.randrange(7):
        case 0:
            del arrays[id]
        case 1:
            arrays["W_9"] = array
        case 2:
            arrays[id] = np.ascontiguousarray(array.T)
        case 3:
            arrays[id] = array.astype(rng.choice(["int64", "float32", "float16", "uint8", "bool"]))
        case 4:
            with np.errstate(all="ignore"):
                array.flat[0] = rng.choice([np.nan, np.inf, 1e300, -1e300, 5e-324])
        case 5:
            arrays[id] = array.reshape(-1)
        case _:
            arrays[id] = np.zeros(rng.choice([(0, 0), (1, 1), (300, 300), ()]))


def _alter(root: Any, rng: random.Random) -> None:
    """One value somewhere is replaced, removed, repeated or moved."""
    places = list(_places(root))
    if not places:
        return
    holder, key = rng.choice(places)
    match rng.randrange(5):
        case 0 | 1:
            holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
        case 2:
            del holder[key]
        case 3 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case _:
            other, place = rng.choice(places)
            holder[key] = copy.deepcopy(other[place])


def _places(node: Any) -> Any:
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in list(keys):
        yield node, key
        yield from _places(node[key])


LONGEST_LINE, LARGEST = 100_000, 4_000_000
"""Bytes of a line that is changed again, and of a table: more would test the memory of the fuzzer."""


def mutated_table(data: bytes, rng: random.Random) -> bytes:
    """A text table that was altered: its bytes, its lines, or its fields."""
    if rng.random() < 0.5:
        return mutated_bytes(data, rng)
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 5])):
        row = rng.randrange(len(lines))
        fields = lines[row].split(b",")
        match rng.randrange(6):
            case 0:
                lines[row : row + 1] = [lines[row]] * rng.choice([0, 2, 300])
            case 1:
                fields[rng.randrange(len(fields))] = rng.choice(INTERESTING)
            case 2:
                rng.shuffle(fields)
            case 3:
                fields *= rng.choice([0, 2, 100])
            case 4:
                fields[rng.randrange(len(fields))] *= rng.choice([2, 1000, 50_000])
            case _:
                lines.insert(row, rng.randbytes(rng.choice([1, 10, 1000])))
                continue
        if row < len(lines):
            lines[row] = b",".join(fields)[:LONGEST_LINE]
    return b"\n".join(lines)[:LARGEST]
