"""The measurement: every peer first shows that it computes the same, then all take turns on the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.kernels.peak import Peak
from backproof.bench.peers import OURS, PEERS, NumpyPeer, Peer, arithmetic_differs
from backproof.bench.workloads import Workload
from backproof.ir.arithmetic import Array
from backproof.kernels.numpy_backend import compile_numpy

TOLERANCE = 1e-3
"""Relative; float32 sums in another order differ by far less after so few steps."""
MOST_STEPS = 1_000_000
"""In one turn."""
REST = 0.04
"""Seconds before each turn: the threads of another library may spin for some 20 ms before they sleep."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long is measured.

    Args:
        rounds: turns of each peer.
        turn: seconds of a turn, roughly.
        agree: steps after which the losses must agree, rounded up to whole epochs.
        rest: seconds of silence before each turn.
    """

    rounds: int = 15
    turn: float = 0.1
    agree: int = 16
    rest: float = REST

    @classmethod
    def quick(cls) -> Plan:
        """A plan that shows the order of magnitude."""
        return cls(rounds=3, turn=0.02, agree=4)


@dataclass(frozen=True, slots=True)
class Row:
    """One peer on one workload.

    Attributes:
        steps: seconds per step, one number for each turn; empty where the row is void before the clock.
        first: seconds until the first epoch was done, compiling included.
        loss: of all data after ``compared`` steps.
        void: why the times do not count; empty where they do.
        note: what a reader must know of a row that counts.
    """

    workload: str
    peer: str
    flops: int
    steps: tuple[float, ...]
    first: float
    loss: float
    compared: int
    void: str = ""
    note: str = ""

    @property
    def per_step(self) -> float:
        """The median of the seconds per step; NaN where there are none."""
        return median(self.steps) if self.steps else float("nan")

    @property
    def valid(self) -> bool:
        """Whether the times count."""
        return not self.void and bool(self.steps)

    def share(self, gflops: float) -> float:
        """The fraction of so many GFLOP/s that the step reaches by its matrix products."""
        return self.flops / self.per_step / (gflops * 1e9)


@dataclass
class _Turns:
    """A peer at work and what is known of it."""

    name: str
    peer: Peer | None
    first: float
    loss: float
    compared: int
    epochs: int = 1
    seconds: list[float] = field(default_factory=list)
    void: str = ""


@dataclass
class Results:
    """What has been measured so far; whoever is interrupted still has it.

    Attributes:
        rows: of the workloads that are done.
        peak: of the matrix product, the best so far.
        load: the load average before the first step; None where the system does not say.
    """

    rows: list[Row] = field(default_factory=list)
    peak: Peak | None = None
    load: float | None = None

    def ours(self, workload: str) -> Row | None:
        """Our own row of a workload, where it counts."""
        return next((r for r in self.rows if r.workload == workload and r.peer == OURS and r.valid), None)

    def ratio(self, row: Row) -> float:
        """How many times as long as ours a step of the row takes; NaN where that means nothing."""
        ours = self.ours(row.workload)
        return row.per_step / ours.per_step if ours and row.valid else float("nan")


def measure(
    workload: Workload,
    peers: Sequence[str],
    plan: Plan,
    progress: Progress = lambda text: None,
    makers: Mapping[str, Callable[[Workload], Peer]] = PEERS,
) -> list[Row]:
    """Seconds per step of each peer, its turns between those of the others.

    A peer whose loss after the first steps (on all data, in float64) is not that of the equations in NumPy, or
    that fails gets a void row. The rest take turns, so that whatever else the computer does slows all of them.

    Args:
        workload: what is trained.
        peers: names in ``makers``.
        plan: how long.
        progress: told what is going on.
        makers: how each peer begins.

    Example:
        >>> from backproof.bench.workloads import WORKLOADS
        >>> rows = measure(WORKLOADS["seed-sgd"], ["numpy"], Plan(rounds=1, turn=1e-4, agree=1))
        >>> rows[0].valid, rows[0].compared
        (True, 1000)
    """
    began = []
    for name in peers:
        progress(f"{workload.name}: {name} begins")
        began.append(_begin(workload, name, makers[name], plan))
    _judge(workload, began, plan)
    running = [turns for turns in began if not turns.void]
    for turns in running:
        _choose_length(workload, turns, plan)
    for number in range(plan.rounds):
        progress(f"{workload.name}: round {number + 1} of {plan.rounds}")
        # The order turns too: who comes after whom matters to caches and clocks.
        shift = number % max(1, len(running))
        for turns in running[shift:] + running[:shift]:
            turns.seconds.append(_turn(turns, plan.rest) / (turns.epochs * workload.steps))
    return [_row(workload, turns) for turns in began]


def _begin(workload: Workload, name: str, make: Callable[[Workload], Peer], plan: Plan) -> _Turns:
    """The peer after the steps whose loss is compared."""
    epochs = -(-plan.agree // workload.steps)
    began = time.perf_counter()
    try:
        peer = make(workload)
        peer.advance(1)
        first = time.perf_counter() - began
        if epochs > 1:
            peer.advance(epochs - 1)
        differs = arithmetic_differs(name, workload)
        loss = float("nan") if differs else loss_of(workload, peer.parameters())
    except Exception as error:  # a peer's own failure, whatever it is, must not end the others' measurement
        reason = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
        return _Turns(name, None, float("nan"), float("nan"), 0, void=reason)
    return _Turns(name, peer, first, loss, epochs * workload.steps)


def loss_of(workload: Workload, parameters: Mapping[str, Array]) -> float:
    """The loss of all data in float64, by the reference."""
    X, y = workload.data()
    with np.errstate(all="ignore"):
        kernel = compile_numpy(backpropagate(workload.program()), "float64")
        arguments = kernel.checked(parameters, {"X": X, "y": y})
        return kernel.step(arguments.parameters, arguments.inputs, arguments.sizes)[0]


def _judge(workload: Workload, began: Iterable[_Turns], plan: Plan) -> None:
    """Voids every peer whose loss is not that of the equations in NumPy after as many steps."""
    oracle = _begin(workload, "numpy", NumpyPeer, plan)
    for turns in began:
        if turns.void or arithmetic_differs(turns.name, workload):
            continue
        if not abs(turns.loss - oracle.loss) <= TOLERANCE * abs(oracle.loss):
            turns.void = f"loss {turns.loss:.6g} after {turns.compared} steps, not {oracle.loss:.6g}"


def _turn(turns: _Turns, rest: float) -> float:
    """Seconds of a turn, from the initial weights: nobody is timed on weights that others never reach."""
    assert turns.peer is not None  # those without one are void
    time.sleep(rest)
    turns.peer.advance(1)  # wakes its own threads and fills the caches, off the clock
    turns.peer.restart()
    began = time.perf_counter()
    turns.peer.advance(turns.epochs)
    return time.perf_counter() - began


def _choose_length(workload: Workload, turns: _Turns, plan: Plan) -> None:
    """As many epochs as fill a turn, found by doubling: one epoch may be too short for the clock."""
    most = max(1, MOST_STEPS // workload.steps)
    while (seconds := _turn(turns, 0.0)) < plan.turn / 2 and turns.epochs < most:
        wanted = int(turns.epochs * plan.turn / max(seconds, 1e-9))
        turns.epochs = min(most, max(turns.epochs * 2, min(wanted, turns.epochs * 32)))


def _row(workload: Workload, turns: _Turns) -> Row:
    return Row(
        workload.name,
        turns.name,
        workload.flops,
        tuple(turns.seconds),
        turns.first,
        turns.loss,
        turns.compared,
        turns.void,
        arithmetic_differs(turns.name, workload),
    )
