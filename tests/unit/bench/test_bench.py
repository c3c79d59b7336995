"""The benchmark: what is measured is the same work, and what is not is said to be void."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from backproof.bench import peers as peers_module
from backproof.bench import tables
from backproof.bench.chart import write_chart
from backproof.bench.measure import Plan, Results, Row, measure
from backproof.bench.own_peer import LlvmPeer
from backproof.bench.peers import (
    PEERS,
    NumpyPeer,
    OneAfterAnother,
    Peer,
    SklearnPeer,
    absent,
    arithmetic_differs,
    installed,
)
from backproof.bench.race import Race
from backproof.bench.workloads import WORKLOADS, Workload, chosen
from backproof.cli import exit_code
from backproof.errors import SpecificationError
from backproof.ir.arithmetic import Array
from backproof.kernels.peak import Peak

TINY = Plan(rounds=2, turn=1e-4, agree=2, rest=0.0, races=0)
SMALL = replace(WORKLOADS["10-32-32-1-adam"], steps=4, goal=None)
SEVERAL = replace(SMALL, copies=3, optimizer="sgd")  # unlike Adam, it notices a gradient of the wrong scale
CLASSES = Workload("classes", (6, 5, 3), 8, 4, "relu", "softmax")
PEAK = Peak(50.0, 100.0, 2, "openblas 0.3 Haswell")


@pytest.mark.parametrize(
    "workload", [SMALL, replace(SMALL, optimizer="sgd"), CLASSES, replace(CLASSES, optimizer="adam")]
)
def test_peers_compute_the_same(workload: Workload) -> None:
    rows = measure(workload, ["backproof", "sklearn", "numpy"], TINY)
    assert [row.void for row in rows] == ["", "", ""]
    assert len({round(row.loss, 3) for row in rows}) == 1
    assert all(len(row.steps) == 2 and min(row.steps) > 0 and row.compared == 4 for row in rows)


def test_peers_of_several_networks_compute_the_same() -> None:
    rows = measure(SEVERAL, ["backproof", "sklearn", "numpy"], TINY)
    assert [row.void for row in rows] == ["", "", ""]
    assert rows[0].loss == pytest.approx(rows[2].loss, rel=1e-4)
    assert rows[0].flops == 3 * SMALL.flops


@pytest.mark.parametrize("name", ["jax", "torch"])
@pytest.mark.parametrize("workload", [SMALL, CLASSES, SEVERAL])
def test_the_peer_computes_the_same_where_it_is_installed(name: str, workload: Workload) -> None:
    pytest.importorskip(name)
    rows = measure(workload, [name, "numpy"], TINY)
    assert [row.void for row in rows] == ["", ""]


def test_one_wrong_network_of_many_voids_the_row() -> None:
    class OneStuck(NumpyPeer):
        def advance(self, epochs: int) -> None:
            if not np.array_equal(self._start["W_1"], SEVERAL.start()["W_1"][1]):
                super().advance(epochs)

    makers = {**PEERS, "stuck": lambda workload: OneAfterAnother(OneStuck, workload)}
    rows = measure(SEVERAL, ["stuck", "numpy"], TINY, makers=makers)
    assert [row.valid for row in rows] == [False, True]
    assert "of network 2 after" in rows[0].void


def test_the_seed_with_another_arithmetic_is_not_compared() -> None:
    workload = replace(WORKLOADS["seed-sgd"], steps=5)
    ours, sklearn, numpy = measure(workload, ["backproof", "sklearn", "numpy"], TINY)
    assert all(row.valid for row in (ours, sklearn, numpy))
    assert np.isnan(sklearn.loss)
    assert "not compared" in sklearn.note
    assert ours.loss == pytest.approx(numpy.loss, rel=1e-5)
    assert not arithmetic_differs("sklearn", SMALL)


class Cheat(NumpyPeer):
    """Faster by half: it leaves out every other step."""

    def advance(self, epochs: int) -> None:
        self._X, self._y = self._X[: len(self._X) // 2], self._y[: len(self._y) // 2]
        super().advance(epochs)


class Broken(NumpyPeer):
    def advance(self, epochs: int) -> None:
        raise RuntimeError("no\nluck")


def test_a_row_of_another_loss_is_void() -> None:
    rows = measure(SMALL, ["cheat", "broken", "numpy"], TINY, makers={**PEERS, "cheat": Cheat, "broken": Broken})
    cheat, broken, numpy = rows
    assert numpy.valid
    assert (cheat.valid, cheat.steps, cheat.void[:5]) == (False, (), "loss ")
    assert not broken.valid
    assert broken.void == "failed: RuntimeError: no luck"


def test_ours_alone_is_judged_too() -> None:
    rows = measure(SMALL, ["backproof", "cheat"], TINY, makers={**PEERS, "backproof": Cheat, "cheat": Cheat})
    assert not any(row.valid for row in rows)


def test_a_loss_that_is_no_number_is_void() -> None:
    class Lost(NumpyPeer):
        def parameters(self) -> dict[str, Array]:
            return {id: value * np.float32("nan") for id, value in super().parameters().items()}

    rows = measure(SMALL, ["lost", "numpy"], TINY, makers={**PEERS, "lost": Lost})
    assert [row.valid for row in rows] == [False, True]
    assert rows[0].void.startswith("failed: DataError")


def test_nothing_counts_without_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("backproof.bench.measure")  # the package's name for it is the function
    monkeypatch.setattr(module, "PEERS", {**PEERS, "numpy": Broken})
    rows = measure(SMALL, ["sklearn"], TINY)
    assert rows[0].void == "nothing to compare with: the reference failed: RuntimeError: no luck"


class Counting(NumpyPeer):
    """Notes how far it was trained since it began anew."""

    def restart(self) -> None:
        super().restart()
        self.epochs = 0

    def advance(self, epochs: int) -> None:
        super().advance(epochs)
        self.epochs += epochs


def test_a_race_ends_at_the_goal() -> None:
    workload = replace(SMALL, optimizer="sgd", goal=0.6)
    race, peer = Race(workload), Counting(workload)
    seconds = race.seconds(peer)
    assert 0 < seconds < 60
    assert race.loss(peer) <= 0.6
    behind = NumpyPeer(workload)
    behind.advance(peer.epochs - race.chunk)
    assert race.loss(behind) > 0.6
    assert race.loss(peer) != pytest.approx(race.referee.mean(workload.start()))


def test_who_does_not_learn_never_arrives() -> None:
    class Stuck(Counting):
        def advance(self, epochs: int) -> None:
            self.epochs += epochs

    workload = replace(SMALL, goal=1.5)
    peer = Stuck(workload)
    assert Race(workload).seconds(peer) == float("inf")
    assert peer.epochs > 0


def test_the_time_to_a_loss_is_in_the_row() -> None:
    workload = replace(SMALL, goal=1.5)
    plan = replace(TINY, races=3)
    ours, numpy = measure(workload, ["backproof", "numpy"], plan)
    assert (len(ours.races), len(numpy.races), ours.goal) == (3, 3, 1.5)
    assert 0 < ours.to_goal < float("inf")
    impatient = measure(workload, ["numpy"], replace(plan, patience=1e-9))
    assert len(impatient[0].races) == 1
    assert measure(SMALL, ["numpy"], plan)[0].races == ()


def test_held_out_data_are_others_by_the_same_rule() -> None:
    for workload in (SMALL, CLASSES):
        X, y = workload.data()
        X_other, y_other = workload.held_out()
        assert not np.isin(X_other[:, 0], X[:, 0]).any()
        assert (y_other.shape[1], y_other.dtype) == (y.shape[1], np.dtype("float32"))
    every = [workload for workload in WORKLOADS.values() if not workload.example]
    assert all(workload.goal for workload in every)


@pytest.mark.parametrize("make", [LlvmPeer, NumpyPeer, SklearnPeer])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_restart_forgets_everything(make: type[LlvmPeer | NumpyPeer | SklearnPeer], optimizer: str) -> None:
    peer: Peer = make(replace(SMALL, optimizer=optimizer))
    peer.advance(3)
    once = {id: np.array(value) for id, value in peer.parameters().items()}
    peer.restart()
    assert not np.array_equal(once["W_1"], peer.parameters()["W_1"])
    peer.advance(3)
    for id, value in peer.parameters().items():
        np.testing.assert_array_equal(value, once[id])


def test_flops_leave_out_the_first_layers_input() -> None:
    forward = 2 * 64 * (784 * 128 + 128 * 10)
    assert WORKLOADS["784-128-10-sgd"].flops == 2 * forward + 2 * 64 * 128 * 10


def test_names() -> None:
    assert [w.name for w in chosen(["seed"])] == ["seed-sgd", "seed-adam"]
    assert len(chosen([])) == 14
    assert [w.name for w in chosen([], quick=True)] == [
        w.name for w in WORKLOADS.values() if w.optimizer == "sgd" and not w.heavy
    ]
    assert [w.name for w in chosen(["784-1024-1024-10-adam"], quick=True)] == ["784-1024-1024-10-adam"]
    with pytest.raises(SpecificationError, match="did you mean 'seed'"):
        chosen(["sead"])
    with pytest.raises(SpecificationError, match="did you mean 'numpy'"):
        installed(["nunpy"])


def test_a_peer_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "find_spec", lambda name: None)
    monkeypatch.setattr(peers_module, "c_compiler", lambda: None)
    assert installed() == ["backproof", "numpy"]
    assert list(absent()) == ["jax", "torch", "torch.compile", "sklearn", "c"]
    with pytest.raises(SpecificationError, match="jax is not installed"):
        installed(["jax"])


def test_a_quick_look_leaves_out_who_takes_long_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "absent", dict)
    assert "torch.compile" in installed()
    assert "torch.compile" not in installed(quick=True)
    assert installed(["torch.compile"], quick=True) == ["backproof", "torch.compile"]


def results() -> Results:
    def row(peer: str, *steps: float, void: str = "") -> Row:
        return Row(
            "784-1024-1024-10-adam", peer, 10**6, steps, 0.5, 1.0, 4, void, again=0.01, races=(0.2, 9.0, 0.3), goal=1.5
        )

    return Results([row("backproof", 1e-4, 2e-4, 4e-4), row("numpy", 1e-3), row("jax", void="loss 1 | not 2")], PEAK)


def test_the_figures_of_a_row() -> None:
    found = results()
    shown = ("200", "100–400", "1.00", "10.0%", "5.0%", "500 ms", "10.0 ms", "300 ms")
    assert tables.cells(found, found.rows[0])[2:] == shown
    assert tables.cells(found, found.rows[1])[4] == "5.00"
    assert tables.cells(found, found.rows[2])[2:] == ("void", *[""] * 7)


def test_text_is_narrow_and_markdown_is_escaped() -> None:
    text = tables.plain(results())
    table, _, below = text.partition("\n\npeak: ")
    assert max(map(len, table.splitlines())) <= 100
    assert table.splitlines()[2] == "784-1024-1024-10-adam"
    assert "to loss" in table
    assert "void, loss 1 | not 2" in below
    assert "held-out losses: 784-1024-1024-10-adam 1.5" in below
    assert "loss 1 \\| not 2" in tables.markdown(results())


def test_who_is_absent_is_said() -> None:
    found = Results(absent={"c": "there is no C compiler"})
    assert "absent: c (there is no C compiler)" in tables.notes(found)
    assert tables.as_json(found)["absent"] == {"c": "there is no C compiler"}


def test_a_busy_computer_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert not any("too busy" in note for note in tables.notes(Results(load=0.9)))
    assert any("load average 1.1 on 2 processors" in note for note in tables.notes(Results(load=1.1)))


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_chart(tmp_path: Path, suffix: str) -> None:
    write_chart(results(), tmp_path / f"bars.{suffix}")
    data = (tmp_path / f"bars.{suffix}").read_bytes()
    assert data.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    write_chart(Results(), tmp_path / f"none.{suffix}")
    with pytest.raises(SpecificationError, match=r"must end in \.svg or \.png"):
        write_chart(results(), tmp_path / "bars.gif")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command as it is, with so few rounds that a test may wait for them."""
    monkeypatch.setattr(Plan, "quick", classmethod(lambda cls: TINY))
    monkeypatch.setattr("backproof.bench.session.gemm_peak", lambda: PEAK)


