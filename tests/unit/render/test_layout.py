"""Layout: several right-hand sides, long lines broken at operators, grids."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.ir.expr import Assembled, Component, Elementwise, Expr, Name, Partial
from backproof.render.dialects import ASCII, LATEX, UNICODE
from backproof.render.layout import grid, latex_lines, text_lines, typeset_equation, wrap_equation
from backproof.render.typeset import matrix_of
from backproof.render.widths import columns, latex_width
from backproof.rules.elementwise import exp

X, W_1, delta_1, L = Name("X", (1, 9)), Name("W_1", (9, 2)), Name("delta_1", (1, 2)), Name("L")


def long_sum(terms: int) -> Expr:
    total: Expr = Component(X, 1, 1) * Component(W_1, 1, 1)
    for i in range(2, terms + 1):
        total = total + Component(X, 1, i) * Component(W_1, i, 1)
    return total


def without_layout(text: str) -> str:
    return " ".join(text.split())


# --- text ---------------------------------------------------------------------------------------------------------


def test_a_long_sum_is_broken_before_plus_and_aligned() -> None:
    text = typeset_equation(Name("z"), long_sum(9), width=60)
    assert text.splitlines() == [
        "z = x^1 × w_1^{11} + x^2 × w_1^{21} + x^3 × w_1^{31}",
        "    + x^4 × w_1^{41} + x^5 × w_1^{51} + x^6 × w_1^{61}",
        "    + x^7 × w_1^{71} + x^8 × w_1^{81} + x^9 × w_1^{91}",
    ]


def test_inside_brackets_a_line_is_broken_too_and_indented() -> None:
    sigmoid = 1 / (1 + Elementwise(exp, -long_sum(4)))
    assert typeset_equation(Name("l"), sigmoid * (1 - sigmoid), width=60).splitlines() == [
        "l = 1/(1 + exp(−(x^1 × w_1^{11} + x^2 × w_1^{21}",
        "          + x^3 × w_1^{31} + x^4 × w_1^{41}))) × (1 − 1/(1",
        "        + exp(−(x^1 × w_1^{11} + x^2 × w_1^{21}",
        "            + x^3 × w_1^{31} + x^4 × w_1^{41}))))",
    ]


def test_each_right_hand_side_has_a_line() -> None:
    text = typeset_equation(Partial(L, W_1), [X.T @ delta_1, matrix_of(Name("v", (2, 1)))])
    assert text.splitlines() == [
        "∂L/∂W_1 = Xᵀ . Δl_1",
        "        = ⎡v^1⎤",
        "          ⎣v^2⎦",
    ]


def test_the_relation_stands_beside_the_middle_of_a_matrix() -> None:
    assert text_lines("v", [("<-", ["[1]", "[2]", "[3]"]), ("=", "w")]) == [
        "     [1]",
        "v <- [2]",
        "     [3]",
        "  =  w",
    ]


def test_a_long_left_hand_side_stands_alone() -> None:
    name = Name("the_left_hand_side_" * 3 + "end")
    lines = typeset_equation(name, [long_sum(3), Name("b")], width=62).splitlines()
    assert lines[0] == name.id
    assert lines[1:] == ["  = x^1 × w_1^{11} + x^2 × w_1^{21} + x^3 × w_1^{31}", "  = b"]


def test_a_grid_in_ascii_and_of_one_row() -> None:
    assert typeset_equation(Name("v"), matrix_of(Name("v", (2, 2))), ASCII).splitlines() == [
        "v = [v^{11}  v^{12}]",
        "    [v^{21}  v^{22}]",
    ]
    assert grid([["1", "2"]]) == ["[1  2]"]
    assert grid([["1"], ["2"], ["3"]]) == ["⎡1⎤", "⎢2⎥", "⎣3⎦"]


def test_a_matrix_too_wide_for_a_grid_is_listed_entry_by_entry() -> None:
    entry = Component(Name("v", (2, 2)), "i", "j")
    wide: Expr = entry
    for _ in range(5):
        wide = wide * entry
    lines = typeset_equation(Name("M"), Assembled((2, 2), "i", "j", wide)).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("M = [v^{11} × ")
    assert lines[0].endswith(",")
    assert lines[1].endswith(";")
    assert lines[3].endswith("]")


signs = st.sampled_from([" + ", " − ", " × ", " ∘ ", " . "])
words = st.text("abc_^{}()[]", min_size=1, max_size=12)


@given(st.lists(st.tuples(words, signs), min_size=1, max_size=12), words, st.integers(30, 100))
def test_wrapping_loses_nothing_and_keeps_the_width_where_words_fit(
    parts: list[tuple[str, str]], last: str, width: int
) -> None:
    rhs = "".join(word + sign for word, sign in parts) + last
    text = wrap_equation("lhs", rhs, width)
    assert without_layout(text) == without_layout(f"lhs = {rhs}")
    balanced = not any(character in rhs for character in "{}()[]")
    if balanced:
        assert max(map(columns, text.splitlines())) <= width


# --- LaTeX --------------------------------------------------------------------------------------------------------


def test_one_short_side_needs_no_environment() -> None:
    text = typeset_equation(Partial(L, W_1), X.T @ delta_1, LATEX)
    assert text == r"\frac{\partial L}{\partial W_1} = X^\top \mathbin{.} \Delta l_1"


def test_several_sides_and_long_ones_are_aligned() -> None:
    text = typeset_equation(Name("z"), [long_sum(9), Name("a")], LATEX, width=40)
    assert text == (
        r"\begin{aligned} z &= x^1 \times w_1^{11} + x^2 \times w_1^{21} + x^3 \times w_1^{31} + x^4 \times w_1^{41}"
        r" \\ &\qquad {} + x^5 \times w_1^{51} + x^6 \times w_1^{61} + x^7 \times w_1^{71} + x^8 \times w_1^{81}"
        r" \\ &\qquad {} + x^9 \times w_1^{91} \\ &= a \end{aligned}"
    )


def test_latex_is_never_cut_inside_matrices_or_text() -> None:
    held = [
        r"\begin{bmatrix} a + b & c + d \\[2pt] e + f & g \times h + i + j + k + l \end{bmatrix}",
        r"\text{a + b + c \} + \{ d + e + f + g + h + i + j + k + l}",
    ]
    lines = latex_lines("x", [("=", " + ".join(held))], width=30)
    assert lines == [f"x &= {held[0]}", *(rf"&\qquad {{}} + {piece}" for piece in held[1:])]


def test_latex_is_cut_inside_brackets_that_are_too_wide_by_themselves_and_no_others() -> None:
    narrow = r"\left( \frac{a}{b} + c \right)"
    wide = r"\left[ a + \frac{b}{c} + d + e + f + g + h + \left( i + j + k \right) + l \right]"
    lines = latex_lines("x", [("=", f"{narrow} + {wide}")], width=30)
    assert lines == [
        rf"x &= {narrow}",
        r"&\qquad {} + \Bigl[ a + \frac{b}{c} + d + e + f + g + h",
        r"&\qquad {}   + \Bigl( i + j + k \Bigr) + l \Bigr]",
    ]


def test_a_wide_left_hand_side_stands_alone_in_latex() -> None:
    lines = latex_lines(
        r"\mathrm{" + "w" * 70 + "}", [("=", "a + b + c + d + e + f + g + h + i"), ("=", "b")], width=80
    )
    assert lines[0] == r"& \mathrm{" + "w" * 70 + "}"
    assert lines[1:] == [r"&\quad = a + b + c + d + e + f + g + h + i", r"&\quad = b"]


def test_room_is_left_for_the_widest_left_hand_side() -> None:
    side = " + ".join("abcdefghijklmnop")
    assert latex_lines("x", [("=", side)], width=60) == [f"x &= {side}"]
    assert latex_lines("x", [("=", side)], width=60, margin=25) == [
        "x &= a + b + c + d + e + f + g + h + i + j + k",
        r"&\qquad {} + l + m + n + o + p",
    ]


# --- widths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("ŷ × x̂", 5), ("x\u0302", 1), ("層_1", 4), ("", 0)])
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


MEASURED = {
    # points in pdflatex's display style at 11 pt
    r"\begin{bmatrix} \Delta l_1^1 \times x^1 & \Delta l_1^2 \times x^1 \end{bmatrix}": 103,
    r"\frac{1}{2} \times 2 \times (y - \hat{y})^1 \times (-1)": 114,
    r"\frac{1}{1 + e^{-(x^1 \times w_1^{11} + x^2 \times w_1^{21} + x^3 \times w_1^{31})}}": 142,
    r"(\Delta l_2 \mathbin{.} W_2^\top) \circ l_1 \circ (1 - l_1)": 117,
    r"\begin{cases} X \mathbin{.} W_1 & \text{if } X \mathbin{.} W_1 > 0 \\ 0 & \text{otherwise} \end{cases}": 116,
    r"0.005 \sum (W_1)^2 + 0.005 \sum (W_2)^2": 155,
}


@pytest.mark.parametrize("formula", MEASURED)
def test_the_estimated_width_is_within_a_quarter_of_the_measured_one(formula: str) -> None:
    assert latex_width(formula) * 5.6 == pytest.approx(MEASURED[formula], rel=0.25)


def test_widths_of_unfinished_formulas_end() -> None:
    for broken in (r"\frac", "{", "^", "_", r"\begin{bmatrix}", "}", r"\frac{a}"):
        assert latex_width(broken) >= 0


def test_fractions_count_their_wider_half() -> None:
    assert latex_width(r"\frac{a}{b + c + d}") == latex_width("b + c + d")
    assert latex_width("w_1^{11}") == latex_width("w^{11}") == latex_width("w_{11}^1")


def test_text_has_no_trailing_spaces() -> None:
    for width in (20, 40, 80):
        for dialect in (UNICODE, ASCII):
            text = typeset_equation(
                Name("z"), [long_sum(9), matrix_of(W_1), X.T * Fraction(1, 2)], dialect, width=width
            )
            assert all(line == line.rstrip() for line in text.splitlines())
