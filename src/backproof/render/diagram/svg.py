"""The diagram as SVG: responsive, without scripts or outside fonts, fit for paper, dark pages and listeners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from backproof.render.diagram.labels import SCRIPT_SCALE, Label, text_width
from backproof.render.diagram.parts import (
    CAPTION_LEADING,
    CAPTION_SIZE,
    NODE_SIZE,
    WEIGHT_SIZE,
    Caption,
    CaptionLine,
    Diagram,
    Edge,
    Ellipsis,
    Node,
    Point,
    Segment,
)

# Text and lines take the colour of the page, so dark mode and print need no second style. The three hues are
# close to Okabe and Ito's, which colour-blind people tell apart; position and captions say the same anyway.
BOOK_FACE = '"STIX Two Text","Latin Modern Roman","Times New Roman",Times,serif'
PLAIN_FACE = 'system-ui,"Segoe UI","Helvetica Neue",Arial,sans-serif'
RULES = (
    ("", f"max-width:100%;height:auto;font-family:{BOOK_FACE}"),
    ("text", "fill:currentColor;stroke:none"),
    (".bp-var", "font-style:italic"),
    (".bp-plain", f"font-family:{PLAIN_FACE}"),
    (".bp-strong", "font-weight:600"),
    (".bp-quiet", "fill-opacity:.75"),
    ("line", "stroke:currentColor;stroke-width:1.1;stroke-opacity:.6"),
    (".bp-many line", "stroke-opacity:.32"),
    (".bp-from-bias line", "stroke-dasharray:5 3"),
    (".bp-edge:hover line", "stroke-width:2;stroke-opacity:1"),
    (".bp-stub", "stroke-opacity:.45;stroke-dasharray:2 4"),
    (".bp-node circle", "stroke-width:1.6;fill-opacity:.13"),
    (".bp-input circle", "stroke:#0072b2;fill:#0072b2"),
    (".bp-hidden circle", "stroke:#c27400;fill:#c27400"),
    (".bp-output circle", "stroke:#009e73;fill:#009e73"),
    (".bp-bias circle", "stroke:currentColor;stroke-opacity:.7;stroke-dasharray:4 3;fill:none"),
    (".bp-dots circle", "fill:currentColor;fill-opacity:.75"),
)
STYLE = "\n".join(f".bp-diagram {part}{{{rule}}}".replace(" {", "{") for part, rule in RULES)

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write, not even escaped: most control characters and lone surrogates."""
BASELINE = 0.31
"""How far below the middle of a lower-case letter with scripts its baseline lies, in ems."""
RAISE, LOWER = 0.42, 0.22
DOT_RADIUS = 2.2


def to_svg(diagram: Diagram) -> str:
    """The diagram as one ``<svg>`` element, ready to be put into a page or a file.

    Every node carries ``data-name``, every edge ``data-weight``, ``data-from`` and ``data-to``, and both a
    ``<title>``; nothing carries an ``id``, so that a page may hold many diagrams.

    Example:
        >>> from backproof.render.diagram import LayerPicture, network_diagram
        >>> layers = [LayerPicture("X", 1, None, "input"), LayerPicture("y_hat", 1, "tanh", "output")]
        >>> svg = to_svg(network_diagram(layers, ["W_1"]))
        >>> 'data-name="x"' in svg, 'data-weight="w_1"' in svg
        (True, True)
    """
    return "\n".join(_lines(diagram)) + "\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    width, height = _number(diagram.width), _number(diagram.height)
    summary = _text(diagram.summary)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bp-diagram" role="img" aria-label="{summary}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    )
    yield f"<title>{summary}</title>"
    yield f"<style>\n{STYLE}\n</style>"
    for edge in diagram.edges:
        yield from _edge(edge)
    for stub in diagram.stubs:
        yield _line(stub, "bp-stub")
    for ellipsis in diagram.ellipses:
        yield _dots(ellipsis)
    for node in diagram.nodes:
        yield from _node(node, diagram.radius)
    for caption in diagram.captions:
        yield from _caption(caption)
    yield "</svg>"