@pytest.mark.usefixtures("small")
def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = ["--workload", "seed-sgd", "--peers", "numpy,sklearn", "--quick", "--markdown", str(tmp_path / "a.md")]
    assert exit_code(["bench", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["peer"] for row in found["rows"]] == ["backproof", "sklearn", "numpy"]
    assert found["peak"]["kernel"] == PEAK.kernel
    ours, sklearn, numpy = found["rows"]
    assert (ours["valid"], ours["ratio_to_ours"], len(ours["us_per_step_all"])) == (True, 1, 2)
    assert sklearn["loss"] is None
    assert sklearn["note"]
    assert (ours["held_out_loss"], ours["seconds_to_held_out_loss"]) == (None, None)
    assert ours["second_start_seconds"] > 0
    assert numpy["ratio_to_ours"] == pytest.approx(numpy["us_per_step"] / ours["us_per_step"])
    assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("| workload | peer |")


@pytest.mark.usefixtures("small")
def test_the_caches_are_ones_own_and_left_alone_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def look(*_: object) -> list[Row]:
        seen.append(dict(os.environ))
        return []

    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr("backproof.bench.session.measure", look)
    assert exit_code(["bench", "--workload", "seed-sgd", "--peers", "numpy"]) == 0
    assert seen[0]["BACKPROOF_CACHE_DIR"] != str(tmp_path)
    assert not Path(seen[0]["BACKPROOF_CACHE_DIR"]).exists()
    assert os.environ["BACKPROOF_CACHE_DIR"] == str(tmp_path)
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


@pytest.mark.usefixtures("small")
def test_interrupted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def one_then_interrupt(workload: Workload, *_: object) -> list[Row]:
        if workload.optimizer == "adam":
            raise KeyboardInterrupt
        return [Row(workload.name, "backproof", 1, (1e-6,), 0.1, 0.5, 4)]

    monkeypatch.setattr("backproof.bench.session.measure", one_then_interrupt)
    assert exit_code(["bench", "--workload", "seed", "--quick"]) == 130
    out, err = capsys.readouterr()
    assert "seed-sgd" in out
    assert "seed-adam" not in out
    assert "interrupted" in err


def test_bad_options_are_refused_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["bench", "--chart", "bars.gif"]) == 2
    assert "must end in" in capsys.readouterr().err
    assert exit_code(["bench", "--growth", "wdth"]) == 2
    assert "did you mean 'width'" in capsys.readouterr().err
    assert exit_code(["bench", "--growth", "width", "-w", "seed"]) == 2
    assert "give one of them" in capsys.readouterr().err
