"""What a run came to: everything that its report, its record and its last line are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backproof.derivation import Derivation
from backproof.run.curve import Curve
from backproof.run.evaluation import ClassScores, Evaluation, NumberScores, Scores
from backproof.run.problem import Problem
from backproof.run.settings import Settings
from backproof.run.speed import Speed
from backproof.run.wording import plural
from backproof.training.result import TrainingResult

NOTHING_LEARNT = (
    "the network is no better than always saying the same, even on its training part: the learning rate is probably "
    "too large, or there are too few epochs"
)
LINEAR_IS_BETTER = (
    "a linear model does better here than the network: try a penalty, fewer hidden units, more data, or no hidden "
    "layer (--network none)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A finished or interrupted run.

    Args:
        settings: what was asked for.
        problem: the data, the network and the schedule.
        derivation: of the network's gradients, with its certificate.
        result: of the training.
        curve: the losses on the way.
        evaluation: the scores.
        seconds: what each stage took, by its name.
        speed: of the training; None where it did not get through an epoch.
    """

    settings: Settings
    problem: Problem
    derivation: Derivation
    result: TrainingResult
    curve: Curve
    evaluation: Evaluation
    seconds: Mapping[str, float]
    speed: Speed | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.result.stopped == "interrupted"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user must be told of the data and of the result."""
        return (*self.problem.prepared.notes, *self.advice)

    @property
    def advice(self) -> tuple[str, ...]:
        """What the user might do better."""
        if self.evaluation.nothing_learnt:
            return (NOTHING_LEARNT,)
        linear = LINEAR_IS_BETTER if self.evaluation.linear_is_better else None
        return tuple(words for words in (self.curve.overfitting(), linear) if words)

    @property
    def prediction_of_one(self) -> float | None:
        """ŷ of the only sample, where there is only one; there is nothing else to say then."""
        data = self.problem.prepared
        if len(data.X_train) + len(data.X_test) > 1:
            return None
        return float(self.curve.forward(self.result.params, data.X_train, data.Y_train).y_hat[0, 0])

    def headline(self) -> str:
        """How good it is, in one sentence."""
        evaluation = self.evaluation
        if evaluation.test is None:
            one = self.prediction_of_one
            said = "" if one is None else f", ŷ = {one:.6f} where y = {self.problem.prepared.Y_train[0, 0]:g}"
            return f"nothing is held out; the loss after training is {self.result.loss:.4g}{said}"
        return comparison(evaluation.test, evaluation)


def comparison(scores: Scores, evaluation: Evaluation) -> str:
    """The scores on data that were not trained on, beside what they have to beat."""
    parts = [f"held-out {in_short(scores)}{_interval(scores)}"]
    if evaluation.linear is not None:
        parts.append(f"a linear model: {in_short(evaluation.linear)}")
    if evaluation.constant is not None:
        parts.append(f"always {evaluation.always}: {in_short(evaluation.constant)}")
    return "; ".join(parts)


def training_words(result: TrainingResult, epochs: int) -> str:
    """What was trained, in a few words.

    Args:
        result: of the training.
        epochs: how many there should be.
    """
    done = f"{plural(result.epochs_run, 'epoch')}, {plural(result.steps, 'step')}, loss {result.loss:.4g}"
    match result.stopped:
        case "finished":
            return done
        case "early":
            return f"{done}; stopped early, with the weights of epoch {result.best_epoch}"
        case "converged":
            return f"{done}; converged"
        case "asked" | "interrupted":
            pass
    return f"interrupted after {done} (of {plural(epochs, 'epoch')}); the best weights so far are kept"


def losses(result: TrainingResult) -> list[str]:
    """The loss before every tenth of the updates, as the emitted source prints it."""
    every = max(1, len(result.history) // 10)
    return [f"epoch {k:5d}  loss {epoch.loss!r}" for k, epoch in enumerate(result.history) if k % every == 0]


def in_short(scores: Scores) -> str:
    """The score that matters most, in a few words."""
    match scores:
        case ClassScores(accuracy=accuracy):
            return f"accuracy {accuracy:.3f}"
        case NumberScores(r2=float() as r2, rmse=rmse):
            return f"R² {fixed(r2)}, RMSE {rmse:.4g}"
        case NumberScores(rmse=rmse):
            return f"RMSE {rmse:.4g}"


def fixed(number: float) -> str:
    """Three decimals, without a sign where they are all 0.

    Example:
        >>> fixed(-0.0001), fixed(-1.5)
        ('0.000', '-1.500')
    """
    return f"{round(number, 3) + 0.0:.3f}"


def _interval(scores: Scores) -> str:
    if not isinstance(scores, ClassScores):
        return ""
    low, high = scores.accuracy_low, scores.accuracy_high
    return f" ({scores.correct} of {scores.rows}; 95 % interval {low:.3f} to {high:.3f})"
