"""The network diagram: nodes, labelled weights and captions, as SVG for HTML and as TikZ for LaTeX.

layers, weights ──► network_diagram ──► Diagram ─┬─ to_svg
                    (layout, pure)      (neutral) └─ to_tikz
"""

from backproof.render.diagram.labels import Label
from backproof.render.diagram.layout import network_diagram
from backproof.render.diagram.parts import Diagram, LayerPicture
from backproof.render.diagram.structure import structure_diagram
from backproof.render.diagram.svg import to_svg
from backproof.render.diagram.tikz import to_tikz

__all__ = ["Diagram", "Label", "LayerPicture", "network_diagram", "structure_diagram", "to_svg", "to_tikz"]
