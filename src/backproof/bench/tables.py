"""The results as a table: for a terminal, plain, in Markdown, and as JSON."""

from __future__ import annotations

import math
import os
import platform
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from backproof.bench.measure import TOLERANCE, Results, Row
from backproof.bench.peers import OURS
from backproof.version import __version__

HEADINGS = ("workload", "peer", "µs/step", "min–max", "× ours", "1 thread", "all", "first call")
WIDTH = 100
BUSY = 0.5
"""Of the processors taken by others, before the first step: more than this is said below the table."""


def cells(results: Results, row: Row) -> tuple[str, ...]:
    """The row in words: times in µs, ratio to ours, fractions of the two peaks, seconds of the first call."""
    if not row.valid:
        return (row.workload, row.peer, "void", "", "", "", "", "")
    low, high = min(row.steps) * 1e6, max(row.steps) * 1e6
    peak = results.peak
    shares = ("", "") if peak is None else (row.share(peak.one_thread), row.share(peak.all_threads))
    return (
        row.workload,
        row.peer,
        three_digits(row.per_step * 1e6),
        f"{three_digits(low)}–{three_digits(high)}",
        three_digits(results.ratio(row)),
        *(share if isinstance(share, str) else f"{share:.1%}" for share in shares),
        f"{row.first:.2f} s",
    )


def notes(results: Results) -> list[str]:
    """What belongs below the table: where, against which peak, and what is void or not compared."""
    lines = [
        f"backproof {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}"
    ]
    if results.peak is not None:
        p = results.peak
        lines.append(
            f"peak: float32 matrix product, {p.one_thread:.1f} GFLOP/s on one thread, {p.all_threads:.1f} on "
            f"{p.threads} ({p.kernel})"
        )
    if results.load is not None and results.load > BUSY * (os.cpu_count() or 1):
        lines.append(f"load average {results.load:.1f} on {os.cpu_count()} processors: too busy for figures to keep")
    if forced := os.environ.get("OPENBLAS_CORETYPE"):
        lines.append(
            f"OPENBLAS_CORETYPE={forced} chooses NumPy's and scikit-learn's kernel here and so the peak; "
            "unset it unless that is meant"
        )
    compared = [row for row in results.rows if row.valid and not row.note]
    if compared:
        lines.append(
            f"float32, same data, weights and order; the losses of {len(compared)} rows agree within {TOLERANCE:g}; "
            "FLOPs are those of the matrix products, without ∂X of the first layer"
        )
    said = {f"{row.peer}: {row.note}": None for row in results.rows if row.valid and row.note}
    void = [f"{row.workload}, {row.peer}: void, {row.void or 'interrupted'}" for row in results.rows if not row.valid]
    return [*lines, *said, *void]


def rich_table(results: Results) -> Table:
    """The table for a terminal; our rows in bold."""
    table = Table(*HEADINGS[:2], pad_edge=False)
    for heading in HEADINGS[2:]:
        table.add_column(heading, justify="right")
    previous = ""
    for row in results.rows:
        if previous and row.workload != previous:
            table.add_section()
        shown = cells(results, row)
        table.add_row(
            "" if row.workload == previous else row.workload, *shown[1:], style="bold" if row.peer == OURS else None
        )
        previous = row.workload
    return table


def show(results: Results, console: Console) -> None:
    """Print the table and its notes."""
    console.print(rich_table(results))
    for note in notes(results):
        console.print(note, markup=False, highlight=False)


def plain(results: Results) -> str:
    """The table as aligned text of at most 100 columns; the notes below it are one line each."""
    table = [HEADINGS, *(cells(results, row) for row in results.rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            text.ljust(w) if c < 2 else text.rjust(w) for c, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in table
    ]
    return "\n".join([*(line.rstrip()[:WIDTH] for line in lines), "", *notes(results)])


def markdown(results: Results) -> str:
    """The table and its notes in Markdown."""
    lines = [HEADINGS, ("---", "---", *["---:"] * (len(HEADINGS) - 2)), *(cells(results, r) for r in results.rows)]
    table = "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)
    return table + "\n\n" + "\n".join(f"* {_escaped(note)}" for note in notes(results)) + "\n"


def as_json(results: Results) -> dict[str, Any]:
    """Everything that was measured, for programs; what is unknown is null."""
    peak = results.peak
    return {
        "version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "load_average": results.load,
        "peak": None
        if peak is None
        else {
            "one_thread_gflops": peak.one_thread,
            "all_threads_gflops": peak.all_threads,
            "threads": peak.threads,
            "kernel": peak.kernel,
        },
        "rows": [_record(results, row) for row in results.rows],
    }


def _record(results: Results, row: Row) -> dict[str, Any]:
    peak = results.peak
    return {
        "workload": row.workload,
        "peer": row.peer,
        "valid": row.valid,
        "void": row.void or None,
        "note": row.note or None,
        "us_per_step": _known(row.per_step * 1e6),
        "us_per_step_all": [seconds * 1e6 for seconds in row.steps],
        "ratio_to_ours": _known(results.ratio(row)),
        "flops": row.flops,
        "peak_share_one_thread": _known(row.share(peak.one_thread)) if peak else None,
        "peak_share_all_threads": _known(row.share(peak.all_threads)) if peak else None,
        "first_call_seconds": _known(row.first),
        "loss": _known(row.loss),
        "compared_steps": row.compared,
    }


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def three_digits(value: float) -> str:
    """Three digits that matter, never an exponent."""
    if not math.isfinite(value):
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
