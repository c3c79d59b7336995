"""The history of a training as a table and as a drawing; what these need is loaded when they are asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backproof.errors import SpecificationError
from backproof.files import atomic_write_bytes
from backproof.training.epoch import Epoch

if TYPE_CHECKING:
    import polars
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOGARITHMIC = 20
"""Losses that differ by this factor are drawn on a logarithmic scale."""
ABREAST = 3
"""Drawings in a row."""
FORMATS = (".svg", ".png", ".pdf")
Series = Mapping[str, Sequence[tuple[int, float]]]
"""For each line of a drawing its points: epoch and value."""


class History(tuple[Epoch, ...]):
    """The records of a training, one per epoch, in order.

    Example:
        >>> History([Epoch(1, 0.5, 0.1, 10), Epoch(2, 0.25, 0.1, 20)]).to_frame()["loss"].to_list()
        [0.5, 0.25]
    """

    __slots__ = ()

    def to_frame(self) -> polars.DataFrame:
        """One row per epoch; of mappings a column for each key: ``metric r2``, ``gradient norm W_1``."""
        import polars

        return polars.DataFrame([_flat(epoch) for epoch in self], infer_schema_length=None)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Losses, metrics, learning rate and, where they were measured, norms, each against the epochs.

        Args:
            path: a file to write the drawing to as well: .svg, .png or .pdf.

        Raises:
            SpecificationError: there is nothing to draw, or another kind of file is wanted.
            OutputError: the file cannot be written.
        """
        if not self:
            raise SpecificationError("no epoch was completed, so there is nothing to draw")
        figure = _figure(list(self._panels()))
        if path is not None:
            write_figure(figure, path)
        return figure

    def _panels(self) -> Iterable[tuple[str, Series]]:
        """What is drawn: the name of each quantity and its lines."""
        losses = {"training": self._of(lambda e: e.loss), "validation": self._of(lambda e: e.validation_loss)}
        yield "loss", losses
        yield "metrics", self._each(lambda e: e.metrics)
        rates = self._of(lambda e: e.learning_rate)
        if len({rate for _, rate in rates}) > 1:
            yield "learning rate", {"": rates}
        yield "norm of gradients", self._each(lambda e: e.gradient_norms)
        yield "relative size of updates", self._each(lambda e: e.update_ratios)

    def _of(self, value: Callable[[Epoch], float | None]) -> list[tuple[int, float]]:
        pairs = ((epoch.number, value(epoch)) for epoch in self)
        return [(number, found) for number, found in pairs if found is not None and math.isfinite(found)]

    def _each(self, values: Callable[[Epoch], Mapping[str, float]]) -> Series:
        names = dict.fromkeys(name for epoch in self for name in values(epoch))
        return {name: self._of(lambda epoch, name=name: values(epoch).get(name)) for name in names}  # type: ignore[misc]


def _flat(epoch: Epoch) -> dict[str, float | int | None]:
    return {
        "epoch": epoch.number,
        "loss": epoch.loss,
        "validation loss": epoch.validation_loss,
        "learning rate": epoch.learning_rate,
        "seconds": epoch.seconds,
        "steps": epoch.steps,
        **{f"metric {name}": value for name, value in epoch.metrics.items()},
        **{f"gradient norm {id}": value for id, value in epoch.gradient_norms.items()},
        **{f"update ratio {id}": value for id, value in epoch.update_ratios.items()},
    }


def _figure(panels: Sequence[tuple[str, Series]]) -> Figure:
    from matplotlib.figure import Figure

    drawn = [(name, series) for name, series in panels if any(series.values())]
    columns = min(len(drawn), ABREAST)
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.0 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes, (name, series) in zip(places, drawn, strict=False):
        _panel(axes, name, series)
    for axes in places[len(drawn) :]:
        axes.set_visible(False)
    return figure


def _panel(axes: Axes, name: str, series: Series) -> None:
    from matplotlib.ticker import MaxNLocator

    for label, points in series.items():
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 30 else None)
    values = [value for points in series.values() for _, value in points]
    if name != "metrics" and min(values) > 0 and max(values) >= LOGARITHMIC * min(values):
        axes.set_yscale("log")
    axes.set(xlabel="epoch", title=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len([label for label in series if series[label]]) > 1:
        axes.legend(frameon=False)


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a drawing whole or not at all.

    Raises:
        SpecificationError: a suffix that stands for no format.
        OutputError: the file cannot be written.
    """
    goal = Path(path)
    if goal.suffix.lower() not in FORMATS:
        raise SpecificationError(f"cannot draw into {goal.name!r}; end its name in {', '.join(FORMATS)}")
    drawn = io.BytesIO()
    figure.savefig(drawn, format=goal.suffix.lower()[1:], dpi=150)
    atomic_write_bytes(goal, drawn.getvalue())
