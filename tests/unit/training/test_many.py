"""Many trainings at once: the bits of each alone, failures that stop no other, Ctrl-C, what one shape shares."""

from __future__ import annotations

import signal
import time
from typing import Any

import numpy as np
import pytest

from backproof.errors import BackproofError, DivergenceError, SpecificationError
from backproof.kernels.llvm import backend as llvm
from backproof.networks import mlp
from backproof.training import TrainingResult, train, train_many
from backproof.training.events import Event

rng = np.random.default_rng(1)
X = rng.normal(size=(60, 4))
Y = np.sin(X[:, :1])
SHAPE: dict[str, Any] = {"activation": "tanh", "output_activation": "identity", "loss": "mean_squared_error"}
NET, OTHER = mlp(4, 8, 1, **SHAPE), mlp(4, 5, 5, 1, **SHAPE, dropout=0.2)


def job(**options: Any) -> dict[str, Any]:
    return {"net": NET, "X": X, "y": Y, "batch_size": 16, "epochs": 20, "learning_rate": 0.05, **options}


def counted(monkeypatch: pytest.MonkeyPatch, module: dict[str, Any], name: str, calls: list[object]) -> None:
    """The function of a module, every call of which is noted."""
    real = module[name]

    def noting(*given: Any, **options: Any) -> Any:
        calls.append(given)
        return real(*given, **options)

    monkeypatch.setitem(module, name, noting)


def finished(outcome: TrainingResult | BackproofError) -> TrainingResult:
    assert isinstance(outcome, TrainingResult), outcome
    return outcome


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_each_gets_the_bits_that_it_gets_alone(threads: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [job(seed=seed, net=net, backend=backend, epochs=5 + seed) for seed in range(4) for net in (NET, OTHER)]
    together = [finished(outcome) for outcome in train_many(jobs, threads=threads, progress=False)]
    monkeypatch.setenv(llvm.THREADS_VARIABLE, "1")
    for one, result in zip(jobs, together, strict=True):
        alone = train(**one, progress=False)
        assert result.epochs_run == one["epochs"]
        for id, array in alone.params.items():
            np.testing.assert_array_equal(result.params[id], array)


def test_networks_of_one_shape_share_derivation_and_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[object] = []
    compiled: list[object] = []
    counted(monkeypatch, train_many.__globals__, "backpropagate", derived)
    counted(monkeypatch, llvm.compile_steps.__globals__, "write_steps", compiled)
    fresh = mlp(4, 7, 1, **SHAPE)
    train_many([job(net=fresh, seed=s, learning_rate=0.01 * (s + 1), backend="llvm") for s in range(6)], progress=False)
    assert len(derived) == 1
    assert len(compiled) == 2, "one for whole batches, one for the rest"


def test_one_that_fails_stops_no_other() -> None:
    outcomes = train_many(
        [job(), job(learning_rate=1e200), job(optimizer="adm"), job(X=X[:5]), job(nonsense=1), job(seed=1)],
        progress=False,
    )
    first, diverged, unknown, shape, option, last = outcomes
    assert finished(first).loss < 1
    assert finished(last).stopped == "finished"
    assert isinstance(diverged, DivergenceError)
    assert "did you mean 'adam'" in str(unknown)
    assert "X has n = 5" in str(shape)
    assert "job 5" in str(option)
    assert "nonsense" in str(option)


def test_ctrl_c_ends_all_and_keeps_what_there_is() -> None:
    jobs = [job(epochs=3), *(job(epochs=10**7, seed=s) for s in range(3))]
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    began = time.perf_counter()
    try:
        outcomes = [finished(outcome) for outcome in train_many(jobs, threads=2, progress=False)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert time.perf_counter() - began < 10
    assert [outcome.stopped for outcome in outcomes].count("interrupted") >= 3
    assert all(np.isfinite(outcome.params["W_1"]).all() for outcome in outcomes)


def test_an_error_of_python_in_a_callback_is_told_like_any_other() -> None:
    def failing(event: Event) -> None:
        raise RuntimeError("no")

    bad, good = train_many([job(callbacks=[failing]), job()], progress=False)
    assert "the callback failing failed" in str(bad)
    assert finished(good).epochs_run == 20


def test_progress_is_shown_for_all_together(capfd: pytest.CaptureFixture[str]) -> None:
    train_many([job(seed=s) for s in range(3)] + [job(optimizer="adm")], progress="plain")
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("4/4 networks  1 failed  ")
    assert last.endswith("steps/s")


def test_nothing_to_do() -> None:
    assert train_many([], progress=False) == []


@pytest.mark.parametrize(
    ("jobs", "options", "complaint"),
    [
        ([1], {}, "job 1 must be a mapping"),
        ([{"X": X}], {}, "with a 'net'"),
        ([job(), job(progress=True)], {}, "job 2 has its own 'progress'"),
        ([job()], {"threads": 0}, "threads must be at least 1"),
        ([job()], {"progress": "loud"}, "progress must be True, False or 'plain'"),
    ],
)
def test_what_is_refused(jobs: list[Any], options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecificationError, match=complaint):
        train_many(jobs, **{"progress": False, **options})
