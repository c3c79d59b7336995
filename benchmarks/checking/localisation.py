"""Localisation: faults in gradients whose only trace is the final gradients, and whether the equation is named.

    python benchmarks/checking/localisation.py              everything
    python benchmarks/checking/localisation.py --quick      a tenth of it
    python benchmarks/checking/localisation.py --json       as data

Three sources of faults. *Derivation*: every mutant that the catalogue makes of five networks, so the true cause is
known to the sentence. *Text*: single edits of the text of NumPy programs (a sign, an operator, an operand, a transpose,
an axis, a number), made without the catalogue; the true cause is the line. *By hand*: the functions of
tests/faulty_gradients.py, written as people write them. Two faults: random pairs of the derivation's; one is mended and
the rest is checked again. Faults that change no gradient, or raise, are left out. Two points, drawn by the seed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from program_texts import TEXTS, ProgramText  # noqa: E402

import backproof as bp  # noqa: E402
from backproof.backprop.sweep import backpropagate  # noqa: E402
from backproof.backprop.trace import Trace  # noqa: E402
from backproof.checking.anatomy import Anatomy  # noqa: E402
from backproof.checking.findings import Finding  # noqa: E402
from backproof.checking.matching import diagnose  # noqa: E402
from backproof.checking.mutants import Mutant, Mutants, mutants  # noqa: E402
from backproof.checking.search import Search  # noqa: E402
from backproof.checking.trials import Trials  # noqa: E402
from edited_derivations import Point, following, points_of, same  # noqa: E402
from faulty_gradients import CASES  # noqa: E402

NETWORKS = {
    "3-2-1 sigmoid": bp.mlp(3, 2, 1),
    "4-3-3-2 tanh, ReLU, sigmoid, bias, penalty": bp.mlp(
        4, 3, 3, 2, bias=True, activation=["tanh", "relu", "sigmoid"], loss="mean_squared_error", penalty=0.1
    ),
    "4-3-1 GELU, bias, cross-entropy, columns": bp.mlp(
        4, 3, 1, activation="gelu", bias=True, loss="binary_cross_entropy", samples="columns"
    ),
    "3-4-2 softmax, squared error": bp.mlp(3, 4, 2, output_activation="softmax"),
    "4-3-3 ReLU, bias, cross-entropy": bp.mlp(4, 3, 3, activation="relu", bias=True, loss="cross_entropy"),
}
SAMPLES = 6


@dataclass(frozen=True)
class Fault:
    """A fault that shows: what it is called, the equation it is in, and the gradients that come of it."""

    name: str
    equation: str
    given: list[Point]
    sentence: str = ""


def listed(findings: Sequence[Finding]) -> set[str]:
    """Every sentence, those of the alternatives too."""
    return {sentence for f in findings for sentence in (f.sentence, *f.alternatives)}


def equations(findings: Sequence[Finding], trace: Trace, points: list[Point], given: list[Point]) -> set[str]:
    """The equations of all explanations that are listed."""
    trials = Trials(Anatomy(trace), points, given)
    found = Search(trials, Mutants(trials.anatomy, trials.sizes)).run()
    return {fault.equation for e in found for fault in e.faults} or {f.equation for f in findings}


# --- where faults come from ---------------------------------------------------------------------------------------


def of_derivation(trace: Trace, points: list[Point], right: list[Point]) -> Iterator[tuple[Fault, Mutant]]:
    """The mutants of the derivation that show."""
    for m in mutants(trace, {"n": SAMPLES}):
        given = shown(lambda p, m=m: following(trace, m.edits, p), points, right)  # type: ignore[misc]
        if given is not None:
            yield Fault(m.kind, m.equation, given, m.sentence), m


def of_text(text: ProgramText, points: list[Point], right: list[Point]) -> Iterator[Fault]:
    """Single edits of the program's text that show."""
    for name, line, function in text.edited():
        given = shown(function, points, right)
        if given is not None:
            yield Fault(name, text.equation_of(line), given)


def shown(function: Callable[[Point], Point | None], points: list[Point], right: list[Point]) -> list[Point] | None:
    """What the function gives at the points; None where it raises, or gives nothing finite, or what is right."""
    found: list[Point] = []
    for point in points:
        try:
            with np.errstate(all="ignore"):
                given = function(point)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError):
            return None
        if given is None or not all(np.isfinite(g).all() for g in given.values()):
            return None
        found.append({id: np.asarray(g, float) for id, g in given.items()})
    return None if same(found, right) else found


# --- measuring ----------------------------------------------------------------------------------------------------


def measured(faults: Sequence[Fault], trace: Trace, points: list[Point]) -> Counter[str]:
    """How many faults there are, how many are listed, and for how many one equation is named, the right one."""
    counts: Counter[str] = Counter()
    for fault in faults:
        start = time.process_time()
        findings = diagnose(trace, points, fault.given)
        counts["ms"] += round(1000 * (time.process_time() - start))
        named = equations(findings, trace, points, fault.given)
        counts["faults"] += 1
        counts["true cause listed"] += fault.sentence in listed(findings) if fault.sentence else fault.equation in named
        counts["one equation, the right one"] += named == {fault.equation}
        counts["first is right"] += bool(findings) and findings[0].equation == fault.equation
    return counts


