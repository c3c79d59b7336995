"""The results as pictures: bars for the workloads, curves for the growth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from backproof.bench.growth import Curve
from backproof.bench.measure import Results, Row
from backproof.bench.peers import OURS, PEERS
from backproof.bench.tables import by_workload, three_digits
from backproof.errors import SpecificationError
from backproof.files import atomic_write_bytes
from backproof.kernels.peak import Peak

FORMATS = (".svg", ".png")
OUR_COLOUR, THEIR_COLOUR = "#b5451b", "#a9b6c6"
COLOURS = dict(zip(PEERS, [OUR_COLOUR, "#2f6f9f", "#7a5195", "#bc80bd", "#4d4d4d", "#d9a441", "#5b9a68"], strict=True))
MARKS = dict(zip(PEERS, "osD^vPX", strict=True))
STYLE: Any = {
    "font.size": 9,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "svg.hashsalt": "backproof",
}


def check_chart(path: Path) -> None:
    """Refuse a name that says no format, before anything is measured.

    Raises:
        SpecificationError: neither .svg nor .png.
    """
    if path.suffix.lower() not in FORMATS:
        raise SpecificationError(f"the chart {str(path)!r} must end in {' or '.join(FORMATS)}")


def write_chart(results: Results, path: Path) -> None:
    """A panel of bars for each workload: logarithmic, for the times span orders of magnitude.

    Raises:
        SpecificationError: the name says no format.
        OutputError: the file cannot be written.
    """
    check_chart(path)
    panels = {name: [row for row in rows if row.valid] for name, rows in by_workload(results).items()}
    panels = {name: rows for name, rows in panels.items() if rows}
    columns = min(2, max(1, len(panels)))
    lines = max(1, math.ceil(len(panels) / columns))
    most = max((len(rows) for rows in panels.values()), default=1)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8 * columns, lines * (0.62 + 0.2 * most) + 0.5), layout=_layout())
        grid = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, (name, rows) in zip(grid, panels.items(), strict=False):
            _bars(axes, name, rows)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.supxlabel(
            "µs per step (logarithmic), float32; median, and how many times as long as Backproof", fontsize=9
        )
        _write(figure, path)


def _bars(axes: Axes, name: str, rows: Sequence[Row]) -> None:
    times = [row.per_step * 1e6 for row in rows]
    ours = next((time for time, row in zip(times, rows, strict=True) if row.peer == OURS), None)
    colours = [OUR_COLOUR if row.peer == OURS else THEIR_COLOUR for row in rows]
    bars = axes.barh([row.peer for row in rows], times, color=colours, height=0.72)
    axes.bar_label(bars, labels=[_bar_label(time, ours) for time in times], padding=3, fontsize=8)
    axes.set_xscale("log")
    # A bar from nowhere has no length of its own: all begin at the power of ten below the shortest.
    floor = 10.0 ** math.floor(math.log10(min(times)) - 0.2)
    axes.set_xlim(floor, max(times) * (max(times) / floor) ** 0.45)
    axes.invert_yaxis()
    axes.set_title(name, fontsize=9.5, fontweight="bold", loc="left")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)


def _bar_label(time: float, ours: float | None) -> str:
    shown = f"{three_digits(time)} µs"
    return shown if ours is None or time == ours else f"{shown}  ×{three_digits(time / ours)}"


def write_growth_chart(curves: Sequence[Curve], results: Results, path: Path) -> None:
    """For each curve the time of a step beside what the peak allows, and the rate beside the peak.

    Raises:
        SpecificationError: the name says no format.
        OutputError: the file cannot be written.
    """
    check_chart(path)
    with matplotlib.rc_context({**STYLE, "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6}):
        figure = Figure(figsize=(10, 3.6 * len(curves) + 0.4), layout=_layout())
        grid = figure.subplots(len(curves), 2, squeeze=False)
        for (left, right), curve in zip(grid, curves, strict=True):
            _growth(left, right, curve, results)
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=max(1, len(labels)), frameon=False)
        _write(figure, path)


def _growth(left: Axes, right: Axes, curve: Curve, results: Results) -> None:
    numbers = list(curve.points)
    if results.peak is not None:
        ideal = [w.flops / results.peak.all_threads / 1e3 for w in curve.points.values()]
        left.plot(numbers, ideal, color="#999999", linestyle=":", label="peak of all cores")
        _peak_lines(right, results.peak)
    for peer in dict.fromkeys(row.peer for row in results.rows):
        rows = curve.rows(results, peer)
        look: Any = {
            "color": COLOURS.get(peer, THEIR_COLOUR),
            "marker": MARKS.get(peer, "."),
            "markersize": 4,
            "linewidth": 2.2 if peer == OURS else 1.2,
            "zorder": 3 if peer == OURS else 2,
        }
        left.plot(list(rows), [row.per_step * 1e6 for row in rows.values()], label=peer, **look)
        right.plot(list(rows), [row.flops / row.per_step / 1e9 for row in rows.values()], **look)
    left.set_title(f"µs per step: {curve.where}", fontsize=9.5, fontweight="bold", loc="left")
    right.set_title("GFLOP/s of its matrix products", fontsize=9.5, fontweight="bold", loc="left")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(numbers, [str(number) for number in numbers], fontsize=8)
        axes.minorticks_off()
        axes.set_xlabel(curve.what)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _peak_lines(axes: Axes, peak: Peak) -> None:
    for height, name in ((peak.one_thread, "peak of one core"), (peak.all_threads, "peak of all cores")):
        axes.axhline(height, color="#999999", linestyle=":")
        axes.annotate(
            name,
            (0.01, height),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=8,
            color="#666666",
        )


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)


def _write(figure: Figure, path: Path) -> None:
    picture, kind = BytesIO(), path.suffix.lower()[1:]
    metadata: Any = {"Date": None} if kind == "svg" else None
    figure.savefig(picture, format=kind, dpi=150, metadata=metadata)
    atomic_write_bytes(path, picture.getvalue())
