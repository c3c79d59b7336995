"""A derivation as a NumPy script that repeats a training: data of a file, mini-batches, any update rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from backproof.backprop.trace import Trace
from backproof.dims import Shape, Symbol
from backproof.emit.data_section import DataSection
from backproof.emit.numpy_source import INDENT, RESERVED, described, in_order, indented, module_text
from backproof.emit.numpy_writer import BodyWords, NumpyWriter
from backproof.emit.spelling import NUMPY_SPELLING, spelt
from backproof.errors import UnsupportedError
from backproof.ir.arguments import positive_number, whole_number
from backproof.ir.lowering import lower
from backproof.ir.program import Equation
from backproof.version import __version__

OWN_NAMES = (
    *RESERVED,
    *("Path", "update", "stored", "samples", "batch_size", "order", "positions", "chosen", "start", "mean_loss"),
)
ANY_SHAPE = (Symbol("rows"), Symbol("columns"))


class Remembered(Protocol):
    """A quantity that a rule remembers between steps."""

    @property
    def start(self) -> float: ...
    @property
    def one_number(self) -> bool: ...


class UpdateRule(Protocol):
    """The equations of one step, over ``theta``, ``gradient``, ``rate`` and what is remembered."""

    @property
    def name(self) -> str: ...
    @property
    def equations(self) -> Callable[[Shape], tuple[Equation, ...]]: ...
    @property
    def memory(self) -> Mapping[str, Remembered]: ...


def numpy_training(
    trace: Trace,
    rule: UpdateRule,
    *,
    learning_rate: float,
    epochs: int,
    batch_size: int,
    samples: int,
    seed: int = 0,
    data_file: str = "data.npz",
) -> str:
    """θ ← θ − η ∂L/∂θ by a rule, in shuffled mini-batches: a script that repeats a run of ``train`` with NumPy alone.

    Its losses equal those of ``train`` with the same seed and the NumPy backend bit for bit.

    Args:
        trace: the derivation of a network with samples in rows.
        rule: the update rule.
        learning_rate: η.
        epochs: passes over the data.
        batch_size: samples per update; all at once, in the given order, where it is ``samples``.
        samples: how many there are.
        seed: for the initial parameters and the order.
        data_file: a file beside the script with the arrays ``X`` and ``y``; another can be named on the command line.

    Raises:
        SpecificationError: numbers that mean nothing.
        UnsupportedError: a program that is no network with samples in rows.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> from backproof.optimizers import adam
        >>> trace = backpropagate(bp.mlp(4, 3, 2))
        >>> script = numpy_training(trace, adam(), learning_rate=0.01, epochs=5, batch_size=8, samples=20)
        >>> "W_1, memory_W_1 = update(W_1, grad_W_1, learning_rate, *memory_W_1)" in script
        True
    """
    structure = trace.program.structure
    if structure is None or structure.samples != "rows":
        raise UnsupportedError("a training script is written for networks with samples in rows only")
    if trace.program.drawn or trace.program.remembered:
        raise UnsupportedError("a training script is not written for networks with dropout or batch normalisation")
    rate, last = positive_number("the learning rate", learning_rate), whole_number("epochs", epochs, 1)
    size = whole_number("batch_size", batch_size, 1)
    inputs, parameters = ([name.id for name in names] for names in (trace.program.inputs, trace.program.parameters))
    own = [f"{id}_all" for id in inputs] + [f"memory_{id}" for id in parameters]
    writer = NumpyWriter(trace, (*OWN_NAMES, *own))
    section = DataSection(writer, None, None, seed)
    lines = [
        *_rule_lines(rule, writer),
        "",
        "",
        *_data_lines(writer, inputs, data_file),
        *section.starts(),
        *(f"memory_{id} = {_start(rule, writer.quantity(id))}" for id in parameters if rule.memory),
        f"learning_rate = {rate!r}",
        "",
        *_epoch_lines(trace, rule, writer, last, size if size < samples else None, seed),
    ]
    title = f'"""Trains {described(trace)}; the equations are derived by Backproof {__version__}."""'
    return module_text(title, ("sys",), writer, lines, ("from pathlib import Path",))


def _rule_lines(rule: UpdateRule, writer: NumpyWriter) -> list[str]:
    """The rule as a function from a parameter, its gradient and what is remembered to their next values."""
    words, memory = BodyWords(writer), list(rule.memory)
    body = [
        f"{equation.name.id} = {spelt(lower(equation.value), NUMPY_SPELLING, words)}"
        for equation in rule.equations(ANY_SHAPE)
    ]
    following = _tuple([f"{id}_next" for id in memory])
    result = f"theta_next, {following}" if memory else "theta_next"
    return [
        f"def update({', '.join(['theta', 'gradient', 'rate', *memory])}):  # one step of {rule.name}",
        *indented(body),
        f"{INDENT}return {result}",
    ]


def _data_lines(writer: NumpyWriter, inputs: Sequence[str], data_file: str) -> list[str]:
    beside = f"Path(__file__).with_name({writer.literal(data_file)})"
    return [
        f"stored = np.load(sys.argv[1] if len(sys.argv) > 1 else {beside})",
        *(f'{id}_all = np.array(stored[{writer.literal(id)}], float, order="C")' for id in inputs),
        f"samples = len({inputs[0]}_all)",
    ]


def _start(rule: UpdateRule, parameter: str) -> str:
    """What is remembered before the first step."""
    starts = [
        repr(float(memory.start)) if memory.one_number else f"np.full({parameter}.shape, {float(memory.start)!r})"
        for memory in rule.memory.values()
    ]
    return _tuple(starts)


def _tuple(items: Sequence[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _epoch_lines(
    trace: Trace, rule: UpdateRule, writer: NumpyWriter, epochs: int, batch_size: int | None, seed: int
) -> list[str]:
    """The loop over the epochs, and within it over the batches."""
    inputs = [name.id for name in trace.program.inputs]
    step = [
        *writer.sizes_used_in(trace.joint.equations),
        "# forward",
        *writer.equations(trace.program.equations),
        f"mean_loss += float({writer.quantity(trace.program.loss)}) * ({_batch(writer, inputs)} / samples)",
        "# backward",
        *writer.equations(trace.backward),
        "# update",
        *(_update(writer, rule, id, gradient) for id, gradient in in_order(trace)),
    ]
    shown = 'print(f"epoch {epoch:5d}  loss {mean_loss!r}")'
    if batch_size is None:
        given = [f"{writer.quantity(id)} = {id}_all" for id in inputs]
        return [f"for epoch in range(1, {epochs + 1}):", *indented([*given, "mean_loss = 0.0", *step, shown])]
    taken = [f"{writer.quantity(id)} = np.take({id}_all, chosen, axis=0)" for id in inputs]
    loop = [
        "positions = order.permutation(samples)",
        "mean_loss = 0.0",
        "for start in range(0, samples, batch_size):",
        *indented(["chosen = positions[start : start + batch_size]", *taken, *step]),
        shown,
    ]
    return [
        f"batch_size = {batch_size}",
        f"order = np.random.default_rng([{seed}, 1])",
        f"for epoch in range(1, {epochs + 1}):",
        *indented(loop),
    ]


def _batch(writer: NumpyWriter, inputs: Sequence[str]) -> str:
    return f"len({writer.quantity(inputs[0])})"


def _update(writer: NumpyWriter, rule: UpdateRule, id: str, gradient: str) -> str:
    parameter, slope = writer.quantity(id), writer.quantity(gradient)
    if not rule.memory:
        return f"{parameter} = update({parameter}, {slope}, learning_rate)"
    return f"{parameter}, memory_{id} = update({parameter}, {slope}, learning_rate, *memory_{id})"
