"""Ctrl-C that cannot get lost: Python drops a KeyboardInterrupt that comes while it cleans up after an object."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from backproof.training.progress import Reporter


class Heard:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.yes = False

    def handler(self, number: int, frame: FrameType | None) -> None:
        """Raises at once, and remembers it in case nobody gets to see that."""
        self.yes = True
        raise KeyboardInterrupt


@contextmanager
def listening() -> Iterator[Heard]:
    """Ctrl-C is noted in here, where it would raise KeyboardInterrupt anyway; other handlers are left alone."""
    heard = Heard()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield heard
        return
    signal.signal(signal.SIGINT, heard.handler)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Interruptible:
    """A reporter that raises after a slice what got lost within it."""

    def __init__(self, shown: Reporter, heard: Heard) -> None:
        self._shown, self._heard = shown, heard

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.__exit__(kind, error, trace)

    def step(self, epoch: int, steps: int, loss: float) -> None:
        """A step was made.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed before.
        """
        self._shown.step(epoch, steps, loss)
        if self._heard.yes:
            raise KeyboardInterrupt
