"""Progress: a bar on a terminal and at most ten times a second, nothing in a pipe, lines where asked for."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from rich.console import Console

from backproof.training import progress
from backproof.training.progress import reporter

SCRIPT = (
    "from backproof.networks import mlp; from backproof.training import train; "
    "train(mlp(2, 1), [[1, 2], [3, 4]], [0, 1], epochs=40_000, progress={})"
)


def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=100))
    return shown


def test_the_bar_is_drawn_at_most_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch)
    began = time.perf_counter()
    with reporter(True, epochs=100, steps_per_epoch=1000) as bar:
        for step in range(30_000):
            bar.step(step // 1000 + 1, step + 1, 0.125)
    seconds = time.perf_counter() - began
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    drawn = re.findall(r"epoch (\d+)/100", text)
    assert len(drawn) <= 10 * seconds + 4
    assert drawn[-1] == "30"
    assert "loss 0.125" in text
    assert re.search(r"[\d,]+ steps/s", text)


def test_lines_come_at_most_once_a_second_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with reporter("plain", epochs=3, steps_per_epoch=1) as lines:
        for epoch in (1, 2, 3):
            lines.step(epoch, epoch, 0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"epoch 3/3  loss 0\.5  [\d,]+ steps/s\n", err)


@pytest.mark.parametrize("chosen", [True, False])
def test_nothing_is_said_in_a_pipe(chosen: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(chosen)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_real_terminal_gets_the_bar() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(True)], stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True,
        env=environment,
    )  # fmt: skip
    os.close(theirs)
    text = os.read(ours, 1_000_000).decode()
    os.close(ours)
    assert done.stdout == b""
    assert "epoch" in text
    assert "steps/s" in text
