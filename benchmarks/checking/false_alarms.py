"""False alarms: correct gradient functions of many styles, and how often a check calls one wrong.

    python benchmarks/checking/false_alarms.py              10,000 functions
    python benchmarks/checking/false_alarms.py --quick      200 functions

Functions that overflow themselves are drawn again.
Points are the user's, with weights of scale 1 to 20, a fifth of them at exact kinks; one function in ten is checked at
points that the tool draws.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np
from styles import Style, as_passed, drawn_point, drawn_style, gradient_function

import backproof as bp
from backproof.checking.findings import Verdict
from backproof.checking.report import Report
from backproof.ir.program import Program

SCALES = (1.0, 2.0, 6.0, 20.0)


def network(style: Style) -> Program:
    """The network that the style's functions are of."""
    own = style.loss in ("cross_entropy", "binary_cross_entropy")
    hidden = len(style.sizes) - 2
    activations = [style.activation] * (hidden if own else hidden + 1)
    return bp.mlp(*style.sizes, activation=activations or "sigmoid", bias=style.bias, loss=style.loss)


def one(rng: np.random.Generator) -> tuple[Style, float, str, Report | None]:
    """One function checked; no report where its own numbers overflow, which is no false alarm."""
    style = drawn_style(rng)
    scale, kink = SCALES[int(rng.integers(len(SCALES)))], rng.random() < 0.2
    function, net = gradient_function(style), network(style)
    if rng.random() < 0.1:
        return style, 1.0, "drawn", bp.check(function, net, seed=int(rng.integers(1000)))
    point = as_passed(style, drawn_point(style, scale, kink, rng))
    report = bp.check(function, net, points=point)
    if report.verdict is Verdict.WRONG and any(f.kind == "not-finite" for f in report.findings):
        return style, scale, "overflow", None
    return style, scale, "kink" if kink else "given", report


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="200 functions")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    counts: Counter[tuple[str, str]] = Counter()
    started = time.perf_counter()
    number = judged = 0
    while judged < (200 if arguments.quick else arguments.functions):
        number += 1
        style, scale, where, report = one(rng)
        row = f"{style.inside}, scale {scale:g}" if where in ("given", "kink") else where
        judged += report is not None
        counts[row, "functions"] += 1
        counts[row, "its own overflow" if report is None else str(report.verdict)] += 1
        if report is not None and report.verdict is Verdict.WRONG:
            print(f"FALSE ALARM {number}: {style} at scale {scale:g} ({where})\n{report}\n")
    columns = ("functions", "right", "not informative here", "its own overflow", "wrong")
    print(f"{'points':24}" + "".join(f"{column:>22}" for column in columns))
    rows = sorted({row for row, _ in counts})
    for row in rows:
        print(f"{row:24}" + "".join(f"{counts[row, column]:>22}" for column in columns))
    total = {column: sum(counts[row, column] for row in rows) for column in columns}
    print(f"{'all':24}" + "".join(f"{total[column]:>22}" for column in columns))
    print(f"{total['wrong']} false alarms in {judged}; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
