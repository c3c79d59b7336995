"""What a training leaves as a model: the network, its weights, and what the columns and the target need."""

from __future__ import annotations

from typing import Any

from backproof.backprop.trace import Trace
from backproof.models.contents import Contents, Target, written_by
from backproof.run.evaluation import Evaluation
from backproof.run.problem import Problem
from backproof.run.wording import plural
from backproof.training.identity import derivation_digest
from backproof.training.result import TrainingResult


def trained_contents(
    made: Problem, trace: Trace, result: TrainingResult, evaluation: Evaluation, headline: str
) -> Contents:
    """The contents of the model's file.

    Args:
        made: the data and the network.
        trace: of the derivation.
        result: of the training.
        evaluation: the scores then.
        headline: how good it was, in one sentence.
    """
    data = made.prepared
    told: dict[str, Any] = {
        "rows": f"{plural(len(data.X_train), 'row')} of {made.title}",
        "trained": f"{plural(result.epochs_run, 'epoch')} of {result.settings['optimizer']}, {result.stopped}",
        "held_out": headline,
        "data": dict(made.source),
        "settings": dict(result.settings),
        "figures": evaluation.figures(),
        "preparation": data.description(),
    }
    return Contents(
        made.network,
        result.params,
        data.columns,
        data.inputs,
        Target(data.target_name, data.class_labels, data.target_mean, data.target_scale),
        derivation_digest(trace),
        told,
        written_by(),
    )