def _edge(edge: Edge) -> Iterator[str]:
    name, source, target = (_text(label.name) for label in (edge.label, edge.source, edge.target))
    classes = "bp-edge" + (" bp-from-bias" if edge.bias else "") + (" bp-many" if edge.crowded else "")
    ends = f'data-layer="{edge.layer}" data-from="{source}" data-to="{target}"'
    yield f'<g class="{classes}" data-weight="{name}" {ends}>'
    yield f"<title>{name}: {source} → {target}</title>"
    yield "".join(_line(part) for part in edge.lines)
    if edge.label_at is not None:
        yield _math(edge.label, edge.label_at, WEIGHT_SIZE)
    yield "</g>"


def _node(node: Node, radius: float) -> Iterator[str]:
    name = _text(node.label.name)
    yield f'<g class="bp-node bp-{node.kind}" data-name="{name}" data-layer="{node.layer}">'
    yield f"<title>{name}: {_text(node.title)}</title>"
    yield _circle(node.at, radius)
    yield _math(node.label, node.at, NODE_SIZE)
    if node.note:
        yield _note(node, radius)
    yield "</g>"


def _note(node: Node, radius: float) -> str:
    at = node.note_at(radius)
    anchor = "end" if node.kind == "input" else "start"
    return _plain(node.note, "bp-plain", anchor, at.x, at.y)


def _dots(ellipsis: Ellipsis) -> str:
    circles = "".join(_circle(dot, DOT_RADIUS) for dot in ellipsis.dots)
    return f'<g class="bp-dots"><title>{_text(ellipsis.title)}</title>{circles}</g>'


def _caption(caption: Caption) -> Iterator[str]:
    yield '<g class="bp-caption">'
    for k, line in enumerate(caption.lines):
        yield _caption_line(line, Point(caption.at.x, caption.at.y + k * CAPTION_LEADING))
    yield "</g>"


def _caption_line(line: CaptionLine, at: Point) -> str:
    classes = "bp-plain bp-strong" if line.strong else "bp-plain bp-quiet"
    x = at.x
    if line.label is None:
        return _plain(line.text, classes, "middle", x, at.y)
    gap = 0.5 * CAPTION_SIZE
    label_width = line.label.width(WEIGHT_SIZE)
    start = x - (label_width + gap + text_width(line.text, CAPTION_SIZE)) / 2
    label = _math(line.label, Point(start + label_width / 2, at.y - BASELINE * WEIGHT_SIZE), WEIGHT_SIZE)
    return label + _plain(line.text, classes, "start", start + label_width + gap, at.y)


def _plain(text: str, classes: str, anchor: str, x: float, y: float) -> str:
    return (
        f'<text class="{classes}" x="{_number(x)}" y="{_number(y)}" font-size="{_number(CAPTION_SIZE)}" '
        f'text-anchor="{anchor}">{_text(text)}</text>'
    )


def _math(label: Label, at: Point, size: float) -> str:
    """The label centred at a point.

    The base ends where its scripts start: that point is placed, and each part anchored to it, so that the two
    scripts stand over each other whatever the width of the base in the reader's font.
    """
    y = at.y + BASELINE * size
    scripts = [(text, shift) for text, shift in ((label.sup, -RAISE), (label.sub, LOWER)) if text]
    if not scripts:
        return _math_text([_span(label.letters, at.x, y, size, "middle")])
    joint = at.x - label.width(size) / 2 + text_width(label.letters, size)
    start, script_size = joint + 0.04 * size, SCRIPT_SCALE * size
    spans = [_span(label.letters, joint, y, size, "end")]
    spans += [_span(text, start, y + shift * size, script_size, "start") for text, shift in scripts]
    return _math_text(spans)


def _math_text(spans: list[str]) -> str:
    return f'<text class="bp-math">{"".join(spans)}</text>'


def _span(text: str, x: float, y: float, size: float, anchor: str) -> str:
    italic = ' class="bp-var"' if any(letter.isalpha() for letter in text) else ""
    return (
        f'<tspan{italic} x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" '
        f'text-anchor="{anchor}">{_text(text)}</tspan>'
    )


def _line(part: Segment, css_class: str = "") -> str:
    attribute = f' class="{css_class}"' if css_class else ""
    return (
        f'<line{attribute} x1="{_number(part.start.x)}" y1="{_number(part.start.y)}" '
        f'x2="{_number(part.end.x)}" y2="{_number(part.end.y)}"/>'
    )


def _circle(centre: Point, radius: float) -> str:
    return f'<circle cx="{_number(centre.x)}" cy="{_number(centre.y)}" r="{_number(radius)}"/>'


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _text(text: str) -> str:
    return escape(NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
