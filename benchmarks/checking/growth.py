"""Growth: seconds of a check that passes and of one that fails, as a network gets deeper and wider.

    python benchmarks/checking/growth.py              up to 50 layers and 512 units
    python benchmarks/checking/growth.py --quick      up to 8 layers and 16 units

The points are drawn by the tool. The wrong gradient lacks tanh's derivative in the middle layer; "named" says whether
that equation was named.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import backproof as bp

Array = npt.NDArray[Any]
DEPTHS = (2, 5, 10, 20, 50)
WIDTHS = (8, 32, 128, 512)


@dataclass(frozen=True, slots=True)
class Row:
    """One network: how long each check took, and what came of it."""

    layers: int
    units: int
    equations: int
    deriving: float
    passing: float
    verdict: str
    failing: float
    named: bool


def gradients_of(layers: int, *, wrong: bool) -> Callable[[Mapping[str, Array], Array, Array], dict[str, Array]]:
    """Gradients of half of the squared error of a tanh network, or those that lack a derivative in the middle."""

    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> dict[str, Array]:
        outputs = [X]
        for k in range(1, layers + 1):
            outputs.append(np.tanh(outputs[-1] @ params[f"W_{k}"]))
        found, delta = {}, outputs[-1] - y
        for k in range(layers, 0, -1):
            if not (wrong and k == middle(layers)):
                delta = delta * (1 - outputs[k] ** 2)
            found[f"W_{k}"] = outputs[k - 1].T @ delta
            delta = delta @ params[f"W_{k}"].T
        return found

    return gradients


def middle(layers: int) -> int:
    """The layer that is wrong."""
    return (layers + 1) // 2


def row(layers: int, units: int) -> Row:
    """Both checks of one network."""
    start = time.perf_counter()
    derivation = bp.derive(bp.mlp(*[units] * (layers + 1), activation="tanh"))
    deriving = time.perf_counter() - start
    start = time.perf_counter()
    right = bp.check(gradients_of(layers, wrong=False), derivation)
    passing = time.perf_counter() - start
    start = time.perf_counter()
    report = bp.check(gradients_of(layers, wrong=True), derivation)
    failing = time.perf_counter() - start
    named = bool(report.findings) and report.findings[0].equation == f"delta_{middle(layers)}"
    equations = len(derivation.trace.joint.equations)
    return Row(layers, units, equations, deriving, passing, str(right.verdict), failing, named)


def sizes(quick: bool) -> Iterator[tuple[int, int]]:
    """Deeper at the same width, then wider at the same depth."""
    yield from ((layers, 20) for layers in DEPTHS if not quick or layers < 10)
    yield from ((3, units) for units in WIDTHS if not quick or units < 20)


def main() -> None:
    """Run, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks only")
    arguments = parser.parse_args()
    row(1, 3)  # imports and first calls are no part of a check
    print("| layers | units | equations | deriving, s | right gradient, s | verdict | wrong gradient, s | named |")
    print("| ---: | ---: | ---: | ---: | ---: | --- | ---: | --- |")
    for layers, units in sizes(arguments.quick):
        r = row(layers, units)
        print(
            f"| {r.layers} | {r.units} | {r.equations} | {r.deriving:.3f} | {r.passing:.3f} | {r.verdict} "
            f"| {r.failing:.3f} | {'yes' if r.named else 'NO'} |"
        )


if __name__ == "__main__":
    main()
