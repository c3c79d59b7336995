"""Results come back from JSON as they were, and may be joined."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backproof.bench.growth import CURVES
from backproof.bench.growth_tables import growth_json
from backproof.bench.measure import Results, Row
from backproof.bench.saved import read_results
from backproof.bench.tables import as_json, plain
from backproof.cli import exit_code
from backproof.errors import DataError
from backproof.kernels.peak import Peak

PEAK = Peak(50.0, 100.0, 2, "openblas 0.3 Haswell")
ROW = Row("a", "backproof", 10**6, (1e-4, 2e-4), 0.5, 1.0, 4, again=0.1, races=(0.5, float("inf")), goal=0.2)


def saved(path: Path, results: Results) -> Path:
    path.write_text(json.dumps(as_json(results)), encoding="utf-8")
    return path


def test_there_and_back(tmp_path: Path) -> None:
    void = Row("a", "jax", 10**6, (), float("nan"), float("nan"), 0, void="failed: no luck")
    before = Results([ROW, void], PEAK, 0.5, {"c": "there is no C compiler"}, "backproof 1; 2 processors")
    after, curves = read_results([saved(tmp_path / "a.json", before)])
    assert curves == []
    assert plain(after) == plain(before)
    assert after.rows[0] == replace(ROW, steps=after.rows[0].steps)
    assert after.rows[0].steps == pytest.approx(ROW.steps)


def test_parts_are_joined_and_the_best_peak_holds(tmp_path: Path) -> None:
    other = Results([replace(ROW, workload="b")], replace(PEAK, one_thread=60.0, all_threads=90.0), 1.5)
    files = [saved(tmp_path / "a.json", Results([ROW], PEAK, 0.5)), saved(tmp_path / "b.json", other)]
    joined, _ = read_results(files)
    assert [row.workload for row in joined.rows] == ["a", "b"]
    assert joined.peak == replace(PEAK, one_thread=60.0)
    assert joined.load == 1.5


def test_curves_come_back_as_curves(tmp_path: Path) -> None:
    curve = CURVES["depth"]
    rows = [replace(ROW, workload=workload.name, flops=workload.flops) for workload in curve.points.values()]
    (tmp_path / "a.json").write_text(json.dumps(growth_json([curve], Results(rows, PEAK))), encoding="utf-8")
    results, curves = read_results([tmp_path / "a.json"])
    assert curves == [curve]
    assert len(results.rows) == 6


@pytest.mark.parametrize("text", ["", "[]", '{"rows": [{}]}', "{}", '{"rows": 3}', '{"rows": [], "about": ""}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot use '.*a\.json'.*--json"):
        read_results([path])
    with pytest.raises(DataError, match="FileNotFoundError"):
        read_results([tmp_path / "none.json"])


def test_the_command_draws_what_was_measured_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "a.json", Results([ROW], PEAK))
    assert exit_code(["bench", "--from", str(path), "--chart", str(tmp_path / "a.svg")]) == 0
    assert "backproof" in capsys.readouterr().out
    assert (tmp_path / "a.svg").exists()
    assert exit_code(["bench", "--from", str(path), "--growth", "width"]) == 2
