"""The results as bars: the time of a step, a panel for each workload."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from backproof.bench.measure import Results
from backproof.bench.peers import OURS
from backproof.bench.tables import three_digits
from backproof.errors import SpecificationError
from backproof.files import atomic_write_bytes

FORMATS = (".svg", ".png")


def check_chart(path: Path) -> None:
    """Refuse a name that says no format, before anything is measured.

    Raises:
        SpecificationError: neither .svg nor .png.
    """
    if path.suffix.lower() not in FORMATS:
        raise SpecificationError(f"the chart {str(path)!r} must end in {' or '.join(FORMATS)}")


def write_chart(results: Results, path: Path) -> None:
    """Draw the rows that count, logarithmically, for the times span orders of magnitude.

    Raises:
        SpecificationError: the name says no format.
        OutputError: the file cannot be written.
    """
    check_chart(path)
    valid = [row for row in results.rows if row.valid]
    workloads = list(dict.fromkeys(row.workload for row in valid))
    heights = [1.0 + sum(row.workload == name for row in valid) for name in workloads] or [1.0]
    figure = Figure(figsize=(8, 0.28 * sum(heights) + 0.8), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for panel, name in zip(panels, workloads, strict=False):
        rows = [row for row in valid if row.workload == name]
        times = [row.per_step * 1e6 for row in rows]
        bars = panel.barh(
            [row.peer for row in rows], times, color=["#b5451b" if row.peer == OURS else "#8b9bb0" for row in rows]
        )
        panel.bar_label(bars, labels=[f"{three_digits(time)} µs" for time in times], padding=3, fontsize=8)
        panel.set_xscale("log")
        panel.invert_yaxis()
        panel.set_title(name, fontsize=9, loc="left")
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("µs per step, float32, median (logarithmic)")
    picture = BytesIO()
    figure.savefig(picture, format=path.suffix.lower()[1:], dpi=150)
    atomic_write_bytes(path, picture.getvalue())
