"""Today's gradient checkers and ours on the same gradients: mistakes found, false alarms, seconds; one Markdown table.

    python benchmarks/checking/peers.py                              16 mistakes on 100 networks at three scales
    python benchmarks/checking/peers.py --quick                      the same on 5 networks, no times
    python benchmarks/checking/peers.py --checkers backproof jax     some of them
    python benchmarks/checking/peers.py --json                       data for programs

The networks: 4-3-2-1 sigmoid, batch 8, float64, weights normal with standard deviation 1, 6 and 20; sixteen silent
mistakes, each on each network, and the right gradient on each. In float32 the right gradient, and the two with stale
weights, at the scales 1 and 6 in turn. ReLU, 20-64-1, batch 32: right gradients at random points, and where the
biases and one example are zero, so that its units stand exactly at their kinks. Times: 784-128-10, ReLU,
cross-entropy, batch 32, float64, in a process of its own that is ended after --cap seconds.

"undecided" is an opinion that only Backproof has: the point does not tell. It counts neither as found nor as an alarm.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from checkers import Checker, Opinion, known_checkers, missing
from subjects import MISTAKES, STALE, Point, Subject, deep_sigmoid, relu_network, relu_point, sigmoid_point

SCALES = (1.0, 6.0, 20.0)
OWN_POINTS = "backproof-own"
LONG = 20.0
"""A check that took longer than this is not repeated."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of how many gradients what was thought."""

    of: int
    complaints: int
    undecided: int

    def __str__(self) -> str:
        undecided = f" + {self.undecided} undecided" if self.undecided else ""
        return f"{self.complaints}{undecided} of {self.of}"


@dataclass(frozen=True, slots=True)
class Time:
    """How long one check took, and what came of it."""

    seconds: float
    opinion: str


@dataclass(slots=True)
class Row:
    """What one checker did; no times where they exceed the cap."""

    name: str
    rule: str
    found: list[Tally] = field(default_factory=list)
    false_alarms: list[Tally] = field(default_factory=list)
    single_false_alarms: Tally | None = None
    single_stale_found: Tally | None = None
    relu: Tally | None = None
    kinks: Tally | None = None
    times: Mapping[str, Time] | None = None
    seconds_for_all: float = 0.0


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if options.time_only:
        times = times_of(known_checkers()[options.time_only])
        print(json.dumps({what: asdict(took) for what, took in times.items()}))
        return 0
    rows = []
    for key in options.checkers:
        checker = known_checkers()[key]
        reason = missing(checker)
        if reason:
            print(f"{checker.name} is left out: {reason}", file=sys.stderr)
            continue
        rows.append(row_of(key, checker, options))
    if options.json:
        print(json.dumps({"networks": options.networks, "seed": options.seed, "rows": [asdict(r) for r in rows]}))
    else:
        for line in table(rows, options.cap):
            print(line)
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description="Gradient checkers on the same gradients.")
    keys = [*known_checkers()]
    found.add_argument("--checkers", nargs="+", choices=keys, default=keys, metavar="NAME", help=", ".join(keys))
    found.add_argument("--networks", type=int, default=100, help="random networks at each scale")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--cap", type=float, default=120.0, help="seconds for one check of 784-128-10; 0 for no times")
    found.add_argument("--quick", dest="networks", action="store_const", const=5, help="5 networks")
    found.add_argument("--json", action="store_true", help="data instead of a table")
    found.add_argument("--time-only", choices=keys, help=argparse.SUPPRESS)
    return found


# --- the protocol ----------------------------------------------------------------------------------------------------


