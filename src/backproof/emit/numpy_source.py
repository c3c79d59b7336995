"""A derivation as NumPy source: a training script, or a module with the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backproof.backprop.trace import Trace
from backproof.emit.data_section import DataSection
from backproof.emit.numpy_writer import NumpyWriter, listed
from backproof.ir.arguments import positive_number, whole_number
from backproof.ir.traverse import names
from backproof.version import __version__

RESERVED = ("np", "math", "sys", "data", "epoch", "epochs", "learning_rate", "rng", "forward", "backward")
INDENT = "    "


def numpy_source(
    trace: Trace,
    *,
    learning_rate: float = 0.5,
    epochs: int = 1000,
    seed: int = 0,
    data: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    print_every: int | None = None,
) -> str:
    """θ ← θ − η ∂L/∂θ, repeated: a script that trains this network with NumPy alone.

    Its losses equal those of the library's NumPy backend bit for bit.

    Args:
        trace: the derivation.
        learning_rate: η.
        epochs: how often all parameters are updated.
        seed: for the initial parameters, which are those of ``train`` with this seed.
        data: the inputs, written into the script. Without them the seed's network gets the seed's sample; any other
            gets small random data, and reads a file of ``numpy.savez`` named on its command line.
        params: initial parameters, written into the script; random ones where not given.
        print_every: the loss is printed in every such epoch; ten times where not given.

    Raises:
        SpecificationError: numbers that mean nothing, or unknown names.
        ShapeError, DataError: data or parameters that do not fit, or are too large for a script.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> "delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)" in numpy_source(backpropagate(bp.mlp(3, 2, 1)))
        True
    """
    rate, last = positive_number("the learning rate", learning_rate), whole_number("epochs", epochs, 1)
    every = max(1, last // 10) if print_every is None else whole_number("print_every", print_every, 1)
    writer = NumpyWriter(trace, RESERVED)
    section = DataSection(writer, data, params, seed)
    forward = writer.equations(trace.program.equations)
    backward = writer.equations(trace.backward)
    loss = writer.quantity(trace.program.loss)
    parameters = {name.id for name in trace.program.parameters}
    body = [
        "# forward",
        *forward,
        *_printing(loss, every),
        "# backward",
        *backward,
        "# update",
        *(_update(writer, id, gradient) for id, gradient in in_order(trace) if id in parameters),
    ]
    opening = section.lines()
    loop = [f"for epoch in range({last}):", *(INDENT + line for line in body)]
    setting = [f"learning_rate = {rate!r}"]
    title = f'"""Trains {described(trace)}; the equations are derived by Backproof {__version__}."""'
    return module_text(title, section.modules, writer, [*opening, *setting, "", *loop])


def numpy_functions(trace: Trace) -> str:
    """(θ, X, y) ↦ (L, ∂L/∂θ) as the text of a module with the functions ``forward`` and ``backward``.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> print(numpy_functions(backpropagate(bp.mlp(1, 1, activation="identity"))).partition("def forward")[2])
        (X, y, W_1):
            y_hat = X @ W_1  # ŷ = X·W_1
            L = 0.5 * np.sum((y - y_hat) ** 2)  # L = ½ × Σ((y − ŷ)²)
            return L, y_hat
        <BLANKLINE>
        <BLANKLINE>
        def backward(X, y, W_1, y_hat):
            delta_1 = y_hat - y  # Δl_1 = ŷ − y
            grad_W_1 = X.T @ delta_1  # ∂L/∂W_1 = Xᵀ·Δl_1
            return {"W_1": grad_W_1}
        <BLANKLINE>
    """
    writer = NumpyWriter(trace, RESERVED)
    program = trace.program
    given = [writer.quantity(name.id) for name in (*program.inputs, *program.parameters)]
    used_later = frozenset().union(*(names(equation.value) for equation in trace.backward))
    kept = [e.name.id for e in program.equations if e.name.id in used_later and e.name.id != program.loss]
    passed = [writer.quantity(id) for id in kept]
    loss = writer.quantity(program.loss)
    forward = [
        *listed("def forward(", given, "):"),
        *indented(writer.sizes_used_in(program.equations)),
        *indented(writer.equations(program.equations)),
        *indented(listed("return ", [loss, *passed], "")),
    ]
    later = [*given, *passed, *([loss] if program.loss in used_later else [])]
    gradients = [f"{writer.literal(id)}: {writer.quantity(gradient)}" for id, gradient in in_order(trace)]
    backward = [
        *listed("def backward(", later, "):"),
        *indented(writer.sizes_used_in(trace.backward)),
        *indented(writer.equations(trace.backward)),
        *indented(listed("return {", gradients, "}")),
    ]
    title = f'"""The loss of {described(trace)} and its gradients, derived by Backproof {__version__}."""'
    return module_text(title, (), writer, [*forward, "", "", *backward])


def module_text(
    title: str, modules: Sequence[str], writer: NumpyWriter, body: Sequence[str], names: Sequence[str] = ()
) -> str:
    """The parts in their order: what it is, imports, the functions that the body turned out to need, the body.

    Args:
        title: the docstring.
        modules: what the body imports of the standard library.
        writer: knows the functions and conventions.
        body: the lines.
        names: ``from … import …`` lines.
    """
    helpers = [line for helper in writer.helpers() for line in ("", "", *helper.rstrip("\n").split("\n"))]
    imports = sorted({*modules, *(["math"] if any("math." in line for line in helpers) else [])})
    conventions = [f"# At kinks: {convention}." for convention in writer.conventions()]
    standard = [*(f"import {module}" for module in imports), *names]
    head = [title, *conventions, "", *standard, *([""] if standard else [])]
    gap = ["", ""] if helpers or body[0].startswith("def ") else [""]
    return "\n".join([*head, "import numpy as np", *helpers, *gap, *body]) + "\n"


def indented(lines: Sequence[str]) -> list[str]:
    """The lines one level further in."""
    return [INDENT + line for line in lines]


def in_order(trace: Trace) -> list[tuple[str, str]]:
    """Each parameter with its gradient, in the order of the program."""
    order = [name.id for name in trace.program.parameters]
    return sorted(trace.gradients.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))


def _update(writer: NumpyWriter, id: str, gradient: str) -> str:
    parameter = writer.quantity(id)
    return f"{parameter} = {parameter} - learning_rate * {writer.quantity(gradient)}"


def _printing(loss: str, every: int) -> list[str]:
    line = f'print(f"epoch {{epoch:5d}}  loss {{float({loss})!r}}")'
    return [line] if every == 1 else [f"if epoch % {every} == 0:", INDENT + line]


def described(trace: Trace) -> str:
    """What is trained, in words."""
    structure = trace.program.structure
    return "a program" if structure is None else f"a {structure.specification} network"
