"""A derivation as an ES module without dependencies: forward, backward, and whole steps of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.emit.identifiers import comment_text
from backproof.emit.javascript_update import optimizer_entry
from backproof.emit.javascript_writer import JavascriptWriter, Lines, literal
from backproof.emit.numpy_source import described
from backproof.errors import DataError, UnsupportedError
from backproof.ir.arguments import checked_values, whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation, Program
from backproof.optimizers import Optimizer, optimizer_named
from backproof.rules.initialisation import drawn_parameters
from backproof.version import __version__

EXPORTS = (
    "shapes", "inputs", "parameters", "gradientOf", "loss", "initial", "quantities", "forward", "backward", "gradients",
    "optimizers", "memory", "trainStep", "values",
)  # fmt: skip
PER_LINE = 4
LARGEST = 200_000
"""More initial parameters than this are too many for a file of source text."""


def javascript_source(
    trace: Trace,
    *,
    optimizer: str | Optimizer | Sequence[str | Optimizer] = "sgd",
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    values: Mapping[str, Expr] | None = None,
) -> str:
    """θ ← θ − η ∂L/∂θ as the text of an ES module that runs in browsers, workers and Node.js and imports nothing.

    It exports ``quantities(sizes)``, every named quantity as a ``Float64Array`` of its entries row by row, parameters
    at their initial values; ``forward(q, sizes)`` and ``backward(q, sizes)``, which compute the rest in place;
    ``gradients(q, sizes)``; ``memory(name)`` and ``trainStep(q, memory, rate, sizes, name)``, one step by an update
    rule. ``sizes`` has a number for each symbolic size, such as ``{ n: 4 }``.

    Args:
        trace: the derivation.
        optimizer: the update rule, or several, known by the texts that are given; the first is taken where none is
            named.
        seed: for the initial parameters, which are those of ``train`` with this seed.
        params: initial parameters in their place.
        values: further expressions, exported as functions of ``(q, sizes)`` under ``values``.

    Raises:
        SpecificationError: an unknown optimizer, or parameters that the program does not have.
        ShapeError, DataError: parameters that do not fit, or are too many for a file of source text.
        UnsupportedError: an update rule that is not element-wise.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> text = javascript_source(backpropagate(bp.mlp(1, 1, activation="identity")))
        >>> print(text[text.index("export function forward") : text.index("/** The backward")])
        export function forward(q, sizes) {
          const { n } = sizes;
          const { y_hat, X, W_1, L, y } = q;
          // ŷ = X·W_1
          for (let i = 0; i < n; i++) y_hat[i] = X[i] * W_1[0];
          // L = ½ × Σ((y − ŷ)²)
          {
            let s = 0;
            for (let i = 0; i < n; i++) s += square(y[i] - y_hat[i]);
            L[0] = 0.5 * s;
          }
        }
        <BLANKLINE>
        <BLANKLINE>
    """
    given = [optimizer] if isinstance(optimizer, str | Optimizer) else list(optimizer)
    rules = {name if isinstance(name, str) else name.name: optimizer_named(name) for name in given}
    program = trace.program
    writer = JavascriptWriter(trace, EXPORTS)
    starts = _starts(program, whole_number("the seed", seed, 0), params)
    passes = [
        *_function(writer, "forward", "The forward pass: every quantity up to the loss.", program.equations),
        *_function(writer, "backward", "The backward pass, after the forward one: every gradient.", trace.backward),
    ]
    update = _update(writer, trace, rules)
    extra = _values(writer, values or {})
    helpers = [line for helper in writer.helpers() for line in ("", *helper.rstrip("\n").split("\n"))]
    lines = [
        *_head(writer, trace),
        *_tables(trace, starts),
        *helpers,
        "",
        *_quantities(trace),
        *passes,
        *_gradients(),
        *update,
        *extra,
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _starts(program: Program, seed: int, params: Mapping[str, Any] | None) -> dict[str, Array]:
    if params is None:
        found = {id: np.asarray(value) for id, value in drawn_parameters(program, seed).items()}
    else:
        found = checked_values(program.parameters, params, np.dtype(float), "parameter")
    found |= {r.name.id: np.full(_known(r.name), r.start) for r in program.remembered}
    count = sum(value.size for value in found.values())
    if count > LARGEST:
        raise DataError(f"{count:,} parameters are too many for a file of JavaScript (at most {LARGEST:,})")
    return found


def _known(name: Name) -> tuple[int, ...]:
    if any(isinstance(dim, Symbol) for dim in name.shape):
        raise UnsupportedError(f"what training remembers as {name.id} has a size that is not known yet; give --batch")
    return tuple(dim for dim in name.shape if isinstance(dim, int))


def _head(writer: JavascriptWriter, trace: Trace) -> Lines:
    title = comment_text(f"The loss of {described(trace)}, its gradients and steps of training")
    return [
        f"// {title}; every equation is derived by Backproof {__version__}.",
        *(f"// At kinks: {convention}." for convention in writer.conventions()),
        "",
        "/** @typedef {Record<string, Float64Array>} Quantities every quantity by name, its entries row by row */",
        "/** @typedef {Record<string, number>} Sizes how large the sizes are that are not fixed, such as { n: 4 } */",
        "",
    ]


def _tables(trace: Trace, starts: Mapping[str, Array]) -> Lines:
    program = trace.program
    names = [*trace.joint.names.values(), *(remembered.name for remembered in program.remembered)]
    shapes = {name.id: [dim if isinstance(dim, int) else dim.name for dim in name.shape] for name in names}
    wanted = {name.id: trace.gradients[name.id] for name in program.parameters if name.id in trace.gradients}
    initial = {id: np.ravel(value).tolist() for id, value in starts.items()}
    return [
        "/** Rows and columns of every quantity; a name stands for a size, nothing for a single number. */",
        *_table("shapes", shapes),
        f"export const inputs = {literal([name.id for name in program.inputs])};",
        f"export const parameters = {literal([name.id for name in program.parameters])};",
        "/** For each parameter the name of its gradient. */",
        *_table("gradientOf", wanted),
        f"export const loss = {literal(program.loss)};",
        "/** Where the parameters start. */",
        "export const initial = Object.fromEntries([",
        *(line for id, entries in initial.items() for line in _start(id, entries)),
        "]);",
    ]


def _start(id: str, entries: Sequence[float]) -> Lines:
    """A parameter's initial entries, a few to a line."""
    rows = [entries[k : k + PER_LINE] for k in range(0, len(entries), PER_LINE)]
    return [f"  [{literal(id)}, [", *(f"    {', '.join(map(repr, row))}," for row in rows), "  ]],"]


