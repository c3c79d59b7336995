"""A model goes through its file to the last bit; what does not fit is refused in one line; old files load."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

import backproof as bp
from backproof.errors import DataError, OutputError, SpecificationError
from backproof.models.contents import Target
from backproof.models.examples import small_model
from backproof.models.file import KEY, decoded, encoded, sealed
from backproof.models.network import formulas_of
from backproof.models.table_model import TableModel
from backproof.rules.elementwise import known_functions
from backproof.rules.losses import known_losses
from models import ROWS, rich_model

GOLDEN = Path(__file__).parents[2] / "golden" / "models"


@pytest.mark.parametrize("make", [small_model, rich_model])
def test_a_model_goes_through_its_file_to_the_last_bit(make: Callable[[], TableModel], tmp_path: Path) -> None:
    model = make()
    model.save(tmp_path / "m.safetensors")
    again = bp.load_model(tmp_path / "m.safetensors")
    for field in ("network", "columns", "inputs", "target", "derivation", "training", "written_by"):
        assert getattr(again.contents, field) == getattr(model.contents, field)
    assert again.contents.parameters.keys() == model.contents.parameters.keys()
    for id, array in model.contents.parameters.items():
        np.testing.assert_array_equal(again.contents.parameters[id], array, strict=True)
    assert encoded(again.contents) == encoded(model.contents), "the same model makes the same bytes"
    table = ROWS.rename({"größe": "size"}) if make is small_model else ROWS
    np.testing.assert_array_equal(again.predict(table), model.predict(table))


def test_reading_a_model_defines_nothing_for_others(tmp_path: Path) -> None:
    before = known_functions(), known_losses()
    rich_model().save(tmp_path / "m.safetensors")
    bp.load_model(tmp_path / "m.safetensors").predict(ROWS)
    assert (known_functions(), known_losses()) == before


# --- refusals -----------------------------------------------------------------------------------------------------


def opened(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"][KEY].partition(" ")[2]), load(data)


def closed(about: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    text = json.dumps(about)
    return save(arrays, {KEY: sealed(text, arrays)})


def changed(path: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """Sets ``network.sizes.0`` and the like."""

    def change(about: dict[str, Any], arrays: dict[str, Any]) -> None:
        *way, last = path.split(".")
        node: Any = about
        for key in way:
            node = node[int(key) if isinstance(node, list) else key]
        node[int(last) if isinstance(node, list) else last] = value

    return change


def array(id: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def changing(about: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[id] = change(arrays[id])

    return changing


def without(about: dict[str, Any], arrays: dict[str, Any]) -> None:
    del arrays["b_2"]


REFUSED = [
    (changed("format", "other"), "holds no model"),
    (changed("version", 2), r"version 2 of the format, of Backproof '.*'; install that version or a later one"),
    (changed("needs", ["ensembles"]), "has the need 'ensembles'"),
    (changed("needs", [["a"]]), r"needs\[0\] should be a text"),
    (changed("version", "1"), "version should be a whole number of at least 1, found '1'"),
    (changed("network.sizes.0", True), r"network\.sizes\[0\] should be a whole number"),
    (changed("network.sizes.0", 4), r"network\.sizes should begin with 3 and end with 2"),
    (changed("network.sizes", [3, 10**6, 2]), r"the array W_1 has the shape 3×4, but network\.sizes want 3×1000000"),
    (changed("network.sizes", [3] + [1] * 9_000 + [2]), r"there should be two sizes or more, and one activation less"),
    (changed("network.activations.0", "sigmiod"), "its network cannot be built: unknown activation 'sigmiod'"),
    (changed("network.formulas", {"odd": "x"}), r"network\.formulas: no layer uses 'odd'"),
    (changed("network.loss", "__import__('os')"), "unknown loss"),
    (changed("columns.0.scale", 0), r"columns\[0\]\.scale should be a number from"),
    (changed("columns.0.mean", 10**400), r"columns\[0\]\.mean should be a finite number"),
    (changed("columns.0.kind", "shape"), r"columns\[0\]\.kind should be one of numeric, boolean, date, categorical"),
    (changed("columns.1.categories", ["a", "a"]), r"columns\[1\]: its categories should be at least one, each once"),
    (changed("columns", []), "columns should be at least one"),
    (changed("inputs", ["size"]), "inputs should be the names of the columns"),
    (changed("target.classes", ["a"]), r"target\.classes should be at least two"),
    (changed("target", None), "target should be an object, found 'None'"),
    (changed("training", "x"), "training should be an object"),
    (array("W_1", lambda a: np.ascontiguousarray(a.T)), "the array W_1 has the shape 4×3"),
    (array("b_1", lambda a: a.reshape(-1)), "the array b_1 has the shape 4, not 1×4"),
    (array("b_1", lambda a: a.astype(np.float32)), "should all be float64, or all float32, not float32, float64"),
    (array("b_1", lambda a: a * np.nan), "the array b_1 holds NaN or infinity"),
    (without, "missing or too many: 'b_2'"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_what_does_not_fit_is_refused_in_one_line(
    change: Callable[[dict[str, Any], dict[str, Any]], None], said: str
) -> None:
    about, arrays = opened(encoded(small_model().contents))
    change(about, arrays)
    with pytest.raises(DataError, match=said) as caught:
        decoded(closed(about, arrays))
    assert str(caught.value).isprintable()


def test_what_safetensors_says_of_a_file_is_printable() -> None:
    data = encoded(small_model().contents).replace(b'"F64"', b'"\\u0000"', 1)
    with pytest.raises(DataError, match="no safetensors file") as caught:
        decoded(data)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", ["format", "version", "network", "columns", "inputs", "target", "training", "needs"])
def test_a_missing_part_is_named(key: str) -> None:
    about, arrays = opened(encoded(small_model().contents))
    del about[key]
    with pytest.raises(DataError, match="holds no model" if key == "format" else f"{key} is missing"):
        decoded(closed(about, arrays))


def test_what_a_later_writer_adds_is_ignored() -> None:
    about, arrays = opened(encoded(small_model().contents))
    more = copy.deepcopy(about)
    more["calibration"] = more["network"]["calibration"] = more["columns"][0]["unit"] = {"any": ["thing"]}
    assert decoded(closed(more, arrays)).network == decoded(closed(about, arrays)).network


@pytest.mark.parametrize("place", [0, 9, 200, -1])
def test_one_changed_bit_is_found(place: int) -> None:
    data = bytearray(encoded(small_model().contents))
    data[place] ^= 1
    with pytest.raises(DataError, match=r"checksum is wrong|cut short, damaged|holds no model"):
        decoded(bytes(data))


def test_files_of_others_are_refused_with_their_name(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(DataError, match=r"m\.safetensors': there is no such file"):
        bp.load_model(path)
    with pytest.raises(DataError, match="this is a folder"):
        bp.load_model(tmp_path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="cut short, damaged, or no safetensors file"):
        bp.load_model(path)
    path.write_bytes(save({"W": np.zeros(2)}))
    with pytest.raises(DataError, match="holds no model; give a file that backproof train"):
        bp.load_model(path)
    with pytest.raises(OutputError, match="does not exist"):
        small_model().save(tmp_path / "missing" / "m.safetensors")


# --- formulas -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_down_is_not_kept() -> None:
    bp.activation("shifted", "t*tanh(t)", variable="t")
    with pytest.raises(SpecificationError, match="by a formula in x"):
        formulas_of(("shifted", "identity"), "mean_squared_error")
    bp.activation("inner_one", "x*sigmoid(x)")
    bp.activation("outer_one", "inner_one(x) + x")
    with pytest.raises(SpecificationError, match="its formula calls inner_one, which is defined elsewhere"):
        formulas_of(("outer_one", "identity"), "mean_squared_error")


# --- files of yesterday -------------------------------------------------------------------------------------------


def test_a_file_of_version_1_loads_and_predicts_the_same() -> None:
    """Written when the format was new; never written again, for files of users are not either."""
    model = bp.load_model(GOLDEN / "version_1.safetensors")
    expected = json.loads((GOLDEN / "version_1.json").read_text(encoding="utf-8"))
    assert model.contents.network.formulas == {"cubic": "x + x^3/30"}
    np.testing.assert_allclose(model.predict(ROWS), expected["predictions"], rtol=1e-6)
    assert model.contents.target == Target("price", None, 100.0, 20.0)
