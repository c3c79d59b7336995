"""Calls that take too long with many threads are made by one for a while, and the bits stay the same."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.kernels.llvm import backend, crew
from backproof.kernels.llvm.crew import ALONE, Crew
from backproof.networks import mlp
from backproof.training import train


@pytest.mark.parametrize(
    ("threads", "seconds", "work", "alone"),
    [
        (2, 0.5, 10**6, True),
        (2, 0.03, 10**9, False),  # as fast as it should be
        (2, 0.004, 10, False),  # too short to tell
        (1, 0.5, 10**6, False),  # nobody to wait for
    ],
)
def test_what_sends_the_others_away(threads: int, seconds: float, work: int, alone: bool) -> None:
    found = Crew(None)
    found.learn(threads, seconds, work)
    assert found.threads == (1 if alone else None)


def test_float64_is_given_twice_the_time() -> None:
    for dtype, alone in (("float32", True), ("float64", False)):
        found = Crew(8)
        found.learn(2, 0.06, 10**9, np.dtype(dtype))
        assert found.threads == (1 if alone else 8)


def test_they_are_called_back_after_a_while() -> None:
    found = Crew(None)
    found.learn(2, 1.0, 1)
    for _ in range(ALONE):
        assert found.threads == 1
        found.learn(1, 0.001, 1)
    assert found.threads is None


@pytest.mark.parametrize("dropout", [None, 0.5])
def test_coming_and_going_changes_no_bit(dropout: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "WORK_PER_THREAD", 1)
    net = mlp(20, 40, 10, activation="tanh", bias=True, dropout=dropout)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(100, 20)), rng.uniform(size=(100, 10))
    results = []
    for worse in (1e9, 0.0):
        monkeypatch.setattr(crew, "WORSE", worse)
        monkeypatch.setattr(crew, "TELLING", 0.0 if worse == 0 else 1e9)
        monkeypatch.setattr(crew, "ALONE", 2)
        results.append(train(net, *data, batch_size=16, epochs=12, optimizer="adam", backend="llvm", progress=False))
    for id, array in results[0].params.items():
        np.testing.assert_array_equal(results[1].params[id], array)
