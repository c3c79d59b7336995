"""Data larger than memory: the order of a stream, its bits, what is refused, and how much memory it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backproof.dims import Symbol
from backproof.errors import DataError, DivergenceError, ShapeError, SpecificationError, UnsupportedError
from backproof.networks import mlp
from backproof.training import Stream, TrainingResult, train
from backproof.training.batches import Batches
from backproof.training.parquet import row_groups
from backproof.training.source import ArraySource, Blocks, mapped
from backproof.training.stream import StreamedBatches
from backproof.training.window import StreamOrder, Window
from samples import Array

NET = mlp(3, 4, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
SAMPLES, BUFFER = 203, 40
rng = np.random.default_rng(0)
X = rng.normal(size=(SAMPLES, 3))
Y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:]
OPTIONS: dict[str, Any] = {"batch_size": 8, "epochs": 3, "learning_rate": 0.05, "seed": 4, "progress": False}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    return tmp_path / "X.npy", tmp_path / "y.npy"


def table(path: Path, rows: int = 16) -> Path:
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": Y[:, 0]}
    pl.DataFrame(columns).write_parquet(path, row_group_size=rows)
    return path


def same(one: TrainingResult, other: TrainingResult) -> bool:
    losses = [[(e.loss, e.validation_loss) for e in result.history] for result in (one, other)]
    return losses[0] == losses[1] and all(np.array_equal(one.params[id], other.params[id]) for id in one.params)


# --- the order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "block", "buffer"), [(203, 16, 40), (100, 7, 13), (5, 8, 2), (64, 16, 16)])
def test_an_epoch_has_every_sample_once_and_each_piece_stays_within_few_blocks(
    samples: int, block: int, buffer: int
) -> None:
    order = StreamOrder(samples, block, buffer, key=3)
    everything = order[:]
    assert sorted(everything.tolist()) == list(range(samples))
    for start in range(0, samples, buffer):
        piece = order[start : start + buffer]
        assert len(np.unique(piece // block)) <= -(-buffer // block) + 2
    parts = [order[start : start + 9] for start in range(0, samples, 9)]
    assert np.array_equal(np.concatenate(parts), everything)
    assert np.array_equal(order[-5:], everything[-5:])


def test_another_key_is_another_order_and_none_is_that_of_the_data() -> None:
    one, other = (StreamOrder(100, 8, 20, key)[:] for key in (1, 2))
    assert not np.array_equal(one, other)
    assert np.array_equal(StreamOrder(100, 8, 20, None)[:], np.arange(100))


def test_samples_of_one_batch_come_from_many_places() -> None:
    order = StreamOrder(1000, 10, 200, key=0)
    assert len(np.unique(order[:32] // 10)) > 12


# --- the bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_in_the_order_of_the_data_a_stream_has_the_bits_of_arrays(
    files: tuple[Path, Path], backend: str, dtype: str
) -> None:
    common = {**OPTIONS, "backend": backend, "dtype": dtype, "shuffle": False}
    assert same(train(NET, Stream(*files, buffer=BUFFER), **common), train(NET, X, Y, **common))


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_mixed_stream_has_the_bits_of_arrays_in_its_order(
    files: tuple[Path, Path], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {**OPTIONS, "backend": backend}
    orders: list[Array] = []
    drawn = StreamedBatches.order

    def kept(self: StreamedBatches) -> StreamOrder:
        order = drawn(self)
        orders.append(order[:])
        return order

    monkeypatch.setattr(StreamedBatches, "order", kept)
    streamed = train(NET, Stream(*files, buffer=BUFFER), **common)
    assert len(orders) == OPTIONS["epochs"]
    assert not np.array_equal(orders[0], orders[1])
    given = iter(orders)
    monkeypatch.setattr(Batches, "order", lambda self: next(given))
    assert same(streamed, train(NET, X, Y, **common))


def test_the_same_seed_and_buffer_give_the_same_bits_and_another_seed_others(files: tuple[Path, Path]) -> None:
    stream = Stream(*files, buffer=BUFFER)
    assert same(train(NET, stream, **OPTIONS), train(NET, stream, **OPTIONS))
    params = train(NET, X, Y, **{**OPTIONS, "epochs": 0}).params
    one, other = (train(NET, stream, params=params, **{**OPTIONS, "seed": seed}) for seed in (4, 5))
    assert not same(one, other)


def test_parquet_has_the_bits_of_arrays_in_its_row_groups(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", rows=16)
    common = {**OPTIONS, "shuffle": False}
    assert same(train(NET, Stream(path, "price", buffer=BUFFER), **common), train(NET, X, Y, **common))
    mixed = train(NET, Stream(path, "price", buffer=BUFFER), **OPTIONS)
    assert mixed.history[-1].loss < mixed.history[0].loss


def test_what_the_buffer_holds_is_as_any_array(files: tuple[Path, Path], tmp_path: Path) -> None:
    plain = train(NET, X, Y, **OPTIONS)
    assert same(plain, train(NET, np.load(files[0], mmap_mode="r"), np.load(files[1], mmap_mode="r"), **OPTIONS))
    assert same(plain, train(NET, str(files[0]), str(files[1]), **OPTIONS))
    assert same(plain, train(NET, {"X": np.load(files[0], mmap_mode="r"), "y": Y}, **OPTIONS))
    assert same(plain, train(NET, table(tmp_path / "t.parquet"), "price", **OPTIONS))
    whole = {**OPTIONS, "batch_size": None}
    assert same(train(NET, X, Y, **whole), train(NET, Stream(*files), **whole))


def test_samples_in_columns(tmp_path: Path) -> None:
    net = mlp(3, 2, samples="columns", activation="tanh", loss="mean_squared_error")
    target = np.vstack([Y.T, 1 - Y.T])
    stream = Stream(np.asfortranarray(X.T), target, buffer=BUFFER)
    common = {**OPTIONS, "shuffle": False, "backend": "llvm"}
    assert same(train(net, stream, **common), train(net, X.T, target, **common))


def test_weights_dropout_and_norms_in_a_stream() -> None:
    net = mlp(3, 4, 1, activation="tanh", loss="mean_squared_error", weighted=True, dropout=0.2)
    weights = rng.random(SAMPLES)
    common = {**OPTIONS, "shuffle": False, "norms": True}
    streamed = train(net, Stream(X, Y, weights, buffer=BUFFER), **common)
    plain = train(net, X, Y, weights=weights, **common)
    assert same(streamed, plain)
    assert streamed.history[0].gradient_norms == plain.history[0].gradient_norms
    even = train(net, Stream(X, Y, buffer=BUFFER), **common)
    assert same(even, train(net, X, Y, **common))


def test_validation_data_are_streamed_part_by_part() -> None:
    held = Stream(X[:90], Y[:90], buffer=20)
    result = train(NET, Stream(X, Y, buffer=BUFFER), validation=held, metrics=["rmse", "r2"], **OPTIONS)
    plain = train(NET, Stream(X, Y, buffer=BUFFER), validation=(X[:90], Y[:90]), metrics=["rmse", "r2"], **OPTIONS)
    for one, other in zip(result.history, plain.history, strict=True):
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-12)
        assert one.metrics == pytest.approx(other.metrics, rel=1e-12)


def test_a_share_held_out_is_of_whole_blocks_that_are_never_trained_on() -> None:
    data = Stream(X, Y, buffer=80)
    result = train(NET, data, validation=0.3, **OPTIONS)
    per_epoch = result.steps // OPTIONS["epochs"]
    assert 0.55 * SAMPLES < per_epoch * 8 < 0.85 * SAMPLES
    assert result.history[-1].validation_loss is not None
    with pytest.raises(SpecificationError, match="leaves nothing on one side"):
        train(NET, data, validation=0.001, **OPTIONS)


def test_a_stream_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    data = Stream(X, Y, buffer=BUFFER)
    unbroken = train(NET, data, **OPTIONS)
    train(NET, data, checkpoint=tmp_path / "c", **{**OPTIONS, "epochs": 2})
    assert same(unbroken, train(NET, data, checkpoint=tmp_path / "c", resume=True, **OPTIONS))
    changed = X.copy()
    changed[77, 1] += 1
    with pytest.raises(SpecificationError, match="the data changed"):
        train(NET, Stream(changed, Y, buffer=BUFFER), checkpoint=tmp_path / "c", resume=True, **OPTIONS)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_divergence_is_found_at_its_step(backend: str) -> None:
    common = {**OPTIONS, "learning_rate": 1e150, "backend": backend, "shuffle": False}
    errors = []
    for arguments in ([Stream(X, Y, buffer=BUFFER)], [X, Y]):
        with pytest.raises(DivergenceError) as caught:
            train(NET, *arguments, **common)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


# --- the window -------------------------------------------------------------------------------------------------------


def window(samples: int, size: int, buffer: int) -> tuple[Window, Array]:
    data = np.arange(3.0 * samples).reshape(samples, 3)
    arrays = {"X": data, "y": data[:, :1]}
    source = ArraySource(arrays, {"X": 0, "y": 0}, samples)
    blocks = Blocks(NET, source, size, np.dtype("float64"), Symbol("n"), range(-(-samples // size)))
    return Window(blocks, buffer), data


def test_a_window_gives_the_samples_asked_for_whatever_was_asked_before() -> None:
    held, data = window(50, 4, 12)
    address = held.arrays["X"].ctypes.data
    for order in np.random.default_rng(1).integers(0, 50, (200, 4)):
        for part in held.pieces(order, 1):
            assert np.array_equal(held.arrays["X"][held.hold(order[part])], data[order[part]])
    assert held.arrays["X"].ctypes.data == address


def test_an_order_that_is_too_wide_is_refused() -> None:
    held, _ = window(50, 4, 4)
    with pytest.raises(SpecificationError, match="too far apart"):
        list(held.pieces(np.arange(0, 50, 4), 12))


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_value_that_is_not_finite_is_found_in_its_block() -> None:
    bad = X.copy()
    bad[150, 2] = np.nan
    with pytest.raises(DataError, match=r"in the block of the samples from 151 to 152: X is NaN at row 1, column 3"):
        train(NET, Stream(bad, Y, buffer=BUFFER), **OPTIONS)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        ([Stream(X, Y, buffer=BUFFER)], {"batch_size": None}, SpecificationError, "give a batch_size"),
        ([Stream(X, Y, buffer=BUFFER)], {"batch_size": 41}, SpecificationError, "more than the 40 samples"),
        ([Stream(X, Y, buffer=BUFFER), Y], {}, SpecificationError, "has its own y"),
        ([Stream(X, Y[:9], buffer=4)], {}, ShapeError, "X has 203, y has 9"),
        ([Stream(X, buffer=4)], {}, ShapeError, "y"),
        ([Stream(X[:, :2], Y, buffer=BUFFER)], {}, ShapeError, "X"),
        ([Stream(X, Y, buffer=BUFFER)], {"optimizer": "lbfgs"}, UnsupportedError, "buffer that holds them"),
        (["nowhere.npy", Y], {}, DataError, "cannot be read"),
        (["nowhere.parquet", "y"], {}, DataError, "cannot be read"),
        (["data.csv", Y], {}, SpecificationError, "only .npy and Parquet"),
    ],
)
def test_what_cannot_be_streamed_is_said(
    arguments: list[Any], options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        train(NET, *arguments, **{**OPTIONS, **options})


def test_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        train(NET, tmp_path / "o.npy", Y, **OPTIONS)


def test_columns_of_a_parquet_file_that_do_not_fit(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet")
    with pytest.raises(SpecificationError, match="no column 'prize'; did you mean 'price'"):
        train(NET, path, "prize", **OPTIONS)
    with pytest.raises(SpecificationError, match="needs the name of its target"):
        train(NET, path, **OPTIONS)
    pl.DataFrame({"a": ["x"], "y": [1.0]}).write_parquet(tmp_path / "words.parquet")
    with pytest.raises(DataError, match=r"'a' of .* holds String"):
        train(NET, tmp_path / "words.parquet", "y", **OPTIONS)


# --- Parquet's footer -------------------------------------------------------------------------------------------------


def test_row_groups_are_those_of_another_reader(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for rows in (16, 50, 1000):
        path = table(tmp_path / f"{rows}.parquet", rows)
        metadata = parquet.ParquetFile(path).metadata
        assert row_groups(path) == [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
        assert sum(row_groups(path)) == SAMPLES


def test_damaged_footers_are_refused(tmp_path: Path) -> None:
    whole = table(tmp_path / "t.parquet").read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    at = len(whole) - 8 - length
    random = np.random.default_rng(0)
    bad = tmp_path / "bad.parquet"
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(at, len(whole), 8):
            damaged[place] = random.integers(256)
        bad.write_bytes(damaged[: None if random.random() < 0.8 else random.integers(len(whole))])
        try:
            row_groups(bad)
        except DataError:
            refused += 1
    assert refused > 100


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_map_is_recognised_through_views(files: tuple[Path, Path]) -> None:
    array = np.load(files[0], mmap_mode="r")
    assert mapped(array)
    assert mapped(np.asarray(array[3:, :2]))
    assert not mapped(X)


def test_what_a_map_keeps_to_itself_is_not_lost(files: tuple[Path, Path]) -> None:
    array = np.load(files[0], mmap_mode="c")
    array[:] = 2.0
    train(NET, Stream(array, Y, buffer=BUFFER), **OPTIONS)
    assert (array == 2.0).all()


PROGRAM = """
import sys
import numpy as np
import backproof as bp
from backproof.training.stream import Stream
path, target, buffer = sys.argv[1], sys.argv[2], int(sys.argv[3])
net = bp.mlp(15, 8, 1, activation="tanh", loss="mean_squared_error")
small = np.random.default_rng(0).normal(size=(4096, 16))
options = dict(batch_size=256, learning_rate=1e-3, progress=False, backend="llvm", epochs=1)
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
bp.train(net, Stream(small[:, :15], small[:, 15], buffer=512), validation=0.2, **options)
if path.endswith("parquet"):
    import polars as pl
    pl.read_parquet(path, n_rows=10)
