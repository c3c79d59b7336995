"""Equations with a part marked: the right letters, over several lines, and nothing where nothing is to be marked."""

from __future__ import annotations

import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.writing.marking import BEGIN, END, marked_lines, marked_paths, marked_tex, notation_of
from backproof.ir.expr import Expr, Name
from backproof.ir.traverse import walk
from backproof.notation import Notation
from backproof.render.typeset import typeset

TRACE = backpropagate(bp.mlp(3, 2, 1, penalty=0.1, bias=True))
RIGHT = TRACE.joint.definitions["delta_1"].value


def marked(lines: tuple[object, ...]) -> str:
    letters = ((c, mark) for line in lines for c, mark in zip(line.text, line.marks, strict=True))  # type: ignore[attr-defined]
    return "".join(c for c, mark in letters if mark)


@pytest.mark.parametrize(
    "part", [node for node in walk(RIGHT) if node.shape == RIGHT.shape and node != RIGHT], ids=typeset
)
@pytest.mark.parametrize("width", [24, 40, 80])
def test_every_part_of_an_equation_can_be_marked(part: Expr, width: int) -> None:
    lines = marked_lines("delta_1", RIGHT, part, Notation(), width)
    assert "".join(marked(lines).split()) == "".join(typeset(part).split())
    assert all(len(line.text) == len(line.marks) for line in lines)


def test_factors_that_stand_apart_are_marked_together() -> None:
    l_1 = TRACE.joint.names["l_1"]
    part = l_1 * (1 - l_1)
    lines = marked_lines("delta_1", RIGHT, part, Notation(), 80)
    assert marked(lines).replace(" ", "") == "l_11−l_1"
    assert lines[0].underline.split() == ["~~~", "~~~~~~~"]
    tex = marked_tex("delta_1", RIGHT, part, Notation(), "missing")
    assert tex.count(r"\underbrace") == 2


def test_a_part_that_is_not_there_marks_nothing() -> None:
    assert marked_paths(RIGHT, Name("W_9", RIGHT.shape)) == []
    assert marked_paths(RIGHT, None) == []
    assert marked_paths(RIGHT, RIGHT) == []
    assert marked_lines("delta_1", RIGHT, Name("W_9"), Notation(), 80)[0].underline == ""


@pytest.mark.parametrize("equation", TRACE.backward, ids=lambda e: e.name.id)
def test_latex_keeps_its_braces_and_no_sign_of_the_marking_is_left(equation: object) -> None:
    right: Expr = equation.value  # type: ignore[attr-defined]
    for part in walk(right):
        if part == right:
            continue
        tex = marked_tex("delta_1", right, part, notation_of(TRACE), "missing")
        assert BEGIN not in tex
        assert END not in tex
        assert tex.count("{") == tex.count("}")
        assert r"\underbrace" in tex
