"""Drawings: names stay names, numbers stay readable, and what cannot be drawn is thinned."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from backproof.networks import mlp
from backproof.run.curve import Curve, Point
from backproof.run.evaluation import Forward
from backproof.run.plots import image_tiles, learning_curve, mosaic, predictions, thinned, weight_tiles
from backproof.run.prepare import digits
from backproof.run.svg import COLOURS, INK

SVG = "{http://www.w3.org/2000/svg}"
NAME = '$x^2$ "&" <b>'


def curve(*points: Point) -> Curve:
    return Curve(Forward(mlp(64, 10, loss="cross_entropy")), digits(), list(points))


def texts(drawing: Markup) -> list[str]:
    """Every text in a drawing, which is XML but for one prefix that HTML knows by itself."""
    tree = ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    return [element.text or "" for element in tree.iter(f"{SVG}text")]


def test_a_name_is_shown_as_it_is() -> None:
    y = np.linspace(0, 1, 10).reshape(-1, 1)
    assert {f"true {NAME}", f"predicted {NAME}"} <= set(texts(predictions(y, y, NAME)))


def test_a_name_like_an_identifier_or_a_colour_is_left_alone() -> None:
    y = np.linspace(0, 1, 10).reshape(-1, 1)
    for name in ('id="a"', f": {INK}", 'href="#b"'):
        assert f"true {name}" in texts(predictions(y, y, name))


def test_letters_that_matplotlib_has_not_cause_no_warning() -> None:
    y = np.linspace(0, 1, 10).reshape(-1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "true 価格" in texts(predictions(y, y, "価格"))


def test_the_description_is_escaped() -> None:
    drawing = image_tiles([np.zeros((2, 2))], ["a"], 'say "<b>"')
    assert 'aria-label="say &#34;&lt;b&gt;&#34;"' in drawing


def test_no_colour_of_matplotlib_is_left() -> None:
    y = np.linspace(0, 1, 10).reshape(-1, 1)
    for drawing in (predictions(y, y, "y"), learning_curve(curve(Point(1, 1.0, 1.0, 0.5)), "accuracy")):
        assert not [colour for colour in COLOURS if colour in drawing]
        assert not re.findall(r"(?:fill|stroke): #", drawing)
        assert "<style" not in drawing, "it would be a style of the whole page"


@pytest.mark.parametrize(
    ("points", "logarithmic"),
    [
        ([Point(1, 3.0, 3.0, 0.1), Point(2, 0.01, 0.02, 0.9)], True),
        ([Point(1, 3.0, 3.0, 0.1), Point(2, 1.0, 1.0, 0.9)], False),
        ([Point(1, 3.0, None, None), Point(2, -1.0, None, None)], False),
        ([Point(1, 3.0, 3.0, -5.0)], False),
        ([Point(1, 0.0, 0.0, None)], False),
    ],
)
def test_losses_of_all_kinds_are_drawn(points: list[Point], logarithmic: bool) -> None:
    shown = texts(learning_curve(curve(*points), "accuracy"))
    assert ("Held-out accuracy" in shown) == (points[0].test is not None)
    numbers = [float(text.replace("−", "-")) for text in shown if re.fullmatch(r"[−\d.e-]+", text)]
    assert not any("mathdefault" in text for text in shown)
    assert (0.02 in numbers and 2.0 in numbers and 0.5 in numbers) == logarithmic


def test_a_long_curve_is_thinned_and_its_ends_stay() -> None:
    long = learning_curve(curve(*(Point(k, 1 / k, 1 / k, 0.5) for k in range(1, 5001))), "accuracy")
    assert len(long) < 100_000
    assert "in epoch 1, 0.0002 in epoch 5000" in long
    assert thinned(5000, 400)[[0, -1]].tolist() == [0, 4999]


def test_the_weights_of_many_units_and_of_none() -> None:
    assert "first 64 hidden units" in weight_tiles(np.ones((4, 100)), (2, 2))
    assert "first 1 hidden unit," in weight_tiles(np.zeros((4, 1)), (2, 2))


def test_tiles_stand_in_rows() -> None:
    made = mosaic([np.full((2, 2), float(k)) for k in range(3)], columns=2)
    assert made[:2, :2].tolist() == [[0, 0], [0, 0]]
    assert made[3:, :2].tolist() == [[2, 2], [2, 2]]
    assert np.isnan(made[2]).all()
    assert np.isnan(made[3:, 3:]).all()
