"""How the cost of a step grows with width, depth and batch: the workloads of a curve, and what its figures say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from backproof.bench.measure import Plan, Results, Row
from backproof.bench.workloads import Workload
from backproof.errors import SpecificationError, suggestion
from backproof.kernels.peak import Peak

LINEAR = 0.8
"""Where time grows with at least this power of the FLOPs, it is called linear."""
NEAR = 0.8
"""Of the best rate, or of the peak: at least this share is called as good."""
WORK = 200_000_000
"""FLOPs of an epoch, roughly: longer ones would make the turns of slow peers long."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Workloads that differ in one number.

    Args:
        name: as people call it.
        what: is counted.
        where: the rest of the network, in words.
        points: the workload for each number.
    """

    name: str
    what: str
    where: str
    points: Mapping[int, Workload]

    def rows(self, results: Results, peer: str) -> dict[int, Row]:
        """The rows of a peer that count."""
        named = {workload.name: x for x, workload in self.points.items()}
        return {
            named[row.workload]: row for row in results.rows if row.workload in named and row.peer == peer and row.valid
        }


def _workload(curve: str, x: int, sizes: tuple[int, ...], batch: int, rate: float) -> Workload:
    made = Workload(f"{curve} {x}", sizes, batch, 1, own_rate=rate)
    return Workload(f"{curve} {x}", sizes, batch, max(1, min(64, WORK // made.flops)), own_rate=rate)


def _powers(last: int, first: int = 1) -> list[int]:
    return [2**k for k in range(first.bit_length() - 1, last.bit_length())]


# The wider and the deeper, the smaller the rate that does not diverge.
CURVES: Mapping[str, Curve] = {
    curve.name: curve
    for curve in (
        Curve(
            "width",
            "units in each of the two hidden layers",
            "20-w-w-1, batch 32",
            {w: _workload("width", w, (20, w, w, 1), 32, 0.1 / w) for w in _powers(2048, 8)},
        ),
        Curve(
            "depth",
            "hidden layers",
            "20-64-…-64-1, batch 32",
            {d: _workload("depth", d, (20, *[64] * d, 1), 32, 0.01 / d) for d in _powers(32)},
        ),
        Curve(
            "batch",
            "samples in a batch",
            "20-64-64-1",
            {b: _workload("batch", b, (20, 64, 64, 1), b, 0.01) for b in _powers(4096)},
        ),
    )
}
"""By name; ReLU, SGD, float32."""


def growth_plan(quick: bool) -> Plan:
    """Few rounds: a curve has many points."""
    return Plan(rounds=3, turn=0.01, agree=2, races=0) if quick else Plan(rounds=7, turn=0.04, agree=4, races=0)


def curves_named(names: Sequence[str], quick: bool = False) -> list[Curve]:
    """The curves of these names; with every third point where a quick look is wanted.

    Raises:
        SpecificationError: an unknown name.

    Example:
        >>> [list(curve.points) for curve in curves_named(["depth"])]
        [[1, 2, 4, 8, 16, 32]]
    """
    for name in names:
        if name not in CURVES:
            raise SpecificationError(f"unknown curve {name!r}; {suggestion(name, CURVES)}")
    chosen = [CURVES[name] for name in dict.fromkeys(names)]
    if not quick:
        return chosen
    return [Curve(c.name, c.what, c.where, dict(list(c.points.items())[::3])) for c in chosen]


def remarks(curve: Curve, results: Results, caches: Sequence[tuple[str, int]]) -> list[str]:
    """For each peer, where its cost stops being linear in the FLOPs, and why: computed from the figures.

    Args:
        curve: what was measured.
        results: all rows.
        caches: names and bytes of the processor's caches, the nearest first; empty where they are not known.
    """
    peers = dict.fromkeys(row.peer for row in results.rows)
    found = {peer: curve.rows(results, peer) for peer in peers}
    return [
        f"{peer}: {'; '.join(_clauses(curve, rows, results.peak, caches))}"
        for peer, rows in found.items()
        if len(rows) > 2
    ]


def exponents(rows: Mapping[int, Row]) -> list[float]:
    """Between neighbours: d log(time) / d log(FLOPs)."""
    each = list(rows.values())
    return [math.log(b.per_step / a.per_step) / math.log(b.flops / a.flops) for a, b in pairwise(each)]


def linear_from(rows: Mapping[int, Row]) -> int | None:
    """The first number from which on time grows like the FLOPs, on the whole; None where it never does."""
    numbers, each = list(rows), list(rows.values())
    for k in range(len(each) - 1):
        # From here to the end, and to the next point: one slow point must not hide what comes before it.
        first, last = each[k], each[-1]
        whole = math.log(last.per_step / first.per_step) / math.log(last.flops / first.flops)
        if whole >= LINEAR and exponents(rows)[k] >= LINEAR:
            return numbers[k]
    return None


def _clauses(
    curve: Curve, rows: Mapping[int, Row], peak: Peak | None, caches: Sequence[tuple[str, int]]
) -> Iterator[str]:
    numbers, begins = list(rows), linear_from(rows)
    first = rows[numbers[0]]
    if begins is None:
        last = rows[numbers[-1]]
        yield (
            f"not linear up to {curve.name} {numbers[-1]}: {last.flops / first.flops:.3g} times the FLOPs take "
            f"{last.per_step / first.per_step:.3g} times as long, so what a step costs beside them still counts"
        )
    elif begins == numbers[0]:
        yield f"linear in the FLOPs from {curve.name} {begins} on"
    else:
        there = rows[begins]
        yield (
            f"up to {curve.name} {begins}, {there.flops / first.flops:.3g} times the FLOPs take only "
            f"{there.per_step / first.per_step:.3g} times as long: a step costs {_micro(first)} however little it "
            "computes (dispatch, and vectors that are not full); linear from there on"
        )
    best = max(numbers, key=lambda x: _rate(rows[x]))
    share = f", {_rate(rows[best]) / peak.one_thread:.0%} of one core's peak" if peak else ""
    yield f"fastest at {curve.name} {best} with {_rate(rows[best]):.3g} GFLOP/s{share}"
    yield from _decline(curve, rows, best, caches)


def _decline(curve: Curve, rows: Mapping[int, Row], best: int, caches: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Where the rate falls again, and which cache the numbers outgrow meanwhile."""
    slower = [x for x in rows if x > best and _rate(rows[x]) < NEAR * _rate(rows[best])]
    if not slower:
        return
    x = min(slower, key=lambda number: _rate(rows[number]))
    small, large = (4 * curve.points[number].values for number in (best, slower[0]))
    outgrown = [f"the {name} cache of {size / 2**20:.3g} MiB" for name, size in caches if small <= size < large]
    why = f", whose {large / 2**20:.3g} MiB do not fit {' and '.join(outgrown)} any more" if outgrown else ""
    yield (
        f"below {NEAR:.0%} of that from {curve.name} {slower[0]} on{why} (lowest {_rate(rows[x]):.3g} GFLOP/s at {x})"
    )


def _rate(row: Row) -> float:
    return row.flops / row.per_step / 1e9


def _micro(row: Row) -> str:
    return f"{row.per_step * 1e6:.3g} µs"


def cache_sizes(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> list[tuple[str, int]]:
    """Names and bytes of the caches of one processor, the nearest first; empty where the system does not say."""
    found = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and size[:-1].isdigit() and size[-1:] in "KM":
            found[f"L{level}"] = int(size[:-1]) * {"K": 2**10, "M": 2**20}[size[-1]]
    return sorted(found.items())
