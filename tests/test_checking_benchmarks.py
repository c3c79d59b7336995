"""The comparison of gradient checkers runs, and counts what its subjects are."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks" / "checking"
TINY = 1e-30


@pytest.fixture
def subjects(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Scripts are no package: they find each other in their folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("subjects")


def complex_step(subject: Any, point: Any) -> dict[str, Any]:
    found = {}
    for id, value in point.parameters.items():
        found[id] = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            moved = value.astype(complex)
            moved[index] += TINY * 1j
            loss = subject.loss(np, {**point.parameters, id: moved}, point.X, point.y)
            found[id][index] = loss.imag / TINY
    return found


def error(subject: Any, point: Any) -> float:
    right, given = complex_step(subject, point), subject.gradients(np, point.parameters, point.X, point.y)
    return max(float(np.abs(given[id] - right[id]).max() / np.abs(right[id]).max()) for id in right)


def test_the_right_gradient_is_right_and_every_mistake_is_one(subjects: Any) -> None:
    point = subjects.sigmoid_point(np.random.default_rng(0), 1.0)
    assert error(subjects.deep_sigmoid(), point) < 1e-12
    errors = {mistake: error(subjects.deep_sigmoid(mistake), point) for mistake in subjects.MISTAKES}
    assert len(errors) == 16
    assert min(errors.values()) > 1e-6


@pytest.mark.parametrize("classes", [False, True])
def test_the_networks_of_relus_are_right(subjects: Any, classes: bool) -> None:
    for wrong in (False, True):
        subject = subjects.relu_network(3, 5, 2, classes=classes, wrong=wrong)
        point = subjects.relu_point(np.random.default_rng(1), subject, 7)
        assert (difference_error(subject, point) > 1e-3) is wrong


def difference_error(subject: Any, point: Any) -> float:
    """By central differences: the softmax subtracts a maximum, which no complex step goes through."""
    given, worst = subject.gradients(np, point.parameters, point.X, point.y), 0.0
    for id, value in point.parameters.items():
        for index in np.ndindex(value.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = value.copy()
                moved[index] += step
                sides.append(float(subject.loss(np, {**point.parameters, id: moved}, point.X, point.y)))
            worst = max(worst, abs((sides[0] - sides[1]) / 2e-6 - float(given[id][index])))
    return worst


def test_the_table_counts_every_case_once(subjects: Any, capsys: pytest.CaptureFixture[str]) -> None:
    main = import_module("peers").main
    arguments = ["--networks", "3", "--cap", "0", "--checkers", "scipy"]
    assert main([*arguments, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert [tally["of"] for tally in row["found"]] == [48] * 3
    assert [tally["of"] for tally in row["false_alarms"]] == [3] * 3
    once = ("single_false_alarms", "single_stale_found", "relu", "kinks")
    assert [row[column]["of"] for column in once] == [6, 6, 3, 3]
    assert all(tally["complaints"] == 0 for tally in row["false_alarms"])
    assert row["found"][0]["complaints"] > 40
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
