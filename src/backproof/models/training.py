"""``train``: a table in, a model out: read, prepared, derived, proved, trained, compared, written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from backproof.derivation import Derivation
from backproof.errors import DataError
from backproof.files import refuse_unwritable
from backproof.models.evaluating import evaluate_file
from backproof.models.summary import column_lines
from backproof.models.table_model import TableModel
from backproof.run.evaluation import Evaluation, Forward, evaluated
from backproof.run.job import Say, Stages, derived, is_small, what
from backproof.run.outcome import LINEAR_IS_BETTER, NOTHING_LEARNT, comparison, in_short, training_words
from backproof.run.prepare import prepare
from backproof.run.problem import TEST_SHARE, Problem, fitted, source_of
from backproof.run.rivals import TREES, Rival, better_scores, rivals
from backproof.run.settings import Settings
from backproof.run.sources import parts_of
from backproof.run.tables import column_names, read_table
from backproof.run.trained import trained_contents
from backproof.run.wording import listed, quoted_path
from backproof.training.loop import train
from backproof.training.result import TrainingResult

VALIDATION = 0.2
"""The share of the training part that --patience watches."""
FEW, MANY = 1_000, 20_000
"""Rows from which on --network auto takes more and larger hidden layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for.

    Args:
        settings: as for a run; its data are a table.
        test_file: a table to evaluate on instead of a held-out part.
        schedule: of the learning rate.
        patience: epochs without a lower validation loss after which to stop; None for training to the end.
        loss: of a regression; the mean squared error where None.
        compare: whether scikit-learn's models are trained on the same split.
    """

    settings: Settings
    test_file: Path | None = None
    schedule: str = "constant"
    patience: int | None = None
    loss: str | None = None
    compare: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model, how it came about and how good it is."""

    model: TableModel
    problem: Problem
    result: TrainingResult
    evaluation: Evaluation
    rivals: list[Rival]
    notes: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.result.stopped == "interrupted"

    def figures(self) -> dict[str, Any]:
        """What came out, for programs."""
        return {
            "task": self.model.contents.task,
            "network": self.problem.specification,
            "columns": [{"name": c.name, "kind": c.kind} for c in self.model.contents.columns],
            "stopped": self.result.stopped,
            "epochs": self.result.epochs_run,
            "loss": self.result.loss,
            "figures": self.evaluation.figures(),
            "rivals": {rival.name: {**asdict(rival.scores), "seconds": rival.seconds} for rival in self.rivals},
            "notes": list(self.notes),
            "seconds": self.seconds,
        }


def train_model(request: Request, destination: Path, *, say: Say = print, progress: bool | str = True) -> Trained:
    """The model of a table, written to a file; Ctrl-C in the training keeps the best weights so far.

    Args:
        request: what was asked for.
        destination: of the model; there whole, or not at all.
        say: shows a line.
        progress: as for ``bp.train``.

    Raises:
        DataError, SpecificationError: a table or options that cannot be used.
        NotProvedError: a step of the derivation does not hold.
        DivergenceError: a quantity became NaN or infinite in the training.
        OutputError: the model cannot be written.
    """
    refuse_unwritable(destination)
    stages = Stages(say)
    with stages.stage("data") as words:
        made = _problem(request)
        words.append(what(made))
    for line in column_lines(made.prepared.columns, made.prepared.inputs):
        say(f"  {line}")
    for note in made.prepared.notes:
        say(f"  note: {note}")
    derivation = derived(made, stages)
    result = _trained(request, made, derivation, stages, progress)
    trained = _evaluated(request, made, derivation, result, stages)
    with stages.stage("model") as words:
        trained.model.save(destination)
        words.append(str(destination))
    return replace(trained, seconds=dict(stages.seconds))


def hidden_for(rows: int) -> tuple[int, ...]:
    """The hidden layers that --network auto takes.

    Example:
        >>> hidden_for(200), hidden_for(5_000), hidden_for(100_000)
        ((32,), (64, 32), (128, 64))
    """
    return (32,) if rows < FEW else (64, 32) if rows < MANY else (128, 64)


