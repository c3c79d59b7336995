"""Gradients that other programs wrote to files."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save_file

import backproof as bp
from backproof.checking.findings import Verdict
from backproof.errors import DataError, ShapeError, SpecificationError

Array = npt.NDArray[Any]
NET = bp.mlp(3, 2, activation="identity", bias=True)


def arrays(dtype: str = "float64") -> dict[str, Array]:
    rng = np.random.default_rng(0)
    X, y, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((4, 3), (4, 2), (3, 2), (1, 2)))
    e = X @ W + b - y
    return {"X": X, "y": y, "W1": W, "b1": b, "dW1": X.T @ e, "db1": e.sum(axis=0)}


def write(path: Path, content: Mapping[str, Any]) -> Path:
    match path.suffix:
        case ".npz":
            np.savez(path, **content)
        case ".safetensors":
            save_file({id: np.ascontiguousarray(array) for id, array in content.items()}, path)
        case _:
            path.write_text(json.dumps({id: np.asarray(array).tolist() for id, array in content.items()}))
    return path


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".json"])
@pytest.mark.parametrize("as_text", [False, True])
def test_every_format(tmp_path: Path, suffix: str, as_text: bool) -> None:
    path = write(tmp_path / f"gradients{suffix}", arrays())
    report = bp.check(str(path) if as_text else path, NET)
    assert report.ok, str(report)
    assert report.subject == path.name
    assert [j.variable for j in report.judged] == ["['dW1']", "['db1']"]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_precision_of_the_file_counts(tmp_path: Path, suffix: str) -> None:
    assert bp.check(write(tmp_path / f"gradients{suffix}", arrays("float32")), NET).dtype == "float32"


def test_a_mapping_in_columns_grouped_and_with_the_loss() -> None:
    a = {id: array.T for id, array in arrays().items()}
    loss = ((a["W1"] @ a["X"] + a["b1"] - a["y"]) ** 2).sum() / 2
    grouped = {
        "X": a["X"], "y": a["y"], "params": {"W1": a["W1"], "b1": a["b1"]},
        "grads": {"W1": a["dW1"], "b1": a["db1"]}, "loss": loss,
    }  # fmt: skip
    report = bp.check(grouped, NET)
    assert report.ok, str(report)
    assert report.conventions[0].kind == "column-samples"
    assert [j.id for j in report.judged] == ["grad_W_1", "grad_b_1", "L"]


def test_a_wrong_entry_is_found(tmp_path: Path) -> None:
    a = arrays()
    a["dW1"][2, 1] *= 1.01
    report = bp.check(write(tmp_path / "gradients.npz", a), NET)
    assert report.verdict is Verdict.WRONG
    assert report.judged[0].deviation is not None
    assert report.judged[0].deviation.index == (2, 1)


def test_a_transposed_gradient_is_a_fault_of_shape() -> None:
    report = bp.check({**arrays(), "dW1": arrays()["dW1"].T}, NET)
    assert [f.kind for f in report.findings] == ["shape"]


def without(*ids: str) -> dict[str, Array]:
    return {id: array for id, array in arrays().items() if id not in ids}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (without("b1"), DataError, "lacks b_1; it must hold every input and parameter"),
        (without("X", "y"), DataError, "lacks X, y"),
        (without("dW1", "db1"), DataError, "holds no gradient; name them grad_W_1, grad_b_1"),
        ({**arrays(), "momentum": np.zeros(2)}, SpecificationError, "has 'momentum', which is none of X, y, W_1, b_1"),
        ({**arrays(), "X": np.zeros((4, 5))}, ShapeError, "X has shape"),
        ({**arrays(), "y": np.full((4, 2), np.nan)}, DataError, "y is NaN"),
    ],
)
def test_what_is_missing_or_strange_is_said(content: Mapping[str, Array], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bp.check(content, NET)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(tmp_path / "objects.npz", **{**arrays(), "X": np.array([Trap()], object)})  # type: ignore[arg-type]
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    for name in ("objects.npz", "pickle.npz"):
        with pytest.raises(DataError, match=f"{name} is not a .npz file of arrays"):
            bp.check(tmp_path / name, NET)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"PK\x03\x04 broken", "is not a .npz file"),
        ("a.npz", b"", "is not a .npz file|cannot read"),
        ("a.safetensors", b"\xff" * 40, "is not a .safetensors file"),
        ("a.json", b"{", "is not a .json file"),
        ("a.json", b"[1, 2]", "must hold one object with an array for each name, not list"),
        ("a.json", b'{"X": [[1], [2, 3]]}', "X is no array of numbers"),
        ("a.json", b'{"X": "text"}', "X is no array of numbers"),
        ("a.json", b"\xff\xfe\x00", "is not a .json file"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        bp.check(tmp_path / name, NET)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        bp.check(tmp_path / "nowhere.npz", NET)


def test_one_array_without_a_name(tmp_path: Path) -> None:
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="one array without a name"):
        bp.check(tmp_path / "one.npz", NET)
