"""``backproof train``, ``predict``, ``evaluate`` and ``summary`` as people call them: output, files, codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

import backproof as bp
from backproof.cli import exit_code

QUICK = ("--network", "4", "--epochs", "3", "--no-compare")
ROWS = "".join(
    f"{50 + i * 37 % 101},{5 - i * 37 % 101 // 30},{('flat', 'house', 'studio')[i % 3]},"
    f"2024-{1 + i % 12:02}-{1 + i % 28:02},H{i:03},{(i * 37 % 101) * 2 + i % 3 * 10}.5\n"
    for i in range(120)
)
HOMES = "area,rooms,type,sold,id,price\n" + ROWS


@dataclass(frozen=True)
class Called:
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("homes.csv").write_text(HOMES, encoding="utf-8")


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> Called:
    code = exit_code([*arguments])
    return Called(code, *capfd.readouterr())


def test_from_a_table_to_predictions(capfd: pytest.CaptureFixture[str]) -> None:
    trained = call(capfd, "train", "homes.csv", "--target", "price", "--network", "8", "-o", "homes.safetensors")
    assert (trained.code, trained.err) == (0, "")
    assert max(map(len, trained.out.splitlines())) <= 80
    flat = " ".join(trained.out.split())
    assert "'sold': date, taken apart into days, month, day, weekday" in flat
    assert "column 'id' dropped: text that differs in every row" in flat
    assert "boosted trees (scikit-learn): R²" in flat
    assert "MLP (scikit-learn): R²" in flat
    predicted = call(capfd, "predict", "homes.safetensors", "homes.csv", "-o", "p.csv", "--keep", "id")
    assert (predicted.code, predicted.out) == (0, "120 predictions of 'price' in p.csv\n")
    read = pl.read_csv("p.csv")
    assert read.columns == ["id", "prediction"]
    model = bp.load_model("homes.safetensors")
    assert read["prediction"].to_list() == model.predict("homes.csv").tolist()
    printed = call(capfd, "predict", "homes.safetensors", "homes.csv", "--keep", "id")
    assert printed.out == Path("p.csv").read_text(encoding="utf-8")
    evaluated = json.loads(call(capfd, "evaluate", "homes.safetensors", "homes.csv", "--json").out)
    assert evaluated["rows"] == 120
    assert evaluated["r2"] > 0.9
    assert "R² " in call(capfd, "evaluate", "homes.safetensors", "homes.csv").out
    summary = call(capfd, "summary", "homes.safetensors").out
    assert "rows: 90 rows of homes.csv: price" in summary
    assert json.loads(call(capfd, "summary", "homes.safetensors", "--json").out)["derivation_is_the_same_now"]


def test_every_option_reaches_the_training(capfd: pytest.CaptureFixture[str]) -> None:
    Path("test.csv").write_text("area,rooms,type,sold,id,price\n" + ROWS[: ROWS.index("\n", 2000) + 1])
    called = call(
        capfd, "train", "homes.csv", "-t", "price", "--task", "regression", "--test", "test.csv", "--network", "5,4",
        "--activation", "cubic,tanh", "--define-activation", "cubic=x + x^3/50", "--loss", "own_loss",
        "--define-loss", "own_loss=mean(log_cosh(y_hat - y))", "--optimizer", "adamw", "--learning-rate", "0.01",
        "--schedule", "cosine", "--epochs", "7", "--patience", "3", "--batch-size", "8", "--penalty", "0.01",
        "--seed", "5", "--backend", "numpy", "--dtype", "float32", "-o", "m.safetensors", "--json",
    )  # fmt: skip
    assert called.code == 0
    found = json.loads(called.out)
    assert found["rivals"] == {}, "there is no held-out part of the table"
    assert found["figures"]["held_out"]["rows"] == Path("test.csv").read_text().count("\n") - 1
    contents = bp.load_model("m.safetensors").contents
    network, settings = contents.network, contents.training["settings"]
    assert (network.sizes[1:], network.activations) == ((5, 4, 1), ("cubic", "tanh", "identity"))
    assert network.formulas == {"cubic": "x + x^3/50"}
    assert network.loss_formula == "mean(log_cosh(y_hat - y))"
    assert network.penalty == 0.01
    expected = {"optimizer": "adamw", "learning_rate": 0.01, "batch_size": 8, "seed": 5, "dtype": "float32"}
    assert {name: settings[name] for name in expected} == expected
    assert settings["schedule"].startswith("cosine")
    assert contents.dtype.name == "float32"


def test_a_leak_is_pointed_out(capfd: pytest.CaptureFixture[str]) -> None:
    frame = pl.read_csv("homes.csv").with_columns((pl.col("price") * 100).alias("cents"))
    frame.write_parquet("leak.parquet")
    called = call(capfd, "train", "leak.parquet", "-t", "price", *QUICK)
    assert called.code == 0
    assert "warning: column 'cents' is the target 'price' on another scale" in " ".join(called.out.split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train homes.csv", "name the column to predict with --target; the columns are 'area', 'rooms'"),
        ("train homes.csv -t prise", "there is no column 'prise'; did you mean 'price'?"),
        ("train homes.csv -t price --test nowhere.csv", "there is no file 'nowhere.csv'"),
        ("train homes.csv -t price --test 1.5", "the held-out share must be between 0 and 1"),
        ("train homes.csv -t price --network 4-3", "give the hidden layers only"),
        ("train homes.csv -t price --network 4,3 --activation relu,tanh,elu", "3 activations for 2 hidden layers"),
        ("train homes.csv -t price --schedule cosin", "did you mean 'cosine'?"),
        ("train homes.csv -t type --loss huber", "classes are learnt by cross_entropy"),
        ("train homes.csv -t price -o missing/m.safetensors", "the folder 'missing' does not exist"),
        ("train homes.csv -t price --optimizer sgd --learning-rate 1e9", "rate 1e+09 is probably too large"),
        ("predict homes.csv homes.csv", "cut short, damaged, or no safetensors file"),
        ("evaluate nowhere.safetensors homes.csv", "there is no such file"),
        ("summary homes.csv", "no safetensors file"),
    ],
)
def test_bad_input_is_one_line(command: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    called = call(capfd, *command.split())
    assert called.code == 2
    assert said in called.err
    assert called.err.count("\n") == 1
    assert os.listdir() == ["homes.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_keeps_the_best_weights_so_far() -> None:
    command = [sys.executable, "-m", "backproof", "train", "homes.csv", "-t", "price", "--epochs", "10000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("prove"):
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted after" in out
    assert len(bp.load_model("model.safetensors").predict("homes.csv")) == 120
