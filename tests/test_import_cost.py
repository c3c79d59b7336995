"""``import backproof`` and ``backproof --help`` stay cheap, counted in modules: seconds depend on the day."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {
    "jinja2",
    "matplotlib",
    "mpmath",
    "numpy",
    "pandas",
    "polars",
    "safetensors",
    "scipy",
    "sklearn",
    "sympy",
}


def imported_by(*arguments: str) -> set[str]:
    """The modules that Python imports with these arguments, beyond those of an empty program."""
    return _imports(*arguments) - _imports("-c", "")


def _imports(*arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", *arguments]
    # A fixed width, for rich asks the terminal.
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "COLUMNS": "80"}
    )
    prefix = "import time:"
    return {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith(prefix)}


@pytest.mark.parametrize(
    ("arguments", "most"),
    [(("-c", "import backproof"), 40), (("-m", "backproof", "--help"), 500)],
    ids=["import", "help"],
)
def test_only_light_modules_and_few_of_them(arguments: tuple[str, ...], most: int) -> None:
    modules = imported_by(*arguments)
    assert "backproof.version" in modules
    assert {module.split(".")[0] for module in modules} & HEAVY == set()
    assert len(modules) <= most


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in imported_by("-c", "import numpy")
