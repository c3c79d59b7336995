"""HTML: well formed, self-contained, every label escaped, every link with a target, numbers and badges shown."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

import backproof as bp
from backproof.dims import Symbol
from backproof.ir.expr import Component, Const, Name, Partial, rational
from backproof.ir.program import Structure
from backproof.notation import Notation
from backproof.render.document import (
    Badge,
    Block,
    Certified,
    Conventions,
    Display,
    Document,
    Heading,
    Paragraph,
    Picture,
    Prose,
    Reference,
    Shaped,
)
from backproof.render.html import HtmlSection, to_html
from backproof.render.katex import FONTS, katex_script, katex_style
from backproof.render.typeset import matrix_of

VOID = {"meta", "link", "br", "img", "input", "hr"}
EVIL = "<script>alert(1)</script>\"'$\\%&{}<img src=x onerror=alert(2)>"

L, W, y_hat = Name("L"), Name("W_1", (3, 2)), Name("y_hat", (1, 1))


@dataclass
class Element:
    """An element of a parsed page, with the text inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """Parses a page and checks that every element is closed in order."""

    html: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute is given twice: {tag} {attrs}"
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str = "", css: str = "", **attributes: str) -> list[Element]:
        """The elements of a tag and a class, with these attributes."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.elements
            if tag in ("", e.tag)
            and (not css or css in (e.attributes.get("class") or "").split())
            and wanted.items() <= e.attributes.items()
        ]

    def one(self, tag: str = "", css: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, css, **attributes)
        return found


def document(*blocks: Block, title: Prose = ("Gradients",), **facts: str) -> Document:
    return Document(title, Notation(), blocks, facts)


def page(*blocks: Block) -> Page:
    return Page(to_html(document(*blocks)))


def structure(*sizes: int) -> Structure:
    found = bp.mlp(*sizes).structure
    assert found is not None
    return found


def equation(number: int = 1, **fields: object) -> Display:
    shown = Display(number, Partial(L, W), (Name("X", (1, 3)).T @ Name("delta_1", (1, 2)),), shape=(3, 2))
    return replace(shown, **fields)  # type: ignore[arg-type]  # the fields are named in each test


def rich() -> Document:
    """Every kind of block, with everything that a block can hold."""
    proved = Badge(True, "proved", "3 points modulo 2^31 - 1")
    return document(
        Heading(1, ("The gradient of ", W), "gradient-W_1"),
        Paragraph(("As ", Shaped(W), " is used in ", Reference(1), " and ", Reference(99), ".")),
        Picture(structure(3, 2, 1), ("The network that gives ", y_hat, ".")),
        Conventions((((W,), ("the weights",)),)),
        Heading(2, ("One weight",), "one"),
        equation(1, badge=proved, reason="chain rule"),
        equation(2, note=("using ", Reference(1)), uses=(1,), values=((0.5, -0.25), (1.0, 2.0), (0.0, 1e-9))),
        equation(2, restated=True),
        Heading(1, ("Certificate",), "certificate"),
        Certified(True, ("Every step holds.", "Tested at 3 points.")),
        title=("Gradients of ", W),
        version="0.1.0",
    )


# --- a sound file -------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_every_link_has_a_target() -> None:
    found = Page(to_html(rich()))
    ids = [e.attributes["id"] for e in found.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    links = [e.attributes["href"] or "" for e in found.all("a")]
    assert len(links) > 10
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_the_page_says_what_it_is_in() -> None:
    found = Page(to_html(rich()))
    assert found.one("html").attributes["lang"] == "en"
    assert found.all("title")[0].text == "Gradients of W_1"
    assert found.one("meta", name="viewport").attributes["content"] == "width=device-width, initial-scale=1"
    first = found.elements[found.elements.index(found.one("head")) + 1]
    assert first.attributes == {"charset": "utf-8"}


def test_the_policy_knows_the_scripts_by_their_digests_and_stands_before_all_else() -> None:
    found = Page(to_html(rich()))
    policy = found.one("meta", http_equiv="Content-Security-Policy")
    assert found.elements.index(policy) == found.elements.index(found.one("head")) + 2
    content = policy.attributes["content"] or ""
    rules = dict(rule.split(" ", 1) for rule in content.split("; "))
    assert rules["default-src"] == "'none'"
    digests = {base64.b64encode(hashlib.sha256(e.text.encode()).digest()).decode() for e in found.all("script")}
    assert len(digests) == 2
    assert set(rules["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}


def test_nothing_is_loaded_from_anywhere() -> None:
    html = to_html(rich())
    found = Page(html)
    assert not [e for e in found.elements if e.tag in ("link", "iframe", "object", "base") or "src" in e.attributes]
    without_scripts = html.replace(katex_script(), "")
    targets = re.findall(r"url\(([^)]*)\)", without_scripts)
    assert targets
    assert all(target.startswith("data:font/woff2;base64,") for target in targets)
    assert set(re.findall(r"https?://[^\"' ]*", without_scripts)) <= {"http://www.w3.org/2000/svg"}


def test_the_fonts_are_those_of_the_list() -> None:
    style = katex_style()
    assert style.count("@font-face") == style.count("data:font/woff2") == len(FONTS)
    assert "fonts/" not in style
    assert ".woff)" not in style


def test_the_assets_cannot_end_their_elements() -> None:
    assert "</script" not in katex_script()
    assert "</style" not in katex_style()
    assert "<!--" not in katex_script()


def test_the_same_document_gives_the_same_file() -> None:
    assert to_html(rich()) == to_html(rich())


def test_an_empty_document_is_a_page() -> None:
    found = Page(to_html(document()))
    assert found.all("nav") == []
    assert found.all("footer") == []


# --- labels -------------------------------------------------------------------------------------------------------


def hostile() -> Document:
    """A document in which every text that could come from a user is hostile."""
    name, matrix = Name(EVIL), Name(EVIL + "_1", (3, 2))
    harmless = structure(3, 2, 1)
    layers = tuple(replace(layer, activation=EVIL, weights=EVIL, output=EVIL, delta=EVIL) for layer in harmless.layers)
    return Document(
        (EVIL, name),
        Notation(),
        (
            Heading(1, (EVIL, name), 'anchor"><script>'),
            Paragraph((EVIL, Shaped(matrix))),
            Picture(replace(harmless, layers=layers, loss=EVIL), (EVIL, name)),
            Conventions((((name,), (EVIL,)),)),
            Display(
                1,
                Partial(L, matrix),
                (matrix + Component(matrix, EVIL, 1),),
                reason=EVIL,
                note=(EVIL,),
                badge=Badge(False, EVIL, EVIL),
                substituted=name,
                values=((1.0,),),
            ),
            Certified(False, (EVIL, EVIL)),
        ),
        {EVIL: EVIL},
    )


def test_no_label_becomes_markup() -> None:
    found = Page(to_html(hostile(), extra_sections=[HtmlSection(EVIL, 'x" onclick="alert(3)', Markup("<p>safe</p>"))]))
    assert len(found.all("script")) == 2
    assert found.all("img") == []
    handlers = [name for e in found.elements for name in e.attributes if name.startswith("on")]
    assert handlers == []


def test_labels_arrive_as_they_are() -> None:
    found = Page(to_html(hostile()))
    assert found.all("title")[0].text.startswith(EVIL)
    assert EVIL in found.one("main").text
    assert found.one("dt").text == EVIL
    assert found.one("summary", title=EVIL).text.split("\n")[1].endswith(EVIL)


def test_characters_that_html_cannot_hold_are_replaced() -> None:
    html = to_html(document(Paragraph(("a\x00b\ud800c\u202ed\x1be",)), title=("t\x00",)))
    assert Page(html).one("p").text == "a\ufffdb\ufffdc\ufffdd\ufffde"
    html.encode("utf-8")


def test_the_size_of_a_dimension_is_escaped_too() -> None:
    found = page(equation(shape=(Symbol("<b>"), 2)))
    assert found.one("span", "shape").text == "<b>×2"


# --- content ------------------------------------------------------------------------------------------------------


def test_an_equation_has_an_anchor_its_latex_and_a_text_to_read_without_scripts() -> None:
    found = page(equation(12))
    assert found.one("div", "equation").attributes["id"] == "eq-12"
    formula = found.one("div", "math")
    assert formula.attributes["data-tex"] == r"\frac{\partial L}{\partial W_1} = X^\top \mathbin{.} \Delta l_1"
    assert formula.text == "∂L/∂W_1 = Xᵀ . Δl_1"
    assert found.one("a", "number").attributes["href"] == "#eq-12"
    assert found.one("span", "shape").text == "3×2"


def test_a_scalar_equation_has_no_chip() -> None:
    assert page(equation(shape=())).all("span", "shape") == []


@pytest.mark.parametrize("holds", [True, False])
def test_the_badge_says_whether_it_is_proved_and_how(holds: bool) -> None:
    found = page(equation(badge=Badge(holds, "verdict", "the method")))
    badge = found.one("details", "holds" if holds else "fails")
    assert " ".join(badge.text.split()) == f"{'✓' if holds else '✗'} verdict the method"
    assert found.one("summary", title="the method").text.strip().endswith("verdict")


def test_the_reason_is_there_without_a_proof_too() -> None:
    found = page(equation(), equation(2, reason="chain rule", uses=(1,)))
    assert " ".join(found.one("details", "why").text.split()) == "why? chain rule, using (1)"
    assert found.one("a", "ref").attributes["href"] == "#eq-1"


def test_an_equation_that_is_left_out_is_no_link() -> None:
    found = page(equation(note=("using ", Reference(36))))
    assert found.one("span", "note").text == "using (36)"
    assert found.all("a", "ref") == []


def test_a_restated_equation_has_no_anchor_of_its_own() -> None:
    found = page(equation(5), equation(5, restated=True))
    assert [e.attributes.get("id") for e in found.all("div", "equation")] == ["eq-5", None]
    assert [e.attributes["href"] for e in found.all("a", "number")] == ["#eq-5", "#eq-5"]


def test_an_update_is_written_with_an_arrow() -> None:
    lines = (W - Name("grad_W_1", (3, 2)),)
    found = page(equation(target=W, lines=lines, relation="←"), equation(2, target=W, lines=lines * 2, relation="←"))
    single, double = found.all("div", "math")
    assert single.attributes["data-tex"] == r"W_1 \leftarrow W_1 - \frac{\partial L}{\partial W_1}"
    assert single.text == "W_1 ← W_1 − ∂L/∂W_1"
    assert r"W_1 &\leftarrow " in (double.attributes["data-tex"] or "")
    assert (double.attributes["data-tex"] or "").count("&= ") == 1


@pytest.mark.parametrize(
    ("values", "tex"),
    [
        (((0.5,),), r"l \times 3 \\[3pt] &= 0.5 \end{aligned}"),
        (((1 / 3,),), r"l \times 3 \\[3pt] &\approx 0.3333 \end{aligned}"),
        (((-2.0, 1e-9),), r"&= \begin{bmatrix} -2 & 10^{-9} \end{bmatrix} \end{aligned}"),
        (((float("nan"), float("-inf")),), r"&= \begin{bmatrix} \text{NaN} & -\infty \end{bmatrix} \end{aligned}"),
    ],
)
def test_numbers_stand_below_what_they_are_the_value_of(values: tuple[tuple[float, ...], ...], tex: str) -> None:
    found = page(equation(target=Name("z"), lines=(Name("l") * 3,), shape=(), values=values))
    assert (found.one("div", "math").attributes["data-tex"] or "").endswith(tex)


def test_numbers_put_in_stand_before_the_value() -> None:
    substituted = Const(rational(0.25)) * Const(rational(3))
    found = page(equation(target=Name("z"), lines=(Name("l") * 3,), substituted=substituted, values=((0.75,),)))
    formula = found.one("div", "math")
    lines = (formula.attributes["data-tex"] or "").split(r" \\[3pt] ")
    assert lines[1:] == [r"&\approx 0.25 \times 3", r"&= 0.75 \end{aligned}"]
    assert formula.text.splitlines()[1:] == ["  ≈ 0.25 × 3", "  = 0.75"]


def test_what_is_given_has_no_number_and_no_anchor() -> None:
    found = page(equation(0, target=Name("X", (1, 2)), lines=(), values=((0.0, 1.0),)))
    shown = found.one("div", "equation")
    assert "id" not in shown.attributes
    assert found.all("", "number") == []
    assert found.one("div", "math").attributes["data-tex"] == r"X = \begin{bmatrix} 0 & 1 \end{bmatrix}"
    assert found.one("button", "copy").attributes["aria-label"] == "Copy the LaTeX"


def test_shapes_are_set_in_a_size_that_can_be_read_on_a_screen() -> None:
    html = to_html(document(Paragraph((Shaped(W),)), equation(lines=(matrix_of(W),))))
    assert "scriptscriptstyle" not in html.replace(katex_script(), "").replace(katex_style(), "")
    assert html.count(r"_{3 \times 2}") == 2


def test_a_long_inline_formula_gets_a_box_that_scrolls() -> None:
    found = page(Paragraph((Name("short"), Name("quantity_" * 9))))
    assert [e.attributes["class"] for e in found.all("span", "math")] == ["math", "math long"]


def test_the_contents_list_parts_and_their_sections() -> None:
    found = Page(to_html(rich()))
    nav = found.elements[found.elements.index(found.one("nav")) : found.elements.index(found.one("main"))]
    outline = [(e.tag, e.attributes.get("href")) for e in nav if e.tag in ("ol", "a")]
    assert outline == [("ol", None), ("a", "#gradient-W_1"), ("ol", None), ("a", "#one"), ("a", "#certificate")]
    assert found.one("h2", id="certificate").text.startswith("Certificate")
    assert found.one("h3", id="one").text.startswith("One weight")


def test_the_certificate_begins_with_the_verdict() -> None:
    found = page(Certified(False, ("Step 3 does not hold.", "The others do.")))
    assert found.one("div", "certificate").attributes["class"] == "certificate fails"
    assert found.one("p", "verdict").text == "✗ Step 3 does not hold."
    assert found.one("li").text == "The others do."


def test_the_picture_is_drawn_with_its_caption() -> None:
    found = page(Picture(structure(3, 2, 1), ("The network that gives ", y_hat, ".")))
    assert found.one("svg", role="img").attributes["class"] == "bp-diagram"
    assert found.one("figcaption").text == "The network that gives ŷ."


def test_the_colophon_names_what_made_the_document() -> None:
    found = Page(to_html(document(version="0.1.0", specification="3-2-1")))
    assert [e.text for e in found.all("dt")] == ["version", "specification"]
    assert [e.text for e in found.all("dd")] == ["0.1.0", "3-2-1"]


# --- more sections ------------------------------------------------------------------------------------------------


def test_sections_stand_where_they_are_asked_for_and_in_the_contents() -> None:
    sections = [
        HtmlSection("Learning & loss", "curves", Markup("<figure><svg></svg></figure>")),
        HtmlSection("Metrics", "metrics", Markup("<table><tr><td>0.97</td></tr></table>"), "before"),
    ]
    found = Page(to_html(document(Heading(1, ("Forward",), "forward")), extra_sections=sections))
    assert [e.attributes["id"] for e in found.all("h2")] == ["metrics", "forward", "curves"]
    assert [e.text for e in found.all("li")] == ["Metrics\n", "Forward\n", "Learning & loss\n"]
    assert found.one("td").text == "0.97"


@pytest.mark.parametrize("colour", ["ink", "quiet", "rule", "wash", "link", "good", "bad"])
def test_sections_may_use_the_colours_of_the_page_by_day_and_by_night(colour: str) -> None:
    style = Page(to_html(document())).all("style")[1].text.split("@media print")[0]
    assert style.count(f"--{colour}: #") == 2
