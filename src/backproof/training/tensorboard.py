"""The history of a training for TensorBoard, by its own package: ``pip install 'backproof[tensorboard]'``."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator

from backproof.errors import UnsupportedError
from backproof.files import output_folder
from backproof.training.epoch import Epoch
from backproof.training.events import Event

FLUSH_INTERVAL = 1.0
"""Seconds between two times that what was logged is put where TensorBoard can read it."""


class TensorBoard:
    """A callback that writes each epoch into an event file; look at it with ``tensorboard --logdir FOLDER``.

    Losses, metrics, learning rate, seconds, and norms where they are measured, each against the epochs. What is logged
    is readable within a second or two, and all of it when the process ends or ``close`` is called. A training that is
    resumed writes a new file beside the old one and logs the epoch that it goes on from again.

    Args:
        folder: made where it is missing; one for each training, as TensorBoard sees them apart by it.

    Raises:
        UnsupportedError: the package is missing.
        OutputError: the folder cannot be made or written to.

    Example:
        train(net, X, y, epochs=100, callbacks=[TensorBoard("logs/first")])
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event as Logged
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise UnsupportedError(
                "logging for TensorBoard needs its package; pip install 'backproof[tensorboard]'"
            ) from error
        self._logged, self._summary = Logged, Summary
        self._writer = EventFileWriter(str(output_folder(folder)))
        self._flushed = time.monotonic()
        self._close = weakref.finalize(self, self._writer.close)  # at the end of the process too

    def __call__(self, event: Event) -> None:
        """Log an epoch."""
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in _scalars(event.epoch)]
        summary = self._summary(value=values)
        self._writer.add_event(self._logged(wall_time=time.time(), step=event.epoch.number, summary=summary))
        if time.monotonic() - self._flushed >= FLUSH_INTERVAL:
            self._writer.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what is left; nothing can be logged afterwards."""
        self._close()


def _scalars(epoch: Epoch) -> Iterator[tuple[str, float]]:
    """What is logged of an epoch, by tag; a slash makes a group."""
    yield "loss/training", epoch.loss
    if epoch.validation_loss is not None:
        yield "loss/validation", epoch.validation_loss
    yield "learning rate", epoch.learning_rate
    yield "seconds", epoch.seconds
    for group, values in (
        ("metrics", epoch.metrics),
        ("norm of gradient", epoch.gradient_norms),
        ("relative size of update", epoch.update_ratios),
    ):
        for name, value in values.items():
            yield f"{group}/{name}", value
