"""The picture of the backward pass: every quantity has one place, and of many layers those that matter are drawn."""

from __future__ import annotations

import pytest

import backproof as bp
import checked_reports as reports
from backproof.checking.findings import Verdict
from backproof.checking.writing.marking import notation_of
from backproof.checking.writing.picture import Column, Gap, picture_of
from backproof.checking.writing.picture_text import picture_lines
from backproof.checking.writing.spans import line_width, painted
from backproof.ir.program import Program

NETWORKS = {
    "seed": bp.mlp(3, 2, 1),
    "bias and penalty": bp.mlp(4, 3, 2, bias=True, penalty=0.1, loss="cross_entropy"),
    "normalised": bp.mlp(3, 4, 4, 2, normalization="batch", bias=True),
    "one layer": bp.mlp(3, 1, activation="identity"),
    "columns": bp.mlp(3, 2, 1, samples="columns"),
}


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
def test_every_gradient_and_delta_has_one_place(net: Program) -> None:
    report = bp.check("L = 0", net)
    picture = picture_of(report)
    cells = [cell.id for column in picture.columns for cell in column.cells]
    cells += [cell.id for cell in picture.others] + [picture.loss.id]
    assert sorted(cells) == sorted(set(cells))
    deltas = {equation.name.id for equation in report.trace.backward if equation.name.id.startswith("delta_")}
    assert {*deltas, *report.trace.gradients.values()} <= set(cells)
    assert picture.loss.verdict is Verdict.WRONG


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("width", [56, 76])
def test_it_is_as_wide_as_there_is_room(net: Program, width: int) -> None:
    report = bp.check("L = 0", net)
    lines = picture_lines(picture_of(report), notation_of(report.trace), width)
    assert max(map(line_width, lines)) <= width


def test_arrows_begin_and_end_at_quantities() -> None:
    report = reports.wrong()
    lines = [painted(line, color=False) for line in picture_lines(picture_of(report), notation_of(report.trace), 76)]
    assert lines == [
        "X ──W_1──▶ l_1 · ──────W_2──▶ ŷ · ────────▶ L ·",
        "           Δl_1 ✗ ◀────────── Δl_2 · ◀──────┘",
        "           ∂L/∂W_1 ✗          ∂L/∂W_2 ✓",
    ]


def test_gaps_stand_for_the_layers_that_are_left_out() -> None:
    picture = picture_of(reports.deep(20))
    drawn = [column.forward.id for column in picture.columns if isinstance(column, Column)]
    assert drawn == ["l_1", "l_7", "y_hat"]
    gaps = [(gap.first, gap.last) for gap in picture.columns if isinstance(gap, Gap)]
    assert gaps == [(2, 6), (8, 19)]
