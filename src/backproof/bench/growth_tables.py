"""The growth curves as tables: a line for each number, a column for each peer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backproof.bench.growth import Curve, cache_sizes, remarks
from backproof.bench.measure import Results
from backproof.bench.peers import OURS
from backproof.bench.tables import as_json, escaped, notes, three_digits


def lines_of(curve: Curve, results: Results) -> list[tuple[str, ...]]:
    """Headings, then for each number the FLOPs, the bytes, µs per step of each peer, and our share of the peak."""
    peers = list(dict.fromkeys(row.peer for row in results.rows))
    found = {peer: curve.rows(results, peer) for peer in peers}
    lines = [(curve.name, "MFLOP", "KiB", *peers, "1 thread", "all")]
    for x, workload in curve.points.items():
        if not any(x in rows for rows in found.values()):
            continue
        times = [three_digits(rows[x].per_step * 1e6) if x in rows else "" for rows in found.values()]
        ours, peak = found.get(OURS, {}).get(x), results.peak
        shares = ["", ""]
        if ours is not None and peak is not None:
            shares = [f"{ours.share(peak.one_thread):.1%}", f"{ours.share(peak.all_threads):.1%}"]
        size = three_digits(4 * workload.values / 1024)
        lines.append((str(x), three_digits(workload.flops / 1e6), size, *times, *shares))
    return lines


def plain_growth(curves: Sequence[Curve], results: Results) -> str:
    """All curves as text."""
    parts = []
    for curve in curves:
        table = lines_of(curve, results)
        widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
        parts.append(f"{title(curve)}\n")
        parts += ["  ".join(t.rjust(w) for t, w in zip(line, widths, strict=True)) for line in table]
        parts += ["", *remarks(curve, results, cache_sizes()), ""]
    return "\n".join([*parts, *_growth_notes(results)])


def markdown_growth(curves: Sequence[Curve], results: Results) -> str:
    """All curves in Markdown."""
    parts = []
    for curve in curves:
        headings, *rest = lines_of(curve, results)
        table = [headings, ["---:"] * len(headings), *rest]
        parts += [f"**{title(curve)}**", ""]
        parts += [f"| {' | '.join(map(escaped, line))} |" for line in table]
        parts += ["", *(f"* {escaped(remark)}" for remark in remarks(curve, results, cache_sizes())), ""]
    return "\n".join([*parts, *(f"* {escaped(note)}" for note in _growth_notes(results)), ""])


def growth_json(curves: Sequence[Curve], results: Results) -> dict[str, Any]:
    """Everything that was measured, with the curve that each row belongs to."""
    caches = cache_sizes()
    return as_json(results) | {
        "caches": dict(caches),
        "curves": {
            curve.name: {
                "what": curve.what,
                "where": curve.where,
                "points": [
                    {"number": x, "workload": w.name, "flops": w.flops, "bytes": 4 * w.values}
                    for x, w in curve.points.items()
                ],
                "remarks": remarks(curve, results, caches),
            }
            for curve in curves
        },
    }


def title(curve: Curve) -> str:
    """Above a table."""
    return f"µs per step by {curve.what}: {curve.where}, ReLU, SGD, float32"


def _growth_notes(results: Results) -> list[str]:
    sizes = ", ".join(f"{name} {size / 2**10:,.0f} KiB" for name, size in cache_sizes())
    about = "MFLOP: of the matrix products; KiB: weights, gradients, and each layer's values and derivatives"
    return [*notes(results), f"{about}{f'; caches: {sizes}' if sizes else ''}"]
