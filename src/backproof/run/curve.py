"""The learning curve: the loss of both parts after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backproof.errors import NonFiniteError
from backproof.ir.arithmetic import Array
from backproof.run.evaluation import Forward, score_of
from backproof.run.prepare import Prepared
from backproof.training.events import Event

MARKED_RISE, OF_LOWEST = 0.05, 0.1
"""A rise of the held-out loss is worth a word from this share of its fall and of its lowest on; less is chance."""


@dataclass(frozen=True, slots=True)
class Point:
    """The state after an epoch.

    Args:
        epoch: its number, from 1.
        train: the loss of the training part, as the mean over the epoch's batches.
        test: the loss of the held-out part; None where none is held out, or it is not finite.
        score: the accuracy or R² on the held-out part; None likewise.
    """

    epoch: int
    train: float
    test: float | None = None
    score: float | None = None


@dataclass(slots=True)
class Curve:
    """Follows a training; give it to ``train`` as a callback.

    Args:
        forward: the network.
        data: both parts.
        points: one for each epoch so far.
    """

    forward: Forward
    data: Prepared
    points: list[Point] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.points.append(Point(event.epoch.number, event.epoch.loss, *self._held_out(event.parameters)))

    def _held_out(self, parameters: Mapping[str, Array]) -> tuple[float | None, float | None]:
        X, Y = self.data.X_test, self.data.Y_test
        if len(X) == 0:
            return None, None
        try:
            prediction = self.forward(parameters, X, Y)
        except NonFiniteError:
            return None, None
        return prediction.loss, score_of(prediction, Y, self.data)

    @property
    def has_test_part(self) -> bool:
        """Whether there is a held-out loss to show."""
        return any(point.test is not None for point in self.points)

    def description(self) -> dict[str, Any]:
        """The curve as JSON holds it: one list per quantity."""
        columns: dict[str, Any] = {
            "epoch": [point.epoch for point in self.points],
            "train_loss": [point.train for point in self.points],
        }
        if self.has_test_part:
            columns["held_out_loss"] = [point.test for point in self.points]
            columns["held_out_score"] = [point.score for point in self.points]
        return columns

    def overfitting(self) -> str | None:
        """What the curve says of overfitting; None where it says nothing."""
        known = [(point.test, point) for point in self.points if point.test is not None]
        if not known:
            return None
        lowest, best = min(known, key=lambda pair: pair[0])
        (first, _), (last, end) = known[0], known[-1]
        marked = max(MARKED_RISE * (first - lowest), OF_LOWEST * abs(lowest))
        if last - lowest <= marked or end.train >= best.train:
            return None
        return (
            f"the held-out loss was lowest after epoch {best.epoch} ({lowest:.3g}) and rose to {last:.3g} while the "
            "training loss went on falling: the network overfits; fewer epochs, a penalty or a smaller network may "
            "do better"
        )
