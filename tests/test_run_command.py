"""``backproof run`` as people call it: what it prints, what it writes, its exit codes, and Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from backproof.cli import exit_code
from backproof.run.record import FILES
from runs import write_tables

QUICK = ("--network", "4", "--epochs", "2")


@dataclass(frozen=True)
class Called:
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> Called:
    code = exit_code(["run", *arguments])
    out, err = capfd.readouterr()
    return Called(code, out, err)


# --- what it prints and writes ------------------------------------------------------------------------------------


def test_with_nothing_given_it_learns_digits(capfd: pytest.CaptureFixture[str]) -> None:
    called = call(capfd)
    assert (called.code, called.err) == (0, "")
    assert sorted(os.listdir("backproof-report")) == sorted(FILES)
    record = json.loads(Path("backproof-report/run.json").read_text(encoding="utf-8"))
    assert record["network"]["specification"] == "64-32-10"
    assert record["figures"]["held_out"]["accuracy"] >= 0.95
    assert f"held-out accuracy {record['figures']['held_out']['accuracy']:.3f}" in called.out
    assert called.out.splitlines()[-1].startswith("report    backproof-report/report.html")


def test_a_table_with_all_options(capfd: pytest.CaptureFixture[str], tables: Path) -> None:
    options = {
        "--data": str(tables / "wine.csv"),
        "--target": "target",
        "--task": "classification",
        "--test": "0.5",
        "--network": "6,5",
        "--activation": "tanh,relu",
        "--epochs": "3",
        "--learning-rate": "0.02",
        "--batch-size": "16",
        "--optimizer": "momentum",
        "--penalty": "0.01",
        "--seed": "7",
        "--backend": "llvm",
        "--dtype": "float32",
        "--output": "there",
    }
    called = call(capfd, *(word for option in options.items() for word in option))
    assert called.code == 0, called.err
    record = json.loads(Path("there/run.json").read_text(encoding="utf-8"))
    assert record["network"]["sizes"] == [13, 6, 5, 3]
    assert record["network"]["activations"] == ["tanh", "relu", "softmax"]
    assert record["network"]["penalty"] == 0.01
    trained = {
        name: record["training"][name]
        for name in ("optimizer", "learning_rate", "batch_size", "epochs", "seed", "backend", "dtype")
    }
    assert trained == {
        "optimizer": "momentum", "learning_rate": 0.02, "batch_size": 16, "epochs": 3, "seed": 7,
        "backend": "llvm", "dtype": "float32",
    }  # fmt: skip
    assert record["speed"]["backend"] == "llvm"
    assert "steps/s (machine code, float32)" in called.out
    assert record["figures"]["held_out"]["rows"] == 89


def test_regression_is_told_in_the_targets_units(capfd: pytest.CaptureFixture[str], tables: Path) -> None:
    called = call(capfd, "--data", str(tables / "diabetes.csv"), "--target", "target", "--network", "none")
    assert called.code == 0
    assert "held-out R² 0.3" in called.out
    assert "a linear model: R² 0.3" in called.out
    assert "always the mean: R² 0.000, RMSE 70" in called.out


def test_the_seeds_example(capfd: pytest.CaptureFixture[str]) -> None:
    called = call(capfd, "--example", "seed", "-o", "seed")
    assert called.code == 0
    assert "epoch     0  loss 0.2" in called.out
    assert "epoch   900  loss 0.0004" in called.out
    assert "nothing is held out; the loss after training is 0.0004012, ŷ = 0.028328 where y = 0" in called.out


def test_json_is_all_of_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    called = call(capfd, *QUICK, "--json")
    found = json.loads(called.out)
    assert found["specification"] == "64-4-10"
    assert found["figures"]["held_out"]["rows"] == 450
    assert "evaluate" in called.err


def test_quiet_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, *QUICK, "--quiet") == Called(0, "", "")
    assert Path("backproof-report/report.html").exists()


def test_a_run_is_repeated_from_its_record(capfd: pytest.CaptureFixture[str], tables: Path) -> None:
    call(capfd, "--data", str(tables / "cancer.csv"), "--target", "target", *QUICK, "--seed", "3", "-o", "first")
    called = call(capfd, "--from", "first/run.json", "-o", "second")
    assert called.code == 0
    assert called.out.splitlines()[-1] == "same figures as the record, to the last bit"
    called = call(capfd, "--from", "first/run.json", "--seed", "4", "-o", "third")
    records = [json.loads(Path(folder, "run.json").read_text(encoding="utf-8")) for folder in ("first", "third")]
    assert [record["settings"]["seed"] for record in records] == [3, 4]
    assert records[1]["settings"]["network"] == [4]


def test_the_commands_of_a_report_work(capfd: pytest.CaptureFixture[str], tables: Path) -> None:
    from backproof.run.job import run_job
    from backproof.run.record import commands
    from backproof.run.settings import Settings

    settings = Settings(data=str(tables / "hostile.csv"), target="cl<a>ss", network=(), epochs=2, penalty=0.01)
    outcome = run_job(settings, Path("first"), say=lambda line: None, progress=False)
    run, _, derive = (shlex.split(command) for command in commands(settings, outcome.problem))
    assert exit_code([*run[1:], "-o", "second", "-q"]) == 0
    records = [json.loads(Path(folder, "run.json").read_text(encoding="utf-8")) for folder in ("first", "second")]
    assert records[0]["curve"] == records[1]["curve"]
    assert exit_code(derive[1:]) == 0
    assert "Gradients of a 5-5 network" in capfd.readouterr().out


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "no.csv", "--target", "y"), "'no.csv': there is no such file"),
        (("--data", "wine.csv"), "name the column to predict with --target; the columns are 'alcohol'"),
        (("--data", "wine.csv", "--target", "clas"), "there is no column 'clas'"),
        (("--data", "wine.csv", "--target", "target", "--task", "regression"), "is no number"),
        (("--data", "empty.csv", "--target", "y"), "the file is empty"),
        (("--data", "ragged.csv", "--target", "y"), "line 3"),
        (("--data", "constant.csv", "--target", "y"), "nothing to learn"),
        (("--data", "infinite.csv", "--target", "y"), "line 2"),
        (("--network", "3--1"), "hidden layer 1 must be a number of units"),
        (("--network", "0"), "hidden layer 1 must be a number of units"),
        (("--network", "1e9"), "hidden layer 1 must be a number of units"),
        (("--network", "200000,200000"), "of memory"),
        (("--activation", "sigmiod"), "did you mean 'sigmoid'?"),
        (("--optimizer", "addam"), "did you mean 'adam'?"),
        (("--backend", "lvm"), "--backend"),
        (("--dtype", "float16"), "--dtype"),
        (("--epochs", "0"), "the number of epochs must be at least 1"),
        (("--epochs", "many"), "--epochs"),
        (("--batch-size", "5000"), "the batch size 5000 is more than the 1347 rows"),
        (("--test", "2"), "between 0 and 1"),
        (("--seed", "-1"), "the seed must be at least 0"),
        (("--penalty", "-1"), "the penalty"),
        (("--learning-rate", "1e200", "--optimizer", "sgd"), "the learning rate 1e+200 is probably too large"),
        (("--example", "sead"), "--example"),
        (("--example", "seed", "--network", "3"), "leave --network out"),
        (("--from", "no.json"), "'no.json': cannot be read"),
        (("--from", "wine.csv"), "is not JSON"),
        (("-o", "wine.csv"), "a file of that name is in its place"),
        (("-o", "wine.csv/report"), "is not a folder"),
        (("surplus",), "surplus"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_leaves_nothing(
    capfd: pytest.CaptureFixture[str], tables: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    rows = "".join(f"{row},{row % 3}\n" for row in range(20))
    files = {
        "wine.csv": (tables / "wine.csv").read_text(encoding="utf-8"),
        "empty.csv": "",
        "ragged.csv": f"x,y\n1,2\n1\n{rows}",
        "constant.csv": "x,y\n" + "".join(f"{row},1\n" for row in range(20)),
        "infinite.csv": f"x,y\ninf,1\n{rows}",
    }
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    called = call(capfd, *arguments)
    assert called.code == 2
    assert message in called.err
    assert called.err.startswith("backproof: ")
    assert called.err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == sorted(files)


def test_what_does_not_hold_is_exit_code_1(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from backproof.errors import NotProvedError
    from backproof.run import job

    def refuted(*_: object) -> None:
        raise NotProvedError("the derivation does not hold: step 1")

    monkeypatch.setattr(job, "derived", refuted)
    called = call(capfd, *QUICK)
    assert (called.code, called.err) == (1, "backproof: the derivation does not hold: step 1\n")
    assert os.listdir() == []


# --- Ctrl-C -------------------------------------------------------------------------------------------------------


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "backproof", "run", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_ctrl_c_while_training_writes_the_report_and_is_exit_code_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path / "cache"))
    process = started("--epochs", "1000000", "-o", "report", "--backend", backend)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("prove"):
            break
    while backend == "llvm" and process.poll() is None and len(list(tmp_path.glob("cache/*.object"))) < 2:
        time.sleep(0.05)  # until it is compiled for whole batches and for the last one
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err == ""
    assert "interrupted after" in out
    assert sorted(os.listdir("report")) == sorted(FILES)
    record = json.loads(Path("report/run.json").read_text(encoding="utf-8"))
    assert (record["stopped"], record["training"]["backend"]) == ("interrupted", backend)
    assert 0 < record["epochs_run"] < 1_000_000
    assert "Training was interrupted" in Path("report/report.html").read_text(encoding="utf-8")


def test_ctrl_c_at_another_time_leaves_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backproof.run import job

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "report_html", interrupted)
    called = call(capfd, *QUICK)
    assert called.code == 130
    assert called.err == "backproof: interrupted before there was anything to report; nothing was written\n"
    assert os.listdir() == []
