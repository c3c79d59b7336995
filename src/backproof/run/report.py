"""The report of a run: the derivation's document, with sections on the data, the training and the errors round it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from backproof.render.document import Block, Document, Heading
from backproof.render.html import HtmlSection, to_html
from backproof.render.pages import template
from backproof.run.evaluation import ClassScores, NumberScores, Scores
from backproof.run.mistakes import mistakes
from backproof.run.outcome import Outcome, fixed, training_words
from backproof.run.plots import learning_curve, weight_tiles
from backproof.run.record import FILES, commands, versions
from backproof.run.script import AGREEMENT
from backproof.run.speed import MADE_BY
from backproof.run.wording import plural

SCALAR_UNITS, SCALAR_LAYERS = 4, 3
"""Networks of at most so many units and layers are read weight by weight, others in matrices."""


def report_html(outcome: Outcome) -> str:
    """``report.html``: what was learnt and how well, then the derivation, then how to repeat it."""
    return to_html(_document(outcome), extra_sections=list(_sections(outcome)))


def _document(outcome: Outcome) -> Document:
    structure = outcome.problem.program.structure
    assert structure is not None  # a run's program is a network
    small = max(structure.sizes) <= SCALAR_UNITS and len(structure.layers) <= SCALAR_LAYERS
    document = outcome.derivation.view("scalar" if small else "matrix").document()
    title = f"{outcome.problem.title}, learnt by a {structure.specification} network"
    facts = {**document.facts, "seed": str(outcome.problem.schedule.seed)}
    blocks = (Heading(1, ("The derivation",), "derivation"), *map(_one_level_down, document.blocks))
    return replace(document, title=(title,), blocks=blocks, facts=facts)


def _one_level_down(block: Block) -> Block:
    return replace(block, level=block.level + 1) if isinstance(block, Heading) else block


def _sections(outcome: Outcome) -> Iterable[HtmlSection]:
    yield HtmlSection("The result", "run-result", _set("result", _result(outcome)), "before")
    yield HtmlSection("The data", "run-data", _set("data", _data(outcome)), "before")
    yield HtmlSection("The training", "run-training", _set("training", _training(outcome)), "before")
    wrong = mistakes(outcome)
    if wrong is not None:
        yield HtmlSection(wrong["title"], "run-mistakes", _set("mistakes", wrong), "before")
    weights = _weights(outcome)
    if weights is not None:
        yield HtmlSection("What the first layer looks for", "run-weights", weights, "before")
    yield HtmlSection("How to repeat it", "run-repeat", _set("reproduce", _reproduce(outcome)), "after")


# --- the result ---------------------------------------------------------------------------------------------------


def _result(outcome: Outcome) -> dict[str, Any]:
    evaluation = outcome.evaluation
    parts = {
        "training part": evaluation.train,
        "held-out part": evaluation.test,
        "a linear model": evaluation.linear,
        f"always {evaluation.always}": evaluation.constant,
    }
    shown = {name: scores for name, scores in parts.items() if scores is not None}
    done = training_words(outcome.result, outcome.problem.schedule.epochs)
    return {
        "headline": _as_sentence(outcome.headline()),
        "warning": f"Training was {done}." if outcome.interrupted else None,
        "columns": list(shown) if evaluation.test is not None else [],
        "rows": _score_rows(list(shown.values())) if evaluation.test is not None else [],
        "sentences": [_held_out_sentence(outcome), *map(_as_sentence, outcome.advice)],
    }


def _held_out_sentence(outcome: Outcome) -> str:
    if outcome.evaluation.test is None:
        return ""
    return "The last columns are of the held-out part, too: what a network has to beat to be worth its while."


def _as_sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _score_rows(columns: list[Scores]) -> list[dict[str, Any]]:
    cells = [dict(_score_cells(scores)) for scores in columns]
    return [{"name": name, "cells": [column[name] for column in cells]} for name in cells[0]]


def _score_cells(scores: Scores) -> Iterable[tuple[str, str | Markup]]:
    match scores:
        case ClassScores():
            interval = Markup('{:.3f} <span class="range">({:.3f} to {:.3f})</span>')
            yield "accuracy", interval.format(scores.accuracy, scores.accuracy_low, scores.accuracy_high)
            yield "balanced accuracy", f"{scores.balanced_accuracy:.3f}"
            yield "log loss", "infinite" if scores.log_loss is None else f"{scores.log_loss:.4g}"
        case NumberScores():
            yield "R²", "not defined" if scores.r2 is None else fixed(scores.r2)
            yield "root mean squared error", f"{scores.rmse:.4g}"
            yield "mean absolute error", f"{scores.mae:.4g}"
    yield "rows", str(scores.rows)


# --- the data, the training, the weights --------------------------------------------------------------------------


def _data(outcome: Outcome) -> dict[str, Any]:
    data = outcome.problem.prepared
    facts = [
        ("training part", plural(len(data.X_train), "row")),
        ("held-out part", plural(len(data.X_test), "row") if len(data.X_test) else "none"),
        ("inputs of the network", str(data.X_train.shape[1])),
        ("target", _target(outcome)),
    ]
    source = outcome.problem.source
    if "file" in source:
        facts.insert(0, ("file", str(source["file"])))
    return {"facts": facts, "notes": data.notes}


def _target(outcome: Outcome) -> str:
    data = outcome.problem.prepared
    if data.class_labels is not None:
        return f"{data.target_name}, {plural(len(data.class_labels), 'class', 'classes')}"
    if data.target_scale == 1.0 and data.target_mean == 0.0:
        return data.target_name
    return f"{data.target_name}, mean {data.target_mean:.4g}, standard deviation {data.target_scale:.4g}"


def _training(outcome: Outcome) -> dict[str, Any]:
    schedule, result = outcome.problem.schedule, outcome.result
    drawing = None
    if outcome.curve.points:
        score = "accuracy" if outcome.problem.prepared.task == "classification" else "R²"
        drawing = learning_curve(outcome.curve, score)
    whole = schedule.batch_size == len(outcome.problem.prepared.X_train)
    mean = "loss before each update" if whole else "mean loss of each epoch's batches"
    caption = f"The {mean} on the training part."
    if outcome.problem.has_test_part:
        caption += " The held-out part is evaluated after each epoch, and nothing is chosen by it."
    starts = ", ".join(f"{id} {how}" for id, how in result.started_from.items())
    facts = [
        ("update rule", f"{schedule.optimizer}, learning rate {schedule.learning_rate:g}"),
        ("batches", f"{plural(schedule.batch_size, 'row')}, {plural(result.steps, 'update')} in all"),
        ("epochs", f"{result.epochs_run} of {schedule.epochs}"),
        ("initial parameters", starts),
        ("loss at the end", f"{result.loss:.6g} on the training part"),
        ("computed", _computed(outcome)),
        ("time", f"{result.seconds:.2f} s"),
    ]
    if outcome.speed is not None:
        facts.append(("speed", outcome.speed.sentence()))
    return {"drawing": drawing, "caption": caption, "facts": facts}


def _computed(outcome: Outcome) -> str:
    settings = outcome.result.settings
    words = f"by {MADE_BY[str(settings['backend'])]}, in {settings['dtype']}"
    compiling = outcome.result.compile_seconds
    return f"{words}, compiled in {compiling:.2f} s" if compiling else words


def _weights(outcome: Outcome) -> Markup | None:
    image = outcome.problem.image
    if image is None:
        return None
    caption = "The weights into each unit of the first layer, set where their pixels are: red adds, blue takes away."
    drawing = weight_tiles(outcome.result.params["W_1"], image)
    return _set("figure", drawing, caption)


def _reproduce(outcome: Outcome) -> dict[str, Any]:
    found = versions()
    own = [(name, found.pop(name)) for name in ("backproof", "python", "platform", "processor")]
    libraries = ", ".join(f"{name} {number}" for name, number in found.items())
    seconds = ", ".join(f"{name} {value:.2f} s" for name, value in outcome.seconds.items())
    return {
        "files": [(name, what) for name, what in FILES.items() if name != "report.html"],
        "commands": commands(outcome.settings, outcome.problem),
        "promise": _promise(outcome),
        "versions": [*own, ("libraries", libraries), ("time", seconds)],
    }


def _promise(outcome: Outcome) -> str:
    """What comes out the same, and how much so."""
    settings = outcome.result.settings
    same = "With the same versions, processor and seed the run gives each loss and score above again"
    if settings["backend"] == "numpy" and settings["dtype"] == "float64":
        return f"{same}, and train.py each loss, to the last bit."
    return (
        f"{same}, to the last bit. train.py begins with the same weights and takes the same batches, but computes by "
        f"NumPy in float64: its losses agree within rounding (a part in {1 / AGREEMENT[str(settings['dtype'])]:,.0f} "
        "in our tests), which a long or unstable training magnifies without bound. A run with --backend numpy "
        "--dtype float64 it repeats to the last bit."
    )


# --- the template -------------------------------------------------------------------------------------------------


def _set(macro: str, *arguments: object) -> Markup:
    return Markup(getattr(template("backproof.run", "report.html.j2").module, macro)(*arguments))