before = peak()
result = bp.train(net, Stream(path, target, buffer=buffer), validation=0.1, **options)
print(peak() - before, result.steps)
"""
ROWS = 1_000_000
"""Samples of 16 numbers: 122 MiB."""
BESIDE = {"npy": 50.0, "parquet": 50.0}
"""MiB for blocks on their way and parts being judged, whatever the file's size; Polars decodes in several threads."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_memory_stays_bounded_on_a_file_of_ten_times_the_buffer(tmp_path: Path, kind: str) -> None:
    data = np.random.default_rng(0).normal(size=(ROWS, 16))
    if kind == "npy":
        np.save(tmp_path / "X.npy", data[:, :15])
        np.save(tmp_path / "y.npy", data[:, 15])
        path, target = tmp_path / "X.npy", str(tmp_path / "y.npy")
    else:
        path, target = tmp_path / "t.parquet", "column_15"
        pl.DataFrame(data).write_parquet(path, row_group_size=8192)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), target, str(ROWS // 10)], capture_output=True, text=True, check=True
    )
    grown, steps = done.stdout.split()
    assert int(steps) > 0.85 * ROWS / 256
    print(f"{kind}: {float(grown):.1f} MiB more at most, of a file of {data.nbytes / 2**20:.0f} MiB")
    assert float(grown) < data.nbytes / 10 / 2**20 + BESIDE[kind]
