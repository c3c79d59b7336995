"""The main job: derive, prove, train, evaluate, report; a line for each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from threadpoolctl import threadpool_limits

from backproof.derivation import Derivation, derive
from backproof.errors import NotProvedError
from backproof.files import atomic_write_together, output_folder
from backproof.models.contents import Contents
from backproof.models.file import encoded
from backproof.run.curve import Curve
from backproof.run.evaluation import Forward, evaluated
from backproof.run.outcome import Outcome, losses, training_words
from backproof.run.problem import Problem, problem
from backproof.run.record import record_file
from backproof.run.report import report_html
from backproof.run.script import DATA_FILE, data_file, script
from backproof.run.settings import Settings
from backproof.run.speed import short_peak, speed_of
from backproof.run.trained import trained_contents
from backproof.run.wording import plural
from backproof.training.loop import train
from backproof.training.result import TrainingResult

SMALL_PRODUCT = 20_000_000
"""Multiplications in a matrix product from which on a second thread pays."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Stages:
    """Tells each stage when it is done, with what it came to and how long it took."""

    say: Say
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """A stage; what is put in the list is said of it."""
        began, words = time.perf_counter(), list[str]()
        yield words
        self.seconds[name] = time.perf_counter() - began
        self.say(f"{name:<9} {'; '.join(words)}  [{self.seconds[name]:.2f} s]")


def run_job(settings: Settings, folder: Path, *, say: Say = print, progress: bool | str = True) -> Outcome:
    """Data in; derivation, proof, training and report out: the files of ``record.FILES`` in the folder.

    Ctrl-C in the training ends it with the best weights so far, and the report says so; at any other time nothing is
    written. The old files of the folder stay whole until all new ones are on disk.

    Args:
        settings: what was asked for.
        folder: made where it is missing; other files in it stay.
        say: shows a line.
        progress: as for ``train``.

    Returns:
        The finished or interrupted run.

    Raises:
        DataError, SpecificationError: data or settings that cannot be used.
        NotProvedError: a step of the derivation does not hold.
        DivergenceError: a quantity became NaN or infinite in the training.
        OutputError: the folder cannot be written.
    """
    stages = Stages(say)
    with _folder(folder):
        with stages.stage("data") as words:
            made = problem(settings)
            words.append(what(made))
        for note in made.prepared.notes:
            say(f"  note: {note}")
        derivation = derived(made, stages)
        outcome = _trained(settings, made, derivation, stages, progress)
        for words_of_advice in outcome.advice:
            say(f"  note: {words_of_advice}")
        with stages.stage("report") as words:
            atomic_write_together(folder, contents(outcome))
            words.append(str(folder / "report.html"))
    return outcome


def contents(outcome: Outcome) -> dict[str, bytes]:
    """The files of the report by name."""
    made = outcome.problem
    return {
        "report.html": report_html(outcome).encode("utf-8"),
        "weights.safetensors": encoded(_contents(outcome)),
        "train.py": script(outcome.derivation, made).encode("utf-8"),
        DATA_FILE: data_file(made),
        "run.json": record_file(outcome),
    }


def _contents(outcome: Outcome) -> Contents:
    return trained_contents(
        outcome.problem, outcome.derivation.trace, outcome.result, outcome.evaluation, outcome.headline()
    )


def what(made: Problem) -> str:
    """The data in a line."""
    data = made.prepared
    rows = f"{plural(len(data.X_train), 'row')} to train"
    held_out = f", {len(data.X_test)} held out" if made.has_test_part else ""
    return f"{made.title}: {rows}{held_out}, {plural(data.X_train.shape[1], 'input')}"


def derived(made: Problem, stages: Stages) -> Derivation:
    """The gradients of the problem's network, derived and proved.

    Raises:
        NotProvedError: a step does not hold.
    """
    with stages.stage("derive") as words:
        derivation = derive(made.program)
        words.append(f"{made.specification} network, {plural(len(derivation.trace.steps), 'step')}")
    with stages.stage("prove") as words:
        derivation = derivation.proved()
        certificate = derivation.certificate
        assert certificate is not None  # that is what proved() is for
        if not certificate.ok:
            raise NotProvedError(f"the derivation does not hold: {certificate.failures[0].sentence}")
        words.append(f"all steps hold; a false one passes with a chance of at most {certificate.bound:.1e}")
    return derivation


def _trained(
    settings: Settings, made: Problem, derivation: Derivation, stages: Stages, progress: bool | str
) -> Outcome:
    curve, peak = Curve(Forward(derivation.trace.program), made.prepared), short_peak(made.schedule.dtype)
    with stages.stage("train") as words:
        result = _training(made, derivation, curve, progress)
        words.append(training_words(result, made.schedule.epochs))
    speed = speed_of(derivation.trace, result, len(made.prepared.X_train), peak)
    if speed is not None:
        stages.say(f"  {speed.line()}")
    if not made.has_test_part:
        for line in losses(result):
            stages.say(f"  {line}")
    with stages.stage("evaluate") as words:
        evaluation = evaluated(curve.forward, result.params, made.prepared)
        outcome = Outcome(settings, made, derivation, result, curve, evaluation, stages.seconds, speed)
        words.append(outcome.headline())
    return outcome


def _training(made: Problem, derivation: Derivation, curve: Curve, progress: bool | str) -> TrainingResult:
    data, schedule = made.prepared, made.schedule
    with threadpool_limits(1 if is_small(made) else None):
        return train(
            derivation.trace,
            data.X_train,
            data.Y_train,
            optimizer=schedule.optimizer,
            learning_rate=schedule.learning_rate,
            batch_size=schedule.batch_size,
            epochs=schedule.epochs,
            seed=schedule.seed,
            backend=schedule.backend,
            dtype=schedule.dtype,
            progress=progress,
            callbacks=[curve],
        )


def is_small(made: Problem) -> bool:
    """Whether the largest product of a step is so small that threads wait for each other more than they work."""
    structure = made.program.structure
    assert structure is not None  # a run's program is a network
    weights = max(inputs * outputs for inputs, outputs in pairwise(structure.sizes))
    return made.schedule.batch_size * weights <= SMALL_PRODUCT


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder is there and writable before any work; folders made for nothing are removed again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    output_folder(folder)
    try:
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise
