"""Checkpoints: a training kept on disk every so often, so that no kill costs more than what came since.

A file is there whole or not at all, and an older one goes only when a newer one is on disk for good. What cannot be
written is told and does not stop the training.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import BinaryIO, Self

import numpy as np

from backproof.errors import CheckpointWarning, OutputError, SpecificationError
from backproof.files import durable_write_bytes
from backproof.ir.arguments import positive_number, whole_number
from backproof.kernels.llvm.machine import host
from backproof.training.checkpoint_file import Checkpoint, encoded
from backproof.training.identity import Identity
from backproof.training.snapshot import Snapshot
from backproof.version import __version__

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: two trainings in one folder are not noticed there
    fcntl = None

NAME = re.compile(r"step-(\d{12,})\.safetensors")
SCRATCH = ".checkpoint.tmp"
LOCK = ".lock"
USUAL_MINUTES = 5.0


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a training keeps itself, how often, and how many files stay.

    Where both intervals are given, whichever is over first; where none is, every five minutes. Those by epochs are
    written between epochs, those by minutes in the middle of one too. The end of a training is kept as well; Ctrl-C
    writes nothing: what came after the last file is done again on resuming, to the same bits.

    Args:
        folder: for this training alone; made where it is missing.
        every_epochs: epochs between two files.
        every_minutes: minutes between two files.
        keep: how many files stay; older ones are removed when a newer one is on disk for good.

    Raises:
        SpecificationError: an interval or a number that is not positive.

    Example:
        >>> import tempfile
        >>> import backproof as bp
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> options = {"X": [1, 2], "y": [2, 4], "learning_rate": 0.1, "progress": False}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = bp.Checkpoints(folder, every_epochs=10)
        ...     half = bp.train(net, **options, epochs=20, checkpoint=kept)
        ...     whole = bp.train(net, **options, epochs=40, checkpoint=kept, resume=True)
        >>> whole.epochs_run, bool((whole.params["W_1"] == bp.train(net, **options, epochs=40).params["W_1"]).all())
        (40, True)
    """

    folder: str | os.PathLike[str]
    every_epochs: int | None = None
    every_minutes: float | None = None
    keep: int = 3

    def __post_init__(self) -> None:
        if not isinstance(self.folder, str | os.PathLike):
            raise SpecificationError(f"the folder of checkpoints must be a path, got {self.folder!r:.60}")
        whole_number("keep", self.keep, 1)
        if self.every_epochs is not None:
            whole_number("every_epochs", self.every_epochs, 1)
        if self.every_minutes is not None:
            positive_number("every_minutes", self.every_minutes)

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def seconds(self) -> float:
        """Between two files."""
        if self.every_minutes is None:
            return 60 * USUAL_MINUTES if self.every_epochs is None else float("inf")
        return 60 * self.every_minutes

    def files(self) -> list[Path]:
        """The checkpoints in the folder, the newest first."""
        try:
            found = [path for path in self.path.iterdir() if NAME.fullmatch(path.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=steps_made, reverse=True)


def checkpoints_named(given: object) -> Checkpoints:
    """The options, or the usual ones for a folder.

    Raises:
        SpecificationError: something else.
    """
    if isinstance(given, Checkpoints):
        return given
    if isinstance(given, str | os.PathLike):
        return Checkpoints(given)
    raise SpecificationError(f"checkpoint must be a folder or Checkpoints(folder, ...), got {given!r:.60}")


def steps_made(path: Path) -> int:
    """What the name of a checkpoint says."""
    found = NAME.fullmatch(path.name)
    return int(found[1]) if found else -1


def writer() -> str:
    """The versions and the processor, on which the last bits may depend."""
    return f"backproof {__version__}, numpy {np.__version__}, {host().name}"


class Keeper:
    """Writes the checkpoints of one training, and tells what went wrong.

    Args:
        options: where, how often, how many.
        identity: of the training.
        epochs: that it is to make.
        notes: what there is to tell so far; each is given as a warning as well.
        refused: files that are no checkpoints of use: neither counted nor removed.
        resumed_at: steps of the checkpoint that the training goes on from.
    """

    def __init__(
        self,
        options: Checkpoints,
        identity: Identity,
        epochs: int,
        notes: Sequence[str] = (),
        refused: Collection[Path] = (),
        resumed_at: int = 0,
    ) -> None:
        self.notes = list(notes)
        self._options, self._identity, self._epochs = options, identity, epochs
        self._refused = set(refused)
        self._last_kept, self._last_tried = resumed_at, time.monotonic()
        self._told: set[object] = set()
        self._lock: BinaryIO | None = None

    def __enter__(self) -> Self:
        """The folder is this training's from now on.

        Raises:
            SpecificationError: another one, in this process or the next, has it.
        """
        folder = self._options.path
        try:
            self._lock = (folder / LOCK).open("ab")
        except OSError as error:
            self._tell(error.errno, f"cannot write to the folder {str(folder)!r}: {error.strerror}")
            return self
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                raise SpecificationError(
                    f"another training keeps its checkpoints in {str(folder)!r}; give each a folder of its own"
                ) from None
            except OSError:
                pass  # a file system that knows no locks
        with suppress(OSError):
            (folder / SCRATCH).unlink(missing_ok=True)  # of one that was killed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def until_due(self, done: int) -> int | None:
        """Epochs until the next checkpoint, after so many; None where epochs do not decide."""
        every = self._options.every_epochs
        return None if every is None else every - done % every

    def is_due(self, made: int, done: int, between: bool, last: bool) -> bool:
        """Whether to keep the training now.

        Args:
            made: steps so far.
            done: epochs so far.
            between: whether no epoch is in the making.
            last: whether this is the end.
        """
        if made == self._last_kept:
            return False
        if last or time.monotonic() - self._last_tried >= self._options.seconds:
            return True
        every = self._options.every_epochs
        return every is not None and between and done % every == 0

    def keep(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove those that are too many; or tell, once for each reason, why not."""
        path = self._options.path / f"step-{snapshot.made:012d}.safetensors"
        data = encoded(Checkpoint(snapshot, self._identity, self._epochs, writer()))
        try:
            durable_write_bytes(path, data, SCRATCH)
            self._last_kept = snapshot.made
            self._refused.discard(path)
            self._remove_older(path)
        except OutputError as error:
            cause = error.__cause__
            self._tell(cause.errno if isinstance(cause, OSError) else None, str(error))
        except OSError as error:
            self._tell(("remove", error.errno), f"cannot remove an old checkpoint of {path.parent}: {error.strerror}")
        finally:
            self._last_tried = time.monotonic()

    def _remove_older(self, newest: Path) -> None:
        """What lies beyond the newest is not of this run: it was found unusable, and stays for its owner to judge."""
        made = steps_made(newest)
        own = [path for path in self._options.files() if steps_made(path) <= made and path not in self._refused]
        for path in own[self._options.keep :]:
            path.unlink(missing_ok=True)

    def _tell(self, kind: object, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            note = f"{text}; training goes on, and the checkpoints before stay"
            self.notes.append(note)
            warn(note)


def warn(text: str) -> None:
    """As a warning, which stops nothing even where warnings are errors."""
    with suppress(CheckpointWarning):
        warnings.warn(text, CheckpointWarning, stacklevel=3)
