"""Tiles, blocks and shares of products: every tile once, and no choice among them changes a bit."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.backprop.sweep import backpropagate
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm import backend, machine, packing
from backproof.kernels.llvm.backend import LlvmKernel, worthwhile_threads
from backproof.kernels.llvm.code import Code, Machine
from backproof.kernels.llvm.loops import Access
from backproof.kernels.llvm.machine import Compiled, host
from backproof.kernels.llvm.memory import Buffer, Workspace
from backproof.kernels.llvm.tiles import Grid, Side, grid, lines_cut, tile, vectors_cut
from backproof.networks import mlp
from backproof.training import train
from guarded_memory import padding

TOLERANCE = {"float64": 1e-11, "float32": 2e-4}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def pack_everything(monkeypatch: pytest.MonkeyPatch, far: int = 1) -> None:
    """Caches so small that every product is packed, in many blocks."""
    tiny = dataclasses.replace(host(), near=1, far=far)
    monkeypatch.setattr(backend, "host", lambda: tiny)
    monkeypatch.setattr(packing, "FEWEST_LINES", 1)
    monkeypatch.setattr(backend, "STRAIGHT_LINE", 0)


def use_threads(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setenv("BACKPROOF_THREADS", str(threads))
    monkeypatch.setattr(backend, "WORK_PER_THREAD", 1)


def case(sizes: tuple[int, ...], n: int, samples: str, dtype: str) -> tuple[Any, Any, Any, Any]:
    net = mlp(*sizes, activation="tanh", bias=True, loss="mean_squared_error", samples=samples)  # type: ignore[arg-type]
    rng = np.random.default_rng(n)
    params = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]) / 4 for p in net.parameters}
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    return backpropagate(net), params, *((X, y) if samples == "rows" else (X.T, y.T))


# --- packed products ------------------------------------------------------------------------------------------------

SHAPES = (
    ((1, 2, 1), 1), ((3, 5, 2), 7), ((17, 31, 33), 13), ((16, 16, 16), 16), ((64, 100, 7), 33), ((97, 53, 61), 101),
    ((40, 1, 40), 130), ((2, 300, 3), 2),
)  # fmt: skip


@pytest.mark.parametrize(("sizes", "n"), SHAPES)
def test_packed_products_give_the_numbers_of_the_reference(
    sizes: tuple[int, ...], n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for far in (1, 4096):
        pack_everything(monkeypatch, far)
        for dtype, samples, threads in (("float32", "rows", 1), ("float64", "columns", 3), ("float32", "columns", 2)):
            use_threads(monkeypatch, threads)
            trace, params, X, y = case(sizes, n, samples, dtype)
            kernel = LlvmKernel(trace, dtype)
            loss, gradients = kernel(params, X, y)
            expected, reference = compile_trace(trace, "numpy", dtype)(params, X, y)
            assert loss == pytest.approx(expected, rel=TOLERANCE[dtype])
            for id, gradient in reference.items():
                scale = np.abs(gradient).max() + 1
                np.testing.assert_allclose(gradients[id], gradient, rtol=0, atol=TOLERANCE[dtype] * scale)
            _, arena = kernel.native({"n": n})
            assert not padding(arena.memory, {id: b for id, b in arena.buffers.items() if "thread" not in id})


def test_small_caches_pack_and_large_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def tiles() -> list[str]:
        trace, *_ = case((97, 53, 61), 101, "rows", "float32")
        return [line.tile for line in LlvmKernel(trace, "float32").explain({"n": 101}).lines if line.kind == "product"]

    assert not any("packed" in found for found in tiles())
    pack_everything(monkeypatch)
    assert sum("packed" in found for found in tiles()) >= 4


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_neither_blocks_nor_threads_change_a_bit(samples: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, params, X, y = case((70, 95, 50), 83, samples, "float32")
    found = [LlvmKernel(trace, "float32")(params, X, y)[1]]
    for far, threads in ((1, 1), (1, 3), (20_000, 2), (50_000, 2)):
        pack_everything(monkeypatch, far)
        use_threads(monkeypatch, threads)
        trace, params, X, y = case((70, 95, 50), 83, samples, "float32")
        found.append(LlvmKernel(trace, "float32")(params, X, y)[1])
    for other in found[1:]:
        assert all(np.array_equal(found[0][id], gradient) for id, gradient in other.items())


def test_updates_ride_with_packed_products_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    net = mlp(40, 70, 10, activation="relu", bias=True, loss="cross_entropy")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 40)), np.eye(10)[rng.integers(10, size=200)]

    def trained(optimizer: str) -> dict[str, Any]:
        run = train(
            net, X, y, optimizer=optimizer, learning_rate=0.01, batch_size=60, epochs=3, backend="llvm",
            dtype="float32", progress=False,
        )  # fmt: skip
        return dict(run.params)

    for optimizer in ("sgd", "adam"):
        monkeypatch.setenv("BACKPROOF_THREADS", "1")
        first = trained(optimizer)
        for threads in (1, 2):
            with monkeypatch.context() as inside:
                pack_everything(inside, 5000)
                use_threads(inside, threads)
                other = trained(optimizer)
            assert all(np.array_equal(first[id], value) for id, value in other.items())


# --- few samples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer_batch", [1, 2, 4])
def test_few_samples_transpose_no_weights(optimizer_batch: int) -> None:
    trace, *_ = case((128, 128, 128, 10), optimizer_batch, "rows", "float32")
    _, arena = LlvmKernel(trace, "float32").native({"n": optimizer_batch})
    assert not [id for id in arena.buffers if id.startswith("W_") and id.endswith("~")]


# --- shares ---------------------------------------------------------------------------------------------------------


def visits(side: Side, threads: int) -> list[list[int]]:
    """How often each thread comes to each tile."""
    code = Code(Machine("float", 1, 16), threads=threads)
    first, last = code.share(side.tiles, threads, "%thread")

    def note(number: Any) -> None:
        seen = code.load("%workspace", number, vector=False)
        code.store(code.put(f"fadd float {seen}, 1.0"), "%workspace", number, vector=False)

    side.each(code, first, last, lambda piece: note(piece.number))
    text = "\n".join(
        [
            *code.intrinsics,
            "define void @steps(ptr %workspace, ptr %a, ptr %b, i64 %c, ptr %d, ptr %e, i64 %thread) {",
            "entry:",
            *code.lines,
            "  ret void",
            "}",
        ]
    )
    compiled, found = Compiled(text), []
    for thread in range(threads):
        counts = np.zeros(side.tiles, np.float32)
        compiled.steps(counts.ctypes.data, 0, 0, 0, 0, 0, thread)
        found.append(counts.astype(int).tolist())
    return found


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize(("size", "step"), [(1, 4), (4, 4), (5, 4), (7, 4), (8, 4), (9, 4), (12, 4), (17, 2)])
def test_every_tile_belongs_to_one_thread(size: int, step: int, threads: int) -> None:
    side = lines_cut(size, step)
    assert np.sum(visits(side, threads), axis=0).tolist() == [1] * side.tiles


@given(lines=st.integers(1, 500), entries=st.integers(1, 500), threads=st.integers(1, 12))
def test_a_grid_has_all_threads_and_its_busiest_has_little_more_than_its_share(
    lines: int, entries: int, threads: int
) -> None:
    down, across = lines_cut(lines, 6), vectors_cut(entries, 16, 4)
    found = grid(down, across, threads)
    assert found.down * found.across == threads
    other = Grid(threads, 1)

    def busiest(g: Grid) -> int:
        rows, columns = -(-down.tiles // g.down) * 6, -(-across.tiles // g.across) * 4
        return min(rows, down.size) * min(columns, across.size)

    assert busiest(found) <= busiest(other)


def test_threads_keep_to_their_columns_where_that_is_even() -> None:
    assert grid(lines_cut(64, 6), vectors_cut(128, 16, 4), 2) == Grid(1, 2)
    assert grid(lines_cut(512, 6), vectors_cut(10, 16, 1), 2) == Grid(2, 1)
    assert grid(lines_cut(512, 8), vectors_cut(128, 16, 4), 8) == Grid(4, 2)


@given(lines=st.integers(1, 200), across=st.integers(1, 40), registers=st.sampled_from([16, 32]), far=st.booleans())
@settings(max_examples=200)
def test_a_tile_fits_the_registers(lines: int, across: int, registers: int, far: bool) -> None:
    height, columns = tile(lines, across, registers, far=far)
    assert 1 <= height <= lines
    assert 1 <= columns <= across
    assert height * columns + columns + 1 < registers


@given(entries=st.integers(1, 300), width=st.sampled_from([1, 2, 4, 8, 16]), step=st.integers(1, 4))
def test_a_vector_that_is_real_in_part_is_in_the_last_tile(entries: int, width: int, step: int) -> None:
    side = vectors_cut(entries, width, step)
    assert side.whole * step + side.rest == side.size == -(-entries // width)
    assert side.rest or entries % width == 0


# --- waits and memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "later", "waits"),
    [
        (("", "a", False), ("a", "b", False), True),
        (("a", "", False), ("", "a", False), True),
        (("", "a", False), ("", "a", False), True),
        (("a", "b", False), ("a", "c", False), False),
        (("", "a", True), ("a", "b", True), False),
        (("", "a", True), ("a", "b", False), True),
        (("", "a", False), ("a", "b", True), True),
    ],
)
def test_threads_wait_for_what_others_make_and_before_they_overwrite_what_others_read(
    earlier: tuple[str, str, bool], later: tuple[str, str, bool], waits: bool
) -> None:
    def access(given: tuple[str, str, bool]) -> Access:
        return Access(frozenset(given[0]), frozenset(given[1]), given[2])

    assert access(later).must_wait(access(earlier)) is waits


def test_each_thread_has_its_own_inputs_and_scratch_memory() -> None:
    space = Workspace(16)
    X = space.buffer("X", (20, 40), owners=3)
    W = space.buffer("W", (40, 10))
    assert W.offset >= X.offset + 3 * space.own[X.base]
    space.reserve(256 * 64)
    space.reserve(10)
    before = space.size
    space.close(3)
    assert space.size - before == 3 * space.own["%scratch"] == 3 * 256 * 64
    assert space.buffers["scratch memory"].size == space.size - before
    taken = sorted((b.offset, b.offset + b.size) for b in space.buffers.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(taken))
    assert taken[-1][1] <= space.size


def test_lines_never_lie_at_distances_that_caches_have_few_places_for() -> None:
    for columns in (1, 16, 255, 256, 257, 512, 1000, 1024, 4096):
        buffer = Buffer("", (40, columns), "rows", 16, 0)
        assert buffer.stride >= columns
        assert buffer.stride % 16 == 0
        assert buffer.stride % 256


def test_caches_are_what_the_system_says_and_small_where_it_does_not(tmp_path: Path) -> None:
    assert machine._caches(tmp_path / "absent") == (32 * 1024, 512 * 1024)
    for number, told in enumerate((("Data", "1", "48K"), ("Instruction", "1", "64K"), ("Unified", "2", "unknown"))):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, text in zip(("type", "level", "size"), told, strict=True):
            (folder / name).write_text(f"{text}\n")
    (tmp_path / "index9").mkdir()
    assert machine._caches(tmp_path) == (48 * 1024, 512 * 1024)


@given(st.integers(0, 10**9), st.integers(1, 64))
def test_threads_are_worth_their_work(work: int, processors: int) -> None:
    threads = worthwhile_threads(work, processors=processors)
    assert 1 <= threads <= processors
    assert threads == 1 or work // threads >= backend.WORK_PER_THREAD
    assert threads == processors or work < (threads + 1) * backend.WORK_PER_THREAD
    assert worthwhile_threads(work + 1, processors=processors) >= threads