def _problem(request: Request) -> Problem:
    settings = request.settings
    path = Path(settings.data or "")
    if settings.target is None:
        found = listed(column_names(path), most=30)
        raise DataError(f"{quoted_path(path)}: name the column to predict with --target; the columns are {found}")
    table = read_table(path, target=settings.target)
    share = settings.test if settings.test is not None else TEST_SHARE
    if request.test_file is not None:
        _check_test_file(request.test_file, settings.target)
    made = prepare(
        table,
        task=settings.task or "auto",
        test_fraction=None if request.test_file is not None else share,
        seed=settings.seed or 0,
    )
    if settings.network is None:
        settings = replace(settings, network=hidden_for(len(made.X_train)))
    return fitted(f"{path.name}: {settings.target}", made, settings, source_of(path, table), loss=request.loss)


def _check_test_file(path: Path, target: str) -> None:
    """Refuse it before the training; its columns are looked at by the model."""
    with parts_of(path) as table:
        if target not in table.names:
            raise DataError(f"there is no column {target!r} to compare with; it has {listed(table.names, most=20)}")


def _trained(
    request: Request, made: Problem, derivation: Derivation, stages: Stages, progress: bool | str
) -> TrainingResult:
    data, schedule = made.prepared, made.schedule
    with stages.stage("train") as words, threadpool_limits(1 if is_small(made) else None):
        result = train(
            derivation.trace,
            data.X_train,
            data.Y_train,
            optimizer=schedule.optimizer,
            learning_rate=schedule.learning_rate,
            batch_size=_batch_size(request, made),
            epochs=schedule.epochs,
            seed=schedule.seed,
            backend=schedule.backend,
            dtype=schedule.dtype,
            progress=progress,
            schedule=request.schedule,
            validation=VALIDATION if request.patience is not None else None,
            patience=request.patience,
        )
        words.append(training_words(result, schedule.epochs))
    return result


def _batch_size(request: Request, made: Problem) -> int:
    """At most the rows that --patience leaves."""
    rows = len(made.prepared.X_train)
    left = rows - round(VALIDATION * rows) if request.patience is not None else rows
    return max(1, min(made.schedule.batch_size, left - 1 if request.patience is not None else left))


def _evaluated(
    request: Request, made: Problem, derivation: Derivation, result: TrainingResult, stages: Stages
) -> Trained:
    data, forward = made.prepared, Forward(derivation.trace.program)
    notes = list(data.notes)
    with stages.stage("evaluate") as words:
        evaluation = evaluated(forward, result.params, data)
        if request.test_file is not None:
            draft = TableModel(trained_contents(made, derivation.trace, result, evaluation, ""))
            evaluation = replace(evaluation, test=evaluate_file(draft, request.test_file).scores)
        words.append(_headline(evaluation, result))
    hidden = tuple(made.network.sizes[1:-1])
    others = rivals(data, hidden, made.schedule.seed) if request.compare and result.stopped != "interrupted" else []
    for rival in others:
        stages.say(f"  {rival.name}: {in_short(rival.scores)}, trained in {rival.seconds:.2f} s")
    for advice in _advice(evaluation, others):
        notes.append(advice)
        stages.say(f"  note: {advice}")
    contents = trained_contents(made, derivation.trace, result, evaluation, _headline(evaluation, result))
    return Trained(TableModel(contents), made, result, evaluation, others, tuple(notes))


def _headline(evaluation: Evaluation, result: TrainingResult) -> str:
    """How good it is, in one sentence."""
    if evaluation.test is None:
        return f"nothing is held out; the loss after training is {result.loss:.4g}"
    return comparison(evaluation.test, evaluation)


def _advice(evaluation: Evaluation, others: list[Rival]) -> Iterator[str]:
    """What the user might do better."""
    if evaluation.nothing_learnt:
        yield NOTHING_LEARNT
        return
    if evaluation.linear_is_better:
        yield LINEAR_IS_BETTER
    for rival in others:
        if rival.name == TREES and evaluation.test is not None and better_scores(evaluation.test, rival.scores):
            yield "boosted trees do better here than the network: for this table, they may be the better choice"
