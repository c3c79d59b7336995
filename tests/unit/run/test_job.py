"""The main job end to end: its figures, each file that it writes, and what happens where it cannot go on."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backproof.derivation import Derivation
from backproof.errors import DataError, DivergenceError, NotProvedError, OutputError
from backproof.kernels.llvm.run import NativeRun
from backproof.models import load_model
from backproof.run.curve import Curve
from backproof.run.evaluation import ClassScores, Forward, NumberScores, scores_of
from backproof.run.job import run_job
from backproof.run.outcome import LINEAR_IS_BETTER, NOTHING_LEARNT
from backproof.run.record import FILES
from backproof.run.script import AGREEMENT
from backproof.run.settings import Settings
from backproof.training.batches import Batches
from runs import Run, make_run

QUICK = Settings(network=(4,), epochs=2)


def class_scores(run: Run) -> ClassScores:
    scores = run.outcome.evaluation.test
    assert isinstance(scores, ClassScores)
    return scores


# --- figures ------------------------------------------------------------------------------------------------------


def test_digits_are_told(digits_run: Run) -> None:
    scores = class_scores(digits_run)
    assert (digits_run.outcome.problem.specification, scores.rows) == ("64-32-10", 450)
    assert scores.accuracy >= 0.95
    assert sum(digits_run.outcome.seconds.values()) < 60


def test_wine_is_told(wine_run: Run) -> None:
    assert class_scores(wine_run).accuracy >= 0.95


def test_the_progression_of_diabetes_is_told_better_than_by_its_mean(diabetes_run: Run) -> None:
    evaluation = diabetes_run.outcome.evaluation
    assert isinstance(evaluation.test, NumberScores)
    assert isinstance(evaluation.constant, NumberScores)
    assert evaluation.test.r2 is not None
    assert evaluation.test.r2 > 0.25
    assert evaluation.test.rmse < 0.87 * evaluation.constant.rmse
    assert 50 < evaluation.test.rmse < 75, "in the units of the target, whose standard deviation is 77"


def test_a_table_with_categories_and_missing_values(cancer_run: Run) -> None:
    assert class_scores(cancer_run).accuracy >= 0.93
    said = "\n".join(cancer_run.said)
    assert "81 missing values imputed with the median of the training part: 'mean texture' (81)" in said
    assert "57 missing values taken as a category of their own, 'missing': 'size' (57)" in said
    assert {"size=large", "size=small", "size=missing"} <= set(cancer_run.outcome.problem.prepared.feature_names)


def test_the_seeds_example(seed_run: Run) -> None:
    outcome = seed_run.outcome
    assert (outcome.problem.specification, outcome.result.steps) == ("3-2-1", 1000)
    assert outcome.evaluation.test is None
    assert outcome.prediction_of_one is not None
    assert 0 < outcome.prediction_of_one < 0.05
    assert "nothing is held out" in "\n".join(seed_run.said)
    shown = [line.split() for line in seed_run.said if line.startswith("  epoch")]
    assert [int(words[1]) for words in shown] == list(range(0, 1000, 100))
    assert [float(words[3]) for words in shown] == [outcome.result.history[k].loss for k in range(0, 1000, 100)]


def test_the_same_seed_gives_the_same_figures_and_another_does_not(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, replace(QUICK, seed=seed)) for name, seed in (("a", 3), ("b", 3), ("c", 4))]
    records = [json.loads(run.text("run.json")) for run in runs]
    for part in ("figures", "loss", "curve"):
        assert records[0][part] == records[1][part]
        assert records[0][part] != records[2][part]
    assert (tmp_path / "a" / "weights.safetensors").read_bytes() == (
        tmp_path / "b" / "weights.safetensors"
    ).read_bytes()


# --- lines --------------------------------------------------------------------------------------------------------


def test_a_line_for_each_stage_with_its_time(wine_run: Run) -> None:
    stages = [line for line in wine_run.said if re.search(r"\[\d+\.\d\d s\]$", line)]
    assert [line.split()[0] for line in stages] == ["data", "derive", "prove", "train", "evaluate", "report"]
    assert "13-16-8-3 network" in stages[1]
    assert "all steps hold" in stages[2]
    assert "held-out accuracy" in stages[4]


def test_every_note_is_said_and_is_in_the_report(cancer_run: Run) -> None:
    html = cancer_run.text("report.html")
    for note in cancer_run.outcome.problem.prepared.notes:
        assert f"  note: {note}" in cancer_run.said
        assert note.replace("'", "&#39;") in html


def test_what_might_do_better_is_said(tmp_path: Path, tables: Path) -> None:
    run = make_run(tmp_path, Settings(data=str(tables / "diabetes.csv"), target="target", epochs=150))
    first, second = run.outcome.advice
    assert "the network overfits" in first
    assert second == LINEAR_IS_BETTER
    html = run.text("report.html")
    for words in run.outcome.advice:
        assert f"  note: {words}" in run.said
        assert f"<p>{words[0].upper()}{words[1:]}.</p>" in html
    assert json.loads(run.text("run.json"))["notes"][-2:] == [first, second]


def test_a_network_that_learns_nothing_is_told_so(tmp_path: Path) -> None:
    run = make_run(tmp_path, replace(QUICK, learning_rate=1e5, optimizer="sgd"))
    assert run.outcome.advice == (NOTHING_LEARNT,)


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits_run", "wine_run", "diabetes_run", "seed_run"])
def test_the_folder_holds_all_files_and_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    assert sorted(os.listdir(request.getfixturevalue(name).folder)) == sorted(FILES)


def test_the_weights_predict_what_the_report_says(wine_run: Run) -> None:
    weights = load_model(wine_run.folder / "weights.safetensors").contents
    assert weights.network.sizes == (13, 16, 8, 3)
    assert weights.network.activations == ("relu", "relu", "softmax")
    assert weights.target.labels == ("class_0", "class_1", "class_2")
    assert weights.inputs[0] == "alcohol"
    assert weights.training["preparation"] == wine_run.outcome.problem.prepared.description()
    data = np.load(wine_run.folder / "data.npz")
    made = wine_run.outcome.problem
    prediction = Forward(made.program)(dict(weights.parameters), data["X_test"], data["y_test"])
    again = scores_of(prediction, data["y_test"], made.prepared)
    assert isinstance(again, ClassScores)
    assert again.confusion == class_scores(wine_run).confusion


@pytest.mark.parametrize("name", ["digits_run", "wine_run", "diabetes_run"])
def test_train_py_repeats_a_run_by_numpy_to_the_last_bit(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings = request.getfixturevalue(name).outcome.settings
    run = make_run(tmp_path, replace(settings, backend="numpy", epochs=12))
    assert _losses_of_script(run) == [epoch.loss for epoch in run.outcome.result.history]
    assert "train.py each loss, to the last bit" in run.text("report.html")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["digits_run", "wine_run", "diabetes_run"])
def test_train_py_repeats_a_run_by_machine_code_within_rounding(
    name: str, dtype: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    if (run.outcome.result.settings["backend"], dtype) != ("llvm", "float64"):
        run = make_run(tmp_path, replace(run.outcome.settings, backend="llvm", dtype=dtype))
    ours = [epoch.loss for epoch in run.outcome.result.history]
    np.testing.assert_allclose(_losses_of_script(run), ours, rtol=AGREEMENT[dtype])
    assert ours[-1] < 0.9 * ours[0], "something was learnt"
    assert "its losses agree within rounding" in run.text("report.html")


def test_the_digits_are_learnt_by_machine_code_and_the_seeds_example_by_numpy(digits_run: Run, seed_run: Run) -> None:
    for run, backend in ((digits_run, "llvm"), (seed_run, "numpy")):
        assert json.loads(run.text("run.json"))["training"]["backend"] == backend
        assert json.loads(run.text("run.json"))["settings"]["backend"] == "auto"


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_how_fast_it_went_is_said_everywhere(tmp_path: Path, backend: str) -> None:
    run = make_run(tmp_path, replace(QUICK, backend=backend, dtype="float32"))
    speed = run.outcome.speed
    assert speed is not None
    assert (speed.steps, speed.backend, speed.dtype) == (86, backend, "float32")
    assert f"  {speed.line()}" in run.said
    html, stored = run.text("report.html"), json.loads(run.text("run.json"))["speed"]
    assert speed.sentence().replace("'", "&#39;") in html
    assert stored == json.loads(json.dumps(speed.description()))
    assert ("compiled in" in html) is (backend == "llvm")


def test_train_py_of_the_seeds_example_is_its_listing_made_right(seed_run: Run) -> None:
    assert len(seed_run.text("train.py").splitlines()) <= 35
    assert "X = np.array([[0.0, 0.0, 1.0]])" in seed_run.text("train.py")
    assert _losses_of_script(seed_run) == [seed_run.outcome.result.history[k].loss for k in range(0, 1000, 100)]


def _losses_of_script(run: Run) -> list[float]:
    script = run.folder / "train.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # -I: neither the folder nor the user's packages; a script that imported the library would fail in the venv of CI.
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=environment,
        cwd="/",
    )
    assert "import backproof" not in run.text("train.py")
    return [float(number) for number in re.findall(r"loss (\S+)", done.stdout)]


def test_the_record_says_all(wine_run: Run) -> None:
    record = json.loads(wine_run.text("run.json"))
    outcome = wine_run.outcome
    assert record["stopped"] == "finished"
    assert record["data"]["rows"] == 178
    assert len(record["data"]["sha256"]) == 64
    assert record["settings"]["network"] == [16, 8]
    assert record["settings"]["epochs"] == outcome.problem.schedule.epochs
    assert record["figures"]["held_out"]["accuracy"] == class_scores(wine_run).accuracy
    assert record["figures"]["linear_model"]["accuracy"] > 0.9
    assert record["proof"]["ok"] is True
    assert record["versions"]["numpy"] == np.__version__
    assert len(record["curve"]["held_out_loss"]) == record["epochs_run"]
    assert record["curve"]["held_out_score"][-1] == class_scores(wine_run).accuracy
    assert set(record["seconds"]) == {"data", "derive", "prove", "train", "evaluate"}


# --- where it cannot go on ----------------------------------------------------------------------------------------


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "report.html").write_text("old")
    make_run(tmp_path, QUICK)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_file_in_the_place_of_the_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("old")
    said: list[str] = []
    with pytest.raises(OutputError, match="a file of that name is in its place"):
        run_job(QUICK, tmp_path / "report", say=said.append, progress=False)
    assert said == []
    assert (tmp_path / "report").read_text() == "old"


def test_a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        (tmp_path / name).write_text("old")
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        make_run(tmp_path, QUICK)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(FILES, "old")


def test_a_run_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    for backend in ("numpy", "llvm"):
        with pytest.raises(DivergenceError, match=r"epoch 1, step [1-9]: z_2 became infinite .* the learning rate 1e"):
            make_run(tmp_path / "a" / "b", replace(QUICK, learning_rate=1e200, optimizer="sgd", backend=backend))
    with pytest.raises(DataError, match="there is no such file"):
        make_run(tmp_path / "a", Settings(data=str(tmp_path / "no.csv"), target="y"))
    assert os.listdir(tmp_path) == []


def test_what_is_not_proved_is_not_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proved = Derivation.proved

    def refuted(derivation: Derivation) -> Derivation:
        certificate = proved(derivation).certificate
        assert certificate is not None
        first = replace(certificate.steps[0], holds=False, complaints=("it is wrong",))
        return replace(derivation, certificate=replace(certificate, steps=(first, *certificate.steps[1:])))

    monkeypatch.setattr(Derivation, "proved", refuted)
    said: list[str] = []
    with pytest.raises(NotProvedError, match=r"the derivation does not hold: step 1 .* it is wrong"):
        run_job(QUICK, tmp_path / "report", say=said.append, progress=False)
    assert not any(line.startswith("train") for line in said)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_ctrl_c_in_the_training_keeps_the_best_weights_and_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    followed = Curve.__call__

    def interrupted(curve: Curve, *arguments: object) -> None:
        followed(curve, *arguments)  # type: ignore[arg-type]
        if len(curve.points) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Curve, "__call__", interrupted)
    run = make_run(tmp_path, replace(QUICK, epochs=50, backend=backend))
    assert run.outcome.interrupted
    assert run.outcome.result.epochs_run == 3
    assert any("interrupted after 3 epochs" in line for line in run.said)
    assert "Training was interrupted after 3 epochs" in run.text("report.html")
    assert json.loads(run.text("run.json"))["stopped"] == "interrupted"
    assert sorted(os.listdir(tmp_path)) == sorted(FILES)


@pytest.mark.parametrize(("backend", "place"), [("numpy", Batches), ("llvm", Batches), ("llvm", NativeRun)])
def test_ctrl_c_before_the_first_epoch_still_gives_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, place: type
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, "order" if place is Batches else "steps", interrupted)
    run = make_run(tmp_path, replace(QUICK, backend=backend))
    assert run.outcome.speed is None
    assert json.loads(run.text("run.json"))["speed"] is None
    assert run.outcome.interrupted
    assert run.outcome.result.epochs_run == 0
    assert "interrupted after 0 epochs" in run.text("report.html")


def test_ctrl_c_at_any_other_time_writes_nothing(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("evaluate"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(QUICK, tmp_path / "report", say=interrupt, progress=False)
    assert os.listdir(tmp_path) == []
