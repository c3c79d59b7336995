"""Drawings of matplotlib as parts of an HTML page: in the page's colours and letters, on light and on dark ground."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from backproof.render.html_blocks import clean

# Colours by which matplotlib is told what a thing is; the page's style sheet says how it looks.
INK, QUIET, RULE = "#010101", "#020202", "#030303"
FIRST, SECOND = "#040404", "#050505"
COLOURS = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    RULE: "var(--rule)",
    FIRST: "var(--link)",
    SECOND: "var(--second)",
}

LONGEST_LABEL = 24
CSS_PIXELS_PER_POINT = 4 / 3

STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a label such as $x$ is a label
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.6,
}

Draw = Callable[[Figure], None]


def drawing(name: str, description: str, size: tuple[float, float], draw: Draw) -> Markup:
    """A figure as inline SVG.

    Args:
        name: unique on the page; part of every identifier in the drawing.
        description: what it shows, for those who cannot see it.
        size: width and height in inches, for a page of 7.6 inches.
        draw: draws on the figure.
    """
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the page's fonts are the browser's
        figure = Figure(figsize=size, layout="constrained", facecolor="none")
        FigureCanvasSVG(figure)
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(stream.getvalue(), name, description)


def label(text: str) -> str:
    """A name of the user's, fit to stand in a drawing.

    Example:
        >>> label("a\\x00b"), len(label("x" * 100))
        ('a\N{REPLACEMENT CHARACTER}b', 24)
    """
    shown = clean(" ".join(text.split()))
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1]}…"


def _inline(svg: str, name: str, description: str) -> Markup:
    """The drawing without what belongs to a file of its own, its identifiers made unique on the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<[^>]+>", lambda tag: _at_home(tag[0], name), body)
    opening, content = body.split(">", 1)
    [(width, box)] = re.findall(r'width="([\d.]+)pt".*?(viewBox="[^"]+")', opening)
    head = '<svg xmlns="http://www.w3.org/2000/svg" {} width="{:.0f}" role="img" aria-label="{}">'
    shown = Markup(head).format(Markup(box), float(width) * CSS_PIXELS_PER_POINT, clean(description))
    return shown + Markup(content)


def _at_home(tag: str, name: str) -> str:
    """One tag with the page's colours and letters; what stands between tags is text, and stays as it is."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = re.sub(r'url\(#|href="#', rf"\g<0>{name}-", tag)
    tag = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", tag)
    for colour, variable in COLOURS.items():
        tag = tag.replace(f": {colour}", f": {variable}")
    return tag
