"""The accuracy and the speed of the vector functions, as one Markdown table.

    python benchmarks/ulp.py                                     a quick look
    python benchmarks/ulp.py --every-float32 --points 1000000    all of float32 (a quarter of an hour); docs/accuracy.md
    python benchmarks/ulp.py --functions tanh sigmoid --speed    nanoseconds per element beside NumPy's

Accuracy: the greatest and the mean distance from the truth in ulp (kernels/llvm/vector_math_accuracy.py says against
what), whether every width gives the same bits, and how often consecutive floats have values in the wrong order.
Speed: nanoseconds per element over 4096 numbers that stay in the first cache, the best of several runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import get_args

import numpy as np

from backproof.kernels.llvm.vector_math import VectorMath
from backproof.kernels.llvm.vector_math_accuracy import (
    DOUBLE,
    MONOTONE,
    RANGES,
    Accuracy,
    consecutive,
    disorder,
    every_float32,
    measure,
    samples,
    within,
)
from backproof.kernels.llvm.vector_math_arrays import Array, ArrayFunction
from backproof.kernels.llvm.vector_math_lanes import DType

WIDTHS: dict[DType, tuple[int, ...]] = {"float32": (1, 4, 8, 16), "float64": (1, 2, 4, 8)}
CACHED, REPEATS, ROUNDS = 4096, 10, 50
BLOCK = 1 << 16
ACCURACY = ["function", "dtype", "points", "max ulp", "at", "mean ulp", "widths", "disorder"]
SPEED = ["function", "dtype", "ns per element at width", "NumPy or SciPy"]


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    head, rows = (SPEED, speed_rows(options)) if options.speed else (ACCURACY, accuracy_rows(options))
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description="Accuracy and speed of the vector functions.")
    found.add_argument("--functions", nargs="+", choices=[*RANGES], default=[*RANGES], metavar="NAME")
    found.add_argument("--dtypes", nargs="+", choices=get_args(DType), default=get_args(DType), metavar="DTYPE")
    found.add_argument("--points", type=int, default=20_000, help="samples per function")
    found.add_argument("--every-float32", action="store_true", help="all of float32 instead of samples")
    found.add_argument("--no-fma", action="store_true", help="the code for machines that do not fuse multiply and add")
    found.add_argument("--speed", action="store_true", help="measure the speed instead of the accuracy")
    return found


def accuracy_rows(options: argparse.Namespace) -> Iterator[list[str]]:
    """A row per dtype and function."""
    for dtype in options.dtypes:
        for name in options.functions:
            functions = [ArrayFunction(VectorMath(w, dtype, fma=not options.no_fma), name) for w in WIDTHS[dtype]]
            exhaustive = options.every_float32 and dtype == "float32"
            accuracy, alike, wrong = exhaust(functions) if exhaustive else sample(functions, options.points)
            yield [
                name,
                dtype,
                f"{accuracy.points:,}",
                f"{accuracy.worst:.2f}",
                repr(accuracy.where),
                f"{accuracy.mean:.2f}",
                "same bits" if alike else "DIFFERENT bits",
                str(wrong) if name in MONOTONE else "–",
            ]


def sample(functions: Sequence[ArrayFunction], points: int) -> tuple[Accuracy, bool, int]:
    """Accuracy, whether all widths agree, and wrong steps: over samples, the steps over runs of consecutive floats."""
    widest = functions[-1]
    x = samples(widest, points, seed=1)
    wrong = 0
    if widest.name in MONOTONE:
        centres = samples(widest, points // 100, seed=2)
        wrong = disorder(widest, consecutive(widest, centres[np.isfinite(centres)], 1000))
    return measure(widest, x), same_bits(functions, x), wrong


def exhaust(functions: Sequence[ArrayFunction]) -> tuple[Accuracy, bool, int]:
    """The same over every float32; the widths are compared on some of each block."""
    widest = functions[-1]
    accuracy, alike, wrong = Accuracy(0, 0.0, 0.0, 0.0), True, 0
    for block in every_float32(BLOCK):
        x = block[within(widest, block)]
        if x.size:
            accuracy = accuracy.and_of(measure(widest, x))
            alike = alike and same_bits(functions, x[:256])
            wrong += disorder(widest, x) if widest.name in MONOTONE else 0
    return accuracy, alike, wrong


def same_bits(functions: Iterable[ArrayFunction], x: Array) -> bool:
    """Whether all of them have the same value everywhere, NaN like NaN."""
    first, *others = (function(x) for function in functions)
    return all(bool(np.all((first == other) | (np.isnan(first) & np.isnan(other)))) for other in others)


def speed_rows(options: argparse.Namespace) -> Iterator[list[str]]:
    """A row per dtype and function; ours and the peer's take turns, so that a busy machine slows both."""
    for dtype in options.dtypes:
        x = np.abs(np.random.default_rng(1).normal(size=CACHED) * 2).astype(dtype)
        for name in options.functions:
            runs = {str(w): ours(VectorMath(w, dtype, fma=not options.no_fma), name, x) for w in WIDTHS[dtype]}
            best = fastest({**runs, "peer": peer(name, x)})
            widths = ", ".join(f"{width}: {best[width]:.2f}" for width in runs)
            yield [name, dtype, widths, f"{best['peer']:.2f}"]


def ours(math: VectorMath, name: str, x: Array) -> Callable[[], object]:
    """REPEATS times our function."""
    function, out = ArrayFunction(math, name), np.empty_like(x)
    return lambda: function.run(x, out, repeats=REPEATS)


def peer(name: str, x: Array) -> Callable[[], object]:
    """REPEATS times NumPy's or SciPy's."""
    return lambda: [DOUBLE[name](x) for _ in range(REPEATS)]


def fastest(runs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Nanoseconds per element, the best of many rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for key, run in runs.items():
            start = time.perf_counter()
            run()
            best[key] = min(best[key], (time.perf_counter() - start) / (REPEATS * CACHED) * 1e9)
    return best


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
