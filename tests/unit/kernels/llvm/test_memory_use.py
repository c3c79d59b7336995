"""What a native run takes: the data, the parameters with what is remembered of them, and O(batch × widths) beside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol
from backproof.kernels.llvm.run import NativeRun
from backproof.networks import mlp
from backproof.optimizers import optimizer_named
from backproof.training.equations import beginning, updates_of

MEMORIES = {"sgd": 0, "momentum": 1, "adam": 2}
"""Arrays like a parameter that a rule remembers."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def made(sizes: tuple[int, ...], samples: int, batch: int, optimizer: str) -> NativeRun:
    net = mlp(*sizes, activation="relu", bias=True, loss="cross_entropy")
    trace, rule = backpropagate(net), optimizer_named(optimizer)
    X, y = np.ones((samples, sizes[0]), np.float32), np.ones((samples, sizes[-1]), np.float32)
    params = {p.id: np.zeros([int(str(d)) for d in p.shape], np.float32) for p in net.parameters}
    start = beginning(rule, params, params, 0.1)
    axes = {"X": 0, "y": 0}
    updates = updates_of(trace, rule)
    return NativeRun(
        trace, {"X": X, "y": y}, {"n": samples}, axes, Symbol("n"), batch, updates, start, np.dtype("float32")
    )


def entries(run: NativeRun) -> int:
    """Numbers in the memory of the function that the run stands in."""
    return len(run._current.memory)


@pytest.mark.parametrize("optimizer", MEMORIES)
@pytest.mark.parametrize("batch", [16, 64, 256])
def test_memory_is_parameters_and_a_few_numbers_for_each_sample_and_unit(batch: int, optimizer: str) -> None:
    sizes = (200, 300, 400, 100)
    parameters = sum((a + 1) * b for a, b in pairwise(sizes))
    taken = entries(made(sizes, 4 * batch, batch, optimizer))
    units = sum(sizes) + sizes[-1]
    kept = (1 + MEMORIES[optimizer]) * parameters
    turned = parameters + batch * units  # weights and layers may lie both ways
    assert taken <= 1.1 * (kept + turned + 5 * batch * units)


def test_the_number_of_samples_costs_no_memory_beside_the_data() -> None:
    few, many = (made((20, 30, 5), samples, 32, "adam") for samples in (64, 64_000))
    assert entries(few) == entries(many)


# --- as the system counts it ----------------------------------------------------------------------------------------


def peak() -> int:
    """Bytes that this process has had in memory at most."""
    import resource  # not on Windows

    status = Path("/proc/self/status")
    if status.is_file():  # what resource tells of a young process on Linux may be its parent's peak
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def grown_by(samples: int, batch: int) -> list[int]:
    """Bytes of the data, and by how much two epochs on them raise the peak of this process."""

    def trained(count: int) -> int:
        run = made((400, 128, 10), count, batch, "adam")
        order = np.arange(count // batch * batch)
        for _ in range(2):
            run.steps(order, batch)
        return sum(array.nbytes for array in (*run._inputs.values(), order))

    trained(2 * batch)  # whatever is loaded and compiled once
    before = peak()
    return [trained(samples), peak() - before]


@pytest.mark.skipif(os.name != "posix", reason="the peak of a process is asked of the resource module")
def test_the_peak_of_a_process_is_little_more_than_its_data() -> None:
    samples, batch, parameters, units = 100_000, 64, 401 * 128 + 129 * 10, 400 + 128 + 2 * 10
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, __file__, str(samples), str(batch)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    data, grown = json.loads(done.stdout)
    assert data > 100 * 2**20
    assert data / 2 < grown <= data + 4 * (5 * parameters + 10 * batch * units) + 2**23


if __name__ == "__main__":
    print(json.dumps(grown_by(int(sys.argv[1]), int(sys.argv[2]))))
