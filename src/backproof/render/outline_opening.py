"""The opening of a document: title, what the network is in words, its picture, and the conventions of the notation."""

from __future__ import annotations

from collections.abc import Iterable

from backproof.backprop.trace import Trace
from backproof.ir.expr import Elementwise, Expr, Name
from backproof.ir.program import Program, Structure
from backproof.ir.traverse import walk
from backproof.render.document import Block, Conventions, Display, Paragraph, Picture, Prose
from backproof.render.outline_parts import Blocks, Parts, heading, paragraph
from backproof.render.words import article, capitalised, counted, listed, network_words, number_word

LISTED_PARAMETERS = 6
"""Parameters that are told one by one."""
LONGEST_SPECIFICATION = 6
"""Layers whose sizes are told in the title."""


def title(trace: Trace) -> Prose:
    """What the document is about."""
    structure = trace.source.structure
    if structure is None:
        return ("Gradients of ", trace.loss)
    if len(structure.sizes) > LONGEST_SPECIFICATION:
        return (f"Gradients of a network of {len(structure.layers)} layers",)
    return (f"Gradients of {article(f'{structure.specification} network')}",)


def opening(parts: Parts) -> Blocks:
    """What is derived, whether it is proved, and the picture."""
    trace = parts.trace
    structure = trace.source.structure
    blocks: Blocks = [_subject(trace)]
    if parts.certified is not None:
        blocks.append(parts.certified)
    if structure is not None:
        blocks.append(Picture(structure, (_caption(structure),)))
    return blocks


def _subject(trace: Trace) -> Paragraph:
    program, structure = trace.source, trace.source.structure
    wanted = parameters_listed(trace)
    if structure is None:
        given = listed([(name,) for name in program.inputs])
        inputs: Prose = ("the input " if len(program.inputs) == 1 else "the inputs ", *given, " and ") if given else ()
        noun = "the parameter " if len(trace.gradients) == 1 else "the parameters "
        return paragraph(
            "The loss ",
            trace.loss,
            " is computed from ",
            *inputs,
            noun,
            wanted,
            ". Its gradients follow from the chain rule, one equation after the other, last equation first.",
        )
    return paragraph(
        f"The network has {network_words(structure)}. ",
        "Its loss ",
        trace.loss,
        f" is {_loss_words(program)}. " if _loss_words(program) else " is given below. ",
        "We derive the gradients of ",
        trace.loss,
        " with respect to ",
        wanted,
        " by the chain rule, from the last layer to the first.",
        *_normalisation(program, structure),
        *_dropout(structure),
    )


def _normalisation(program: Program, structure: Structure) -> Prose:
    """What normalised layers do, and what predictions do in place of it."""
    normalised = [layer for layer in structure.layers if layer.scale is not None and layer.shift is not None]
    if not normalised:
        return ()
    first = normalised[0]
    assert first.scale is not None
    assert first.shift is not None
    alone = len(normalised) == 1
    over = "the examples of the batch" if structure.normalization == "batch" else "its units"
    remembered = {each.name for each in program.remembered}
    predicting: Prose = (
        " Predictions use averages that are remembered from the batches of the training, in place of ",
        *((program.names[f"mu_{first.number}"], " and ", program.names[f"s_{first.number}"]) if alone else ("theirs",)),
        ".",
    )
    return (
        f" Before its activation {'the hidden layer' if alone else 'each hidden layer'} is normalised over {over}, ",
        "then scaled by ",
        program.names[first.scale],
        " and shifted by ",
        program.names[first.shift],
        ", which are learned." if alone else " and their like, which are learned.",
        *(predicting if remembered else ()),
    )


def _dropout(structure: Structure) -> Prose:
    """What dropout does, and that predictions go without."""
    if structure.dropout is None:
        return ()
    which = "the hidden layer" if len(structure.layers) == 2 else "each hidden layer"
    return (
        f" In training every output of {which} is dropped, that is set to zero, with the chance {structure.dropout}, ",
        "and those that stay are made larger, so that their mean is as before. Predictions go without.",
    )


def parameters_listed(trace: Trace) -> Prose:
    """The parameters whose gradients are derived; of many the first and the last."""
    found = [trace.source.names[id] for id in trace.gradients]
    ordered = [name for name in trace.source.parameters if name in found] or found
    if len(ordered) > LISTED_PARAMETERS:
        return listed([(ordered[0],), (ordered[1],), ("…",), (ordered[-1],)], last=", ")
    return listed([(name,) for name in ordered])


def _loss_words(program: Program) -> str:
    """The loss in words, as its equation is labelled."""
    labels = {equation.name.id: equation.label for equation in program.equations}
    label = labels.get("D", "").removeprefix("data loss: ") or labels.get(program.loss, "")
    penalty = labels.get("R", "") if program.structure is not None and program.structure.penalised else ""
    plain = label.removeprefix("the loss ")
    return f"{plain} plus an {penalty} on the weights" if penalty and plain else plain


def _caption(structure: Structure) -> str:
    count = len(structure.layers)
    layers = f"a network of {number_word(count)} layer{'s' if count > 1 else ''}"
    hidden = {layer.outputs for layer in structure.layers[:-1]}
    inside = f", {counted(hidden.pop(), 'node')} in each hidden layer" if len(hidden) == 1 and count > 2 else ""
    if count == 2:
        inside = f", {counted(structure.layers[0].outputs, 'node')} in the hidden layer"
    return f"{capitalised(layers)}{inside}."


# --- conventions --------------------------------------------------------------------------------------------------


def conventions(parts: Parts, blocks: Iterable[Block]) -> Blocks:
    """What the signs mean that these blocks use, what holds at kinks, and what is assumed."""
    used = _expressions(blocks)
    rows: list[tuple[Prose, Prose]] = [
        ((convention.example,), (convention.meaning,)) for convention in parts.notation.describe(*used)
    ]
    rows += _kinks(parts.trace.source)
    rows += [
        ((parts.trace.source.names[assumption.name],), (_assumed(assumption.axis),))
        for assumption in parts.trace.source.assumptions
    ]
    rows += [
        ((parts.trace.source.names[drawn.name],), ("random numbers from 0 to 1, new in each step",))
        for drawn in parts.trace.source.drawn
    ]
    return [heading(1, "Notation", "notation"), Conventions(tuple(rows))] if rows else []


def _expressions(blocks: Iterable[Block]) -> list[Expr]:
    """The expressions of displayed equations, each once."""
    found: dict[Expr, None] = {}
    for block in blocks:
        if isinstance(block, Display):
            found.update(dict.fromkeys((block.target, *block.lines)))
    return list(found)


def _kinks(program: Program) -> list[tuple[Prose, Prose]]:
    functions = {
        node.fn.name: node.fn
        for equation in program.equations
        for node in walk(equation.value)
        if isinstance(node, Elementwise) and node.fn.convention
    }
    return [((Elementwise(fn, Name("x")),), (f"by convention, {fn.convention}",)) for fn in functions.values()]


def _assumed(axis: int) -> str:
    return f"taken for granted: each {'row' if axis == 1 else 'column'} sums to 1"
