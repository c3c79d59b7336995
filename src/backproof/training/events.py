"""What callbacks are told, and what they can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backproof.ir.arithmetic import Array
from backproof.training.epoch import Epoch


@dataclass(slots=True)
class Event:
    """An epoch is done.

    Args:
        epoch: its record.
        history: all records, this one last.
        parameters: copies of the parameters after it; changing them changes nothing.
        stopping: whether a callback has asked to stop.
    """

    epoch: Epoch
    history: tuple[Epoch, ...]
    parameters: Mapping[str, Array] = field(repr=False)
    stopping: bool = False

    def stop(self) -> None:
        """Ask for an end after this epoch."""
        self.stopping = True


Callback = Callable[[Event], object]
"""Called after each epoch; what it returns is ignored. An exception in it ends the training, with the weights kept."""
