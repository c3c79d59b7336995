"""The measurement: every peer first shows that it computes the same, then all take turns on the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from backproof.bench.peers import OURS, PEERS, Peer, arithmetic_differs
from backproof.bench.race import Race, Referee
from backproof.bench.workloads import Workload
from backproof.kernels.peak import Peak

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
        races: how often the time to the held-out loss is taken, at most.
        patience: seconds of training in the races of a peer, after which no further one begins.
    """

    rounds: int = 11
    turn: float = 0.1
    agree: int = 16
    rest: float = REST
    races: int = 3
    patience: float = 1.0

    @classmethod
    def quick(cls) -> Plan:
        """A plan that shows the order of magnitude."""
        return cls(rounds=3, turn=0.02, agree=4, races=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One peer on one workload.

    Attributes:
        steps: seconds per step, one number for each turn; empty where the row is void before the clock.
        first: seconds until the first epoch was done, compiling included.
        loss: of all data after ``compared`` steps, on average over the networks.
        void: why the times do not count; empty where they do.
        note: what a reader must know of a row that counts.
        again: seconds until the first epoch was done when the peer began anew, with what it had kept.
        races: seconds of training to the held-out loss, infinite where that was not reached; empty without a goal.
        goal: the held-out loss of the races.
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
    again: float = float("nan")
    races: tuple[float, ...] = ()
    goal: float | None = None

    @property
    def per_step(self) -> float:
        """The median of the seconds per step; NaN where there are none."""
        return median(self.steps) if self.steps else float("nan")

    @property
    def to_goal(self) -> float:
        """The median of the seconds to the held-out loss; NaN where there is no goal."""
        return median(self.races) if self.races else float("nan")

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
    peer: Peer | None = None
    first: float = float("nan")
    again: float = float("nan")
    losses: Sequence[float] = ()
    compared: int = 0
    epochs: int = 1
    seconds: list[float] = field(default_factory=list)
    races: list[float] = field(default_factory=list)
    void: str = ""


@dataclass
class Results:
    """What has been measured so far; whoever is interrupted still has it.

    Attributes:
        rows: of the workloads that are done.
        peak: of the matrix product, the best so far.
        load: the load average before the first step; None where the system does not say.
        absent: peers that could not be measured, each with the reason.
        about: versions and machine, in a line.
    """

    rows: list[Row] = field(default_factory=list)
    peak: Peak | None = None
    load: float | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    about: str = ""

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
    began, referee = [], Referee(workload, *workload.data())
    for name in peers:
        progress(f"{workload.name}: {name} begins")
        began.append(_begin(workload, name, makers[name], plan, referee))
    _judge(workload, began, plan, referee)
    running = [turns for turns in began if not turns.void]
    for turns in running:
        progress(f"{workload.name}: how long a turn of {turns.name} is")
        _choose_length(workload, turns, plan)
    for number in range(plan.rounds):
        progress(f"{workload.name}: round {number + 1} of {plan.rounds}")
        for turns in _in_turn(running, number):
            turns.seconds.append(_turn(turns, plan.rest) / (turns.epochs * workload.steps))
    _run_races(workload, running, plan, progress)
    return [_row(workload, turns) for turns in began]


def _in_turn(running: Sequence[_Turns], number: int) -> list[_Turns]:
    """The order turns too: who comes after whom matters to caches and clocks."""
    shift = number % max(1, len(running))
    return [*running[shift:], *running[:shift]]


def _begin(workload: Workload, name: str, make: Callable[[Workload], Peer], plan: Plan, referee: Referee) -> _Turns:
    """The peer after the steps whose loss is compared."""
    turns, epochs = _Turns(name), -(-plan.agree // workload.steps)
    try:
        turns.peer, turns.first = _first_epoch(workload, make)
        if epochs > 1:
            turns.peer.advance(epochs - 1)
        turns.compared = epochs * workload.steps
        if not arithmetic_differs(name, workload):
            turns.losses = referee.losses(turns.peer.parameters())
        _, turns.again = _first_epoch(workload, make)
    except Exception as error:  # a peer's own failure, whatever it is, must not end the others' measurement
        turns.void = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
    return turns


def _first_epoch(workload: Workload, make: Callable[[Workload], Peer]) -> tuple[Peer, float]:
    began = time.perf_counter()
    peer = make(workload)
    peer.advance(1)
    return peer, time.perf_counter() - began


def _judge(workload: Workload, began: Iterable[_Turns], plan: Plan, referee: Referee) -> None:
    """Voids every peer whose loss, of any network, is not that of the equations in NumPy after as many steps."""
    oracle = _begin(workload, "numpy", PEERS["numpy"], plan, referee)
    for turns in began:
        if turns.void or arithmetic_differs(turns.name, workload):
            continue
        if oracle.void:
            turns.void = f"nothing to compare with: the reference {oracle.void}"
            continue
        for number, (loss, right) in enumerate(zip(turns.losses, oracle.losses, strict=True), 1):
            if not abs(loss - right) <= TOLERANCE * abs(right):
                which = f" of network {number}" if workload.copies > 1 else ""
                turns.void = f"loss {loss:.6g}{which} after {turns.compared} steps, not {right:.6g}"
                break


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


def _run_races(workload: Workload, running: Sequence[_Turns], plan: Plan, progress: Progress) -> None:
    """The time to the held-out loss, again in turns."""
    if workload.goal is None or not running or not plan.races:
        return
    race = Race(workload)
    for number in range(plan.races):
        for turns in _in_turn(running, number):
            if turns.peer is not None and sum(turns.races) < plan.patience:
                progress(f"{workload.name}: {turns.name} to a held-out loss of {workload.goal:g}, {number + 1}")
                time.sleep(plan.rest)
                turns.races.append(race.seconds(turns.peer))


def _row(workload: Workload, turns: _Turns) -> Row:
    return Row(
        workload=workload.name,
        peer=turns.name,
        flops=workload.flops,
        steps=tuple(turns.seconds),
        first=turns.first,
        loss=fmean(turns.losses) if turns.losses else float("nan"),
        compared=turns.compared,
        void=turns.void,
        note=arithmetic_differs(turns.name, workload),
        again=turns.again,
        races=tuple(turns.races),
        goal=workload.goal,
    )
