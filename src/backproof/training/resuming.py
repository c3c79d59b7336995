"""Going on where a training was kept: the newest checkpoint that can be used, and no other training's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backproof.errors import DataError, SpecificationError
from backproof.files import output_folder
from backproof.ir.arithmetic import Array
from backproof.kernels.backends import AUTO
from backproof.training.checkpoint_file import Checkpoint, decoded
from backproof.training.checkpoints import Checkpoints, Keeper, checkpoints_named, warn, writer
from backproof.training.choice import Job
from backproof.training.data import Data
from backproof.training.identity import Identity, marks_of
from backproof.training.rates import LearningRate
from backproof.training.run import Run
from backproof.training.schedules import Horizon, Plateau

COMPARED = 10_000
"""Steps whose learning rates are compared, at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to go on from.

    Args:
        checkpoint: None where the training begins anew.
        path: its file.
        notes: what to tell.
        refused: newer files that cannot be used.
    """

    checkpoint: Checkpoint | None = None
    path: Path = Path()
    notes: tuple[str, ...] = ()
    refused: tuple[Path, ...] = ()


def found(options: Checkpoints, resume: object, identity: Identity) -> Found:
    """The newest checkpoint that can be used; nothing where the training is to begin anew.

    Args:
        options: where to look.
        resume: True to go on, ``"auto"`` to go on where there is something to go on from, False to begin anew.
        identity: of the training; the backend may be ``"auto"``.

    Raises:
        SpecificationError: the checkpoint is of another training, or one would be overwritten.
        DataError: there is none of use, and ``resume`` is True.
        OutputError: the folder is missing and cannot be made.
    """
    if not isinstance(resume, bool) and resume != "auto":
        raise SpecificationError(f"resume must be True, False or 'auto', got {resume!r:.60}")
    files = options.files()
    if files and resume is False:
        raise SpecificationError(
            f"the folder {str(options.path)!r} holds checkpoints already; give resume=True to go on from the newest, "
            "or another folder"
        )
    refusals: list[str] = []
    refused: list[Path] = []
    for path in files:
        try:
            checkpoint = decoded(path.read_bytes())
        except (DataError, OSError) as error:
            refusals.append(f"the checkpoint {str(path)!r} is not used: {error}")
            refused.append(path)
            continue
        _check_same_training(checkpoint.identity, identity, path)
        for text in [*refusals, *(told := _other_writer(checkpoint, path))]:
            warn(text)
        done = len(checkpoint.snapshot.history)
        resumed = f"resumed from {str(path)!r}: {done} epochs, {checkpoint.snapshot.made} steps"
        return Found(checkpoint, path, (*refusals, *told, resumed), tuple(refused))
    if resume is True:
        raise DataError("; ".join([*refusals, f"the folder {str(options.path)!r} holds no checkpoint to resume from"]))
    for text in refusals:
        warn(f"{text}; the training begins anew")
    if not options.path.is_dir():
        output_folder(options.path)
    return Found(notes=tuple(refusals), refused=tuple(refused))


def _check_same_training(theirs: Identity, ours: Identity, path: Path) -> None:
    if ours.settings.get("backend") == AUTO:
        ours = replace(ours, settings={**ours.settings, "backend": theirs.settings.get("backend")})
    if differences := ours.differences(theirs):
        raise SpecificationError(
            f"the checkpoint {str(path)!r} is of another training: {'; '.join(differences)}; "
            "undo that to go on, or begin anew in another folder"
        )


def _other_writer(checkpoint: Checkpoint, path: Path) -> list[str]:
    now = writer()
    if checkpoint.written_by == now:
        return []
    return [
        f"the checkpoint {str(path)!r} was written by {checkpoint.written_by}, and this is {now}: "
        "the last bits may differ from those of an unbroken run"
    ]


def check_epochs(checkpoint: Checkpoint, epochs: int, rates: LearningRate) -> None:
    """The steps that were made are those of a training of so many epochs.

    Raises:
        SpecificationError: they are not, as the schedule is stretched over another number of steps, or as there are
            more than asked for.
    """
    snapshot = checkpoint.snapshot
    begun = len(snapshot.history) + (snapshot.current is not None)
    if begun > epochs:
        raise SpecificationError(f"the checkpoint is in epoch {begun} already; give epochs={begun} or more")
    if checkpoint.epochs == epochs or isinstance(rates.schedule, Plateau):
        return
    per_epoch = rates.horizon.steps_per_epoch
    then = Horizon(steps=max(1, checkpoint.epochs * per_epoch), steps_per_epoch=per_epoch)
    steps = np.unique(np.linspace(0, max(0, snapshot.made - 1), COMPARED).astype(np.int64)).astype(np.float64)
    function = rates.schedule.function
    if snapshot.made and not np.array_equal(function(steps, then), function(steps, rates.horizon)):
        raise SpecificationError(
            f"the schedule {rates.schedule.text} is stretched over all epochs: with epochs={epochs} the steps made so "
            f"far would have had other learning rates; give epochs={checkpoint.epochs} as before"
        )


def put_back(run: Run, there: Found) -> None:
    """The run as it was kept.

    Raises:
        DataError: the checkpoint does not fit, which its checksum and its identity should have told.
    """
    assert there.checkpoint is not None
    snapshot = there.checkpoint.snapshot
    if _shapes(snapshot.state) != _shapes(run.steps.state()):
        raise DataError(f"the checkpoint {str(there.path)!r} holds other quantities than the training has")
    try:
        run.restore(snapshot)
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"the checkpoint {str(there.path)!r} holds no state to go on from: {error}") from error


def _shapes(state: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    return {id: np.shape(array) for id, array in state.items()}


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a training is kept, whose it is, and what there is to go on from."""

    options: Checkpoints
    identity: Identity
    there: Found

    @classmethod
    def looked_up(
        cls, checkpoint: object, resume: object, job: Job, data: Data, settings: Mapping[str, object]
    ) -> Kept | None:
        """As the options of ``train`` say; None where nothing is to be kept.

        Raises:
            SpecificationError, DataError, OutputError: see ``found``.
        """
        if checkpoint is None:
            if resume is not False:
                raise SpecificationError("there is nothing to resume from; give checkpoint= the folder")
            return None
        options = checkpoints_named(checkpoint)
        held_out = data.validation.inputs if data.validation is not None else {}
        marks = marks_of(job.trace, job.updates, job.beginning(), data.training.inputs, held_out)
        marks |= data.marks()
        identity = Identity({name: value for name, value in settings.items() if name != "epochs"}, marks)
        there = found(options, resume, identity)
        if there.checkpoint is not None:
            check_epochs(there.checkpoint, job.epochs, job.rates)
        return cls(options, identity, there)

    def backend(self, asked: str) -> str:
        """That of the checkpoint where the choice is free, as the other has other bits."""
        checkpoint = self.there.checkpoint
        return asked if checkpoint is None or asked != AUTO else str(checkpoint.identity.settings["backend"])

    def attach(self, run: Run, epochs: int) -> None:
        """Put the run where it was, and have it kept from now on."""
        made = 0
        if self.there.checkpoint is not None:
            put_back(run, self.there)
            made = run.made
        identity = replace(self.identity, settings={**self.identity.settings, "backend": run.steps.backend})
        run.keeper = Keeper(self.options, identity, epochs, self.there.notes, self.there.refused, made)
