"""The command check, as a person and as a program use it: every kind of subject, every exit code, nothing half-done."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import checked_reports as reports
from backproof.cli import exit_code

MODULE = '''
"""A module of a user's."""
import sys

import numpy as np

print("imported")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def right(params, X, y):
    print("called")
    l_1 = sigmoid(X @ params["W_1"])
    y_hat = sigmoid(l_1 @ params["W_2"])
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    delta_1 = (delta_2 @ params["W_2"].T) * l_1 * (1 - l_1)
    return {"W_1": X.T @ delta_1, "W_2": l_1.T @ delta_2}


def negative(params, X, y):
    return {name: -value for name, value in right(params, X, y).items()}


def step(params, X, y, lr):
    return {name: params[name] - lr * value for name, value in right(params, X, y).items()}


def uphill(params, X, y, lr):
    return {name: params[name] + lr * value for name, value in right(params, X, y).items()}


def leaves(params, X, y):
    sys.exit(0)


def positional(a, b, c, d):
    grads = right({"W_1": a, "W_2": b}, c, d)
    return grads["W_1"], grads["W_2"]


class Model:
    @staticmethod
    def backward(params, X, y):
        return right(params, X, y)


number = 3
'''

SCRIPT = """
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(6, 3)), rng.uniform(size=(6, 1))
W1, W2 = rng.normal(size=(3, 2)), rng.normal(size=(2, 1))
for _ in range(20):
    h = 1 / (1 + np.exp(-(X @ W1)))
    p = 1 / (1 + np.exp(-(h @ W2)))
    d2 = (p - y) * p * (1 - p)
    d1 = (d2 @ W2.T) * h * (1 - h)
    W2 = W2 - 0.1 * h.T @ d2
    W1 = W1 - 0.1 * X.T @ d1
print("done")
"""
FAULTY = SCRIPT.replace(" * h * (1 - h)", "")


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = exit_code(["check", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


# --- every kind of subject ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("mine.py:right",), 0, "✓ Right: right"),
        (("mine.py:negative",), 1, "✗ Wrong: negative"),
        (("mine.py:Model.backward",), 0, "✓ Right: backward"),
        (("mine.py:step",), 0, "✓ Right: step"),
        (("mine.py:uphill",), 1, "✗ Wrong: uphill"),
        (("mine.py:positional", "--order", "W_1,W_2,X,y"), 0, "✓ Right: positional"),
        (("mine.py:right", "--kind", "gradient", "--dtype", "float64", "--seed", "3"), 0, "✓ Right: right"),
        (("--claim", "delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)"), 0, "by algebra"),
        (("--claim", "delta_1 = (delta_2 @ W_2.T) * l_1"), 1, "Δl_1 lacks the factor 1 − l_1."),
    ],
)
def test_functions_and_claims(
    arguments: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, _ = run(capsys, *arguments, "--network", "3-2-1")
    assert (found, said in out) == (code, True), out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_what_the_program_prints_is_no_part_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "mine.py:right", "-n", "3-2-1", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert "imported" in err
    assert "called" in err


@pytest.mark.parametrize("name", ["data.npz", "data.json"])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_data(name: str, factor: float, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    shapes = {"X": (5, 3), "y": (5, 1), "W_1": (3, 2), "W_2": (2, 1)}
    values = {id: rng.normal(size=shape) for id, shape in shapes.items()}
    grads = reports.gradients(values, values["X"], values["y"])
    arrays = {**values, "dW_1": factor * grads["W_1"], "dW_2": grads["W_2"]}
    if name.endswith("npz"):
        np.savez(name, **arrays)
    else:
        Path(name).write_text(json.dumps({id: array.tolist() for id, array in arrays.items()}))
    code, out, _ = run(capsys, name, "-n", "3-2-1")
    assert code == (0 if factor == 1 else 1), out
    assert name in out.splitlines()[0]


def test_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "train.py", "--network", "3-2-1")
    assert code == 0, out
    assert out.startswith("✓ Right: train.py\n")


def test_a_faulty_script_is_mended(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "faulty.py", "--network", "3-2-1", "--fix", "--timeout", "30", "--memory", "4000")
    assert code == 1
    assert out.startswith("✗ Wrong: faulty.py\n")
    assert "Line 10" in out
    assert "    - d1 = (d2 @ W2.T)\n" in out
    fixed = (at_home / "faulty.fixed.py").read_text()
    assert fixed != FAULTY
    assert (at_home / "faulty.py").read_text() == FAULTY
    code, out, _ = run(capsys, "faulty.fixed.py", "--network", "3-2-1")
    assert code == 0, out


# --- what is written ------------------------------------------------------------------------------------------------


def test_a_page(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "mine.py:negative", "-n", "3-2-1", "--html", "report.html")
    assert code == 1
    assert out.endswith("\nwrote report.html\n")
    assert "check-faults" in (at_home / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"X": np.ones((2, 3)), "y": np.ones((2, 1)), "W_1": np.full((3, 2), 400.0), "W_2": np.full((2, 1), 400.0)}
    np.savez("far.npz", **values)  # type: ignore[arg-type]  # NumPy's own stubs
    arguments = ("mine.py:right", "-n", "3-2-1", "--values", "far.npz")
    code, out, _ = run(capsys, *arguments)
    assert (code, out.startswith("? Cannot be told here")) == (1, True)
    assert run(capsys, *arguments, "--allow-uninformative")[0] == 0
    assert run(capsys, "mine.py:negative", "-n", "3-2-1", "--allow-uninformative")[0] == 1


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mine.py:right",), "name a network"),
        (("-n", "3-2-1"), "give one thing to check, a file or a claim"),
        (("mine.py:right", "--claim", "a = b", "-n", "3-2-1"), "not both"),
        (("mine.py:wright", "-n", "3-2-1"), "did you mean 'right'?"),
        (("mine.py:number", "-n", "3-2-1"), "no function; name a function"),
        (("mine.py:", "-n", "3-2-1"), "names no function"),
        (("mine.py:leaves", "-n", "3-2-1"), "leave"),
        (("yours.py:right", "-n", "3-2-1"), "there is no such file"),
        (("yours.py", "-n", "3-2-1"), "cannot read yours.py"),
        (("data.npz", "-n", "3-2-1"), "cannot read data.npz"),
        (("mine", "-n", "3-2-1"), "give script.py, module.py:function"),
        (("mine.csv", "-n", "3-2-1"), "mine.csv"),
        (("mine.py:right", "-n", "3-2-1", "--fix"), "--fix is for scripts"),
        (("--claim", "L = 1", "-n", "3-2-1", "--memory", "100"), "--memory is for scripts"),
        (("train.py", "-n", "3-2-1", "--order", "X"), "--order is for functions"),
        (("train.py", "-n", "3-2-1", "--dtype", "float32"), "--dtype is for functions and data"),
        (("--claim", "delta_9 = 1", "-n", "3-2-1"), "delta_9"),
        (("--claim", "delta_1 == 1", "-n", "3-2-1"), "a claim is a name"),
        (("mine.py:right", "-n", "3-2-1", "--html", "nowhere/report.html"), "nowhere"),
        (("train.py", "-n", "3-2-1", "--timeout", "soon"), "valid number"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path().iterdir())
    code, out, err = run(capsys, *arguments)
    lines = [line for line in err.splitlines() if line not in ("imported", "called")]
    if code == 2:
        assert (out, len(lines)) == ("", 1)
        assert said in lines[0], err
    else:  # what a function does when it is called is a finding
        assert (code, said in out) == (1, True)
    assert [path for path in sorted(Path().iterdir()) if path.name != "__pycache__"] == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nimport nothing_of_that_name", r"broken\.py, line 2, raises ModuleNotFoundError when imported"),
        ("def f(:", r"broken\.py, line 1, raises SyntaxError when imported"),
        ("raise SystemExit(0)", r"leaves the program while it is imported"),
    ],
)
def test_a_module_that_cannot_be_imported(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.py").write_text(text)
    code, _, err = run(capsys, "broken.py:f", "-n", "3-2-1")
    assert code == 2
    assert re.search(said, err), err


def test_the_help_says_that_the_program_is_executed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "IS EXECUTED" in out


@pytest.mark.parametrize("subject", ["slow.py", "slow.py:gradients"])
def test_ctrl_c_stops_it_and_leaves_nothing(subject: str, at_home: Path) -> None:
    marker = at_home / "running"
    Path("slow.py").write_text(
        f"import time\nfrom pathlib import Path\ndef gradients(params, X, y):\n    go()\ndef go():\n"
        f"    Path({str(marker)!r}).touch()\n    time.sleep(600)\nif __name__ == '__main__':\n    go()\n"
    )
    command = [sys.executable, "-m", "backproof", "check", subject, "-n", "3-2-1", "--html", "page.html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(600):
            if marker.exists():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "backproof: interrupted; nothing was written\n")
    assert not Path("page.html").exists()
