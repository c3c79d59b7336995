"""How a derivation grows with the depth of a network, what it costs, and how others do on the same networks.

    python benchmarks/derive.py                      2, 5, 10, 20, 50 and 200 layers of width 8
    python benchmarks/derive.py --peers              SymPy and PyTensor beside it, where they are installed
    python benchmarks/derive.py --layers 50 --json   as data

Counts do not depend on the machine. Times are medians of processor time; the repetitions of all sizes are interleaved,
so that a busy moment falls on all of them. A peer runs in a process of its own, and is stopped after --timeout seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import backproof as bp
from backproof.derivation import Derivation
from backproof.ir.program import Program
from backproof.ir.traverse import node_count
from backproof.render.dialects import LATEX
from backproof.render.typeset import typeset

DEPTHS = (2, 5, 10, 20, 50, 200)
LIMITS_MS: Mapping[int, float] = {50: 50, 200: 250}
"""What deriving and writing as LaTeX may take."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one depth needs.

    Args:
        layers: weight matrices of the network.
        steps: of the derivation.
        nodes: of all its equations, forward and backward.
        equation_characters: LaTeX of all its equations.
        document_characters: LaTeX of the document weight by weight, where layers that repeat are shown once.
        derive_ms: the derivation.
        latex_ms: the derivation and its LaTeX, weight by weight.
    """

    layers: int
    steps: int
    nodes: int
    equation_characters: int
    document_characters: int
    derive_ms: float
    latex_ms: float


@dataclass(frozen=True, slots=True)
class Peer:
    """What another program did on one depth: seconds, or why there are none."""

    name: str
    layers: int
    seconds: float | None
    note: str = ""


def network(layers: int, width: int) -> Program:
    """Layers of one width, sigmoid, as the seed has them."""
    return bp.mlp(*[width] * (layers + 1))


# --- this library -------------------------------------------------------------------------------------------------


def measured(depths: Sequence[int], width: int, repetitions: int) -> list[Row]:
    """The rows of the table."""
    nets = {layers: network(layers, width) for layers in depths}
    derive: dict[int, list[float]] = {layers: [] for layers in depths}
    written: dict[int, list[float]] = {layers: [] for layers in depths}
    for repetition in range(repetitions + 1):
        for layers, net in nets.items():
            alone = milliseconds(lambda net=net: bp.derive(net))  # type: ignore[misc]
            whole = milliseconds(lambda net=net: bp.derive(net).latex())  # type: ignore[misc]
            if repetition:  # the first fills caches
                derive[layers].append(alone)
                written[layers].append(whole)
    return [_row(layers, bp.derive(net), derive[layers], written[layers]) for layers, net in nets.items()]


def _row(layers: int, d: Derivation, derive: list[float], written: list[float]) -> Row:
    equations = d.trace.joint.equations
    return Row(
        layers,
        len(d.trace.steps),
        sum(node_count(equation.value) for equation in equations),
        sum(len(typeset(equation.name, LATEX)) + len(typeset(equation.value, LATEX)) for equation in equations),
        len(d.latex()),
        statistics.median(derive),
        statistics.median(written),
    )


def milliseconds(task: Callable[[], object]) -> float:
    """Of processor time."""
    start = time.process_time()
    task()
    return 1000 * (time.process_time() - start)


def is_linear(rows: Sequence[Row]) -> bool:
    """Whether every further layer adds the same number of steps and of nodes, and not more than its digits of text."""
    first, *rest = rows
    return all(
        (row.steps - first.steps) * (rest[0].layers - first.layers)
        == (rest[0].steps - first.steps) * (row.layers - first.layers)
        and (row.nodes - first.nodes) * (rest[0].layers - first.layers)
        == (rest[0].nodes - first.nodes) * (row.layers - first.layers)
        and row.equation_characters * first.layers <= 2 * first.equation_characters * row.layers
        for row in rest
    )


# --- others -------------------------------------------------------------------------------------------------------


def by_sympy(layers: int, width: int) -> str:
    """Every ∂L/∂w, symbol by symbol, for one example."""
    import sympy

    def matrix(name: str, rows: int, columns: int) -> sympy.Matrix:
        return sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"{name}_{i + 1}_{j + 1}"))

    weights = [matrix(f"w{k}", width, width) for k in range(1, layers + 1)]
    output = matrix("x", 1, width)
    for W in weights:
        output = (output * W).applyfunc(lambda z: 1 / (1 + sympy.exp(-z)))
    residual = matrix("y", 1, width) - output
    loss = sum(r**2 for r in residual) / 2
    gradients = [sympy.diff(loss, w) for W in weights for w in W]
    return f"{sum(sympy.count_ops(gradient) for gradient in gradients):,} operations"


def by_pytensor(layers: int, width: int) -> str:
    """The gradients of all weight matrices, compiled to a function and called once: some of it is compiled then."""
    import numpy as np
    import pytensor
    import pytensor.tensor as pt

    X, y = pt.matrix("X"), pt.matrix("y")
    weights = [pt.matrix(f"W_{k}") for k in range(1, layers + 1)]
    output = X
    for W in weights:
        output = pt.sigmoid(output @ W)
    loss = ((y - output) ** 2).sum() / 2
    compiled = pytensor.function([X, y, *weights], pt.grad(loss, weights))
    compiled(*[np.ones((width, width), X.dtype)] * (layers + 2))
    return f"{len(compiled.maker.fgraph.apply_nodes):,} nodes, compiled"


PEERS: Mapping[str, Callable[[int, int], str]] = {"sympy": by_sympy, "pytensor": by_pytensor}


def run_peer(name: str, layers: int, width: int) -> None:
    """What the process of a peer does: the seconds of its work, its import apart, as JSON."""
    __import__(name)
    start = time.perf_counter()
    note = PEERS[name](layers, width)
    print(json.dumps({"seconds": time.perf_counter() - start, "note": note}))


def compared(name: str, depths: Sequence[int], width: int, timeout: float) -> list[Peer]:
    """A peer on the same networks, until it is too slow."""
    if importlib.util.find_spec(name) is None:
        return [Peer(name, layers, None, "not installed") for layers in depths]
    found: list[Peer] = []
    for layers in depths:
        if found and found[-1].seconds is None:
            found.append(Peer(name, layers, None, "not tried"))
            continue
        command = [sys.executable, __file__, "--peer", name, "--layers", str(layers), "--width", str(width)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
            found.append(Peer(name, layers, **json.loads(done.stdout.splitlines()[-1])))
        except subprocess.TimeoutExpired:
            found.append(Peer(name, layers, None, f"more than {timeout:g} s"))
        except subprocess.CalledProcessError as error:
            found.append(Peer(name, layers, None, (error.stderr.strip().splitlines() or ["failed"])[-1][:80]))
    return found


# --- the table ----------------------------------------------------------------------------------------------------


def report(rows: Sequence[Row], peers: Mapping[str, Sequence[Peer]], width: int) -> str:
    """The table for people."""
    head = ["layers", "steps", "nodes", "LaTeX", "document", "derive", "derive + LaTeX", *peers]
    lines = [head]
    for k, row in enumerate(rows):
        counts = [row.layers, row.steps, row.nodes, row.equation_characters, row.document_characters]
        times = [f"{row.derive_ms:.1f} ms", f"{row.latex_ms:.1f} ms"]
        others = [_shown(found[k]) for found in peers.values()]
        lines.append([*(f"{count:,}" for count in counts), *times, *others])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines]
    notes = [f"{name}: " + "; ".join(f"{p.layers} layers {p.note}" for p in found) for name, found in peers.items()]
    linear = "the same steps and nodes for every further layer" if is_linear(rows) else "NOT LINEAR"
    return "\n".join([f"networks of width {width}, sigmoid", *table, linear, *notes])


def _shown(peer: Peer) -> str:
    return f"{peer.seconds:.2f} s" if peer.seconds is not None else "–"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, nargs="+", default=list(DEPTHS), help="depths of the networks")
    parser.add_argument("--width", type=int, default=8, help="units of every layer")
    parser.add_argument("--repetitions", type=int, default=9, help="of each measurement")
    parser.add_argument("--peers", action="store_true", help="also run SymPy and PyTensor")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one run of a peer")
    parser.add_argument("--json", action="store_true", help="print data")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        run_peer(arguments.peer, arguments.layers[0], arguments.width)
        return 0
    rows = measured(arguments.layers, arguments.width, arguments.repetitions)
    names = PEERS if arguments.peers else ()
    peers = {name: compared(name, arguments.layers, arguments.width, arguments.timeout) for name in names}
    if arguments.json:
        machine = {"python": platform.python_version(), "machine": platform.machine(), "width": arguments.width}
        found = {name: [asdict(peer) for peer in rows] for name, rows in peers.items()}
        print(json.dumps({**machine, "rows": [asdict(row) for row in rows], "peers": found}, indent=2))
    else:
        print(report(rows, peers, arguments.width))
    slow = [row.layers for row in rows if row.latex_ms > LIMITS_MS.get(row.layers, float("inf"))]
    for layers in slow:
        print(f"{layers} layers took more than {LIMITS_MS[layers]:g} ms", file=sys.stderr)
    return 0 if is_linear(rows) and not slow else 1


if __name__ == "__main__":
    sys.exit(main())
