"""Where a network is right and wrong: the confusion matrix, or predictions and residuals."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.run.evaluation import ClassScores, in_units
from backproof.run.outcome import Outcome
from backproof.run.plots import image_tiles, predictions
from backproof.run.wording import plural, quoted

MOST_CLASSES = 26
"""Larger confusion matrices are not read; their most frequent entries are."""
MOST_CONFUSIONS = 8
MOST_IMAGES = 16


def mistakes(outcome: Outcome) -> dict[str, Any] | None:
    """What the template shows; None where nothing is held out."""
    scores = outcome.evaluation.test
    if scores is None:
        return None
    if isinstance(scores, ClassScores):
        return _classes(outcome, scores)
    return _numbers(outcome)


def _classes(outcome: Outcome, scores: ClassScores) -> dict[str, Any]:
    labels = outcome.problem.prepared.class_labels or ()
    confusion = np.array(scores.confusion)
    shown = labels if len(labels) <= MOST_CLASSES else ()
    return {
        "title": "What is taken for what",
        "part": f"among the {scores.rows} held-out ones",
        "classes": shown,
        "rows": [_row(label, confusion[number], number) for number, label in enumerate(shown)],
        "confusions_lead": "The most frequent confusions:",
        "confusions": [] if shown else _confusions(confusion, labels),
        "drawings": _wrong_images(outcome),
    }


def _row(label: str, counts: np.ndarray[Any, Any], number: int) -> dict[str, Any]:
    total = max(1, int(counts.sum()))
    cells = [
        {"count": int(count), "share": count / total, "right": column == number} for column, count in enumerate(counts)
    ]
    return {"name": label, "cells": cells}


def _confusions(confusion: np.ndarray[Any, Any], labels: tuple[str, ...]) -> list[str]:
    wrong = confusion * (1 - np.eye(len(confusion), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    places = [divmod(int(place), len(labels)) for place in order]
    return [
        f"{quoted(labels[true])} taken for {quoted(labels[taken])}: {plural(int(wrong[true, taken]), 'time')}"
        for true, taken in places
        if wrong[true, taken]
    ]


def _wrong_images(outcome: Outcome) -> list[tuple[Any, str]]:
    """The examples told wrong, where they are images; those of which the network is surest first."""
    data, image = outcome.problem.prepared, outcome.problem.image
    if image is None or data.class_labels is None:
        return []
    y_hat = outcome.curve.forward(outcome.result.params, data.X_test, data.Y_test).y_hat
    true, taken = data.Y_test.argmax(axis=1), y_hat.argmax(axis=1)
    wrong = np.flatnonzero(true != taken)
    surest = wrong[np.argsort(-y_hat[wrong, taken[wrong]], kind="stable")][:MOST_IMAGES]
    if len(surest) == 0:
        return []
    captions = [f"{data.class_labels[true[row]]}, not {data.class_labels[taken[row]]}" for row in surest]
    said = f"Held-out images told wrong, with what they are and what they were taken for: {'; '.join(captions)}."
    tiles = image_tiles([data.X_test[row].reshape(image) for row in surest], captions, said)
    shown = "All" if len(surest) == len(wrong) else f"{len(surest)} of the {len(wrong)}"
    return [(tiles, f"{shown} held-out images told wrong, those of which the network is surest first.")]


def _numbers(outcome: Outcome) -> dict[str, Any]:
    data = outcome.problem.prepared
    prediction = outcome.curve.forward(outcome.result.params, data.X_test, data.Y_test)
    true, predicted = in_units(data.Y_test, data), in_units(prediction.y_hat, data)
    caption = f"The held-out part in the units of {data.target_name}; a perfect prediction lies on the line."
    return {
        "title": "Predictions and residuals",
        "part": "",
        "classes": (),
        "rows": [],
        "confusions_lead": "",
        "confusions": [],
        "drawings": [(predictions(true, predicted, data.target_name), caption)],
    }
