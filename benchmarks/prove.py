"""How well and how fast derivations are proved: false alarms, wrong derivations refused, seconds.

    python benchmarks/prove.py                 2000 random programs, wrong derivations of a quarter of them, times
    python benchmarks/prove.py --programs 100  fewer

Prints N of N for each, and exits with 1 unless every N is reached. The random programs and the mistakes are those of
the tests.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.ir.program import Program
from backproof.networks import mlp
from backproof.proof import prove, prove_view
from corruptions import corruptions
from random_programs import random_program

WRONG_PER_PROGRAM = 4
TIMED: Mapping[str, Callable[[], Program]] = {
    "3-2-1": lambda: mlp(3, 2, 1),
    "784-128-10, ReLU, cross-entropy": lambda: mlp(784, 128, 10, activation="relu", loss="cross_entropy", bias=True),
    "200 layers of width 8, sigmoid": lambda: mlp(*[8] * 201),
    "200 layers of width 8, ReLU": lambda: mlp(*[8] * 201, activation="relu", bias=True),
    "200 layers of width 8, SiLU, penalty": lambda: mlp(*[8] * 201, activation="silu", bias=True, penalty=0.1),
}


def false_alarms(programs: int) -> bool:
    """Random programs, rightly derived: all of them must be proved."""
    proved, worst, methods = 0, 0.0, Counter[str]()
    for seed in range(programs):
        certificate = prove(backpropagate(random_program(seed)))
        proved += certificate.ok
        worst = max(worst, certificate.bound)
        methods.update(step.method for step in certificate.steps)
        if not certificate.ok:
            print(f"  program {seed}: {certificate.failures[0].sentence}")
    print(f"right derivations proved: {proved} of {programs}; chance of error of one at most {worst:.1e}")
    print("  steps by method: " + ", ".join(f"{method} {count}" for method, count in methods.most_common()))
    return proved == programs


def wrong_derivations(programs: int) -> bool:
    """Random programs with one mistake in their derivation: all must be refused, at the step of the mistake."""
    made, refused, edits = 0, 0, Counter[str]()
    for seed in range(programs):
        for wrong in corruptions(backpropagate(random_program(seed)), Random(seed), WRONG_PER_PROGRAM):
            failures = prove(wrong.trace).failures
            named = bool(failures) and failures[0].step == wrong.step
            made, refused = made + 1, refused + named
            edits[wrong.edit] += 1
            if not named:
                print(f"  program {seed}, step {wrong.step}, {wrong.edit} in {wrong.place}: not refused there")
    print(f"wrong derivations refused at their step: {refused} of {made}")
    print("  mistakes: " + ", ".join(f"{edit} {count}" for edit, count in edits.most_common()))
    return refused == made


def seconds(task: Callable[[], object]) -> float:
    """Of processor time, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        task()
        best = min(best, time.process_time() - start)
    return best


def times() -> None:
    """What a proof costs, the numbers to fifty digits and the scalar view apart."""
    for name, network in TIMED.items():
        trace = backpropagate(network())
        view = scalar_view(trace)
        exact = seconds(partial(prove, trace, dtypes=(), seconds=0))
        whole = seconds(partial(prove, trace))
        shown = seconds(partial(prove_view, view))
        steps = f"{len(trace.steps)} steps, {len(view.steps)} of the scalar view"
        print(f"{name}: identities {exact:.2f} s, with numbers {whole:.2f} s, scalar view {shown:.2f} s; {steps}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--programs", type=int, default=2000, help="how many random programs")
    arguments = parser.parse_args()
    times()
    held = [false_alarms(arguments.programs), wrong_derivations(arguments.programs // 4)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
