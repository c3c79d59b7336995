"""Documents as text: never too wide, in ASCII where asked for, harmless whatever things are called."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Name
from backproof.ir.program import Equation, Program
from backproof.notation import Notation
from backproof.render.document import Badge, Certified, Display, Document, Heading, Paragraph, Reference
from backproof.render.outline import View, outline
from backproof.render.text import to_text
from backproof.render.widths import columns
from documents import GOLDEN, NASTY, NETWORKS, VIEWS, document_of, nasty_network, nasty_program, numbers_for
from programs import PROGRAMS

ESCAPE = re.compile(r"\x1b\[\d+m")


def widest(text: str) -> int:
    return max(map(columns, text.splitlines()))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("network", NETWORKS)
def test_no_line_is_wider_than_asked_for(network: str, view: View) -> None:
    document = document_of(network, view, numbers=True)
    assert widest(to_text(document)) <= 80
    assert widest(to_text(document, width=50)) <= 50
    ascii = to_text(document, ascii=True)
    assert widest(ascii) <= 80
    assert ascii.isascii()
    assert "\\u" not in ascii


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_no_networks_fit_too(name: str) -> None:
    trace = backpropagate(PROGRAMS[name]())
    for view in VIEWS:
        text = to_text(outline(trace, view=view, numbers=numbers_for(trace)))
        assert widest(text) <= 80


def test_colour_only_where_asked_for() -> None:
    document = document_of("the seed's")
    plain, coloured = to_text(document), to_text(document, color=True)
    assert "\x1b" not in plain
    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == plain


def test_no_line_ends_in_a_space() -> None:
    text = to_text(document_of("penalised", numbers=True))
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("name", NASTY)
def test_names_that_mean_harm(name: str) -> None:
    for program in (nasty_program(name), nasty_network(name)):
        for view in VIEWS:
            document = outline(backpropagate(program), view=view, facts={"made by": name})
            for ascii in (False, True):
                text = to_text(document, ascii=ascii)
                assert widest(text) <= 80
                assert all(line.isprintable() for line in text.splitlines())


# --- single blocks ------------------------------------------------------------------------------------------------

x, y = Name("x"), Name("y")


def text_of(*blocks: object, **options: bool) -> str:
    document = Document(("T",), Notation(), blocks)  # type: ignore[arg-type]  # blocks, as every caller gives
    return to_text(document, **options).split("\n", 3)[3]


def test_an_equation_has_its_number_at_the_right() -> None:
    assert text_of(Display(12, y, (x + 1,))) == "    y = x + 1" + " " * 63 + "(12)"


def test_an_equation_without_a_number() -> None:
    assert text_of(Display(0, y, (x + 1,))) == "    y = x + 1"


def test_what_stands_beside_an_equation() -> None:
    matrix = Name("A", (2, 3))
    proved = Display(
        7, matrix, (matrix + 1,), note=("using ", Reference(3)), shape=(2, 3), badge=Badge(True, "proved", "exactly")
    )
    assert text_of(proved).endswith("A = A + 1                                             using (3)  2×3  ✓  (7)")
    refuted = Display(7, y, (x,), badge=Badge(False, "does not hold", "at 3 points"))
    assert text_of(refuted).endswith("✗  (7)")
    assert text_of(refuted, ascii=True).endswith("[FALSE]  (7)")


def test_a_note_without_room_stands_below() -> None:
    long = Name("w" * 60)
    lines = text_of(Display(1, y, (long,), note=("using ", Reference(9)))).splitlines()
    assert lines == [f"    y = {'w' * 60}", " " * 66 + "using (9)  (1)"]


def test_an_update_has_an_arrow() -> None:
    assert text_of(Display(1, y, (x,), relation="←", values=((0.5,),))).splitlines() == [
        "    y ← x",
        "      = 0.5" + " " * 66 + "(1)",
    ]
    assert "y <- x" in text_of(Display(1, y, (x,), relation="←"), ascii=True)


def test_rounded_numbers_are_only_nearly_equal() -> None:
    assert "y = 0.125 " in text_of(Display(1, y, (), values=((0.125,),)))
    assert "y ≈ 0.3333 " in text_of(Display(1, y, (), values=((1 / 3,),)))
    assert "y = −∞ " in text_of(Display(1, y, (), values=((float("-inf"),),)))
    assert "y = NaN " in text_of(Display(1, y, (), values=((float("nan"),),)))


def test_entries_left_out_are_dots() -> None:
    values = ((1.0, None, 2.0), (None, None, None), (3.0, None, 4.0))
    assert text_of(Display(0, y, (), values=values)).splitlines() == [
        "        ⎡1  ⋯  2⎤",
        "    y = ⎢⋮  ⋱  ⋮⎥",
        "        ⎣3  ⋯  4⎦",
    ]


def test_headings_are_underlined_as_far_as_they_reach() -> None:
    assert text_of(Heading(1, ("Größe 名前",), "a")) == "Größe 名前\n──────────"
    assert text_of(Heading(2, ("Loss",), "a"), ascii=True) == "Loss\n...."


def test_paragraphs_are_wrapped_and_short_formulas_kept_together() -> None:
    words = ("word " * 14 + "and ", x + y, " word" * 5)
    assert text_of(Paragraph(words)).splitlines() == ["word " * 14 + "and x + y", "word word word word word"]
    apart = ("word " * 14 + "and so ", x + y)
    assert text_of(Paragraph(apart)).splitlines() == ["word " * 14 + "and so", "x + y"]


def test_the_proof_is_summed_up() -> None:
    assert (
        text_of(Certified(True, ("All 52 steps hold.", "Error at most 10⁻¹⁵.")))
        == "✓ All 52 steps hold.\n  Error at most 10⁻¹⁵."
    )
    assert text_of(Certified(False, ("Step 3 fails.",)), ascii=True) == "[FALSE] Step 3 fails."


def test_a_long_line_without_a_place_to_break_is_cut() -> None:
    program = Program((), (Name("w" * 300),), (Equation(Name("L"), Name("w" * 300) ** 2),), "L")
    for view in VIEWS:
        assert widest(to_text(outline(backpropagate(program), view=view))) <= 80


# --- whole documents ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"documents/{name}.txt", to_text(GOLDEN[name]()) + "\n")
