"""Runs of the main job for tests, and the tables that they learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from sklearn import datasets

from backproof.run.job import run_job
from backproof.run.outcome import Outcome
from backproof.run.settings import Settings

HOSTILE_LABELS = ("<script>alert(1)</script>", "$x^2$ \\alpha", "50% & more", "a\\b\"c'", "back\u202etfel")


@dataclass(frozen=True)
class Run:
    """A run with its folder and the lines that it said."""

    outcome: Outcome
    folder: Path
    said: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def make_run(folder: Path, settings: Settings) -> Run:
    said: list[str] = []
    return Run(run_job(settings, folder, say=said.append, progress=False), folder, said)


def write_tables(folder: Path) -> Path:
    """Tables of scikit-learn written out as CSV, and one whose every name could do harm."""
    _sklearn_table("wine").write_csv(folder / "wine.csv")
    _sklearn_table("diabetes").write_csv(folder / "diabetes.csv")
    _cancer().write_csv(folder / "cancer.csv")
    _hostile().write_csv(folder / "hostile.csv")
    return folder


def _sklearn_table(name: str) -> pl.DataFrame:
    loaded = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(loaded.data, schema=list(map(str, loaded.feature_names)))
    target = loaded.target if name == "diabetes" else [str(loaded.target_names[code]) for code in loaded.target]
    return frame.with_columns(pl.Series("target", target))


def _cancer() -> pl.DataFrame:
    """Breast cancer with a categorical column, and with values missing in it and in a column of numbers."""
    frame = _sklearn_table("breast_cancer")
    rows = pl.int_range(pl.len())
    size = pl.when(pl.col("mean radius") > 15).then(pl.lit("large")).otherwise(pl.lit("small"))
    return frame.with_columns(
        pl.when(rows % 10 == 3).then(None).otherwise(size).alias("size"),
        pl.when(rows % 7 == 2).then(None).otherwise(pl.col("mean texture")).alias("mean texture"),
    )


def _hostile() -> pl.DataFrame:
    count = 150
    codes = [row % len(HOSTILE_LABELS) for row in range(count)]
    return pl.DataFrame(
        {
            "size <b>": [float(code) + (row * 37 % 11) / 30 for row, code in enumerate(codes)],
            "weight $m$": [float(row * 53 % 17) for row in range(count)],
            "kind%": [("red", "<i>blue</i>", "gr$een")[row * 7 % 3] for row in range(count)],
            "cl<a>ss": [HOSTILE_LABELS[code] for code in codes],
        }
    )