def pairs(
    made: Sequence[tuple[Fault, Mutant]], trace: Trace, points: list[Point], right: list[Point], number: int, seed: int
) -> Counter[str]:
    """Two faults at once: whether one is named, and whether mending it and checking again finds the other."""
    counts: Counter[str] = Counter()
    chosen = random.Random(seed)
    for _ in range(20 * number):
        (a, first), (b, second) = chosen.sample(made, 2)
        if first.edits.keys() & second.edits.keys():
            continue
        given = shown(lambda p: following(trace, {**first.edits, **second.edits}, p), points, right)  # noqa: B023
        if given is None or same(given, a.given) or same(given, b.given):
            continue
        counts["pairs"] += 1
        sentences = listed(diagnose(trace, points, given))
        one = next((m for m in (first, second) if m.sentence in sentences), None)
        counts["one is named"] += one is not None
        counts["both at once"] += {first.sentence, second.sentence} <= sentences
        if one is not None:
            rest = b if one is first else a
            counts["both after mending"] += rest.sentence in listed(diagnose(trace, points, rest.given))
        if counts["pairs"] == number:
            break
    return counts


def depth(layers: int) -> float:
    """Seconds to localise a fault in the middle of a deep network."""
    trace = backpropagate(bp.mlp(*[3] * (layers + 1), activation="tanh", bias=True, loss="mean_squared_error"))
    points = points_of(trace, SAMPLES)
    rng = np.random.default_rng(0)
    for point in points:
        for id in point:
            if id.startswith("W_"):
                point[id] = 1.05 * np.linalg.qr(rng.normal(size=(3, 3)))[0]
            elif id != "y":
                point[id] = point[id] / 20
    fault = next(m for m in mutants(trace, {"n": SAMPLES}) if m.equation == f"delta_{max(2, layers * 2 // 3)}")
    given = [g for p in points if (g := following(trace, fault.edits, p)) is not None]
    start = time.process_time()
    findings = diagnose(trace, points, given)
    if fault.sentence not in listed(findings):
        raise SystemExit(f"{layers} layers: {fault.sentence} was not found")
    return time.process_time() - start


def run(share: float, seed: int) -> dict[str, Any]:
    """All figures."""
    rows: dict[str, Mapping[str, int]] = {}
    two: Counter[str] = Counter()
    chosen = random.Random(seed)
    for name, net in NETWORKS.items():
        trace = backpropagate(net)
        points = points_of(trace, SAMPLES, (seed + 1, seed + 2))
        right = [g for p in points if (g := following(trace, {}, p)) is not None]
        made = list(of_derivation(trace, points, right))
        some = chosen.sample(made, max(1, round(share * len(made))))
        rows[f"derivation: {name}"] = measured([fault for fault, _ in some], trace, points)
        two += pairs(made, trace, points, right, max(2, round(40 * share)), seed)
    for text in TEXTS:
        trace = backpropagate(text.net)
        points = points_of(trace, SAMPLES, (seed + 1, seed + 2))
        right = [g for p in points if (g := following(trace, {}, p)) is not None]
        edited = list(of_text(text, points, right))
        rows[f"text: {text.name}"] = measured(chosen.sample(edited, max(1, round(share * len(edited)))), trace, points)
    rows["by hand: tests/faulty_gradients.py"] = by_hand(seed)
    return {"rows": rows, "two faults": dict(two), "depth": {n: round(depth(n), 2) for n in (10, 25, 50)}}


def by_hand(seed: int) -> Counter[str]:
    """The functions written by hand."""
    counts: Counter[str] = Counter()
    for case in CASES:
        trace = backpropagate(case.net)
        points = points_of(trace, SAMPLES, (seed + 1, seed + 2))
        given = [case.function(p) for p in points]
        start = time.process_time()
        findings = diagnose(trace, points, given)
        counts["ms"] += round(1000 * (time.process_time() - start))
        counts["faults"] += 1
        named = equations(findings, trace, points, given)
        right = [f for f in findings if f.kind in case.kinds and f.equation in case.equations]
        counts["true cause listed"] += bool(right)
        counts["one equation, the right one"] += len(named) == 1 and named <= set(case.equations)
        counts["first is right"] += bool(findings) and findings[0] in right
    return counts


COLUMNS = ("faults", "true cause listed", "one equation, the right one", "first is right")


def table(found: Mapping[str, Any]) -> str:
    """The figures for reading."""
    rows = found["rows"]
    totals: dict[str, Counter[str]] = {}
    for name, counts in rows.items():
        totals.setdefault(f"all {name.split(':')[0]}", Counter()).update(counts)
    lines = [f"{'source':<58}" + "".join(f"{column:>29}" for column in COLUMNS) + f"{'ms each':>10}"]
    for name, counts in (*rows.items(), *totals.items()):
        faults = max(1, counts["faults"])
        shares = (
            f"{counts.get(c, 0)}" + ("" if c == "faults" else f" ({100 * counts.get(c, 0) / faults:.1f} %)")
            for c in COLUMNS
        )
        lines.append(f"{name:<58}" + "".join(f"{s:>29}" for s in shares) + f"{counts.get('ms', 0) / faults:>10.0f}")
    two = found["two faults"]
    lines += ["", f"two faults at once, {two['pairs']} pairs:"]
    lines += [f"  {what:<22}{two.get(what, 0):>5} ({100 * two.get(what, 0) / two['pairs']:.1f} %)"
              for what in ("one is named", "both at once", "both after mending")]  # fmt: skip
    lines += [
        "",
        "seconds to localise a fault in depth: " + ", ".join(f"{n} layers {s}" for n, s in found["depth"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the faults")
    parser.add_argument("--share", type=float, help="this share of the faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    share = arguments.share if arguments.share is not None else 0.1 if arguments.quick else 1.0
    found = run(share, arguments.seed)
    print(json.dumps(found, indent=2) if arguments.json else table(found))


if __name__ == "__main__":
    main()
