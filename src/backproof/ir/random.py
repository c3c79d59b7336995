"""Random numbers that depend on where they stand, not on when they are drawn: the same seed, the same numbers.

u(seed, step, stream, i, j) is 24 bits of a hash of the five, so that any thread can compute any entry by itself, in
any order, in NumPy as in machine code, and float32 and float64 get the same numbers.

Source:
    Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011), for counters in place of states; Wellons,
    Prospecting for hash functions (2018), for the mixing function ``lowbias32``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

SHIFTS = (16, 15, 16)
FACTORS = (0x7FEB352D, 0x846CA68B)
ROW, COLUMN = 0x9E3779B9, 0x85EBCA6B
"""What a row's and a column's number are multiplied by before they are mixed in."""
BITS = 24
"""How many bits a number has: as many as float32 holds exactly."""


def mixed(x: Words) -> Words:
    """Each word's bits spread over all of it."""
    x = x ^ (x >> np.uint32(SHIFTS[0]))
    x = x * np.uint32(FACTORS[0])
    x = x ^ (x >> np.uint32(SHIFTS[1]))
    x = x * np.uint32(FACTORS[1])
    return np.asarray(x ^ (x >> np.uint32(SHIFTS[2])))


def keys(seed: int, first: int, count: int, streams: Sequence[int]) -> Words:
    """The words that the numbers of each step (rows) and each of its matrices (columns) start from."""
    steps = np.arange(first, first + count, dtype=np.uint64)[:, None]
    word = np.zeros((1, 1), np.uint32)
    for number in (np.full((1, 1), seed % 2**64, np.uint64), steps, np.array([streams], np.uint64)):
        for shift in (0, 32):
            half = (number >> np.uint64(shift) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            word = mixed(word + half + np.uint32(COLUMN))
    return word


def uniform(seed: int, step: int, stream: int, shape: tuple[int, ...], dtype: npt.DTypeLike = "float64") -> Any:
    """Numbers from 0 up to, and not including, 1.

    Args:
        seed: of the run.
        step: counted from 0.
        stream: which of the step's matrices.
        shape: of the matrix.
        dtype: float32 or float64; the numbers are the same.

    Example:
        >>> uniform(seed=1, step=0, stream=1, shape=(1, 3)).round(4).tolist()
        [[0.0112, 0.4229, 0.667]]
    """
    rows, columns = (np.arange(size, dtype=np.uint32) for size in shape)
    lines = mixed(rows * np.uint32(ROW) + keys(seed, step, 1, [stream])[0])
    words = mixed(lines[:, None] + columns * np.uint32(COLUMN))
    return ((words >> np.uint32(32 - BITS)) * 2.0**-BITS).astype(dtype)
