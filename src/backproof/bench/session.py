"""A whole benchmark: peak, workloads one after another, peak again; Ctrl-C keeps the workloads that are done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from rich.console import Console

from backproof.bench.measure import Plan, Results, measure
from backproof.kernels.peak import gemm_peak
from backproof.bench.workloads import Workload

CACHE = "BACKPROOF_CACHE_DIR"


def run_session(
    workloads: Sequence[Workload], peers: Sequence[str], plan: Plan, console: Console
) -> tuple[Results, bool]:
    """Everything that was asked for, and whether it came to its end.

    Args:
        workloads: in their order.
        peers: names, as ``peers.installed`` gives them.
        plan: how long each is measured.
        console: where progress is shown: in one line on a terminal, otherwise a line for each workload.
    """
    results = Results(load=_load_average())
    try:
        with _progress(console) as tell, _empty_cache():
            tell("the peak of matrix products")
            results.peak = gemm_peak()
            for number, workload in enumerate(workloads, 1):
                if not console.is_terminal:
                    console.print(f"{number}/{len(workloads)} {workload.name}", highlight=False)
                place = f"{number}/{len(workloads)} "
                results.rows += measure(workload, peers, plan, lambda text, place=place: tell(place + text))  # type: ignore[misc]
                results.peak = results.peak.better(gemm_peak())
    except KeyboardInterrupt:
        console.print("interrupted; this is what was done", highlight=False)
        return results, False
    return results, True


def _load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


class _Teller:
    def __init__(self, console: Console) -> None:
        self._status = console.status("") if console.is_terminal else None

    def __call__(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)


@contextmanager
def _progress(console: Console) -> Iterator[_Teller]:
    teller = _Teller(console)
    if teller._status is None:
        yield teller
        return
    with teller._status:
        yield teller


@contextmanager
def _empty_cache() -> Iterator[None]:
    """A folder of its own for compiled code, so that the first call is one that compiles."""
    before = os.environ.get(CACHE)
    with TemporaryDirectory(prefix="backproof-bench-") as folder:
        os.environ[CACHE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[CACHE]
            else:
                os.environ[CACHE] = before
