"""The benchmarks run, and their tables say what they measure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def run(script: str, *arguments: str) -> str:
    """What the script prints."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def test_the_growth_of_a_derivation_as_data() -> None:
    found = json.loads(run("derive.py", "--layers", "2", "3", "5", "--repetitions", "1", "--json"))
    assert [row["layers"] for row in found["rows"]] == [2, 3, 5]
    steps, nodes = ([row[column] for row in found["rows"]] for column in ("steps", "nodes"))
    assert steps[2] - steps[1] == 2 * (steps[1] - steps[0])
    assert nodes[2] - nodes[1] == 2 * (nodes[1] - nodes[0])
    assert all(row["latex_ms"] >= row["derive_ms"] > 0 for row in found["rows"])
    assert found["peers"] == {}


def test_no_false_alarm() -> None:
    assert "0 false alarms in 60" in run("checking/false_alarms.py", "--functions", "60")


def test_some_mistakes_are_all_detected() -> None:
    table = run("checking/detection.py", "--every", "150")
    assert "0 missed" in table
    assert "stale weights" in table


def test_the_growth_of_a_derivation_as_a_table() -> None:
    table = run("derive.py", "--layers", "2", "4", "8", "--repetitions", "1")
    assert "the same steps and nodes for every further layer" in table
    assert len(table.splitlines()) == 6


def test_the_localisation_of_faults() -> None:
    found = json.loads(run("checking/localisation.py", "--share", "0.02", "--json"))
    by_hand = found["rows"]["by hand: tests/faulty_gradients.py"]
    assert by_hand["true cause listed"] == by_hand["faults"] > 50
    made = [row for name, row in found["rows"].items() if name.startswith("derivation")]
    assert all(row["true cause listed"] == row["faults"] > 0 for row in made)
    assert found["two faults"]["one is named"] == found["two faults"]["pairs"] > 0
    assert found["depth"]["50"] < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
def test_trainings_killed_and_resumed() -> None:
    table = run("training/kills.py", "--kills", "4", "--only", "cosine")
    assert re.search(r"not bit for bit the one never killed +0$", table, re.MULTILINE)
    assert re.search(r"^SIGKILLs +[4-9]", table)


def test_the_overheads_of_training() -> None:
    table = run("training/overhead.py", "--rounds", "1", "--epochs", "2", "--only", "checkpoints")
    assert len(table.splitlines()) == 5
    assert "history, checkpoints every epoch" in table


def test_many_networks_side_by_side() -> None:
    table = run("training/many.py", "--quick")
    assert len(re.findall(r"^\| +[124] \| +1 \|", table, re.MULTILINE)) == 3
