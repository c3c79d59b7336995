"""What the tests of documents share: networks of every sort, names that mean harm, and KaTeX as a judge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

import backproof
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.ir.expr import Elementwise, Function, Name, total
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.render.document import Document
from backproof.render.outline import Numbers, View, outline
from programs import ridge_regression

VIEWS: tuple[View, ...] = ("scalar", "matrix", "summary")
n = Symbol("n")

NETWORKS: Mapping[str, Program] = {
    "the seed's": mlp(3, 2, 1),
    "smallest": mlp(1, 1),
    "of four examples": mlp(3, 2, 1, batch=4),
    "in columns": mlp(3, 2, 2, samples="columns", bias=True, activation="tanh"),
    "classifier": mlp(64, 32, 10, activation="relu", loss="cross_entropy", bias=True),
    "wide classifier": mlp(784, 128, 10, activation="relu", loss="cross_entropy", bias=True),
    "binary": mlp(3, 2, 1, loss="binary_cross_entropy", bias=True),
    "penalised": mlp(3, 3, 2, activation="gelu", bias=True, penalty=0.1),
    "with kinks": mlp(2, 2, 2, 2, activation=["elu", "leaky_relu", "silu"], loss="huber"),
    "mixed": mlp(4, 3, 5, 2, 2, bias=True, activation=["relu", "tanh", "softplus", "identity"]),
    "softmax alone": mlp(3, 2, 2, output_activation="softmax", loss="mean_squared_error"),
    "fifty layers": mlp(*[8] * 51),
    "deep and penalised": mlp(*[3] * 14, bias=True, penalty=0.5),
}
"""Networks by what is particular about them."""

NASTY = (
    "<script>alert(1)</script>", "$x$ costs $5", r"\input{/etc/passwd}", "100%", "a|b", "`code` ```", "~#{}&^_",
    "[link](http://example.org)", "*bold* _it_", "\x1b[31mred", "größe", "名前", "two\nlines", "1. list", "- item",
    "@someone", "x" * 200, "very long " * 30,
)  # fmt: skip
"""Names and labels that a format could take for something else."""


def nasty_program(name: str) -> Program:
    """A program whose parameter, function and labels all have the name."""
    x = Name("x")
    square = Function(name, definition=x * x, derivative=2 * x, convention=name)
    X, w = Name("X", (n, 2)), Name(name, (2, 1))
    p = Equation(Name(f"p_{name}", (n, 1)), Elementwise(square, X @ w), delta=f"delta_{name}", label=name)
    L = Equation(Name("L"), Fraction(1, 2) * total(p.name**2), label=name)
    return Program((X,), (w,), (p, L), "L")


def nasty_network(name: str) -> Program:
    """A network whose activation has the name."""
    x = Name("x")
    return mlp(3, 2, 1, activation=Function(name, definition=x * x, derivative=2 * x))


def numbers_for(trace: Trace, *, examples: int = 3, learning_rate: float = 0.5) -> Numbers:
    """Random numbers for every input and parameter."""
    random = np.random.default_rng(0)
    names = (*trace.source.inputs, *trace.source.parameters)
    shapes = {name.id: [dim if isinstance(dim, int) else examples for dim in name.shape] for name in names}
    return Numbers({id: random.standard_normal(shape) for id, shape in shapes.items()}, learning_rate)


@cache
def trace_of(network: str) -> Trace:
    """The derivation of one of the networks."""
    return backpropagate(NETWORKS[network])


@cache
def document_of(network: str, view: View = "scalar", *, numbers: bool = False) -> Document:
    """The document of one of the networks."""
    trace = trace_of(network)
    return outline(trace, view=view, numbers=numbers_for(trace) if numbers else None)


def _seed_with_numbers() -> Document:
    """The seed's network on one example, with one step."""
    trace = trace_of("the seed's")
    values = {
        "X": [[0.0, 0.0, 1.0]],
        "y": [[0.0]],
        "W_1": [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]],
        "W_2": [[0.7], [-0.8]],
    }
    return outline(trace, numbers=Numbers(values, 0.5))


GOLDEN: Mapping[str, Callable[[], Document]] = {
    "seed-scalar": lambda: document_of("the seed's", "scalar"),
    "seed-matrix": lambda: document_of("the seed's", "matrix"),
    "seed-summary": lambda: document_of("the seed's", "summary"),
    "seed-numbers": _seed_with_numbers,
    "classifier-scalar": lambda: document_of("classifier", "scalar"),
    "columns-scalar": lambda: document_of("in columns", "scalar"),
    "deep-scalar": lambda: document_of("fifty layers", "scalar"),
    "deep-matrix": lambda: document_of("fifty layers", "matrix"),
    "ridge-scalar": lambda: outline(backpropagate(ridge_regression())),
}
"""The documents that are kept, by the names of their files."""


# --- KaTeX --------------------------------------------------------------------------------------------------------

KATEX = Path(backproof.__file__).parent / "render" / "vendor" / "katex" / "katex.min.js"
RENDER_ALL = """
const katex = require(process.argv[1]);
const formulas = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const refused = [];
for (const formula of formulas) {
  try { katex.renderToString(formula, {displayMode: true, throwOnError: true, strict: 'error'}); }
  catch (error) { refused.push(formula + '   ' + error.message); }
}
console.log(JSON.stringify(refused));
"""


def katex_refuses(node: str, formulas: list[str]) -> list[str]:
    """The formulas that KaTeX does not render without complaint, each with the complaint."""
    done = subprocess.run(
        [node, "-e", RENDER_ALL, str(KATEX)],
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    refused: list[str] = json.loads(done.stdout)
    return refused
