"""The page from a derivation: its equations, its diagram, and the JavaScript that was emitted from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.emit import source
from backproof.errors import UnsupportedError
from backproof.files import atomic_write_text
from backproof.ir.expr import Size
from backproof.ir.program import Structure
from backproof.ir.traverse import walk
from backproof.page.bundle import bundled
from backproof.page.digits import digits
from backproof.page.figure import edges, figure, nodes
from backproof.page.links import References
from backproof.page.shown import Views
from backproof.page.table import table_text
from backproof.render.document import Document
from backproof.render.html_blocks import clean
from backproof.render.katex import katex_script, katex_style
from backproof.render.pages import policy, resource, template

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lion")
TITLES = {"scalar": "Weight by weight", "matrix": "Matrices, step by step", "summary": "Take home"}
LARGEST = 20_000
"""Parameters; the page of a larger network would be slow to open."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text; notebooks show it in a frame of its own."""

    html: str

    def save(self, path: str | Path) -> None:
        """Write the page whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        atomic_write_text(Path(path), self.html)

    def _repr_html_(self) -> str:
        content = escape(self.html, quote=True)
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{content}" width="100%" height="900" style="border:0"></iframe>'
        )


def build_page(
    trace: Trace,
    documents: Mapping[str, Document],
    *,
    certified: Sequence[str] = (),
    optimizer: str = "sgd",
    learning_rate: float = 0.5,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
) -> Page:
    """One self-contained page: the network as a diagram, its equations with live numbers, and its training.

    Args:
        trace: the derivation of a network.
        documents: its views by name.
        certified: what was proved, in sentences.
        optimizer: with which the page begins.
        learning_rate: η at the beginning.
        seed: for the initial parameters, which are those of ``train``.
        params: initial parameters in their place.
        data: a CSV file that the page begins with.

    Raises:
        UnsupportedError: a program that is no network, or has what the page cannot show yet.
        DataError: a table that does not fit.
    """
    structure = shown_structure(trace)
    text = None if data is None else table_text(Path(data), structure.sizes[0], structure.sizes[-1])
    first = next(iter(documents.values()))
    notation = replace(first.notation, samples=structure.samples)
    references = References({id: name.shape for id, name in trace.joint.names.items()})
    views = Views(trace, references)
    blocks = {name: views.blocks(name, document) for name, document in documents.items()}
    rules = list(dict.fromkeys([optimizer, *OPTIMIZERS]))
    derivation = source(trace, "javascript", optimizer=rules, seed=seed, params=params, values=views.values)
    told = {
        **_network(trace, structure),
        "edges": edges(structure, notation),
        "nodes": nodes(structure, notation),
        "references": references.rows(),
        "sources": {key: found.row() for key, found in views.sources.items()},
        "slips": views.slips,
        "landmarks": views.landmarks,
        "order": [equation.name.id for equation in trace.joint.equations],
        "forward": len(trace.program.equations),
        "learningRate": learning_rate,
        "sums": not any(isinstance(node, Size) for e in trace.source.equations for node in walk(e.value)),
        "optimizers": rules,
        "seed": seed,
        "table": text,
        "digits": digits() if structure.sizes[0] == 64 and structure.sizes[-1] == 10 else None,
        "scripts": {"train.py": source(trace, "numpy", seed=seed, params=params), "derivation.mjs": derivation},
        "worker": bundled("worker", lambda name: _module(name, derivation)),
    }
    scripts = [katex_script(), bundled("main", lambda name: _module(name, derivation))]
    html = template("backproof.page", "page.html.j2").render(
        title=f"{structure.specification} network",
        policy=policy(scripts, workers=True),
        styles=[Markup(style) for style in (katex_style(), _static("page.css"))],
        scripts=[Markup(script) for script in scripts],
        data=Markup(json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")),
        picture=figure(structure, notation),
        views=[(name, TITLES.get(name, name), blocks[name]) for name in blocks],
        certified=[clean(sentence) for sentence in certified],
        facts=[(clean(name), clean(value)) for name, value in first.facts.items()],
    )
    return Page(html)


def shown_structure(trace: Trace) -> Structure:
    """The network that the page shows.

    Raises:
        UnsupportedError: a program that the page cannot show yet.
    """
    program = trace.program
    structure = program.structure
    if structure is None:
        raise UnsupportedError("the page shows networks such as 3-2-1, and programs of equations not yet")
    if program.drawn or program.remembered or [name.id for name in program.inputs] != ["X", "y"]:
        raise UnsupportedError("the page cannot show dropout, batch normalization or weighted examples yet")
    if program.symbols != ("n",) or not isinstance(program.names["X"].shape[_sample_axis(structure)], Symbol):
        raise UnsupportedError("the page chooses how many examples there are; leave the batch size out")
    count = sum(a * b for a, b in zip(structure.sizes, structure.sizes[1:], strict=False))
    if count > LARGEST:
        raise UnsupportedError(f"the page shows networks of up to {LARGEST:,} weights, and this one has {count:,}")
    return structure


def _sample_axis(structure: Structure) -> int:
    return 0 if structure.samples == "rows" else 1


def _network(trace: Trace, structure: Structure) -> dict[str, Any]:
    layers = [
        {"weights": layer.weights, "bias": layer.bias, "output": layer.output, "delta": layer.delta,
         "activation": layer.activation}
        for layer in structure.layers
    ]  # fmt: skip
    names = trace.joint.names
    kept = [layer if layer["delta"] in names else {**layer, "delta": None} for layer in layers]
    return {
        "specification": structure.specification,
        "sizes": list(structure.sizes),
        "layers": kept,
        "samples": structure.samples,
        "lossName": structure.loss,
    }


# --- files --------------------------------------------------------------------------------------------------------


def _static(name: str) -> str:
    return resource("backproof.page", "static", name)


def _module(name: str, derivation: str) -> str:
    return derivation if name == "derivation" else _static(f"{name}.js")
