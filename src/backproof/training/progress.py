"""Progress of a training run: a bar on a terminal, lines where asked for, nothing in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from backproof.errors import SpecificationError

BAR_INTERVAL = 0.1
LINE_INTERVAL = 1.0
"""Seconds between updates of the bar, and between lines."""


class Reporter(Protocol):
    """Is told after every step; decides itself how often to show something."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def step(self, epoch: int, steps: int, loss: float) -> None:
        """A step was made; ``loss`` is that of its batch."""
        ...


def reporter(progress: object, epochs: int, steps_per_epoch: int, made: int = 0) -> Reporter:
    """What shows the progress.

    Args:
        progress: True for a bar where standard error is a terminal, False for nothing, ``"plain"`` for lines anywhere.
        epochs, steps_per_epoch: what there is to do.
        made: steps that an earlier run made.

    Raises:
        SpecificationError: another value.
    """
    if progress == "plain":
        return _Lines(epochs, made)
    if not isinstance(progress, bool):
        raise SpecificationError(f"progress must be True, False or 'plain', got {progress!r}")
    console = Console(stderr=True)
    if progress and console.is_terminal and epochs:
        return _Bar(console, epochs, epochs * steps_per_epoch, made)
    return Silence()


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def step(self, epoch: int, steps: int, loss: float) -> None:
        return None


class _Timed(Silence):
    """Shows something at most once per interval, and what came last at the end."""

    interval: float

    def __init__(self, epochs: int, made: int = 0) -> None:
        self.epochs, self._made = epochs, made
        self._began = self._shown = time.perf_counter()
        self._last: tuple[int, int, float] | None = None

    def step(self, epoch: int, steps: int, loss: float) -> None:
        self._last = (epoch, steps, loss)
        now = time.perf_counter()
        if now - self._shown >= self.interval:
            self._shown = now
            self._show_last()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show_last()

    def _show_last(self) -> None:
        if self._last is not None:
            epoch, steps, loss = self._last
            seconds = max(time.perf_counter() - self._began, 1e-9)
            self.show(epoch, steps, loss, (steps - self._made) / seconds)

    def show(self, epoch: int, steps: int, loss: float, rate: float) -> None:
        raise NotImplementedError


class _Lines(_Timed):
    interval = LINE_INTERVAL

    def show(self, epoch: int, steps: int, loss: float, rate: float) -> None:
        print(f"epoch {epoch}/{self.epochs}  loss {loss:.6g}  {rate:,.0f} steps/s", file=sys.stderr, flush=True)


class _Bar(_Timed):
    interval = BAR_INTERVAL

    def __init__(self, console: Console, epochs: int, steps: int, made: int = 0) -> None:
        super().__init__(epochs, made)
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[rate]} steps/s"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self._task = self._progress.add_task("", total=steps, epoch=0, epochs=epochs, loss="?", rate="?")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._progress.stop()

    def show(self, epoch: int, steps: int, loss: float, rate: float) -> None:
        self._progress.update(
            self._task, completed=steps, refresh=True, epoch=epoch, loss=f"{loss:.6g}", rate=f"{rate:,.0f}"
        )


class Tally(Protocol):
    """Is told of every training that is done."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def done(self, failed: bool, steps: int) -> None:
        """A training has ended after so many steps."""
        ...


def tally(progress: object, trainings: int) -> Tally:
    """What shows the progress of many trainings; see ``reporter``.

    Raises:
        SpecificationError: another value.
    """
    if progress == "plain":
        return _CountedLines(trainings)
    if not isinstance(progress, bool):
        raise SpecificationError(f"progress must be True, False or 'plain', got {progress!r}")
    console = Console(stderr=True)
    return _CountedBar(console, trainings) if progress and console.is_terminal and trainings else _Counted(trainings)


class _Counted:
    """Counts, and shows nothing."""

    def __init__(self, trainings: int) -> None:
        self.trainings, self.ended, self.failed, self.steps = trainings, 0, 0, 0
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def done(self, failed: bool, steps: int) -> None:
        self.ended, self.failed, self.steps = self.ended + 1, self.failed + failed, self.steps + steps
        self.show(self.words())

    def words(self) -> str:
        """How far all have got."""
        rate = self.steps / max(time.perf_counter() - self._began, 1e-9)
        lost = f"  {self.failed} failed" if self.failed else ""
        return f"{self.ended}/{self.trainings} networks{lost}  {rate:,.0f} steps/s"

    def show(self, words: str) -> None:
        return None


class _CountedLines(_Counted):
    def __init__(self, trainings: int) -> None:
        super().__init__(trainings)
        self._shown = self._began

    def show(self, words: str) -> None:
        now = time.perf_counter()
        if now - self._shown >= LINE_INTERVAL or self.ended == self.trainings:
            self._shown = now
            print(words, file=sys.stderr, flush=True)


class _CountedBar(_Counted):
    def __init__(self, console: Console, trainings: int) -> None:
        super().__init__(trainings)
        self._progress = Progress(
            BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn(), console=console, refresh_per_second=10
        )
        self._task = self._progress.add_task(self.words(), total=trainings)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, words: str) -> None:
        self._progress.update(self._task, completed=self.ended, description=words)
