"""Predictions of every kind of table, alike; files a part at a time; and the scores of a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from backproof.errors import DataError, SpecificationError
from backproof.models.evaluating import evaluate_file
from backproof.models.examples import small_model
from backproof.models.predicting import predict_file
from backproof.models.scores import scores_text
from backproof.models.summary import summary_data, summary_text
from backproof.run import delimited, sources
from backproof.run.evaluation import ClassScores, class_scores
from models import ROWS, rich_model

MODEL = small_model()
SIZES = [1.0, None, 7.5, 9.0, 2.0]
COLOURS = ["red", "green", None, "blue", "red"]
FRAME = pl.DataFrame({"colour": COLOURS, "size": SIZES, "id": [*"abcde"]})


def expected() -> list[str]:
    """By NumPy alone."""
    filled = (np.array([5.0 if size is None else size for size in SIZES]) - 5.0) / 2.5
    X = np.column_stack([filled, [c == "blue" for c in COLOURS], [c == "red" for c in COLOURS]])
    p = MODEL.contents.parameters
    z = np.tanh(X @ p["W_1"] + p["b_1"]) @ p["W_2"] + p["b_2"]
    return [("large", "small")[code] for code in z.argmax(axis=1)]


def test_tables_of_every_kind_are_predicted_alike(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "t.csv")
    FRAME.write_csv(tmp_path / "t.tsv", separator="\t")
    FRAME.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    text = FRAME.with_columns(pl.col("size").cast(pl.String)).write_csv(separator=";").replace(".", ",")
    (tmp_path / "comma.csv").write_text(text, encoding="utf-16")
    matrix = np.array([[size, colour] for size, colour in zip(SIZES, COLOURS, strict=True)], dtype=object)
    tables = [
        FRAME,
        FRAME.lazy(),
        FRAME.with_columns(pl.col("colour").cast(pl.Categorical)),
        FRAME.to_dict(as_series=False),
        pd.DataFrame(FRAME.to_dict(as_series=False)),
        pd.DataFrame({"size": pd.array(SIZES, dtype="Float64"), "colour": pd.array(COLOURS, dtype="string")}),
        matrix,
        *(tmp_path / name for name in ("t.csv", "t.tsv", "t.parquet", "t.csv.gz", "comma.csv")),
        str(tmp_path / "t.csv"),
    ]
    assert set(expected()) == {"large", "small"}
    for table in tables:
        assert MODEL.predict(table).tolist() == expected()
        assert MODEL.predict_proba(table).argmax(axis=1).tolist() == [{"large": 0, "small": 1}[k] for k in expected()]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"size": [1.0]}, r"the model needs column 'colour', which the table lacks; it has 'size'"),
        ({"size": ["x"], "colour": ["red"]}, r"column 'size', row 0: 'x' is no number"),
        ({"size": [np.inf], "colour": ["red"]}, r"column 'size', row 0: 'inf' is not a finite number"),
        ({"size": [1e308], "colour": ["red"]}, None),
        ({"size": [1.0, 2.0], "colour": ["red"]}, "different numbers of rows"),
        ({"size": [[1.0]], "colour": ["red"]}, "one value for each row"),
        (np.zeros((2, 3)), r"a matrix must have 2 columns, in this order: 'size', 'colour'"),
        ("nowhere.csv", "there is no such file"),
    ],
)
def test_tables_that_do_not_fit(table: object, said: str | None) -> None:
    if said is None:
        assert len(MODEL.predict(table)) == 1
        return
    with pytest.raises(DataError, match=said):
        MODEL.predict(table)


def test_numbers_have_no_probabilities() -> None:
    with pytest.raises(SpecificationError, match="predicts numbers"):
        rich_model().predict_proba(FRAME)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BATCH_ROWS", 2)
    monkeypatch.setattr(sources, "PART_ROWS", 2)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("source", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.parquet"])
def test_files_are_predicted_a_part_at_a_time(source: str, name: str, tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "t.csv")
    FRAME.write_parquet(tmp_path / "t.parquet")
    done = predict_file(MODEL, tmp_path / source, tmp_path / name, keep=["id"])
    assert done.rows == 5
    path = tmp_path / name
    read = pl.read_parquet(path) if name.endswith("t") else pl.read_csv(path, separator="\t" if "tsv" in name else ",")
    assert read.columns == ["id", "prediction", "P(large)", "P(small)"]
    assert read["prediction"].to_list() == expected()
    assert read["id"].to_list() == [*"abcde"]
    np.testing.assert_array_equal(read.select("P(large)", "P(small)").to_numpy(), MODEL.predict_proba(FRAME))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_nothing_is_left_of_a_prediction_that_fails_late(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("size,colour\n" + "1,red\n" * 7 + "old,red\n", encoding="utf-8")
    (tmp_path / name).write_text("before", encoding="utf-8")
    with pytest.raises(DataError, match=r"t\.csv': column 'size', line 9: 'old' is no number"):
        predict_file(MODEL, tmp_path / "t.csv", tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "t.csv"])
    assert (tmp_path / name).read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_a_table_without_rows_has_a_header(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("size,colour\n", encoding="utf-8")
    assert predict_file(MODEL, tmp_path / "t.csv", tmp_path / name).rows == 0
    read = pl.read_parquet if name.endswith("t") else pl.read_csv
    assert read(tmp_path / name).columns == ["prediction", "P(large)", "P(small)"]


@pytest.mark.usefixtures("small_parts")
def test_the_scores_of_a_file_are_those_of_its_rows(tmp_path: Path) -> None:
    true = ["large", "small", "small", "large", "large"]
    FRAME.with_columns(kind=pl.Series(true)).write_csv(tmp_path / "t.csv")
    scores = evaluate_file(MODEL, tmp_path / "t.csv").scores
    Y = np.array([[label == name for name in ("large", "small")] for label in true], dtype=float)
    proba = MODEL.predict_proba(FRAME)
    loss = -np.log(proba[Y == 1]).mean()
    assert isinstance(scores, ClassScores)
    assert scores.confusion == class_scores(proba, Y, float(loss)).confusion
    assert scores.log_loss == pytest.approx(loss)
    assert "5 rows: accuracy" in scores_text(scores, MODEL.contents.target)


@pytest.mark.usefixtures("small_parts")
def test_the_scores_of_numbers_are_those_of_all_rows_at_once(tmp_path: Path) -> None:
    model = rich_model()
    y = np.array([110.0, 90.0, 1e6])
    ROWS.with_columns(price=pl.Series(y)).write_parquet(tmp_path / "t.parquet")
    scores = evaluate_file(model, tmp_path / "t.parquet").scores
    error = model.predict(ROWS) - y
    assert scores.r2 == pytest.approx(1 - (error**2).sum() / ((y - np.mean(y)) ** 2).sum())  # type: ignore[union-attr]
    assert scores.rmse == pytest.approx(np.sqrt((error**2).mean()))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "said"), [("huge", "'huge' is no class of the model; it knows 'large', 'small'"), ("", "no class")]
)
def test_classes_that_the_model_does_not_know(kind: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"size,colour,kind\n1,red,large\n2,red,{kind}\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"t\.csv': column 'kind', line 3: .*{said}"):
        evaluate_file(MODEL, tmp_path / "t.csv")


def test_the_summary_fits_80_columns() -> None:
    for model in (MODEL, rich_model()):
        assert max(map(len, summary_text(model).splitlines())) <= 80
    text = summary_text(rich_model())
    assert "activation cubic(x) = x + x^3/30" in text
    assert "'sold': date, taken apart into days, month" in text
    assert "not as it is derived now" in text
    assert "as it is derived now" in summary_text(MODEL)
    data = summary_data(MODEL)
    assert (data["parameters"], data["bytes"], data["flops_per_row"]) == (26, 208, 40)
