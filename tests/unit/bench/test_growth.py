"""Growth curves: what the figures say, computed from figures that are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backproof.bench.chart import write_growth_chart
from backproof.bench.growth import CURVES, Curve, cache_sizes, curves_named, exponents, linear_from, remarks
from backproof.bench.growth_tables import growth_json, lines_of, markdown_growth, plain_growth
from backproof.bench.measure import Plan, Results, Row
from backproof.cli import exit_code
from backproof.errors import SpecificationError
from backproof.kernels.peak import Peak

BATCH = CURVES["batch"]
PEAK = Peak(50.0, 100.0, 2, "openblas 0.3 Haswell")
FULL = 50e9
"""FLOPs of a second at the peak of one core."""


def measured(time: Callable[[int, float], float], curve: Curve = BATCH, peer: str = "backproof") -> Results:
    """Every point of a curve with the time that follows from its number and its FLOPs."""
    rows = [Row(w.name, peer, w.flops, (time(x, w.flops),), 0.1, 1.0, 4) for x, w in curve.points.items()]
    return Results(rows, PEAK)


def the_remark(results: Results, caches: list[tuple[str, int]] | None = None) -> str:
    [found] = remarks(BATCH, results, caches or [])
    return found


def test_points() -> None:
    assert list(CURVES["width"].points) == [8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert list(CURVES["depth"].points) == [1, 2, 4, 8, 16, 32]
    assert next(iter(BATCH.points)) == 1
    assert list(BATCH.points)[-1] == 4096
    assert CURVES["depth"].points[32].sizes == (20, *[64] * 32, 1)
    assert BATCH.points[256].batch == 256
    assert list(curves_named(["width"], quick=True)[0].points) == [8, 64, 512]
    with pytest.raises(SpecificationError, match="did you mean 'depth'"):
        curves_named(["dpth"])


def test_a_cost_that_is_linear_throughout() -> None:
    results = measured(lambda x, flops: flops / FULL)
    assert exponents(BATCH.rows(results, "backproof")) == pytest.approx([1.0] * 12)
    assert the_remark(results).startswith("backproof: linear in the FLOPs from batch 1 on; fastest at batch ")
    assert "with 50 GFLOP/s, 100% of one core's peak" in the_remark(results)


def test_a_cost_that_begins_with_overhead() -> None:
    at_64 = BATCH.points[64].flops / FULL
    results = measured(lambda x, flops: max(at_64, flops / FULL))
    assert linear_from(BATCH.rows(results, "backproof")) == 64
    assert "up to batch 64, 64 times the FLOPs take only 1 times as long" in the_remark(results)
    assert "a step costs 38.5 µs however little it computes" in the_remark(results)


def test_a_cost_that_is_never_linear() -> None:
    results = measured(lambda x, flops: 1e-3 + flops * 1e-15)
    assert "not linear up to batch 4096: 4.1e+03 times the FLOPs" in the_remark(results)


def test_a_cache_that_is_outgrown() -> None:
    results = measured(lambda x, flops: flops / FULL * (1 if x <= 512 else 2))
    inside, beyond = (4 * BATCH.points[x].values for x in (512, 1024))
    between, elsewhere = (inside + beyond) // 2, 2 * beyond
    said = the_remark(results, [("L1", 1000), ("L2", between), ("L3", elsewhere)])
    assert "below 80% of that from batch 1024 on" in said
    assert "do not fit the L2 cache" in said
    assert "L3" not in said
    assert "do not fit" not in the_remark(results, [("L3", elsewhere)])


def test_void_rows_are_no_part_of_a_curve() -> None:
    results = measured(lambda x, flops: flops / FULL)
    first = results.rows[0]
    results.rows[0] = Row(first.workload, "backproof", first.flops, (), 0.1, 1.0, 4, void="loss 1, not 2")
    assert 1 not in BATCH.rows(results, "backproof")
    assert lines_of(BATCH, results)[1][0] == "2"
    assert "void, loss 1, not 2" in plain_growth([BATCH], results)


def test_tables() -> None:
    results = measured(lambda x, flops: 2 * flops / FULL)
    headings, first, *_ = lines_of(BATCH, results)
    assert headings == ("batch", "MFLOP", "KiB", "backproof", "1 thread", "all")
    assert first[0] == "1"
    assert first[-2:] == ("50.0%", "25.0%")
    assert "| batch | MFLOP |" in markdown_growth([BATCH], results)
    found = growth_json([BATCH], results)
    assert [point["number"] for point in found["curves"]["batch"]["points"]][:3] == [1, 2, 4]
    assert json.dumps(found)


def test_without_results() -> None:
    assert remarks(BATCH, Results(), []) == []
    assert "batch" in plain_growth([BATCH], Results())


def test_caches(tmp_path: Path) -> None:
    for number, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1M"), ("3", "Unified", "odd")]
    ):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(f"{text}\n")
    assert cache_sizes(tmp_path) == [("L1", 48 * 1024), ("L2", 2**20)]
    assert cache_sizes(tmp_path / "nowhere") == []


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_chart(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"curves.{suffix}"
    write_growth_chart([BATCH, CURVES["depth"]], measured(lambda x, flops: flops / FULL), path)
    assert path.read_bytes().startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    write_growth_chart([BATCH], Results(), path)


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = Plan(rounds=1, turn=1e-4, agree=1, rest=0.0, races=0)
    monkeypatch.setattr("backproof.bench.growth.growth_plan", lambda quick: plan)
    monkeypatch.setattr("backproof.bench.session.gemm_peak", lambda: PEAK)
    files = ["--chart", str(tmp_path / "a.svg"), "--markdown", str(tmp_path / "a.md")]
    assert exit_code(["bench", "--growth", "depth", "--quick", "--peers", "numpy", *files]) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines()[2:5]] == ["depth", "1", "8"]
    assert (tmp_path / "a.svg").exists()
    assert "| depth |" in (tmp_path / "a.md").read_text(encoding="utf-8")
