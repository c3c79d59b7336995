"""Memory between forbidden pages: a function that reads or writes one byte too far dies, and the test with it.

Run as a program, in a process of its own: ``guarded_memory.py CASES`` where CASES is JSON, a list of cases with
``sizes, batch, dtype, samples, optimizer, end, stride``. A second argument is the work that a thread is worth, a third
one the bytes of a cache so small that all products are packed. It prints one line per case and ends with 0.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.ir.arithmetic import Array
from backproof.kernels.llvm import backend, packing
from backproof.kernels.llvm.backend import compile_steps
from backproof.kernels.llvm.machine import host
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.steps import Gathered
from backproof.networks import mlp
from backproof.optimizers import optimizer_named
from backproof.training.equations import beginning, updates_of

PAGE = mmap.PAGESIZE
NO_ACCESS = 0
_kept: list[mmap.mmap] = []


def guarded(size: int, dtype: Any, *, end: bool) -> Array:
    """An array whose first byte follows a forbidden page, or whose last byte is followed by one."""
    dtype = np.dtype(dtype)
    wanted = max(size, 1) * dtype.itemsize
    pages = -(-wanted // PAGE)
    region = mmap.mmap(-1, (pages + 2) * PAGE)
    _kept.append(region)  # unmapped at the end of the process, not under a function that runs
    whole = np.frombuffer(region, np.uint8)
    first, libc = int(whole.ctypes.data), ctypes.CDLL(None, use_errno=True)
    for page in (first, first + (pages + 1) * PAGE):
        if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), NO_ACCESS):
            raise OSError(ctypes.get_errno(), "mprotect")
    start = (pages + 1) * PAGE - wanted if end else PAGE
    found: Array = whole[start : start + wanted].view(dtype)[:size]
    return found


def padding(memory: Array, buffers: Mapping[str, Buffer]) -> list[str]:
    """The quantities whose padding is not zero, and the gaps between buffers that were written."""
    touched, used = [], np.zeros(len(memory), bool)
    for id, b in buffers.items():
        used[b.offset : b.offset + b.size] = True
        lines = memory[b.offset : b.offset + b.size].reshape(-1, b.stride)
        if lines[b.major :].any() or lines[:, b.minor :].any():
            touched.append(id)
    if memory[~used].any():
        touched.append("gaps")
    return touched


def run(case: Mapping[str, Any]) -> None:
    """One compiled run in guarded memory, compared with itself in ordinary memory."""
    sizes, batch, dtype, samples = case["sizes"], case["batch"], np.dtype(case["dtype"]), case["samples"]
    # Both give something else than zero for zero, so what is computed in the padding must not be written.
    loss = "mean_squared_error" if sizes[-1] % 2 else "cross_entropy"
    net = mlp(*sizes, activation="sigmoid", bias=True, loss=loss, samples=samples)
    trace, rule = backpropagate(net), optimizer_named(case["optimizer"])
    rng, total, steps = np.random.default_rng(0), 2 * batch + 1, 2
    axis = 0 if samples == "rows" else 1
    names = {"X": sizes[0], "y": sizes[-1]}
    gathered = [Gathered(net.names[id], axis) for id in names]
    native = compile_steps(trace, {"n": batch}, dtype, gathered=gathered, updates=updates_of(trace, rule))
    data = {}
    for id, features in names.items():
        shape = (total, features) if axis == 0 else (features, total)
        stretch = case["stride"]
        wide = guarded(shape[0] * ((shape[1] - 1) * stretch + 1), dtype, end=case["end"]).reshape(shape[0], -1)
        wide[:, ::stretch] = rng.normal(size=shape)
        data[id] = wide[:, ::stretch]
    addresses = guarded(3 * len(names), np.int64, end=case["end"])
    addresses[:] = [
        number
        for array in data.values()
        for number in (
            array.ctypes.data, array.strides[axis] // dtype.itemsize, array.strides[1 - axis] // dtype.itemsize,
        )
    ]  # fmt: skip
    order = guarded(steps * batch, np.int64, end=case["end"])
    order[:] = rng.permutation(total)[: steps * batch]
    start = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]).astype(dtype) for p in net.parameters}
    outcomes = []
    for inside in (True, False):
        arena = native.arena()
        if inside:
            arena.memory = guarded(native.written.size, dtype, end=case["end"])
        for id, value in beginning(rule, start, start, 0.01).items():
            if id in arena.buffers:
                arena.put(id, value)
        losses = guarded(steps, dtype, end=case["end"]) if inside else np.zeros(steps, dtype)
        native.run(arena.address, addresses.ctypes.data, order.ctypes.data, steps, losses.ctypes.data)
        outcomes.append([losses.copy(), *(arena.get(p, arena.buffers[p].shape) for p in start)])
        touched = padding(arena.memory, arena.buffers)
        if touched:
            raise SystemExit(f"padding of {touched} written in {case}")
    if not all(np.array_equal(a, b) and np.isfinite(a).all() for a, b in zip(*outcomes, strict=True)):
        raise SystemExit(f"another result in guarded memory: {case}")


def pack_everything(cache: int) -> None:
    """Every product copies its factors block by block into scratch memory, as if the caches had so few bytes."""
    small = replace(host(), near=1, far=cache)
    vars(backend)["host"] = lambda: small
    packing.FEWEST_LINES, backend.STRAIGHT_LINE = 1, 0


if __name__ == "__main__":
    backend.WORK_PER_THREAD = int(sys.argv[2])
    if len(sys.argv) > 3:
        pack_everything(int(sys.argv[3]))
    for given in json.loads(sys.argv[1]):
        print(json.dumps(given), flush=True)
        run(given)
