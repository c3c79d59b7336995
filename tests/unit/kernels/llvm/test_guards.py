"""No byte read or written outside: compiled runs between forbidden pages, in a process that one step too far ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import guarded_memory

PROGRAM = Path(guarded_memory.__file__)
SIZES = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100)
OPTIMIZERS = ("sgd", "momentum", "adam")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pages are forbidden with mprotect")


def cases(*, end: bool, samples: str) -> list[dict[str, Any]]:
    """Every size as batch, as input, as width and as output; dtypes, optimisers and strides in turn."""
    found = []
    for k, size in enumerate(SIZES):
        other, third = SIZES[(5 * k + 3) % len(SIZES)], SIZES[(3 * k + 1) % len(SIZES)]
        for number, (sizes, batch) in enumerate((((size, other, third), third), ((other, third, size), size))):
            found.append(
                {
                    "sizes": sizes,
                    "batch": batch,
                    "dtype": ("float32", "float64")[(k + number) % 2],
                    "samples": samples,
                    "optimizer": OPTIMIZERS[(k + number) % 3],
                    "end": end,
                    "stride": 1 + (k // 2) % 3,
                }
            )
    return found


def run(given: list[dict[str, Any]], cache: Path, threads: int, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BACKPROOF_CACHE_DIR": str(cache), "BACKPROOF_THREADS": str(threads)}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, str(PROGRAM), json.dumps(given), "1" if threads > 1 else "1000000000", *more]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("end", [False, True], ids=["start", "end"])
def test_nothing_outside_is_touched(
    end: bool, samples: str, threads: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    given = cases(end=end, samples=samples)
    if threads > 1:
        given = given[::3]
    done = run(given, tmp_path_factory.getbasetemp() / "objects", threads)
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} {done.stderr[-2000:]} exit {done.returncode}"
    assert len(done.stdout.splitlines()) == len(given)


@pytest.mark.parametrize(("end", "cache", "threads"), [(False, 1, 2), (True, 1, 1), (True, 6000, 2)])
def test_packed_products_touch_nothing_outside(
    end: bool, cache: int, threads: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    given = cases(end=end, samples="rows")[::7] + cases(end=end, samples="columns")[5::9]
    done = run(given, tmp_path_factory.getbasetemp() / "objects", threads, str(cache))
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} {done.stderr[-2000:]} exit {done.returncode}"
    assert len(done.stdout.splitlines()) == len(given)
