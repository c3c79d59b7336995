"""The preparation against plain NumPy, on scikit-learn's tables with holes and categories; and that nothing leaks."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from backproof.errors import DataError, SpecificationError
from backproof.run.fitted import FittedCategories, FittedNumber
from backproof.run.prepare import Prepared, digits, prepare
from backproof.run.tables import Table, read_table

Matrix = NDArray[np.float64]


def number_of(field: str) -> float:
    """What a field of a CSV is worth as a number, NaN where it is missing."""
    return float(field) if field not in ("", "NA") else float("nan")


def csv_of(name: str, folder: Path) -> Path:
    """One of scikit-learn's tables as a CSV, with categories, truth values and holes put in."""
    bunch: Any = {"wine": load_wine, "diabetes": load_diabetes, "cancer": load_breast_cancer}[name]()
    rng = np.random.default_rng(7)
    rows = len(bunch.target)
    columns = {f"x{k}": [repr(float(v)) for v in bunch.data[:, k]] for k in range(bunch.data.shape[1])}
    columns["region"] = [str(v) for v in rng.choice(["north", "south", "east, or so"], rows)]
    columns["smokes"] = [str(v) for v in rng.choice(["true", "false", "false"], rows)]
    for column, hole in (("x0", ""), ("x2", "NA"), ("region", "?"), ("smokes", "null")):
        for row in rng.choice(rows, rows // 10, replace=False):
            columns[column][row] = hole
    named = name == "wine"
    columns["target"] = [str(bunch.target_names[v]) if named else str(v) for v in bunch.target.tolist()]
    path = folder / f"{name}.csv"
    pl.DataFrame(columns).write_csv(path)
    return path


def table_of(columns: dict[str, list[Any]], target: str = "y") -> Table:
    """A table in memory, all its columns but the text ones numbers."""
    frame = pl.DataFrame(columns, strict=False)
    kinds: dict[str, Any] = {
        name: {pl.String: "categorical", pl.Boolean: "boolean"}.get(type(dtype), "numeric")
        for name, dtype in frame.schema.items()
    }
    features = tuple(name for name in columns if name != target)
    return Table("data.csv", frame, features, kinds, target, np.arange(2, frame.height + 2), "line", ())


def test_the_matrices_are_what_plain_numpy_gives(tmp_path: Path) -> None:
    path = csv_of("diabetes", tmp_path)
    made = prepare(read_table(path, target="target"), seed=3)
    raw = pl.read_csv(path, infer_schema=False)
    for part, X, Y in ((made.train_rows, made.X_train, made.Y_train), (made.test_rows, made.X_test, made.Y_test)):
        expected: list[Matrix] = []
        for k in range(10):
            x = np.array([number_of(field) for field in raw[f"x{k}"].fill_null("")])
            median = np.nanmedian(x[made.train_rows])
            x = np.where(np.isnan(x), median, x)
            trained = x[made.train_rows]
            expected.append((x[part] - trained.mean()) / trained.std())
        smokes = raw["smokes"].to_list()
        fill = max(["true", "false"], key=[smokes[row] for row in made.train_rows].count)
        expected.append(np.array([(fill if v == "null" else v) == "true" for v in smokes], dtype=float)[part])
        regions = ["missing" if v == "?" else v for v in raw["region"].to_list()]
        for region in ("east, or so", "missing", "north", "south"):
            expected.append(np.array([v == region for v in regions], dtype=float)[part])
        np.testing.assert_allclose(X, np.column_stack(expected), rtol=0, atol=1e-12)
        y = np.array([float(field) for field in raw["target"]])
        np.testing.assert_allclose(Y[:, 0] * made.target_scale + made.target_mean, y[part], rtol=1e-14)
        assert made.target_mean == pytest.approx(y[made.train_rows].mean(), rel=1e-14)
        assert made.target_scale == pytest.approx(y[made.train_rows].std(), rel=1e-14)
    assert made.task == "regression"
    assert made.class_labels is None
    assert made.feature_names[9:12] == ("x9", "smokes", "region=east, or so")


def replayed(path: Path, made: Prepared, part: NDArray[np.int64]) -> Matrix:
    """The features of some rows from the file and the JSON of the description, without scikit-learn."""
    described = json.loads(json.dumps(made.description(), allow_nan=False))
    raw = pl.read_csv(path, infer_schema=False)
    features: list[NDArray[Any]] = []
    for column in described["columns"]:
        fields = [raw[column["name"]][int(row)] or "" for row in part]
        missing = np.array([field.lower() in ("", "na", "null", "?") for field in fields])
        match column["kind"]:
            case "categorical":
                shown = np.where(missing, column["missing"], fields)
                features += [shown == category for category in column["categories"]]
                if column["rare"]:
                    features.append(np.isin(shown, column["rare"]))
            case _:
                truths = {"true": "1", "false": "0"}
                known = [str(column["fill"]) if gone else f for f, gone in zip(fields, missing, strict=True)]
                x = np.array([float(truths.get(field, field)) for field in known])
                features.append((x - column["mean"]) / column["scale"])
    return np.column_stack([np.asarray(feature, dtype=np.float64) for feature in features])


@pytest.mark.parametrize("name", ["wine", "diabetes", "cancer"])
def test_the_description_alone_reproduces_the_features(name: str, tmp_path: Path) -> None:
    path = csv_of(name, tmp_path)
    made = prepare(read_table(path, target="target"))
    np.testing.assert_allclose(replayed(path, made, made.train_rows), made.X_train, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(replayed(path, made, made.test_rows), made.X_test, rtol=1e-12, atol=1e-12)
    described: Any = made.description()
    assert [name for column in described["columns"] for name in column["outputs"]] == list(made.feature_names)
    assert described["split"] == {"test_fraction": 0.25, "seed": 0, "stratified": name != "diabetes"}


def test_the_description_is_a_copy(tmp_path: Path) -> None:
    made = prepare(read_table(csv_of("wine", tmp_path), target="target"))
    described: Any = made.description()
    described["columns"].clear()
    assert made.description()["columns"]


@pytest.mark.parametrize(("name", "labels"), [("wine", ("class_0", "class_1", "class_2")), ("cancer", ("0", "1"))])
def test_classes_are_indicators_and_keep_their_shares(name: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    path = csv_of(name, tmp_path)
    made = prepare(read_table(path, target="target"))
    assert made.task == "classification"
    assert made.class_labels == labels
    assert (made.target_mean, made.target_scale) == (0.0, 1.0)
    written = pl.read_csv(path, infer_schema=False)["target"].to_list()
    for part, Y in ((made.train_rows, made.Y_train), (made.test_rows, made.Y_test)):
        assert set(np.unique(Y)) == {0.0, 1.0}
        assert [labels[code] for code in Y.argmax(axis=1)] == [written[row] for row in part]
        np.testing.assert_array_equal(Y.sum(axis=1), 1.0)
    np.testing.assert_allclose(made.Y_train.mean(axis=0), made.Y_test.mean(axis=0), atol=0.02)


@pytest.mark.parametrize("name", ["wine", "diabetes", "cancer", "digits"])
def test_what_every_preparation_promises(name: str, tmp_path: Path) -> None:
    made = digits() if name == "digits" else prepare(read_table(csv_of(name, tmp_path), target="target"))
    for matrix in (made.X_train, made.Y_train, made.X_test, made.Y_test):
        assert matrix.dtype == np.float64
        assert matrix.ndim == 2
        assert matrix.flags.c_contiguous
        assert np.isfinite(matrix).all()
    assert made.X_train.shape == (len(made.train_rows), len(made.feature_names))
    assert made.X_test.shape == (len(made.test_rows), len(made.feature_names))
    assert made.Y_train.shape[1] == made.Y_test.shape[1] == (len(made.class_labels) if made.class_labels else 1)
    rows = len(made.train_rows) + len(made.test_rows)
    assert sorted([*made.train_rows, *made.test_rows]) == list(range(rows))
    assert len(made.test_rows) == -(-rows // 4)
    assert all(note.isprintable() for note in made.notes)


def test_the_training_part_is_standardised_and_the_test_part_is_not_exactly(tmp_path: Path) -> None:
    made = prepare(read_table(csv_of("diabetes", tmp_path), target="target"))
    np.testing.assert_allclose(made.X_train[:, :10].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(made.X_train[:, :10].std(axis=0), 1.0, rtol=1e-12)
    assert np.abs(made.X_test[:, :10].mean(axis=0)).min() > 1e-6


@pytest.mark.parametrize("name", ["diabetes", "wine"])
def test_nothing_of_the_held_out_rows_reaches_the_training_part(name: str, tmp_path: Path) -> None:
    table = read_table(csv_of(name, tmp_path), target="target")
    made = prepare(table)
    held_out = pl.Series(np.isin(np.arange(table.rows), made.test_rows))
    x0, region, smokes, y = (pl.col(c) for c in ("x0", "region", "smokes", "target"))
    spoilt = table.frame.with_columns(
        pl.when(held_out).then(x0 * 1000 + 5).otherwise(x0).alias("x0"),
        pl.when(held_out).then(None).otherwise(pl.col("x1")).alias("x1"),
        pl.when(held_out).then(pl.lit("elsewhere")).otherwise(region).alias("region"),
        pl.when(held_out).then(pl.lit(value=True)).otherwise(smokes).alias("smokes"),
        pl.when(held_out).then(y * 100).otherwise(y).alias("target") if name == "diabetes" else y,
    )
    again = prepare(Table("x", spoilt, table.features, table.kinds, "target", table.lines, table.unit, table.notes))
    np.testing.assert_array_equal(again.train_rows, made.train_rows)
    np.testing.assert_array_equal(again.X_train, made.X_train)
    np.testing.assert_array_equal(again.Y_train, made.Y_train)
    assert again.description() == made.description()
    assert not np.array_equal(again.X_test, made.X_test), "the held-out rows did change"


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    table = read_table(csv_of("wine", tmp_path), target="target")
    np.testing.assert_array_equal(prepare(table, seed=5).train_rows, prepare(table, seed=5).train_rows)
    assert not np.array_equal(prepare(table, seed=5).train_rows, prepare(table, seed=6).train_rows)
    assert len(prepare(table, test_fraction=0.5).test_rows) == 89


def test_the_notes_say_what_was_done(tmp_path: Path) -> None:
    notes = prepare(read_table(csv_of("wine", tmp_path), target="target")).notes
    assert notes == (
        "task: classification of 'target' (3 classes)",
        "split: 133 rows to train, 45 held out (stratified by class, seed 0)",
        "34 missing values imputed with the median of the training part: 'x0' (17), 'x2' (17)",
        "17 missing values imputed with the more frequent truth value of the training part: 'smokes' (17)",
        "17 missing values taken as a category of their own, 'missing': 'region' (17)",
    )


def test_dates_are_taken_apart() -> None:
    days = [datetime.datetime(2023, 11, 25) + datetime.timedelta(days=2.0 * i, hours=6 * (i % 2)) for i in range(40)]
    since = [(day - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1) for day in days]
    table = table_of({"day": since, "y": [float(i) for i in range(40)]})
    dated = Table("d", table.frame, ("day",), {"day": "date", "y": "numeric"}, "y", table.lines, "line", ())
    made = prepare(dated)
    assert made.feature_names == tuple(f"day.{part}" for part in ("days", "year", "month", "day", "weekday", "hour"))
    parts = np.array([[s, d.year, d.month, d.day, d.isoweekday(), d.hour] for s, d in zip(since, days, strict=True)])
    train = parts[made.train_rows]
    expected = (parts[made.test_rows] - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(made.X_test, expected, rtol=0, atol=1e-9)
    assert any(note.startswith("column 'day': dates, taken apart into days, year, month") for note in made.notes)


def test_parts_of_a_date_that_never_vary_are_left_out() -> None:
    table = table_of({"day": [float(i % 7) for i in range(40)], "y": [float(i) for i in range(40)]})
    dated = Table("d", table.frame, ("day",), {"day": "date", "y": "numeric"}, "y", table.lines, "line", ())
    assert prepare(dated).feature_names == ("day.days", "day.day", "day.weekday")


def test_beyond_fifty_categories_the_rarest_share_a_feature() -> None:
    cities = [f"city{min(i, 59 + i % 3):02}" for i in range(60)] * 4 + ["city00"] * 60
    made = prepare(table_of({"city": [*cities], "y": [float(i % 11) for i in range(300)]}), task="regression")
    described: Any = made.description()
    [city] = described["columns"]
    assert len(city["categories"]) == 49
    assert len(city["rare"]) == 11
    assert len(made.feature_names) == 50
    assert made.feature_names[-1] == "city=other"
    np.testing.assert_array_equal(made.X_train.sum(axis=1), 1.0)
    rare = np.isin(np.array(cities)[made.train_rows], city["rare"])
    np.testing.assert_array_equal(made.X_train[:, -1], rare)
    assert "column 'city': 60 categories, the 11 rarest share the feature 'city=other'" in made.notes


def test_a_category_that_the_training_part_lacks_has_no_indicator() -> None:
    columns: dict[str, list[Any]] = {"c": ["a", "b"] * 10, "y": [float(i) for i in range(20)]}
    row = int(prepare(table_of(columns)).test_rows[0])
    columns["c"][row] = "new"
    made = prepare(table_of(columns))
    np.testing.assert_array_equal(made.X_test[0], [0.0, 0.0])
    said = "column 'c': 1 held-out row with a category that the training part lacks; all its indicators are 0 there"
    assert said in made.notes


def test_a_column_that_varies_in_the_held_out_part_only_is_dropped() -> None:
    columns: dict[str, list[Any]] = {
        "x": [float(i * i) for i in range(20)],
        "flat": [1.0] * 20,
        "void": [None] * 20,
        "word": ["a"] * 20,
        "y": [float(i) for i in range(20)],
    }
    row = int(prepare(table_of(columns)).test_rows[0])
    columns["flat"][row], columns["void"][row], columns["word"][row] = 2.0, 3.0, "b"
    made = prepare(table_of(columns))
    assert made.feature_names == ("x",)
    assert "columns 'flat', 'void', 'word' dropped: the same value in every row of the training part" in made.notes
    del columns["x"]
    with pytest.raises(DataError, match=r"'data\.csv': no column varies in the training part"):
        prepare(table_of(columns))


def test_a_class_of_one_row_ends_stratification_and_is_said() -> None:
    columns: dict[str, list[Any]] = {"x": [float(i * i) for i in range(20)], "y": [*"ab" * 9, "b", "lonely"]}
    made = prepare(table_of(columns))
    assert "the split is not stratified, since there is only one row of 1 class: 'lonely'" in made.notes
    assert made.class_labels == ("a", "b", "lonely")
    for seed in range(20):
        made = prepare(table_of(columns), seed=seed)
        absent = "not in the training part, so never learnt: 'lonely'"
        assert (absent in made.notes) == (19 in made.test_rows)


def test_more_classes_than_held_out_rows_ends_stratification() -> None:
    columns: dict[str, list[Any]] = {"x": [float(i * i) for i in range(20)], "y": [*"abcde" * 4]}
    made = prepare(table_of(columns), test_fraction=0.1)
    assert "the split is not stratified, since a part of 2 rows cannot hold all 5 classes" in made.notes


def test_one_class_left_to_train_on_is_refused() -> None:
    columns: dict[str, list[Any]] = {"x": [float(i * i) for i in range(20)], "y": ["a"] * 19 + ["b"]}
    seed = next(seed for seed in range(50) if 19 in held_out_rows(columns, seed))
    with pytest.raises(DataError, match="only one class is left in the training part"):
        prepare(table_of(columns), seed=seed)


def held_out_rows(columns: dict[str, list[Any]], seed: int) -> list[int]:
    """The rows that a split without strata holds out."""
    numbers = {**columns, "y": [float(i) for i in range(20)]}
    return [int(row) for row in prepare(table_of(numbers), seed=seed).test_rows]


def test_a_target_that_is_constant_in_the_training_part_is_refused() -> None:
    columns: dict[str, list[Any]] = {"x": [float(i * i) for i in range(20)], "y": [1.5] * 20}
    columns["y"][held_out_rows(columns, 0)[0]] = 2.0
    with pytest.raises(DataError, match=r"the target 'y' is 1\.5 in every row of the training part"):
        prepare(table_of(columns), task="regression")


@pytest.mark.parametrize("values", [[1e308, -1e308], [1.7e308, 1.6e308], [1e200, -1e200], [1e160, -1e160]])
@pytest.mark.parametrize("hole", [False, True])
def test_numbers_that_overflow_are_refused_by_name(values: list[float], hole: bool) -> None:
    calm = [float(i) for i in range(20)]
    huge: list[float | None] = [*values * 10]
    if hole:
        huge[3] = None
    with pytest.raises(DataError, match=r"'data\.csv', column 'x': its values are too large, or too near"):
        prepare(table_of({"calm": calm, "x": huge, "y": calm}))
    with pytest.raises(DataError, match=r"the target 'y', up to .*, cannot be scaled in float64"):
        prepare(table_of({"calm": calm, "y": values * 10}), task="regression")


def test_numbers_that_underflow_or_leap_in_the_held_out_part_are_refused_by_name() -> None:
    calm = [float(i) for i in range(20)]
    said = r"column 'x': its values are too large, or too near"
    with pytest.raises(DataError, match=said):
        prepare(table_of({"calm": calm, "x": [1e-170, -1e-170] * 10, "y": calm}))
    leap = [2.0**-525, -(2.0**-525)] * 10  # their variance is exact, though below the normal numbers
    leap[held_out_rows({"x": calm}, 0)[0]] = 1e153
    with pytest.raises(DataError, match=said):
        prepare(table_of({"calm": calm, "x": leap, "y": calm}))


def test_a_category_beside_holes_varies() -> None:
    columns: dict[str, list[Any]] = {"c": ["on", None] * 10, "y": [float(i) for i in range(20)]}
    assert prepare(table_of(columns)).feature_names == ("c=missing", "c=on")


def test_numbers_that_differ_by_rounding_only_are_one_number() -> None:
    calm = [float(i) for i in range(20)]
    made = prepare(table_of({"calm": calm, "x": [0.1 + 0.2, 0.3] * 10, "y": calm}))
    assert made.feature_names == ("calm",)
    assert "column 'x' dropped: the same value in every row of the training part" in made.notes
    made = prepare(table_of({"calm": calm, "x": [1e9, 1e9 + 1] * 10, "y": calm}))
    assert made.X_train[:, 1].std() == pytest.approx(1.0)


def test_truth_values_keep_their_values_and_a_tie_is_false() -> None:
    columns: dict[str, list[Any]] = {"b": [True, False] * 10, "y": [float(i) for i in range(20)]}
    trained = prepare(table_of(columns)).train_rows
    for k, row in enumerate(trained):
        columns["b"][row] = None if k == 0 else k % 2 == 0
    made = prepare(table_of(columns))
    assert made.X_train[:3, 0].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"test_fraction": 0.0}, r"the held-out fraction must be between 0 and 1, got 0\.0"),
        ({"test_fraction": 1.0}, r"the held-out fraction must be between 0 and 1, got 1\.0"),
        ({"test_fraction": float("nan")}, r"the held-out fraction must be between 0 and 1, got nan"),
        ({"test_fraction": 0.95}, r"holding out 0\.95 of 20 rows leaves 1 to train on; hold out less"),
        ({"seed": -1}, r"the seed must be between 0 and 4294967295, got -1"),
        ({"seed": 2**32}, r"the seed must be between 0 and 4294967295, got 4294967296"),
        ({"task": "regresion"}, r"unknown task 'regresion'; did you mean 'regression'\?"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], said: str) -> None:
    calm = [float(i) for i in range(20)]
    with pytest.raises(SpecificationError, match=said):
        prepare(table_of({"x": calm, "y": calm}), **arguments)


def test_sizes_beyond_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backproof.run.memory.available_memory", lambda: 6000)
    columns: dict[str, list[Any]] = {"c": ["a", "b", "c", "d"] * 5, "y": [float(i) for i in range(20)]}
    prepare(table_of(columns))
    columns["c"] = [chr(97 + i % 15) for i in range(20)]
    said = r"preparing 20 rows of 1\d features would need \d\.\d kB of memory, and 6\.0 kB is available"
    with pytest.raises(DataError, match=said):
        prepare(table_of(columns))
    with pytest.raises(DataError, match=r"1797 rows of 10 classes would need 287\.5 kB of memory"):
        digits()


def test_outputs_of_a_column() -> None:
    assert FittedNumber("age", "numeric", 1.0, 2.0, 3.0).outputs == ("age",)
    assert FittedCategories("c", "categorical", "missing", ("a", "b"), ()).outputs == ("c=a", "c=b")
    assert FittedCategories("c", "categorical", "missing", ("a",), ("b", "d")).outputs == ("c=a", "c=other")


def test_the_digits() -> None:
    made = digits(seed=4)
    pixels, numbers = load_digits(return_X_y=True)
    np.testing.assert_array_equal(made.X_train, pixels[made.train_rows] / 16)
    np.testing.assert_array_equal(made.X_test, pixels[made.test_rows] / 16)
    np.testing.assert_array_equal(made.Y_test.argmax(axis=1), numbers[made.test_rows])
    assert made.class_labels == tuple("0123456789")
    assert made.feature_names[9] == "pixel 1,1"
    assert (made.Y_test.sum(axis=0) >= 43).all(), "stratified"
    assert made.notes == (
        "data: 1797 handwritten digits of 8×8 pixels that scikit-learn ships, pixels scaled to [0, 1]",
        "split: 1347 rows to train, 450 held out (stratified by class, seed 4)",
    )
    described: Any = json.loads(json.dumps(made.description()))
    assert described["columns"][0]["scale"] == 16.0
    assert described["target"] == {"name": "digit", "classes": list("0123456789")}
