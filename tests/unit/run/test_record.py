"""``run.json`` read back, compared, and turned into commands; weights and what they refuse."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backproof.errors import DataError
from backproof.models import load_model
from backproof.run.record import FORMAT, commands, compared, printed_figures, read_record, record
from backproof.run.settings import Settings
from runs import Run


def test_a_record_is_read_back(wine_run: Run) -> None:
    found = read_record(wine_run.folder / "run.json")
    settings = found["settings"]
    assert isinstance(settings, Settings)
    assert settings.network == (16, 8)
    assert settings.seed == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "was not written by backproof run"),
        ('{"format": "other"}', "was not written by backproof run"),
        (json.dumps({"format": FORMAT}), "its settings are no JSON object"),
        (json.dumps({"format": FORMAT, "settings": {"epochs": -1}}), "the number of epochs must be at least 1"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_record(path)
    assert str(caught.value).startswith(repr(str(path)))
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_record(tmp_path / "run.json")
    (tmp_path / "run.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is not JSON"):
        read_record(tmp_path / "run.json")


def test_lists_of_numbers_stand_on_one_line(wine_run: Run) -> None:
    text = wine_run.text("run.json")
    assert '"network": [16, 8]' in text
    assert json.loads(text)["figures"] == json.loads(json.dumps(record(wine_run.outcome)))["figures"]


def altered(run: Run, **changes: Any) -> dict[str, Any]:
    return {**json.loads(run.text("run.json")), **changes}


def test_records_are_compared(wine_run: Run) -> None:
    outcome = wine_run.outcome
    assert compared(altered(wine_run), outcome) == "same figures as the record, to the last bit"
    assert "the data are not the same" in compared(altered(wine_run, loss=1, data={}), outcome)
    assert "was interrupted" in compared(altered(wine_run, loss=1, stopped="interrupted"), outcome)
    versions = {**altered(wine_run)["versions"], "numpy": "1.0", "python": "3.0"}
    assert compared(altered(wine_run, loss=1, versions=versions), outcome).endswith("other versions of python, numpy")
    assert compared(altered(wine_run, loss=1), outcome) == "other figures than the record"
    training = {**altered(wine_run)["training"], "backend": "llvm"}
    assert compared(altered(wine_run, loss=1, training=training), outcome) == (
        "other figures than the record: that was trained by machine code, this by NumPy"
    )
    assert compared(altered(wine_run, loss=1, training=None), outcome) == "other figures than the record"


def test_the_commands_repeat_the_run(hostile_run: Run, diabetes_run: Run) -> None:
    run, script, derive = commands(hostile_run.outcome.settings, hostile_run.outcome.problem)
    words = shlex.split(run)
    assert words[:3] == ["backproof", "run", "--data"]
    assert words[words.index("--target") + 1] == "cl<a>ss"
    assert words[words.index("--network") + 1] == "4"
    assert script == "python train.py"
    assert shlex.split(derive)[:3] == ["backproof", "derive", "5-4-5"]
    derive = commands(diabetes_run.outcome.settings, diabetes_run.outcome.problem)[2]
    assert "--penalty 0.05" in derive
    assert "--activation relu,identity --loss mean_squared_error --bias" in derive


def test_figures_for_other_programs(diabetes_run: Run) -> None:
    found = json.loads(printed_figures(diabetes_run.outcome, Path("out")))
    assert found["report"] == str(Path("out") / "report.html")
    assert found["task"] == "regression"
    assert found["speed"]["steps_per_second"] > 0
    assert set(found["figures"]) == {"train", "held_out", "linear_model", "constant"}
    assert set(found["figures"]["held_out"]) == {"rows", "r2", "rmse", "mae"}


def test_weights_go_through_the_file_to_the_last_bit(diabetes_run: Run) -> None:
    weights = load_model(diabetes_run.folder / "weights.safetensors").contents
    assert weights.target.labels is None
    assert set(weights.parameters) == set(diabetes_run.outcome.result.params)
    for id, array in diabetes_run.outcome.result.params.items():
        np.testing.assert_array_equal(weights.parameters[id], array)
