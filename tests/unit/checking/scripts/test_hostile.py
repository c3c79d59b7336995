"""Programs that behave badly: each ends with a report that says how, and leaves no process behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import backproof as bp
from backproof.checking.findings import Verdict
from backproof.checking.report import Report
from backproof.checking.scripts import check_script
from backproof.checking.scripts.execution import TOKEN, Limits, run_recorded

NET = bp.mlp(2, 1)
TRAINS = """
import numpy as np
X = np.array([[0.5, -1.0], [1.5, 0.25]])
y = np.array([[1.0], [0.0]])
W = np.array([[0.3], [-0.2]])
for _ in range(3):
    p = 1 / (1 + np.exp(-(X @ W)))
    d = (p - y) * p * (1 - p)
    W = W - 0.1 * X.T @ d
"""


def left_over() -> list[int]:
    """Every process that still carries the mark of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if TOKEN.encode() in (entry / "environ").read_bytes() and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while left_over() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_over() == []


def checked(tmp_path: Path, text: str, timeout: float = 20.0, memory: int = 4 * 2**30) -> Report:
    path = tmp_path / "hostile.py"
    path.write_text(text, encoding="utf-8")
    return check_script(path, NET, timeout=timeout, memory=memory)


def told(report: Report) -> str:
    return "\n".join([*(f.sentence for f in report.findings), *report.notes])


def test_an_infinite_loop_is_stopped_and_what_came_before_is_judged(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{TRAINS}\nimport time\nwhile True:\n    time.sleep(0.01)\n", timeout=3)
    assert report.verdict is Verdict.RIGHT
    assert "stopped after 3 s" in told(report)


def test_a_program_that_only_repeats_itself_is_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    report = checked(tmp_path, TRAINS.replace("range(3)", "iter(int, 1)"), timeout=60)
    assert report.ok
    assert "only repeated" in told(report)
    assert time.monotonic() - started < 30


def test_an_allocation_of_100_gigabytes(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{TRAINS}\nbig = np.ones(100 * 2**30 // 8)\n")
    assert report.verdict is Verdict.WRONG
    assert "line 11 raises" in told(report)
    assert "Memory" in told(report)


@pytest.mark.parametrize("way", ["import sys; sys.exit(3)", "raise SystemExit(3)", "exit(3)"])
def test_leaving_early(tmp_path: Path, way: str) -> None:
    report = checked(tmp_path, f"{TRAINS}\n{way}\n")
    assert report.ok
    assert "exit status 3 on line 11" in told(report)


def test_os_exit(tmp_path: Path) -> None:
    assert "ended without a word" in told(checked(tmp_path, f"{TRAINS}\nimport os; os._exit(0)\n"))


def test_a_program_that_deletes_its_own_file(tmp_path: Path) -> None:
    text = TRAINS.replace("(1 - p)", "(1 + p)")
    report = checked(tmp_path, f"import os\nos.remove(__file__)\n{text}")
    assert report.verdict is Verdict.WRONG
    assert report.findings[0].repair is not None
    assert report.findings[0].repair.checked


def test_a_gigabyte_of_output_is_read_and_dropped(tmp_path: Path) -> None:
    text = f"{TRAINS}\nline = 'x' * 2**20\nfor _ in range(1024):\n    print(line)\n"
    path = tmp_path / "loud.py"
    path.write_text(text, encoding="utf-8")
    recording = run_recorded(text, path, Limits(30.0))
    assert recording.ending.how == "finished"
    assert len(recording.output) < 10_000


def test_an_error_inside_numpy(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{TRAINS}\nnp.linalg.inv(np.zeros((2, 2)))\n")
    assert "line 11 raises LinAlgError: Singular matrix" in told(report)


def test_forks_are_ended_with_the_program(tmp_path: Path) -> None:
    forks = (
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        time.sleep(600)\n        os._exit(0)\n"
    )
    text = f"{forks}{TRAINS}"
    report = checked(tmp_path, text)
    assert report.ok
    assert "processes that it had started were ended" in told(report)


def test_a_fork_bomb_is_stopped(tmp_path: Path) -> None:
    forks = "import os, time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(600)\ntime.sleep(600)\n"
    text = f"{TRAINS}\n{forks}"
    report = checked(tmp_path, text, timeout=10)
    assert "more than 100 processes" in told(report)


def test_a_daemon_in_a_session_of_its_own_is_found(tmp_path: Path) -> None:
    text = f"""{TRAINS}
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, env={{}})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
"""
    before = sleepers()
    report = checked(tmp_path, text)
    assert report.ok
    assert sleepers() <= before


def sleepers() -> set[int]:
    """Processes that sleep for ten minutes, whatever their environment says."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"time.sleep(600)" in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize(
    "mischief",
    [
        "import sys, os\nsys.stdout.close()\nos.close(1)\nos.close(2)",
        "np.asarray = np.array = np.ascontiguousarray = None",
        "import builtins\nbuiltins.len = builtins.isinstance = lambda *a: 1 / 0",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ],
)
def test_mischief_after_training_changes_nothing(tmp_path: Path, mischief: str) -> None:
    report = checked(tmp_path, f"{TRAINS}\n{mischief}\nz = X @ W\n")
    assert {j.id: j.verdict for j in report.judged}["grad_W_1"] is Verdict.RIGHT


def test_a_program_that_closes_every_descriptor_still_ends(tmp_path: Path) -> None:
    report = checked(tmp_path, f"{TRAINS}\nimport os\nos.closerange(0, 256)\nz = X @ W\n")
    assert report.verdict in (Verdict.RIGHT, Verdict.NOT_INFORMATIVE)


def test_a_program_that_kills_its_supervisor_leaves_nothing(tmp_path: Path) -> None:
    text = f"{TRAINS}\nimport os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)\n"
    report = checked(tmp_path, text, timeout=5)
    assert {j.id: j.verdict for j in report.judged}["grad_W_1"] is Verdict.RIGHT


def test_garbage_in_the_channel_is_no_harm(tmp_path: Path) -> None:
    text = f"""{TRAINS}
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b"\\xff" * 100)
    except OSError:
        pass
"""
    report = checked(tmp_path, text)
    assert report.verdict in (Verdict.RIGHT, Verdict.NOT_INFORMATIVE)
