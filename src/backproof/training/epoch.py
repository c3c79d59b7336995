"""The record of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data.

    Args:
        number: counts from 1.
        loss: the mean of the batches' losses, weighted by their sizes, each before its update. For the full batch
            that is the loss of the parameters that the epoch began with.
        seconds: how long it took, without validation and callbacks.
        steps: updates made so far.
        learning_rate: η of its last step.
        validation_loss: the loss of the validation data, without penalties, with the parameters after the epoch; None
            where there are no such data.
        metrics: of the validation data, or of the training data where there are none.
        gradient_norms: √(Σ g²) for each parameter, of the epoch's last batch with the parameters after it; measured
            so rarely that it costs no time worth speaking of, otherwise empty.
        update_ratios: how far the epoch moved each parameter, relative to its size; measured together with the norms.
    """

    number: int
    loss: float
    seconds: float
    steps: int
    learning_rate: float = 0.0
    validation_loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    gradient_norms: Mapping[str, float] = field(default_factory=dict)
    update_ratios: Mapping[str, float] = field(default_factory=dict)
