"""The end of the scalar view: from one example to a batch, and the equations to take home."""

from __future__ import annotations

from backproof.backprop.trace import Step
from backproof.dims import Symbol
from backproof.ir.expr import MatMul, Name, Size
from backproof.ir.traverse import walk
from backproof.render.document import Display, Prose, Shaped
from backproof.render.outline_matrix import take_home
from backproof.render.outline_parts import Blocks, heading, paragraph
from backproof.render.outline_telling import Telling
from backproof.render.words import listed, references

CITED = 6
"""Equations that are cited by number as those that hold for a batch too."""


def closing_blocks(telling: Telling) -> tuple[Blocks, int]:
    """What changes when examples are stacked, the equations to take home, and the number of the last equation."""
    last = len(telling.view.steps)
    numbers = {} if telling.view.single_example else _own_numbers(telling)

    def display(step: Step) -> Display:
        known = step.number in numbers
        number = numbers.setdefault(step.number, max(last, *numbers.values(), 0) + 1)
        return telling.parts.step(step, number=number, restated=known)

    key = "The key equations once more" + (", for a batch" if telling.view.single_example else "")
    blocks: Blocks = (
        [heading(1, "From one example to a batch", "batch"), *_stacked(telling)]
        if (telling.view.single_example)
        else []
    )
    blocks += [
        heading(1, "To summarise the take-home", "take-home"),
        *take_home(telling.parts, display, opening=f"{key}. Forward, from the inputs to the loss:"),
    ]
    return blocks, max(last, *numbers.values(), 0)


def _own_numbers(telling: Telling) -> dict[int, int]:
    """The equations of the view that state a step of the trace, by the number of that step."""
    return {
        step.trace_step: step.number
        for step in telling.view.steps
        if step.trace_step is not None and (isinstance(step.target, Name) or step.kind in ("factor", "matrix"))
    }


def _stacked(telling: Telling) -> Blocks:
    """Why the matrix equations hold for a batch as they stand."""
    trace = telling.view.batch
    program = trace.source
    n = Symbol(program.symbols[0])
    samples = telling.parts.notation.samples
    quantities = (*program.inputs, *(equation.name for equation in program.equations))
    stacked = [name for name in quantities if n in name.shape and name.id not in telling.parts.left_out]
    blocks: Blocks = [
        paragraph(
            "So far ",
            *listed([(name,) for name in program.inputs]),
            " were one training example. Now let ",
            Size(n),
            f" examples be stacked as {samples}. What belongs to an example gets one {samples[:-1]} for each, ",
            *listed([(Shaped(name),) for name in stacked]),
            ", while the parameters stay as they are. ",
            *_loss_of_batch(telling, n),
        )
    ]
    product = _first_product(trace.steps, n)
    if product is not None:
        blocks.append(paragraph(*_sum_words(telling, product, samples[:-1])))
    return blocks


def _loss_of_batch(telling: Telling, n: Symbol) -> Prose:
    program = telling.view.batch.source
    structure = program.structure
    penalised = structure is not None and structure.penalised
    loss = program.names["D"] if penalised else telling.view.batch.loss
    means = any(isinstance(node, Size) for equation in program.equations for node in walk(equation.value))
    does = " is their mean over all " if means else " is the sum of those of all "
    once = ", and the penalty is counted once" if penalised else ""
    return (
        f"The losses of the examples are {'averaged' if means else 'added'}: ",
        loss,
        does,
        Size(n),
        f" examples{once}.",
    )


def _first_product(steps: tuple[Step, ...], n: Symbol) -> tuple[Step, MatMul] | None:
    """The first gradient that is a product over the examples."""
    for step in steps:
        if step.kind == "gradient":
            for node in walk(step.after):
                if isinstance(node, MatMul) and node.a.shape[1] == n:
                    return step, node
    return None


def _sum_words(telling: Telling, found: tuple[Step, MatMul], sample: str) -> Prose:
    step, product = found
    cited = _cited(telling)
    means = any(isinstance(node, Size) for s in telling.view.batch.steps for node in walk(s.after))
    first = [s.target for s in telling.view.batch.steps if s.kind == "delta"][:1]
    carried: Prose = ("; the factor of the mean enters with ", *first, " and is carried on from there")
    structure = telling.view.batch.source.structure
    biased = structure is not None and any(layer.bias is not None for layer in structure.layers)
    return (
        "The gradient of a sum is the sum of the gradients, so ",
        step.target,
        " is a sum over the examples, and that sum is what the product ",
        product,
        f" forms: the {sample}s that belong to one example meet in it. Hence ",
        *cited,
        " as they stand, with the shapes of the batch",
        *(carried if means and first else ()),
        f". A bias is the same for all examples, so its gradient is summed over the {sample}s" if biased else "",
        ".",
    )


def _cited(telling: Telling) -> Prose:
    numbers = [
        step.number for step in telling.view.steps if step.kind in ("factor", "matrix") and not telling.leaves_out(step)
    ]
    if len(numbers) > CITED:
        return ("the matrix equations hold",)
    noun = "the matrix equation " if len(numbers) == 1 else "the matrix equations "
    return (noun, *references(numbers), " holds" if len(numbers) == 1 else " hold")