def _table(name: str, rows: Mapping[str, object]) -> Lines:
    """A table by name; its keys are names of users, which may be those of an object's own properties."""
    return [
        f"export const {name} = Object.fromEntries([",
        *(f"  [{literal(key)}, {literal(value)}]," for key, value in rows.items()),
        "]);",
    ]


def _quantities(trace: Trace) -> Lines:
    return [
        "/**",
        " * Room for every quantity: parameters at their initial values, all else 0.",
        " * @param {Sizes} [sizes]",
        " * @returns {Quantities}",
        " */",
        "export function quantities(sizes = {}) {",
        "  const count = (shape) => shape.reduce((product, size) => product * (sizes[size] ?? size), 1);",
        "  const room = Object.entries(shapes).map(([name, shape]) => [name, new Float64Array(count(shape))]);",
        "  const q = Object.fromEntries(room);",
        "  for (const [name, start] of Object.entries(initial)) q[name].set(start);",
        "  return q;",
        "}",
        "",
    ]


def _function(writer: JavascriptWriter, name: str, what: str, equations: Sequence[Equation]) -> Lines:
    body = writer.taken(writer.equations(equations))
    return [
        f"/** {what} @param {{Quantities}} q @param {{Sizes}} [sizes] */",
        f"export function {name}(q, sizes) {{",
        *("  " + line for line in body),
        "}",
        "",
    ]


def _gradients() -> Lines:
    return [
        "/**",
        " * Both passes.",
        " * @param {Quantities} q",
        " * @param {Sizes} [sizes]",
        " * @returns {{ loss: number, gradients: Quantities }} the gradient of each parameter by its name",
        " */",
        "export function gradients(q, sizes) {",
        "  forward(q, sizes);",
        "  backward(q, sizes);",
        "  const found = Object.entries(gradientOf).map(([name, gradient]) => [name, q[gradient]]);",
        "  return { loss: q[loss][0], gradients: Object.fromEntries(found) };",
        "}",
        "",
    ]


def _update(writer: JavascriptWriter, trace: Trace, rules: Mapping[str, Optimizer]) -> Lines:
    entries = [line for name, rule in rules.items() for line in optimizer_entry(writer, name, rule)]
    first = literal(next(iter(rules)))
    remembered = trace.program.remembered
    follow: Lines = []
    if remembered:
        equations = [Equation(r.name, r.following) for r in remembered]
        follow = writer.taken(writer.equations(equations))
    return [
        "/** Update rules: what each remembers of a parameter, and one step of it. */",
        "export const optimizers = {",
        *("  " + line for line in entries),
        "};",
        "",
        "/** What an update rule remembers before the first step. @param {string} [name] */",
        f"export function memory(name = {first}) {{",
        "  const of = (id) => optimizers[name].memory(initial[id].length);",
        "  return Object.fromEntries(Object.keys(gradientOf).map((id) => [id, of(id)]));",
        "}",
        "",
        "/** One step: both passes, then every parameter moves. Returns the loss before it. */",
        f"export function trainStep(q, memory, rate, sizes, name = {first}) {{",
        "  forward(q, sizes);",
        "  backward(q, sizes);",
        "  const { step } = optimizers[name];",
        "  for (const id in gradientOf) step(q[id], q[gradientOf[id]], memory[id], rate);",
        *("  " + line for line in follow),
        "  return q[loss][0];",
        "}",
        "",
    ]


def _values(writer: JavascriptWriter, values: Mapping[str, Expr]) -> Lines:
    if not values:
        return []
    rows: Lines = []
    for name, expr in values.items():
        rows += [f"{literal(name)}(q, sizes) {{", *("  " + line for line in writer.value(expr)), "},"]
    return ["/** Further values. */", "export const values = {", *("  " + row for row in rows), "};", ""]
