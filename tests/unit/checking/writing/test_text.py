"""Reports as text: what stands first, what is marked, how wide it is; nothing of a user's acts on the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import backproof as bp
import checked_reports as reports
from backproof.checking import Report
from backproof.checking.writing import to_text
from backproof.render.widths import columns

EVERY = [reports.right, reports.wrong, reports.claimed, reports.saturated, reports.deep, reports.hostile]


def test_the_verdict_stands_first() -> None:
    assert str(reports.right()).startswith("✓ Right: gradients\n")
    assert str(reports.wrong()).startswith("✗ Wrong: lacking\n")
    assert str(reports.saturated()).startswith("? Cannot be told here: gradients\n")


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_line_is_wider_than_asked_for_but_code(make: Callable[[], Report], width: int) -> None:
    lines = to_text(make(), width=width).splitlines()
    prose = [line for line in lines if not line.startswith(("    - ", "    + "))]
    assert max(map(columns, prose)) <= width


@pytest.mark.parametrize("make", EVERY)
def test_colours_only_where_they_are_asked_for(make: Callable[[], Report]) -> None:
    report = make()
    plain, coloured = to_text(report), to_text(report, color=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_picture_shows_each_quantity_with_its_sign() -> None:
    text = str(reports.wrong())
    assert "X ──W_1──▶ l_1 · " in text
    assert "Δl_1 ✗ ◀──" in text
    assert "∂L/∂W_1 ✗" in text
    assert "∂L/∂W_2 ✓" in text
    assert "✓ right   ✗ wrong   · not looked at" in text


def test_the_missing_part_is_underlined() -> None:
    lines = str(reports.claimed()).splitlines()
    place = next(number for number, line in enumerate(lines) if "~" in line)
    marked = lines[place].index("~"), lines[place].rindex("~") + 1
    assert lines[place - 1][slice(*marked)] == "1 − l_1"
    assert lines[place].endswith("missing")


def test_numbers_and_repair() -> None:
    text = str(reports.claimed())
    assert re.search(r"entry \[\d+, \d\] is −?\d.*, but −?\d.* ± ", text)
    assert "    - delta_1 = (delta_2 @ W_2.T) * l_1\n    + delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)\n" in text


def test_what_cannot_be_told_has_its_reason_and_no_findings() -> None:
    report = reports.saturated()
    text = str(report)
    for judged in report.judged:
        assert f"? ∂L/∂{judged.id.removeprefix('grad_')} (" in text or not judged.reason
    assert "Cannot be told here" in text
    assert "1. " not in text


def test_of_a_deep_network_what_is_wrong_is_drawn() -> None:
    text = str(reports.deep())
    assert "Δl_7 ✗" in text
    assert "Δl_12" not in text.split("1. ")[0]
    assert "Layers 2 to 6 are not drawn, and not looked at." in text


def test_a_program_that_is_no_network_has_its_quantities_listed() -> None:
    ridge = bp.parse("L = sum((X @ w - y)^2) + 0.1*sum(w^2)", shapes={"X": "n,d", "w": "d", "y": "n"}, parameters=["w"])
    text = str(bp.check("grad_w = 2*X.T @ (X @ w - y)", ridge))
    assert text.startswith("✗ Wrong: grad_w = ")
    assert "∂L/∂w ✗" in text


def test_what_does_not_print_is_shown_as_its_escape() -> None:
    text = str(reports.hostile())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_without_its_signs_verdicts_still_differ() -> None:
    text = to_text(reports.wrong(), ascii=True)
    assert text.startswith("X Wrong: lacking\n")
    assert "dL/dW_1 X" in text
    assert "dL/dW_2 v" in text
    assert "v right   X wrong   . not looked at" in text
