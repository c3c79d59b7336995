"""The forward part of the scalar view: weights, inputs, each layer with its entries, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, takewhile

from backproof.backprop.scalar import ScalarStep
from backproof.dims import SCALAR, Shape, shape_text
from backproof.ir.expr import Assembled, Name
from backproof.ir.program import Layer
from backproof.render.document import Paragraph, Prose, Shaped
from backproof.render.outline_parts import Blocks, base_id, heading, paragraph
from backproof.render.outline_telling import Telling
from backproof.render.words import capitalised, listed, loss_words

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

SCALAR_WORD = "a scalar"


def weights_blocks(telling: Telling, steps: Sequence[ScalarStep]) -> Blocks:
    """The parameters, layer by layer, as matrices of weights."""
    program = telling.view.trace.source
    shown = {step.target: step for step in steps if step.kind == "entry" and isinstance(step.target, Name)}
    if program.structure is None:
        return _parameters(telling, program.parameters, shown)
    blocks: Blocks = []
    names = program.names
    for absent, run in groupby(program.structure.layers, key=lambda layer: layer.output in telling.parts.left_out):
        layers = list(run)
        if absent:
            blocks.append(
                paragraph(f"⋮ Layers {layers[0].number} to {layers[-1].number} have matrices of that shape too.")
            )
            continue
        for layer in layers:
            own = [names[id] for id in (layer.weights, layer.bias) if id is not None]
            blocks += _layer_parameters(telling, layer, own, shown)
    return blocks


def _layer_parameters(telling: Telling, layer: Layer, own: Sequence[Name], shown: dict[Name, ScalarStep]) -> Blocks:
    found = [shown[name] for name in own if name in shown]
    ordinal = ORDINALS[layer.number - 1] if layer.number <= len(ORDINALS) else f"{layer.number}th"
    output = telling.view.trace.source.names[layer.output]
    bias = (" and the bias ", Shaped(own[1])) if len(own) > 1 else ()
    words = paragraph(
        f"The {ordinal} layer (", output, ") has the weight matrix ", Shaped(own[0]), *bias, ":" if found else "."
    )
    return [words, *(telling.display(step) for step in found)]


def _parameters(telling: Telling, parameters: Sequence[Name], shown: dict[Name, ScalarStep]) -> Blocks:
    found = [shown[name] for name in parameters if name in shown]
    noun = "parameter is" if len(parameters) == 1 else "parameters are"
    words = paragraph(f"The {noun} ", *listed([(Shaped(name),) for name in parameters]), ":" if found else ".")
    return [words, *(telling.display(step) for step in found)]


# --- inputs, layers and the loss ----------------------------------------------------------------------------------


def forward_blocks(telling: Telling, steps: Sequence[ScalarStep]) -> Blocks:
    """The inputs, every quantity with its entries, and the loss."""
    program = telling.view.trace.source
    parameters, inputs = set(program.parameters), set(program.inputs)
    given = [step for step in steps if step.target in inputs]
    computed = [step for step in steps if step.target not in inputs and step.target not in parameters]
    tail = _loss_start(computed)
    return [
        heading(1, "Input and output definitions", "definitions"),
        *_inputs(telling, given),
        *_quantities(telling, computed[:tail]),
        heading(1, "Loss", "loss"),
        *_loss(telling, computed[tail:]),
    ]


def _loss_start(steps: Sequence[ScalarStep]) -> int:
    """Where the equations begin after which there are only scalars; a loss alone where all are."""
    matrices = [position for position, step in enumerate(steps) if _quantity_shape(step) != SCALAR]
    return matrices[-1] + 1 if matrices else max(0, len(steps) - 1)


def _quantity_shape(step: ScalarStep) -> Shape:
    target = step.target
    return target.shape if isinstance(target, Name) else (1, 1)


def _inputs(telling: Telling, steps: Sequence[ScalarStep]) -> Blocks:
    program = telling.view.trace.source
    random = {drawn.name for drawn in program.drawn}
    inputs = tuple(name for name in program.inputs if name.id not in random)
    if not inputs:
        return []
    tuple_: Prose = inputs[:1] if len(inputs) == 1 else ("(", *listed([(name,) for name in inputs], last=", "), ")")
    if telling.view.single_example:
        subject: Prose = ("One training example is ", *tuple_)
    else:
        subject = ("The input is ", *tuple_)
    kinds: Prose = listed([(name, f" is {_kind(name.shape)}") for name in inputs])
    if len(inputs) > 1 and all(_kind(name.shape) == SCALAR_WORD for name in inputs):
        kinds = (*listed([(name,) for name in inputs]), " are scalars")
    shapes = listed([(Shaped(name),) for name in inputs if name.shape != SCALAR])
    verb = "this is" if len(inputs) == 1 else "these are"
    matrix: Prose = (f" In matrix form {verb} ", *shapes) if shapes else ()
    given = [step for step in steps if step.target in inputs]
    words = paragraph(*subject, ": ", *kinds, ".", *matrix, ("," if given else ".") if matrix else "")
    blocks: Blocks = [words, *(telling.display(step) for step in given)]
    if program.drawn:
        numbers = listed([(Shaped(program.names[drawn.name]),) for drawn in program.drawn])
        drawn_steps = [step for step in steps if step not in given]
        noun = "is a matrix" if len(program.drawn) == 1 else "are matrices"
        end = ":" if drawn_steps else "."
        blocks += [
            paragraph("Beside these ", *numbers, f" {noun} of random numbers from 0 to 1, new in each step", end)
        ]
        blocks += [telling.display(step) for step in drawn_steps]
    return blocks


def _kind(shape: Shape) -> str:
    match shape:
        case () | (1, 1):
            return SCALAR_WORD
        case (1, size) | (size, 1):
            return f"a vector of {size} components"
        case _:
            return f"a matrix of {shape_text(shape).replace('×', ' × ')} entries"


def _quantities(telling: Telling, steps: Sequence[ScalarStep]) -> Blocks:
    blocks: Blocks = []
    for absent, run in groupby(steps, key=telling.leaves_out):
        found = list(run)
        if absent:
            blocks += telling.likewise(found)
            continue
        for position, step in enumerate(found):
            words = _quantity_words(telling, found, position)
            blocks += [words, telling.display(step)] if words is not None else [telling.display(step)]
    return blocks


def _quantity_words(telling: Telling, steps: Sequence[ScalarStep], position: int) -> Paragraph | None:
    """What is said before an equation of a quantity; nothing where it goes on from the one before."""
    step, before = steps[position], steps[position - 1] if position else None
    match step.kind, step.target:
        case "entry", Name() as name if isinstance(step.after, Assembled):
            return paragraph(name, f" has {_entries_counted(name.shape)},")
        case "entry", _ if before is not None and isinstance(before.after, Assembled):
            return paragraph(_given_by(steps, position))
        case "entry", _:
            return None
        case _, Name() as name:
            return paragraph(*_definition(telling, step, name))
        case _:
            return None


def _entries_counted(shape: Shape) -> str:
    rows, columns = shape
    if rows == 1 or columns == 1:
        return f"{columns if rows == 1 else rows} components"
    return f"{rows} × {columns} entries"


def _given_by(steps: Sequence[ScalarStep], position: int) -> str:
    assembled = steps[position - 1]
    follow = takewhile(lambda step: step.kind == "entry" and _about(step, assembled), steps[position:])
    count = sum(1 for _ in follow)
    rows, columns = assembled.target.shape
    if isinstance(rows, int) and isinstance(columns, int) and count == rows * columns:
        return "given by"
    return "the first of which is" if count == 1 else "the first of which are"


def _about(step: ScalarStep, other: ScalarStep) -> bool:
    return base_id(step.target) == base_id(other.target)


def _definition(telling: Telling, step: ScalarStep, name: Name) -> Prose:
    layer = telling.layers.get(name.id)
    if layer is None:
        label = (f"{capitalised(step.reason)}, ",) if step.reason else ("Let ",)
        return (*label, Shaped(name), ":" if step.reason else " be")
    structure = telling.view.trace.source.structure
    assert structure is not None  # layers come from it
    if name.id == layer.pre_activation:
        return ("Let ", name, f" be the argument of layer {layer.number}'s activation, ", Shaped(name), ":")
    if layer.number < len(structure.layers):
        hidden = "the hidden layer" if len(structure.layers) == 2 else "a hidden layer"
        return ("Let ", name, f" be the output of layer {layer.number}, {hidden}. In matrix form, ", Shaped(name), ",")
    also = f"As the picture shows, it is also the output of layer {layer.number}. In matrix form, "
    return ("Let ", name, " be the predicted output. ", also, Shaped(name), ",")


def _loss(telling: Telling, steps: Sequence[ScalarStep]) -> Blocks:
    blocks: Blocks = []
    seen: set[str] = set()
    for step in steps:
        id = base_id(step.target)
        if id not in seen or step.reason:
            again: Prose = (f"{capitalised(step.reason)}:",)
            first = loss_words(step.reason, is_loss=step.target == telling.view.trace.loss)
            blocks.append(paragraph(*(again if id in seen else first)))
        seen.add(id)
        blocks.append(telling.display(step))
    return blocks
