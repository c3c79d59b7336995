"""The gallery in the documentation: what it shows is what its script has, and its programs run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT, GALLERY = ROOT / "docs" / "make_gallery.py", ROOT / "docs" / "gallery.md"


def test_its_programs_run() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4 examples run\n"


def test_it_shows_the_programs_of_its_script_and_pictures_that_there_are() -> None:
    text, script = GALLERY.read_text(encoding="utf-8"), SCRIPT.read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) == 4
    assert all(program.strip() in script for program in programs)
    pictures = re.findall(r"\]\((images/.*?)\)", text)
    assert len(pictures) == 4
    assert all((GALLERY.parent / picture).stat().st_size > 1000 for picture in pictures)
