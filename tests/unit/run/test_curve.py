"""What the learning curve keeps, and what it says of overfitting."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.networks import mlp
from backproof.run.curve import Curve, Point
from backproof.run.evaluation import Forward
from backproof.run.prepare import digits
from backproof.training import train
from backproof.training.epoch import Epoch
from backproof.training.events import Event

NET = mlp(64, 3, 10, activation=["relu"], loss="cross_entropy")


def curve(*points: tuple[float, float | None]) -> Curve:
    """A curve of training and held-out losses."""
    made = [Point(number, train, test, 0.5) for number, (train, test) in enumerate(points, start=1)]
    return Curve(Forward(NET), digits(), made)


def test_it_follows_the_training() -> None:
    data = digits()
    followed = Curve(Forward(NET), data)
    result = train(NET, data.X_train, data.Y_train, epochs=3, progress=False, callbacks=[followed])
    assert [point.epoch for point in followed.points] == [1, 2, 3]
    assert [point.train for point in followed.points] == [epoch.loss for epoch in result.history]
    prediction = Forward(NET)(result.params, data.X_test, data.Y_test)
    assert followed.points[-1].test == prediction.loss
    assert followed.description()["held_out_loss"][-1] == prediction.loss


def test_a_held_out_loss_that_is_not_finite_is_left_out() -> None:
    followed = curve()
    weights = {"W_1": np.full((64, 3), 1e200), "W_2": np.full((3, 10), 1e200)}
    epoch = Epoch(1, 2.0, 0.1, 1)
    followed(Event(epoch, (epoch,), weights))
    assert followed.points == [Point(1, 2.0, None, None)]
    assert not followed.has_test_part
    assert followed.description() == {"epoch": [1], "train_loss": [2.0]}


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(3.0, None), (1.0, None)],
        [(3.0, 3.0), (2.0, 2.0), (1.0, 1.0)],
        [(3.0, 3.0), (2.0, 1.0), (1.0, 1.09)],
        [(3.0, 3.0), (2.0, 0.1), (1.0, 0.24)],
        [(3.0, 3.0), (2.0, 1.0), (2.5, 2.0)],
    ],
    ids=[
        "no epoch",
        "nothing held out",
        "falling",
        "rising by less than a tenth",
        "rising by little of its fall",
        "the training loss rises too",
    ],
)
def test_nothing_to_say(points: list[tuple[float, float | None]]) -> None:
    assert curve(*points).overfitting() is None


def test_overfitting_is_said() -> None:
    said = curve((3.0, 3.0), (2.0, 1.0), (1.0, 1.5)).overfitting()
    assert said is not None
    assert said.startswith("the held-out loss was lowest after epoch 2 (1) and rose to 1.5")
