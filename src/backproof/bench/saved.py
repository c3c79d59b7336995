"""Results that were printed as JSON, read again: one measurement may be made in parts, and drawn later."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from backproof.bench.growth import CURVES, Curve
from backproof.bench.measure import Results, Row
from backproof.errors import DataError
from backproof.kernels.peak import Peak


def read_results(paths: Iterable[Path]) -> tuple[Results, list[Curve]]:
    """All rows of the files with the best of their peaks, and the growth curves that they hold.

    Raises:
        DataError: a file that cannot be read, or does not hold what ``backproof bench --json`` prints.
    """
    results, curves = Results(), dict[str, Curve]()
    for path in paths:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            _add(results, found)
            curves |= {name: CURVES[name] for name in found.get("curves", {})}
        except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"cannot use {str(path)!r}: {type(error).__name__}; give a file that 'backproof bench --json' made"
            ) from error
    return results, list(curves.values())


def _add(results: Results, found: Mapping[str, Any]) -> None:
    results.rows += [_row(record) for record in found["rows"]]
    results.about = str(found["about"])
    loads = [load for load in (results.load, found["load_average"]) if load is not None]
    results.load = max(map(float, loads), default=None)
    results.absent = {**results.absent, **found["absent"]}
    if (p := found["peak"]) is not None:
        peak = Peak(float(p["one_thread_gflops"]), float(p["all_threads_gflops"]), int(p["threads"]), str(p["kernel"]))
        results.peak = peak if results.peak is None else results.peak.better(peak)


def _row(record: Mapping[str, Any]) -> Row:
    return Row(
        workload=str(record["workload"]),
        peer=str(record["peer"]),
        flops=int(record["flops"]),
        steps=tuple(float(us) / 1e6 for us in record["us_per_step_all"]),
        first=_number(record["first_call_seconds"]),
        loss=_number(record["loss"]),
        compared=int(record["compared_steps"]),
        void=record["void"] or "",
        note=record["note"] or "",
        again=_number(record["second_start_seconds"]),
        races=tuple(math.inf if s is None else float(s) for s in record["seconds_to_held_out_loss_all"]),
        goal=None if record["held_out_loss"] is None else float(record["held_out_loss"]),
    )


def _number(known: float | None) -> float:
    return math.nan if known is None else float(known)
