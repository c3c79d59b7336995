"""The network diagram: nothing overlaps, everything is named, escaped and the same each time."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.errors import SpecificationError
from backproof.ir.expr import Component, Name
from backproof.ir.program import Samples
from backproof.notation import Indices, Notation
from backproof.render.diagram import (
    Diagram,
    Label,
    LayerPicture,
    network_diagram,
    to_svg,
    to_tikz,
)
from backproof.render.diagram.clip import SHORTEST, Box, length, outside
from backproof.render.diagram.columns import MAX_LAYERS, MAX_NODES
from backproof.render.diagram.gaps import HALF_LABEL_HEIGHT
from backproof.render.diagram.labels import quantity_label, shortened, weight_label
from backproof.render.diagram.parts import WEIGHT_SIZE, Node, Point, Segment
from backproof.render.diagram.tex import tex_math, tex_text
from backproof.render.dialects import LATEX
from backproof.render.typeset import typeset

if TYPE_CHECKING:
    from playwright.sync_api import Page

SPECIFICATIONS = [
    "1-1",
    "3-1",
    "3-1-1",
    "3-2-1",
    "3-4-2-1",
    "784-128-10",
    "20-64-64-1",
    "100000-3",
    "8-7-6-5-4-3-2-1",
    "-".join(["8"] * 59 + ["1"]),
]
HOSTILE = "</title><script>alert(1)</script> & $x_1$ \\ % # {^~} \" ' \x00 \n é 中"
SVG = "{http://www.w3.org/2000/svg}"


def picture(
    specification: str,
    *,
    bias: bool = False,
    activation: str = "sigmoid",
    notation: Notation | None = None,
    inputs: tuple[str, ...] = (),
) -> Diagram:
    sizes = [int(size) for size in specification.split("-")]
    hidden = [LayerPicture(f"l_{k}", size, activation, "hidden") for k, size in enumerate(sizes[1:-1], 1)]
    layers = [
        LayerPicture("X", sizes[0], None, "input", inputs),
        *hidden,
        LayerPicture("y_hat", sizes[-1], activation, "output"),
    ]
    return network_diagram(layers, [f"W_{k}" for k in range(1, len(sizes))], bias=bias, notation=notation)


def label_boxes(diagram: Diagram) -> list[Box]:
    return [
        Box(edge.label_at, edge.label.width(WEIGHT_SIZE) / 2, HALF_LABEL_HEIGHT - 1)
        for edge in diagram.edges
        if edge.label_at is not None
    ]


def overlap(a: Box, b: Box) -> bool:
    return (
        abs(a.centre.x - b.centre.x) < a.half_width + b.half_width
        and abs(a.centre.y - b.centre.y) < a.half_height + b.half_height
    )


def reaches_into(node: Node, radius: float, box: Box) -> bool:
    across = max(abs(node.at.x - box.centre.x) - box.half_width, 0)
    down = max(abs(node.at.y - box.centre.y) - box.half_height, 0)
    return math.hypot(across, down) < radius


networks = st.builds(
    lambda sizes, bias, indices, samples: picture(
        "-".join(map(str, sizes)), bias=bias, notation=Notation(indices=indices, samples=samples)
    ),
    st.lists(st.integers(1, 8) | st.integers(1, 10**7), min_size=2, max_size=9),
    st.booleans(),
    st.sampled_from(get_args(Indices)),
    st.sampled_from(get_args(Samples)),
)


class TestLayout:
    @given(networks)
    def test_labels_keep_clear_of_each_other_and_of_nodes(self, diagram: Diagram) -> None:
        boxes = label_boxes(diagram)
        assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
        assert not [(node, box) for node in diagram.nodes for box in boxes if reaches_into(node, diagram.radius, box)]

    @given(networks)
    def test_no_line_runs_through_a_label(self, diagram: Diagram) -> None:
        boxes = label_boxes(diagram)
        for line in (line for edge in diagram.edges for line in edge.lines):
            assert sum(map(length, outside(line, boxes))) == pytest.approx(length(line))

    @given(networks)
    def test_no_other_edge_crosses_a_label_of_a_crowded_gap(self, diagram: Diagram) -> None:
        places = [edge.label_at for edge in diagram.edges if edge.crowded and edge.label_at]
        for edge in diagram.edges:
            start, end = edge.lines[0].start, edge.lines[-1].end
            for place in places:
                if start.x < place.x < end.x and place != edge.label_at:
                    height = start.y + (end.y - start.y) * (place.x - start.x) / (end.x - start.x)
                    assert abs(height - place.y) > HALF_LABEL_HEIGHT

    @given(networks)
    def test_a_labelled_edge_shows_on_both_sides_of_its_label(self, diagram: Diagram) -> None:
        for edge in diagram.edges:
            if edge.label_at is not None:
                assert edge.lines[0].start.x < edge.label_at.x < edge.lines[-1].end.x

    @given(networks)
    def test_nodes_keep_clear_of_each_other_and_all_lies_inside(self, diagram: Diagram) -> None:
        for a, b in combinations(diagram.nodes, 2):
            assert math.hypot(a.at.x - b.at.x, a.at.y - b.at.y) > 2 * diagram.radius + 8
        for node in diagram.nodes:
            assert diagram.radius < node.at.x < diagram.width - diagram.radius
            assert diagram.radius < node.at.y < diagram.height - diagram.radius
        lowest = max(node.at.y for node in diagram.nodes) + diagram.radius
        highest = min(node.at.y for node in diagram.nodes) - diagram.radius
        for caption in diagram.captions:
            last_line = caption.at.y + 17 * (len(caption.lines) - 1)
            assert last_line < highest or lowest < caption.at.y - 10
            assert 0 < last_line < diagram.height - 4

    def test_small_networks_are_drawn_in_full(self) -> None:
        diagram = picture("3-2-1")
        assert [node.label.name for node in diagram.nodes] == ["x^1", "x^2", "x^3", "l_1^1", "l_1^2", "ŷ"]
        assert all(edge.label_at for edge in diagram.edges)
        assert [(edge.label.name, edge.source.name, edge.target.name) for edge in diagram.edges] == [
            ("w_1^{11}", "x^1", "l_1^1"),
            ("w_1^{12}", "x^1", "l_1^2"),
            ("w_1^{21}", "x^2", "l_1^1"),
            ("w_1^{22}", "x^2", "l_1^2"),
            ("w_1^{31}", "x^3", "l_1^1"),
            ("w_1^{32}", "x^3", "l_1^2"),
            ("w_2^1", "l_1^1", "ŷ"),
            ("w_2^2", "l_1^2", "ŷ"),
        ]

    def test_wide_layers_keep_the_first_three_nodes_and_the_last(self) -> None:
        diagram = picture("784-128-10")
        assert [node.label.name for node in diagram.nodes if node.layer == 0] == ["x^1", "x^2", "x^3", "x^{784}"]
        assert [dots.title for dots in diagram.ellipses] == [
            "780 nodes are not drawn",
            "124 nodes are not drawn",
            "6 nodes are not drawn",
        ]
        labelled = [edge.label.name for edge in diagram.edges if edge.label_at]
        assert labelled == ["w_1^{1,1}", "w_1^{784,128}", "w_2^{1,1}", "w_2^{128,10}"]

    @pytest.mark.parametrize(("size", "dots"), [(MAX_NODES, 0), (MAX_NODES + 1, 1)])
    def test_where_wide_begins(self, size: int, dots: int) -> None:
        assert len(picture(f"{size}-1").ellipses) == dots

    def test_deep_networks_keep_the_first_three_layers_and_the_last_two(self) -> None:
        diagram = picture("-".join(["2"] * 60))
        assert sorted({node.layer for node in diagram.nodes}) == [0, 1, 2, 58, 59]
        assert [dots.title for dots in diagram.ellipses] == ["55 layers are not drawn"]
        assert {edge.label.sub for edge in diagram.edges} == {"1", "2", "59"}
        assert len(diagram.stubs) == 4

    @pytest.mark.parametrize(("count", "shown"), [(MAX_LAYERS, MAX_LAYERS), (MAX_LAYERS + 1, 5)])
    def test_where_deep_begins(self, count: int, shown: int) -> None:
        assert len({node.layer for node in picture("-".join(["1"] * count)).nodes}) == shown

    def test_size_of_the_picture_does_not_grow_with_the_network(self) -> None:
        assert len(to_svg(picture("-".join(["5000"] * 200)))) < 40_000

    def test_bias_nodes_and_their_weights(self) -> None:
        diagram = picture("3-2-1", bias=True)
        assert [node.layer for node in diagram.nodes if node.kind == "bias"] == [0, 1]
        assert [edge.label.name for edge in diagram.edges if edge.bias] == ["b_1^1", "b_1^2", "b_2"]
        assert [line.label.name for line in diagram.captions[0].lines if line.label] == ["W_1", "b_1"]

    def test_captions_tell_shapes_sizes_and_activations(self) -> None:
        texts = [[line.text for line in caption.lines] for caption in picture("3-2-1").captions]
        assert texts == [
            ["3 × 2"],
            ["2 × 1"],
            ["input", "3 nodes"],
            ["hidden layer", "2 nodes", "sigmoid"],
            ["output", "1 node", "sigmoid"],
        ]

    def test_column_samples_turn_indices_and_shapes(self) -> None:
        diagram = picture("3-2-1", notation=Notation(samples="columns"))
        assert diagram.edges[1].label.name == "w_1^{21}"
        assert diagram.captions[0].lines[0].text == "2 × 3"

    def test_labels_stand_beside_the_nodes(self) -> None:
        diagram = picture("2-1", inputs=("age", "a very long name for a feature indeed"))
        assert [node.note for node in diagram.nodes] == ["age", "a very long name for a fe…", ""]
        assert diagram.nodes[1].title == "input 2 of 2: a very long name for a feature indeed"
        assert diagram.width > picture("2-1").width

    def test_omitted_layers_that_differ_are_only_counted(self) -> None:
        captions = picture("2-2-2-2-3-2-2-1").captions
        assert ["3 more layers"] in [[line.text for line in caption.lines] for caption in captions]

    @pytest.mark.parametrize("specification", SPECIFICATIONS)
    def test_every_name_is_used_once(self, specification: str) -> None:
        diagram = picture(specification, bias=True)
        names = [edge.label.name for edge in diagram.edges]
        assert len(set(names)) == len(names)


class TestInput:
    def test_one_layer_is_no_network(self) -> None:
        with pytest.raises(SpecificationError, match="at least 2 layers, got 1"):
            network_diagram([LayerPicture("X", 1, None, "input")], [])

    def test_weight_names_must_fit(self) -> None:
        layers = [LayerPicture("X", 1, None, "input"), LayerPicture("y_hat", 1, None, "output")]
        with pytest.raises(SpecificationError, match="1 weight matrices between them, got 2 names"):
            network_diagram(layers, ["W_1", "W_2"])

    def test_an_empty_layer(self) -> None:
        with pytest.raises(SpecificationError, match="'l_1' of the diagram has 0 nodes"):
            LayerPicture("l_1", 0, None, "hidden")

    def test_labels_must_fit(self) -> None:
        with pytest.raises(SpecificationError, match="2 nodes but 1 labels"):
            LayerPicture("X", 2, None, "input", ("age",))
        with pytest.raises(SpecificationError, match="only inputs and outputs take labels"):
            LayerPicture("l_1", 1, None, "hidden", ("age",))


class TestClip:
    def test_overlapping_boxes_leave_one_hole(self) -> None:
        line = Segment(Point(0, 0), Point(100, 0))
        parts = outside(line, [Box(Point(40, 0), 10, 5), Box(Point(50, 2), 10, 5), Box(Point(50, 9), 10, 5)])
        assert [(part.start.x, part.end.x) for part in parts] == [(0, 30), (60, 100)]

    def test_a_box_within_a_box_hides_nothing_more(self) -> None:
        line = Segment(Point(0, 0), Point(100, 0))
        parts = outside(line, [Box(Point(50, 0), 30, 5), Box(Point(40, 0), 10, 5)])
        assert [(part.start.x, part.end.x) for part in parts] == [(0, 20), (80, 100)]

    def test_a_box_beside_the_line_changes_nothing(self) -> None:
        line = Segment(Point(0, 0), Point(30, 40))
        assert outside(line, [Box(Point(30, 0), 5, 5)]) == (line,)

    def test_specks_are_left_out(self) -> None:
        line = Segment(Point(0, 0), Point(0, 20))
        assert outside(line, [Box(Point(0, 10), 3, 10 - SHORTEST / 2)]) == ()
        assert length(line) == 20


class TestSvg:
    def test_everything_carries_its_name_and_a_title(self) -> None:
        root = ElementTree.fromstring(to_svg(picture("3-2-1", bias=True)))
        assert root.get("role") == "img"
        assert root.get("aria-label") == (
            "Feed-forward network with biases: 3 inputs, 2 hidden nodes (sigmoid), 1 output (sigmoid)"
        )
        groups = {group.get("data-name") or group.get("data-weight"): group for group in root.iter(f"{SVG}g")}
        assert groups["l_1^1"].findtext(f"{SVG}title") == "l_1^1: hidden 1 of 2"
        assert groups["w_1^{32}"].findtext(f"{SVG}title") == "w_1^{32}: x^3 → l_1^2"
        assert (groups["w_2^1"].get("data-from"), groups["w_2^1"].get("data-to")) == ("l_1^1", "ŷ")
        assert len(root.findall(f"{SVG}g[@data-name]")) == 8
        assert len(root.findall(f"{SVG}g[@data-weight]")) == 11

    def test_it_asks_for_nothing_from_outside_and_runs_nothing(self) -> None:
        svg = to_svg(picture("784-128-10")).replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|url\(|@import|<script|<image|href| id=| on\w+=", svg)

    def test_hostile_names_stay_text(self) -> None:
        svg = to_svg(hostile_picture())
        root = ElementTree.fromstring(svg)
        assert not list(root.iter(f"{SVG}script"))
        assert "<script" not in svg
        shown = [text.text for text in root.iter(f"{SVG}text")]
        assert "</title><script>alert(1)<…" in shown

    def test_scripts_stand_over_each_other(self) -> None:
        root = ElementTree.fromstring(to_svg(picture("3-2-1")))
        group = root.find(f"{SVG}g[@data-weight='w_1^{{12}}']")
        assert group is not None
        base, sup, sub = group.iter(f"{SVG}tspan")
        assert (base.text, sup.text, sub.text) == ("w", "12", "1")
        assert sup.get("x") == sub.get("x")
        assert float(sup.get("y", "")) < float(base.get("y", "")) < float(sub.get("y", ""))


def hostile_picture() -> Diagram:
    layers = [
        LayerPicture(HOSTILE, 2, None, "input", (HOSTILE, "<b>")),
        LayerPicture("y_hat", 1, HOSTILE, "output", (HOSTILE,)),
    ]
    return network_diagram(layers, [HOSTILE], bias=True)


class TestTikz:
    @pytest.mark.parametrize("diagram", [picture("3-2-1", bias=True), hostile_picture()])
    def test_braces_are_balanced(self, diagram: Diagram) -> None:
        bare = re.sub(r"\\[{}\\]", "", to_tikz(diagram))
        assert bare.count("{") == bare.count("}")

    def test_mathematics_is_mathematics(self) -> None:
        tikz = to_tikz(picture("3-2-1"))
        assert r"{$w_{1}^{32}$};" in tikz
        assert r"{$W_{1}$\enspace 3 $\times$ 2};" in tikz

    def test_wide_pictures_are_scaled_to_the_page(self) -> None:
        diagram = picture("3-3-3-3-3-1")
        assert "scale=" not in to_tikz(diagram, text_width=diagram.width)
        assert "scale=0.500, transform shape" in to_tikz(diagram, text_width=diagram.width * 0.75 / 2)

    @pytest.mark.parametrize(
        ("quantity", "tex"),
        [
            ("W_1", "W_{1}"),
            ("ŷ", r"\hat{y}"),
            ("theta_2", r"\theta_{2}"),
            ("lambda_bar", r"\bar{\lambda}"),
            ("my_weight_2", r"\mathrm{my\_weight}_{2}"),
            ("100%", r"\text{100\%}"),
        ],
    )
    def test_spelling_of_quantities(self, quantity: str, tex: str) -> None:
        assert tex_math(quantity_label(quantity)) == tex

    @pytest.mark.parametrize("indices", get_args(Indices))
    @pytest.mark.parametrize("shape", [(3, 2), (2, 1), (1, 3), (1, 1), (784, 128)])
    def test_weights_are_spelt_as_in_the_formulas(self, indices: Indices, shape: tuple[int, int]) -> None:
        notation = Notation(indices=indices)
        entry = typeset(Component(Name("W_1", shape), *shape), LATEX, notation)
        spelt = tex_math(weight_label("W_1", shape, shape, notation))
        # Digits look the same with or without these.
        marks = re.compile(r"[{}]|\\text")
        assert marks.sub("", spelt) == marks.sub("", entry)

    def test_spelling_of_scripts(self) -> None:
        assert tex_math(Label("w", "", "a%", "1,2")) == r"w_{\text{a\%}}^{1,2}"

    def test_spelling_of_texts(self) -> None:
        assert tex_text("50% of 3 × 2") == r"50\% of 3 $\times$ 2"

    @pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with TikZ")
    def test_pdflatex_accepts_it(self, tmp_path: Path) -> None:
        pictures = [to_tikz(picture(specification, bias=True)) for specification in SPECIFICATIONS]
        body = "\n\n".join([*pictures, to_tikz(hostile_picture())])
        preamble = r"\documentclass{article}\usepackage{amsmath,tikz}\usepackage[margin=2.5cm]{geometry}"
        (tmp_path / "all.tex").write_text(
            rf"{preamble}\parindent=0pt\begin{{document}}{body}\end{{document}}", encoding="utf-8"
        )
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
        )
        log = (tmp_path / "all.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-2000:]
        assert "Overfull" not in log


@pytest.mark.parametrize("specification", ["1-1", "3-2-1", "784-128-10"])
def test_golden(specification: str, golden: Callable[[str, str], None]) -> None:
    diagram = picture(specification, bias=specification.startswith("784"))
    golden(f"diagram/{specification}.svg", to_svg(diagram))
    golden(f"diagram/{specification}.tex", to_tikz(diagram))


def drawn_texts(page: Page, svg: str) -> Iterator[tuple[str, Box]]:
    page.set_content(f"<body style='margin:0'>{svg}")
    found = page.evaluate(
        """() => [...document.querySelectorAll("text")].map(text => {
            const box = text.getBBox();
            return [text.textContent, box.x, box.y, box.width, box.height];
        })"""
    )
    for text, x, y, width, height in found:
        # A text's box is as high as its line; the ink is not.
        yield text, Box(Point(x + width / 2, y + height / 2), width / 2, 0.35 * height)


@pytest.mark.parametrize("bias", [False, True])
def test_texts_do_not_meet_in_a_browser(page: Page, bias: bool) -> None:
    """The widths that the layout estimates hold in a real browser with whatever fonts it has."""
    for specification in SPECIFICATIONS:
        diagram = picture(specification, bias=bias)
        texts = list(drawn_texts(page, to_svg(diagram)))
        met = [(a[0], b[0]) for a, b in combinations(texts, 2) if overlap(a[1], b[1])]
        assert not met, specification
        for text, box in texts:
            assert box.centre.x - box.half_width > 0, (specification, text)
            assert box.centre.x + box.half_width < diagram.width, (specification, text)


def test_shortened_keeps_to_one_line() -> None:
    assert shortened("two\nlines", 20) == "two lines"
    assert shortened("x" * 20, 20) == "x" * 20