def row_of(key: str, checker: Checker, options: argparse.Namespace) -> Row:
    """Everything that is asked of one checker."""
    start = time.perf_counter()
    row, n, seed = Row(checker.name, checker.rule), options.networks, options.seed
    mistakes = [deep_sigmoid(mistake) for mistake in MISTAKES]
    right = deep_sigmoid()
    for scale in SCALES[:1] if key == OWN_POINTS else SCALES:
        points = [sigmoid_point(rng, scale) for rng in generators(seed, int(scale), n)]
        row.found.append(tally(checker, ((mistake, point) for point in points for mistake in mistakes)))
        row.false_alarms.append(tally(checker, ((right, point) for point in points)))
    if key != OWN_POINTS:
        rngs = generators(seed, 32, 2 * n)
        singles = [sigmoid_point(rng, SCALES[i % 2]).astype(np.float32) for i, rng in enumerate(rngs)]
        row.single_false_alarms = tally(checker, ((right, point) for point in singles))
        stale = [deep_sigmoid(mistake) for mistake in STALE]
        row.single_stale_found = tally(checker, ((mistake, point) for point in singles[:n] for mistake in stale))
    relu = relu_network(20, 64, 1)
    row.relu = tally(checker, ((relu, relu_point(rng, relu)) for rng in generators(seed, 64, n)))
    if key != OWN_POINTS:
        row.kinks = tally(
            checker, ((relu, relu_point(rng, relu, kink=True)) for rng in generators(seed, 65, min(n, 20)))
        )
    if options.cap:
        row.times = times_in_a_process(key, options.cap)
    row.seconds_for_all = time.perf_counter() - start
    return row


def generators(seed: int, kind: int, number: int) -> Iterator[np.random.Generator]:
    """One for each network, so that every checker gets the same ones, however many are asked for."""
    return (np.random.default_rng([seed, kind, i]) for i in range(number))


def tally(checker: Checker, cases: Iterable[tuple[Subject, Point]]) -> Tally:
    with np.errstate(all="ignore"):  # exp overflows at scale 20, in the loss as people write it
        opinions = Counter(checker.opinion(subject, point) for subject, point in cases)
    return Tally(opinions.total(), opinions[Opinion.WRONG], opinions[Opinion.UNDECIDED])


# --- times -----------------------------------------------------------------------------------------------------------


def times_of(checker: Checker) -> dict[str, Time]:
    """One check of 784-128-10: the first, another of the same gradient, and the first of a wrong one."""
    right, wrong = (relu_network(784, 128, 10, classes=True, wrong=wrong) for wrong in (False, True))
    point = relu_point(np.random.default_rng(0), right)
    small = relu_network(2, 3, 2, classes=True)
    checker.opinion(small, relu_point(np.random.default_rng(0), small, 4))  # imports are no part of a check
    found: dict[str, Time] = {}
    for what, subject in (("first", right), ("again", right), ("wrong", wrong)):
        if all(took.seconds < LONG for took in found.values()):
            start = time.perf_counter()
            opinion = checker.opinion(subject, point)
            found[what] = Time(time.perf_counter() - start, opinion.value)
    return found


def times_in_a_process(key: str, cap: float) -> dict[str, Time] | None:
    """The times of one checker, or None where they exceed the cap."""
    command = [sys.executable, __file__, "--time-only", key]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=cap, check=True)
    except subprocess.TimeoutExpired:
        return None
    return {what: Time(**given) for what, given in json.loads(done.stdout.splitlines()[-1]).items()}


# --- the table -------------------------------------------------------------------------------------------------------

HEAD = (
    "checker",
    "complains about",
    "found at scale 1 / 6 / 20",
    "false alarms at scale 1 / 6 / 20",
    "float32: false alarms",
    "float32: stale weights found",
    "ReLU: false alarms",
    "at kinks: false alarms",
    "784-128-10, seconds: first / again / a wrong one",
)


def table(rows: Sequence[Row], cap: float) -> Iterator[str]:
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{' --- |' * len(HEAD)}"
    for row in rows:
        cells = [
            row.name,
            row.rule,
            " / ".join(map(str, row.found)),
            " / ".join(map(str, row.false_alarms)),
            *(str(t or "–") for t in (row.single_false_alarms, row.single_stale_found, row.relu, row.kinks)),
            spelled(row.times, cap),
        ]
        yield f"| {' | '.join(cells)} |"


def spelled(times: Mapping[str, Time] | None, cap: float) -> str:
    """Seconds; what was thought is said where it is not the truth."""
    if not cap:
        return "–"
    if times is None:
        return f"> {cap:g}"
    cells = []
    for what in ("first", "again", "wrong"):
        took = times.get(what)
        truth = Opinion.WRONG if what == "wrong" else Opinion.RIGHT
        said = f" (says {took.opinion})" if took and took.opinion != truth.value else ""
        cells.append(f"{took.seconds:.3g}{said}" if took else "–")
    return " / ".join(cells)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
