"""The picture of the backward pass: every quantity in its place, with its verdict; forward above, backward below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backproof.backprop.trace import Trace
from backproof.checking.checked import Checked
from backproof.checking.findings import Verdict
from backproof.checking.writing.signs import verdicts
from backproof.ir.program import Layer
from backproof.render.symbols import DELTA

MOST_DRAWN = 8
"""Layers that are drawn at most; of more, the first, the last and those where something is wrong."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A quantity and its verdict; None for what is given and has none."""

    id: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Column:
    """A layer.

    Args:
        parameters: the identifiers on the arrow that leads to it.
        forward: its output.
        delta: its Δ; None where the derivation names none.
        gradients: of its parameters, and before them further Δ of a layer that is normalised.
    """

    parameters: tuple[str, ...]
    forward: Cell
    delta: Cell | None
    gradients: tuple[Cell, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Everything in the column."""
        return (self.forward, *(() if self.delta is None else (self.delta,)), *self.gradients)


@dataclass(frozen=True, slots=True)
class Gap:
    """Layers that are not drawn."""

    first: int
    last: int
    cells: tuple[Cell, ...]

    def sentence(self) -> str:
        """What is to be known of them."""
        which = f"layers {self.first} to {self.last} are" if self.last > self.first else f"layer {self.first} is"
        found = {cell.verdict for cell in self.cells}
        said = {
            frozenset({Verdict.RIGHT}): ", and all right",
            frozenset({Verdict.NOT_SEEN}): ", and not looked at",
            frozenset({Verdict.RIGHT, Verdict.NOT_SEEN}): ", and right where looked at",
        }
        return f"{which} not drawn{said.get(frozenset(v for v in found if v is not None), '')}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A network with its verdicts, or the quantities of any program one after the other.

    Args:
        source: the input of the first layer; None where the program is no network.
        columns: the layers that are drawn, and the gaps between them.
        loss: the loss.
        others: quantities that have a verdict, or are derived, and belong to no layer.
    """

    source: str | None
    columns: tuple[Column | Gap, ...]
    loss: Cell
    others: tuple[Cell, ...]

    @property
    def shown(self) -> frozenset[Verdict]:
        """The verdicts that need a word of explanation."""
        cells = [self.loss, *self.others, *(cell for column in self.columns for cell in column.cells)]
        return frozenset(cell.verdict for cell in cells if cell.verdict is not None)


def picture_of(report: Checked) -> Picture:
    """The picture for a report.

    Example:
        >>> from backproof.checking.claims import check_claim
        >>> picture = picture_of(check_claim("grad_W_1 = X.T @ delta_1", "3-2-1"))
        >>> [cell.id for cell in picture.columns[0].cells]
        ['l_1', 'delta_1', 'grad_W_1']
    """
    trace, found = report.trace, verdicts(report)
    structure = trace.source.structure
    loss = _cell(trace.loss.id, found)
    if structure is None:
        return Picture(None, (), loss, tuple(_rest(trace, found, {loss.id})))
    columns = [_column(layer, trace, found) for layer in structure.layers]
    placed = {cell.id for column in columns for cell in column.cells} | {loss.id}
    return Picture(trace.source.inputs[0].id, tuple(_drawn(columns)), loss, tuple(_rest(trace, found, placed)))


def _cell(id: str, found: Mapping[str, Verdict]) -> Cell:
    return Cell(id, found.get(id, Verdict.NOT_SEEN))


def _column(layer: Layer, trace: Trace, found: Mapping[str, Verdict]) -> Column:
    own = (layer.weights, layer.bias, layer.scale, layer.shift)
    parameters = tuple(id for id in own if id is not None)
    gradients = tuple(_cell(trace.gradients[id], found) for id in parameters if id in trace.gradients)
    deltas = tuple(_cell(id, found) for id in _deltas(layer, trace))
    delta = deltas[0] if deltas else None
    return Column(parameters, _cell(layer.output, found), delta, (*deltas[1:], *gradients))


def _deltas(layer: Layer, trace: Trace) -> list[str]:
    """The adjoints that are named in a layer: its Δ, or those of its parts where it is normalised."""
    if layer.delta in trace.joint.definitions:
        return [layer.delta]
    ids = (equation.name.id for equation in trace.backward)
    return [id for id in ids if id.startswith(DELTA) and id.endswith(f"_{layer.number}")]


def _rest(trace: Trace, found: Mapping[str, Verdict], placed: set[str]) -> Iterator[Cell]:
    """What has a verdict but no place, in the order of computation; without a network, all gradients."""
    wanted = set(found) | set(trace.gradients.values())
    for equation in trace.joint.equations:
        if equation.name.id in wanted and equation.name.id not in placed:
            yield _cell(equation.name.id, found)


def _drawn(columns: Sequence[Column]) -> Iterator[Column | Gap]:
    """The columns that matter; in place of others a gap."""
    if len(columns) <= MOST_DRAWN:
        yield from columns
        return
    told = (Verdict.WRONG, Verdict.NOT_INFORMATIVE)
    telling = [place for place, column in enumerate(columns) if any(cell.verdict in told for cell in column.cells)]
    kept = sorted({0, len(columns) - 1, *telling[: MOST_DRAWN - 2]})
    before = -1
    for place in kept:
        if place - before > 1:
            absent = columns[before + 1 : place]
            yield Gap(before + 2, place, tuple(cell for column in absent for cell in column.cells))
        yield columns[place]
        before = place
