"""The commands derive and prove, as a person and as a program use them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backproof.cli import exit_code


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert exit_code(arguments) == 0
    return capsys.readouterr().out


def test_derive_prints_the_seeds_equations(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "derive", "3-2-1")
    for equation in (
        "Δl_2 = (ŷ − y) × ŷ × (1 − ŷ)",
        "∂L/∂w_1^{11} = Δl_2 × w_2^1 × l_1^1 × (1 − l_1^1) × x^1",
        "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂W_1 = Xᵀ . Δl_1",
    ):
        assert equation in text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text


def test_ascii_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "derive", "3-2-1", "--ascii").isascii()


@pytest.mark.parametrize(
    ("name", "sign"), [("d.tex", r"\documentclass"), ("d.md", "# "), ("d.html", "<!"), ("d.txt", "Gradients")]
)
def test_the_suffix_picks_the_format(name: str, sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "derive", "3-2-1", "--view", "summary", "-o", str(tmp_path / name))
    assert (tmp_path / name).read_text(encoding="utf-8").lstrip().startswith(sign)


def test_the_source_is_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "derive", "3-2-1", "-o", str(tmp_path / "train.py"))
    done = subprocess.run([sys.executable, tmp_path / "train.py"], capture_output=True, text=True, check=True)
    assert "loss" in done.stdout


def test_json_has_every_equation_with_its_proof(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "derive", "3-2-1", "--json"))["equations"]
    assert [equation["number"] for equation in found][:3] == [1, 2, 3]
    assert all(equation["proof"]["holds"] for equation in found if equation["number"] <= 45)


def test_numbers_given_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "v.npz", X=[[0, 0, 1]], y=[[0]], W_1=np.full((3, 2), 0.5), W_2=[[1], [2]])
    text = run(capsys, "derive", "3-2-1", "--values", str(tmp_path / "v.npz"), "--view", "matrix")
    l_1 = 1 / (1 + np.exp(-0.5))
    assert f"{l_1:.4g}" in text


def test_equations_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ridge.txt").write_text(
        "input X: n, d\ninput y: n\nparameter w: d\nL = sum((X @ w - y)^2) + 0.1*sum(w^2)\n"
    )
    text = run(capsys, "derive", str(tmp_path / "ridge.txt"), "--view", "summary")
    assert "∂L/∂w = 2(Xᵀ . (X . w − y)) + 0.2 w" in text


def test_a_network_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "derive", "3-2-1", "--define-activation", "mish=x*tanh(softplus(x))", "-a", "mish")
    assert "mish" in text


def test_prove(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "prove", "4-3-2", "-a", "tanh", "-l", "cross_entropy", "--bias")
    assert text.startswith("Proved: ")
    assert max(len(line) for line in text.splitlines()) <= 80
    data = json.loads(run(capsys, "prove", "3-2-1", "--json"))
    assert data["ok"] is True
    assert data["bound"] < 1e-15


def test_a_false_derivation_is_refused_with_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backproof.ir.expr import Mul
    from backproof.rules import vjp

    monkeypatch.setitem(vjp.VJP, Mul, lambda e, g, y: (g * e.b, -(g * e.a)))
    assert exit_code(["prove", "3-2-1"]) == 1
    assert "NOT proved" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m backproof derive 20-64-64-1 | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("Gradients")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version").startswith("backproof ")
