"""Bad input: exit code 2, one line that says what, where and what to do, and nothing written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backproof.cli import exit_code

REFUSED = [
    # malformed specifications
    ("derive 3--1", r"layer 2 must be a whole number of units, found nothing"),
    ("derive 0-2", r"layer 1: the number of units must be from 1"),
    ("derive 3-2-1-", r"layer 4 must be a whole number"),
    ("derive 3-2-1e9", r"layer 3 must be a whole number of units, found '1e9'"),
    ("derive 3", r"at least an input and an output size"),
    ("derive 3-x", r"layer 2 must be a whole number"),
    ("prove 3--1", r"layer 2 must be a whole number"),
    # unknown names, with the nearest
    ("derive 3-2-1 --activation sigmiod", r"unknown activation 'sigmiod'; did you mean 'sigmoid'\?"),
    ("derive 3-2-1 --loss cross_entrpy", r"did you mean 'cross_entropy'\?"),
    ("derive 3-2-1 --activation relu,relu,relu", r"3 activations for 2 layers"),
    ("derive 3-2-1 --loss cross_entropy --output-activation relu", r"fused with the output function softmax"),
    ("derive 3-2-1 --delta nabla", r"unknown delta 'nabla'"),
    ("derive 3-2-1 --batch 0", r"a dimension must be at least 1"),
    ("derive 3-2-1 --batch -3", r"a dimension must be at least 1"),
    ("derive 3-2-1 --penalty -1", r"penalty must be a finite number of at least 0"),
    ("derive 3-2-1 --penalty nan", r"penalty must be a finite number"),
    # absurd sizes
    ("derive 1000000-1000000", r"1,000,000,000,000 parameters, 7,451 GiB"),
    ("derive 99999999-1", r"from 1 to 1,000,000"),
    # outputs
    ("derive 3-2-1 -o gradients.docx", r"cannot tell a format from the suffix '.docx'"),
    ("derive 3-2-1 -o missing/gradients.tex", r"missing"),
    # formulas
    ("derive 3-2-1 --define-activation f", r"--define-activation takes two parts joined by '='"),
    ("derive 3-2-1 --define-activation sigmoid=x", r"cannot be called 'sigmoid'"),
    ("derive 3-2-1 --define-activation f=f(x)", r"f"),
    ("derive 3-2-1 --define-activation f=x*tanh(sof", r"column"),
    ("derive 3-2-1 --define-activation f=9**9**9**9", r"exponent|power|large"),
    ("derive 3-2-1 --define-activation f=__import__('os').system('true')", r"column"),
    ("derive --expression L=sum(X@w) --shape X:n,d --shape w:e --parameter w", r"multiply|shape"),
    ("derive --expression L=X --shape X:n,d --parameter X", r"scalar"),
    ("derive 3-2-1 --values nowhere.npz --with-numbers", r"no such file"),
    ("derive 3-2-1 --values values.txt --with-numbers", r"\.npz"),
    # the command line itself
    ("derive 3-2-1 --foo", r"No such option"),
    ("drive 3-2-1", r"derive"),
    ("derive 3-2-1 --view sideways", r"scalar"),
    ("derive", r"^$"),
]


@pytest.mark.parametrize(("command", "message"), REFUSED, ids=[command for command, _ in REFUSED])
def test_bad_input_is_refused_in_one_line(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_code(command.split(" ")) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert said.count("\n") <= 1
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder.tex").mkdir()
    assert exit_code(["derive", "3-2-1", "-o", str(tmp_path / "folder.tex")]) == 2
    assert "folder" in capsys.readouterr().err
    assert list((tmp_path / "folder.tex").iterdir()) == []


def test_values_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.json"
    values.write_text('{"X": [[1, 2]], "W_1": [[1, 2], [3, 4], [5, 6]]}')
    assert exit_code(["derive", "3-2-1", "--values", str(values)]) == 2
    assert re.search(r"X has shape \(1, 2\)", capsys.readouterr().err)


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"X": "text"}', '{"Z": 1}'])
def test_values_that_are_no_arrays(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.json"
    values.write_text(text)
    assert exit_code(["derive", "3-2-1", "--values", str(values)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_equations_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    equations = tmp_path / "equations.txt"
    equations.write_bytes(b"L = sum(\xff\xfe)")
    assert exit_code(["derive", str(equations)]) == 2
    assert "not UTF-8" in capsys.readouterr().err
