"""How fast a run went: what is counted, what is said of it, and what a busy machine is not made to say."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.kernels.peak import Peak, gemm_peak
from backproof.networks import mlp
from backproof.run.speed import BUSY, Speed, epoch_flops, percent, speed_of
from backproof.training import train
from backproof.training.history import History

PEAK = Peak(one_thread=100.0, all_threads=190.0, threads=2, kernel="some BLAS")
SPEED = Speed("llvm", "float64", steps=2000, seconds=0.5, flops=10**10, compile_seconds=0.1, peak=PEAK)


def test_rates_are_of_the_steps_alone() -> None:
    assert (SPEED.steps_per_second, SPEED.gflops) == (4000, 20)
    assert SPEED.share == pytest.approx(20 / 190)
    assert SPEED.line() == "speed: 4,000 steps/s (machine code, float64), 11 % of matrix-product peak"
    assert SPEED.sentence() == (
        "4,000 steps/s; 20 GFLOP/s in matrix products, 11 % of the peak of this machine (190 GFLOP/s), "
        "20 % of one thread's"
    )
    stored = SPEED.description()
    assert (stored["flops_per_step"], stored["fraction_of_peak"]) == (5e6, SPEED.share)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("seconds", [1e-4, 0.5, 1e5])
def test_the_line_fits_a_terminal(backend: str, seconds: float) -> None:
    said = replace(SPEED, backend=backend, seconds=seconds, flops=int(5e10 * seconds)).line()
    assert len(f"  {said}") <= 80


def test_one_thread_is_the_peak_where_two_get_in_each_others_way() -> None:
    slow = replace(SPEED, peak=replace(PEAK, all_threads=50.0))
    assert slow.share == pytest.approx(0.2)
    assert slow.sentence().endswith("20 % of the peak of this machine (100 GFLOP/s)")


def test_more_than_the_peak_is_not_claimed() -> None:
    busy = replace(SPEED, peak=replace(PEAK, one_thread=5.0, all_threads=6.0))
    assert busy.share is None
    assert "%" not in busy.line()
    assert busy.sentence().endswith(BUSY)
    assert busy.description()["fraction_of_peak"] is None


def test_what_a_training_did_is_counted() -> None:
    trace, rng = backpropagate(mlp(4, 3, 1)), np.random.default_rng(0)
    result = train(trace, rng.normal(size=(23, 4)), rng.normal(size=23), batch_size=5, epochs=4, progress=False)
    speed = speed_of(trace, result, 23, PEAK)
    assert speed is not None
    assert (speed.steps, speed.backend, speed.dtype, speed.compile_seconds) == (20, "numpy", "float64", 0)
    per_sample = 2 * (2 * 4 * 3 + 3 * 3 * 1)  # no product for the derivative by X
    assert speed.flops == 4 * 23 * per_sample == 4 * epoch_flops(trace, 23, 5)
    assert speed.peak.one_thread >= PEAK.one_thread
    assert speed_of(trace, replace(result, history=History()), 23, PEAK) is None


def test_percents() -> None:
    assert [percent(share) for share in (1, 0.104, 0.0996, 0.05, 0.001, 0.0009, 0)] == [
        "100 %", "10 %", "10.0 %", "5.0 %", "0.1 %", "less than 0.1 %", "less than 0.1 %",
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_peak_is_measured_in_the_dtype(dtype: str) -> None:
    peak = gemm_peak(128, 2, dtype)
    assert 0.1 < peak.one_thread < 1e5
    began = time.perf_counter()
    gemm_peak(64, 10**7, dtype, seconds=0.01)
    assert time.perf_counter() - began < 5, "a million products were not made"
    assert peak.better(replace(PEAK, all_threads=1e9)).all_threads == 1e9
