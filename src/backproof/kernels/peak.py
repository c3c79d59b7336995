"""The fastest matrix product of this computer now: what a training step is measured against."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_info, threadpool_limits

SIDE = 1024


@dataclass(frozen=True, slots=True)
class Peak:
    """GFLOP/s of NumPy's product of two square matrices, and which code made them."""

    one_thread: float
    all_threads: float
    threads: int
    kernel: str

    def better(self, other: Peak) -> Peak:
        """The higher of two measurements, for a busy computer only lowers them."""
        one, both = max(self.one_thread, other.one_thread), max(self.all_threads, other.all_threads)
        return Peak(one, both, self.threads, self.kernel)


def gemm_peak(
    side: int = SIDE, repeats: int = 10, dtype: npt.DTypeLike = "float32", *, seconds: float = float("inf")
) -> Peak:
    """The best of some products with one thread, and with as many as the BLAS takes.

    Args:
        side: rows and columns of both factors.
        repeats: how many products are timed; one more warms up.
        dtype: of the entries.
        seconds: after which neither of both goes on, on a computer that is busy with something else.

    Example:
        >>> gemm_peak(side=64, repeats=1).one_thread > 0
        True
    """
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    with threadpool_limits(1, "blas"):
        one = _rate(side, repeats, np.dtype(dtype), seconds)
    numpys = [pool for pool in pools if "numpy" in str(pool.get("filepath", ""))] or pools
    both = _rate(side, repeats, np.dtype(dtype), seconds)
    return Peak(one, both, max([int(p["num_threads"]) for p in numpys], default=1), _described(numpys))


def _rate(side: int, repeats: int, dtype: np.dtype[Any], seconds: float) -> float:
    a = np.random.default_rng(0).standard_normal((side, side)).astype(dtype)
    out, best, end = np.empty_like(a), float("inf"), time.perf_counter() + seconds
    for _ in range(repeats + 1):  # the first warms up, and may be the slowest
        began = time.perf_counter()
        np.matmul(a, a, out=out)
        best = min(best, time.perf_counter() - began)
        if time.perf_counter() > end:
            break
    return 2 * side**3 / best / 1e9


def _described(pools: list[dict[str, Any]]) -> str:
    if not pools:
        return "unknown BLAS"
    first = pools[0]
    return f"{first.get('internal_api')} {first.get('version')} {first.get('architecture', '')}".strip()
