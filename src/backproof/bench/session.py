"""A whole benchmark: peak, workloads one after another, peak again; Ctrl-C keeps the workloads that are done."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from backproof.bench.measure import Plan, Progress, Results, measure
from backproof.bench.peers import PEERS, absent
from backproof.bench.workloads import Workload
from backproof.kernels.llvm.machine import host
from backproof.kernels.peak import gemm_peak
from backproof.version import __version__

CACHES = {
    "BACKPROOF_CACHE_DIR": "backproof",
    "JAX_COMPILATION_CACHE_DIR": "jax",
    "TORCHINDUCTOR_CACHE_DIR": "torch",
}
"""Where each peer keeps compiled code, and the folder that it gets."""
KEEP_EVERYTHING = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
SMALLEST = Workload("", (2, 2, 1), 2, 1)


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
    results = Results(load=_load_average(), absent=absent(), about=_about())
    try:
        with _progress(console) as tell, _empty_caches():
            tell("the peak of matrix products")
            results.peak = gemm_peak()
            _load_libraries(peers, tell)
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


def _load_libraries(peers: Sequence[str], tell: Progress) -> None:
    """Each peer trains something first, so that its first call is compiling and not the loading of a library."""
    for name in peers:
        tell(f"loading {name}")
        try:
            PEERS[name](SMALLEST).advance(1)
        except Exception:  # what is wrong is said where the peer is measured
            continue


def _about() -> str:
    processors = f"{os.cpu_count()} processors ({host().name}, {platform.machine()})"
    about = f"backproof {__version__}, Python {platform.python_version()}, NumPy {np.__version__}; {processors}"
    if forced := os.environ.get("OPENBLAS_CORETYPE"):
        about += (
            f"; OPENBLAS_CORETYPE={forced} chooses NumPy's and scikit-learn's kernel here and so the peak: unset it "
            "unless that is meant"
        )
    return about


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
def _empty_caches() -> Iterator[None]:
    """Folders of one's own for compiled code, so that the first call is one that compiles, and the second is not."""
    changed = [*CACHES, *KEEP_EVERYTHING]
    before = {name: os.environ[name] for name in changed if name in os.environ}
    with TemporaryDirectory(prefix="backproof-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update({name: os.path.join(folder, part) for name, part in CACHES.items()} | KEEP_EVERYTHING)
        try:
            yield
        finally:
            for name in changed:
                del os.environ[name]
            os.environ.update(before)
