"""Many trainings at once: as many side by side as there are processors, each by itself as if it were alone."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

from threadpoolctl import threadpool_limits

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import BackproofError, SpecificationError
from backproof.ir.arguments import whole_number
from backproof.ir.program import Program
from backproof.training.beginning import Training, begin
from backproof.training.progress import Silence, Tally, tally
from backproof.training.result import TrainingResult

Outcome = TrainingResult | BackproofError


def train_many(
    jobs: Iterable[Mapping[str, Any]], *, threads: int | None = None, progress: bool | str = True
) -> list[Outcome]:
    """Train K networks, which may differ in everything: seeds, rates, penalties, shapes, data.

    Networks of one shape (the same ``net`` object) share one derivation and one piece of machine code. The largest
    begin first, and whoever is done takes the next. Each gets the bits that it would get alone in one thread.

    Args:
        jobs: for each network the arguments of ``train`` by name, ``net`` among them; ``progress`` is left out.
        threads: networks at once; as many as there are processors where None.
        progress: one bar for all where standard error is a terminal; ``"plain"`` for lines anywhere, False for nothing.

    Returns:
        For each job, in order, its result; in place of one that failed its error, which stops no other. After Ctrl-C
        the results are those so far, ``stopped`` being ``"interrupted"`` for the unfinished ones.

    Raises:
        SpecificationError: a job that is no mapping with a ``net``.

    Example:
        >>> import backproof as bp
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> jobs = [{"net": net, "X": [1, 2], "y": [2, 4], "epochs": 50, "learning_rate": r} for r in (0.01, 0.1)]
        >>> [round(result.loss, 3) for result in bp.train_many(jobs, progress=False)]
        [0.034, 0.0]
    """
    listed = [_checked(number, job) for number, job in enumerate(jobs, start=1)]
    crew = _processors() if threads is None else whole_number("threads", threads, 1)
    with tally(progress, len(listed)) as shown, threadpool_limits(1):
        return _Crew(_one_trace_each(listed), shown).work(min(crew, max(1, len(listed))))


def _checked(number: int, job: object) -> dict[str, Any]:
    if not isinstance(job, Mapping) or "net" not in job:
        raise SpecificationError(f"job {number} must be a mapping of train's arguments with a 'net', got {job!r:.60}")
    if "progress" in job:
        raise SpecificationError(f"job {number} has its own 'progress'; give it to train_many, for all")
    return dict(job)


def _one_trace_each(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The jobs with derivations in place of programs, each program derived once."""
    derived: dict[int, Trace] = {}
    for job in jobs:
        net = job["net"]
        if isinstance(net, Program):
            if id(net) not in derived:
                derived[id(net)] = backpropagate(net)
            job["net"] = derived[id(net)]
    return list(jobs)


class _Crew:
    """Threads that take one job after the other."""

    def __init__(self, jobs: Sequence[dict[str, Any]], shown: Tally) -> None:
        self._jobs, self._shown = jobs, shown
        self._outcomes: dict[int, Outcome] = {}
        # The largest first: the last to end should be small.
        self._waiting = deque(sorted(range(len(jobs)), key=lambda number: -_size(jobs[number])))
        self._halt, self._telling, self._beginning = Event(), Lock(), Lock()

    def work(self, threads: int) -> list[Outcome]:
        """All jobs, by so many threads."""
        with ThreadPoolExecutor(threads) as pool:
            crew = [pool.submit(self._take) for _ in range(threads)]
            try:
                for member in crew:
                    member.result()
            except BaseException as reason:
                self._halt.set()
                if not isinstance(reason, KeyboardInterrupt):
                    raise
        return [self._outcomes[number] for number in range(len(self._jobs))]

    def _take(self) -> None:
        """Job after job, until none is left; what is left after Ctrl-C is finished as it stands."""
        while True:
            try:
                number = self._waiting.popleft()
            except IndexError:
                return
            try:
                # One at a time: it is the interpreter's work, and what one has compiled the next one finds.
                with self._beginning:
                    training = self._begun(number)
                self._done(number, training.go(_UntilHalted(self._halt)))
            except BackproofError as error:
                self._done(number, error)

    def _begun(self, number: int) -> Training:
        try:
            return begin(**{**self._jobs[number], "threads": 1})
        except TypeError as error:
            raise SpecificationError(f"job {number + 1}: {error}") from error

    def _done(self, number: int, outcome: Outcome) -> None:
        with self._telling:
            self._outcomes[number] = outcome
            failed = isinstance(outcome, BackproofError)
            self._shown.done(failed, 0 if isinstance(outcome, BackproofError) else outcome.steps)


class _UntilHalted(Silence):
    """Ends a training as Ctrl-C would, which reaches the main thread only."""

    def __init__(self, halt: Event) -> None:
        self._halt = halt

    def step(self, epoch: int, steps: int, loss: float) -> None:
        if self._halt.is_set():
            raise KeyboardInterrupt


def _size(job: Mapping[str, Any]) -> float:
    """Samples times parameters times epochs: roughly what there is to do; of a file nobody knows, so that is most."""
    net, data, epochs = job["net"], job.get("X"), job.get("epochs", 1)
    if not isinstance(net, Trace) or not isinstance(epochs, int):
        return 0.0  # to be refused
    if isinstance(data, Mapping):
        data = data.get("X")
    samples = len(data) if isinstance(data, Sized) and not isinstance(data, str) else math.inf
    entries = sum(math.prod(dim for dim in name.shape if isinstance(dim, int)) for name in net.program.parameters)
    return samples * entries * max(1, epochs)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
