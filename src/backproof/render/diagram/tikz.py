"""The diagram as a TikZ picture: real mathematics, no TikZ library, scaled down where it is too wide."""

from __future__ import annotations

from collections.abc import Iterator

from backproof.render.diagram.parts import (
    CAPTION_LEADING,
    Caption,
    CaptionLine,
    Diagram,
    Edge,
    Ellipsis,
    Node,
    Point,
    Segment,
)
from backproof.render.diagram.tex import tex_math, tex_text

UNIT = 0.75
"""Points per pixel."""
TEXT_WIDTH = 430.0
DOT_RADIUS = 1.5

STYLES = (
    r"bp edge/.style={draw, black!55, line width=0.5pt}",
    r"bp many/.style={black!30}",
    r"bp from bias/.style={dash pattern=on 3pt off 2pt}",
    r"bp stub/.style={draw, black!45, line width=0.5pt, dash pattern=on 1.5pt off 2.5pt}",
    r"bp node/.style={circle, draw, line width=0.9pt, inner sep=0pt}",
    r"bp input/.style={bp node, draw=bpblue, fill=bpblue!12}",
    r"bp hidden/.style={bp node, draw=bporange, fill=bporange!12}",
    r"bp output/.style={bp node, draw=bpgreen, fill=bpgreen!12}",
    r"bp bias/.style={bp node, draw=black!60, dash pattern=on 2.5pt off 2pt}",
    r"bp weight/.style={inner sep=0pt, font=\footnotesize}",
    r"bp text/.style={anchor=base, inner sep=0pt, font=\footnotesize}",
)
COLOURS = (("bpblue", "0072B2"), ("bporange", "C27400"), ("bpgreen", "009E73"))


def to_tikz(diagram: Diagram, *, text_width: float = TEXT_WIDTH) -> str:
    r"""The diagram as a ``tikzpicture``; the preamble needs ``\usepackage{amsmath,tikz}``.

    Args:
        diagram: what to write.
        text_width: the width of the page's text in points; a wider picture is scaled, lettering included.

    Example:
        >>> from backproof.render.diagram import LayerPicture, network_diagram
        >>> layers = [LayerPicture("X", 1, None, "input"), LayerPicture("y_hat", 1, "tanh", "output")]
        >>> r"{$\hat{y}$}" in to_tikz(network_diagram(layers, ["W_1"]))
        True
    """
    return "\n".join(_lines(diagram, text_width)) + "\n"


def _lines(diagram: Diagram, text_width: float) -> Iterator[str]:
    scale = text_width / (diagram.width * UNIT)
    yield rf"\begin{{tikzpicture}}[x={UNIT}pt, y=-{UNIT}pt,"
    if scale < 1:
        yield f"  scale={scale:.3f}, transform shape,"
    yield ",\n".join(f"  {style}" for style in STYLES) + "]"
    for name, code in COLOURS:
        yield rf"  \definecolor{{{name}}}{{HTML}}{{{code}}}"
    for edge in diagram.edges:
        yield from _edge(edge)
    for stub in diagram.stubs:
        yield rf"  \path[bp stub] {_line(stub)};"
    for ellipsis in diagram.ellipses:
        yield _dots(ellipsis)
    for node in diagram.nodes:
        yield from _node(node, diagram.radius)
    for caption in diagram.captions:
        yield from _caption(caption)
    yield r"\end{tikzpicture}"


def _edge(edge: Edge) -> Iterator[str]:
    styles = "bp edge" + (", bp many" if edge.crowded else "") + (", bp from bias" if edge.bias else "")
    yield rf"  \path[{styles}] {' '.join(map(_line, edge.lines))};"
    if edge.label_at is not None:
        yield rf"  \node[bp weight] at {_point(edge.label_at)} {{${tex_math(edge.label)}$}};"


def _node(node: Node, radius: float) -> Iterator[str]:
    size = f"minimum size={_number(2 * radius * UNIT)}pt"
    yield rf"  \node[bp {node.kind}, {size}] at {_point(node.at)} {{${tex_math(node.label)}$}};"
    if node.note:
        anchor = "base east" if node.kind == "input" else "base west"
        place = _point(node.note_at(radius))
        yield rf"  \node[bp text, anchor={anchor}] at {place} {{{tex_text(node.note)}}};"


def _dots(ellipsis: Ellipsis) -> str:
    circles = " ".join(f"{_point(dot)} circle[radius={DOT_RADIUS}pt]" for dot in ellipsis.dots)
    return rf"  \fill[black!75] {circles};"


def _caption(caption: Caption) -> Iterator[str]:
    for k, line in enumerate(caption.lines):
        place = Point(caption.at.x, caption.at.y + k * CAPTION_LEADING)
        yield rf"  \node[bp text] at {_point(place)} {{{_caption_text(line)}}};"


def _caption_text(line: CaptionLine) -> str:
    text = tex_text(line.text)
    if line.label is not None:
        return rf"${tex_math(line.label)}$\enspace {text}"
    return rf"\textbf{{{text}}}" if line.strong else text


def _line(part: Segment) -> str:
    return f"{_point(part.start)} -- {_point(part.end)}"


def _point(point: Point) -> str:
    return f"({_number(point.x)},{_number(point.y)})"


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
