"""The results as a table: for a terminal, plain, in Markdown, and as JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from backproof.bench.measure import TOLERANCE, Results, Row
from backproof.bench.peers import OURS

HEADINGS = ("workload", "peer", "µs/step", "min–max", "× ours", "1 thread", "all", "first", "again", "to loss")
WIDTH = 100
BUSY = 0.5
"""Of the processors taken by others, before the first step: more than this is said below the table."""


def cells(results: Results, row: Row) -> tuple[str, ...]:
    """The row in words: times in µs, ratio to ours, fractions of the two peaks, first calls, time to a loss."""
    if not row.valid:
        return (row.workload, row.peer, "void", *[""] * (len(HEADINGS) - 3))
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
        duration(row.first),
        duration(row.again),
        duration(row.to_goal),
    )


def notes(results: Results) -> list[str]:
    """What belongs below the table: where, against which peak, and what is void or not compared."""
    lines = [results.about] if results.about else []
    if results.peak is not None:
        p = results.peak
        lines.append(
            f"peak: float32 matrix product, {p.one_thread:.1f} GFLOP/s on one thread, {p.all_threads:.1f} on "
            f"{p.threads} ({p.kernel})"
        )
    if results.load is not None and results.load > BUSY * (os.cpu_count() or 1):
        lines.append(f"load average {results.load:.1f} on {os.cpu_count()} processors: too busy for figures to keep")
    compared = [row for row in results.rows if row.valid and not row.note]
    if compared:
        lines.append(
            f"float32, same data, weights and order; the losses of {len(compared)} rows agree within {TOLERANCE:g}; "
            "FLOPs are those of the matrix products, without ∂X of the first layer"
        )
        lines.append(
            "first: until the first epoch is done, compiling included; again: the same once more, with what was kept; "
            "to loss: training until the loss of held-out data is the workload's, looking at it not counted"
        )
    goals = {row.workload: row.goal for row in results.rows if row.races}
    if goals:
        lines.append("held-out losses: " + ", ".join(f"{name} {goal:g}" for name, goal in goals.items()))
    if results.absent:
        lines.append("absent: " + "; ".join(f"{peer} ({reason})" for peer, reason in results.absent.items()))
    said = {f"{row.peer}: {row.note}": None for row in results.rows if row.valid and row.note}
    void = [f"{row.workload}, {row.peer}: void, {row.void or 'interrupted'}" for row in results.rows if not row.valid]
    return [*lines, *said, *void]


def rich_table(results: Results) -> Table:
    """The table for a terminal; our rows in bold."""
    table = Table(pad_edge=False)
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="left" if heading == "peer" else "right")
    for name, rows in by_workload(results).items():
        table.add_section()
        table.add_row(Text(name), style="underline")
        for row in rows:
            table.add_row(*map(Text, cells(results, row)[1:]), style="bold" if row.peer == OURS else None)
    return table


def show(results: Results, console: Console) -> None:
    """Print the table and its notes."""
    console.print(rich_table(results))
    for note in notes(results):
        console.print(note, markup=False, highlight=False)


def plain(results: Results) -> str:
    """The table as aligned text of at most 100 columns; the notes below it are one line each."""
    table = [HEADINGS[1:], *(cells(results, row)[1:] for row in results.rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS) - 1)]

    def aligned(line: Sequence[str]) -> str:
        cells = [text.rjust(width) for text, width in zip(line, widths, strict=True)]
        return "  ".join([line[0].ljust(widths[0]), *cells[1:]]).rstrip()[:WIDTH]

    lines = [aligned(HEADINGS[1:])]
    for name, rows in by_workload(results).items():
        lines += ["", name[:WIDTH], *(aligned(cells(results, row)[1:]) for row in rows)]
    return "\n".join([*lines, "", *notes(results)])


def by_workload(results: Results) -> dict[str, list[Row]]:
    """The rows of each workload."""
    found: dict[str, list[Row]] = {}
    for row in results.rows:
        found.setdefault(row.workload, []).append(row)
    return found


def markdown(results: Results) -> str:
    """The table and its notes in Markdown."""
    lines = [HEADINGS, ("---", "---", *["---:"] * (len(HEADINGS) - 2)), *(cells(results, r) for r in results.rows)]
    table = "\n".join(f"| {' | '.join(map(escaped, line))} |" for line in lines)
    return table + "\n\n" + "\n".join(f"* {escaped(note)}" for note in notes(results)) + "\n"


def as_json(results: Results) -> dict[str, Any]:
    """Everything that was measured, for programs; what is unknown is null."""
    peak = results.peak
    return {
        "about": results.about,
        "load_average": results.load,
        "peak": None
        if peak is None
        else {
            "one_thread_gflops": peak.one_thread,
            "all_threads_gflops": peak.all_threads,
            "threads": peak.threads,
            "kernel": peak.kernel,
        },
        "absent": dict(results.absent),
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
        "second_start_seconds": _known(row.again),
        "held_out_loss": row.goal,
        "seconds_to_held_out_loss": _known(row.to_goal),
        "seconds_to_held_out_loss_all": [_known(seconds) for seconds in row.races],
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


def duration(seconds: float) -> str:
    """With a unit in which it has no long row of zeros.

    Example:
        >>> duration(0.0123), duration(2.5), duration(float("inf")), duration(float("nan"))
        ('12.3 ms', '2.50 s', 'never', '')
    """
    if math.isinf(seconds):
        return "never"
    if math.isnan(seconds):
        return ""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{three_digits(seconds * factor)} {unit}"
    return f"{three_digits(seconds * 1e6)} µs"


def escaped(text: str) -> str:
    """Fit to stand in a cell of Markdown."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
