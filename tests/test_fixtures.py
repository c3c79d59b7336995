"""The shared fixtures do what the tests rely on: golden files that bite, Node.js, a browser off line."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from conftest import Golden


def test_a_missing_golden_file_fails_and_is_not_made(golden: Golden, tmp_path: Path) -> None:
    golden = replace(golden, folder=tmp_path, update=False)
    with pytest.raises(pytest.fail.Exception, match=r"golden/seed\.txt is missing; make it with --update-golden"):
        golden("seed.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_golden_file_is_written_then_compared(golden: Golden, tmp_path: Path) -> None:
    text = "Δl_2\r\nσ\n\n"
    replace(golden, folder=tmp_path, update=True)("latex/seed.tex", text)
    assert (tmp_path / "latex" / "seed.tex").read_bytes() == text.encode()
    compare = replace(golden, folder=tmp_path, update=False)
    compare("latex/seed.tex", text)
    for other in ("Δl_2\r\nσ\n", "Δl_2\nσ\n\n", "Δl_1\r\nσ\n\n"):
        with pytest.raises(pytest.fail.Exception, match="differs"):
            compare("latex/seed.tex", other)


def test_the_difference_is_shown(golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "seed.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match=r"-two\n\+three\n"):
        replace(golden, folder=tmp_path, update=False)("seed.txt", "one\nthree\n")


def test_node_runs(node: str) -> None:
    done = subprocess.run([node, "-p", "6 * 7"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "42\n"


def test_the_page_shows_a_file_and_reaches_no_network(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "Δ.html"
    file.write_text("<meta charset=utf-8><p>Δl_2</p>", encoding="utf-8")
    page.goto(file.as_uri())
    assert page.inner_text("p") == "Δl_2"
    assert page.evaluate("navigator.onLine") is False
