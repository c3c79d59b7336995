"""The page's ES modules under Node's own test runner, beside the JavaScript that is emitted for the seed."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

import backproof as bp
from backproof.ir.expr import Name

TESTS = Path(__file__).parent / "modules.test.mjs"
STATIC = Path(str(files("backproof.page"))) / "static"
LONGEST_FILE, LONGEST_LINE = 300, 160


def test_the_modules(node: str, tmp_path: Path) -> None:
    for path in STATIC.glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "package.json").write_text('{ "type": "module" }', encoding="utf-8")
    values = {"loss": Name("L")}
    derivation = bp.derive(bp.mlp(3, 2, 1)).source("javascript", optimizer=["sgd", "adam"], values=values)
    (tmp_path / "derivation.js").write_text(derivation, encoding="utf-8")
    shutil.copy(TESTS, tmp_path)
    command = [node, "--test", str(tmp_path / TESTS.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) == TESTS.read_text(encoding="utf-8").count("\ntest(")


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_a_module_has_one_subject_and_says_it(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("/** ")
    assert len(lines) <= LONGEST_FILE
    assert max(map(len, lines)) <= LONGEST_LINE or path.name in ("tour.js", "main.js")
    assert "innerHTML" not in "\n".join(lines)
    assert "eval(" not in "\n".join(lines)
