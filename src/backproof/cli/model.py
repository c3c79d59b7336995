"""``backproof predict``, ``evaluate`` and ``summary``: trained models and the tables that they are used on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backproof.cli.options import OUTPUT, Json, option

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model that backproof train wrote.")]
Table = Annotated[Path, typer.Argument(metavar="FILE", help="A table: .csv, .tsv (also .gz) or .parquet.")]


def predict(
    model: Model,
    file: Table,
    output: Annotated[
        Path | None,
        option("--output", "-o", panel=OUTPUT, metavar="FILE", help="A .csv, .tsv or .parquet; else printed as CSV."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        option("--keep", panel=OUTPUT, metavar="COLUMN", help="Repeat this column of the table; repeat it."),
    ] = None,
    json: Json = False,
) -> None:
    """Predict the rows of a table, in memory that does not grow with it.

    Writes the prediction of each row and the probability of each class. The file is there whole, or not at all.

    For example: backproof predict wine.safetensors new.csv -o predictions.csv
    """
    from json import dumps

    from backproof.errors import SpecificationError
    from backproof.models.predicting import predict_file, print_predictions
    from backproof.models.table_model import load_model
    from backproof.run.wording import plural

    loaded = load_model(model)
    if output is None:
        if json:
            raise SpecificationError("--json describes the file that --output names; name one, or leave --json out")
        done = print_predictions(loaded, file, sys.stdout.buffer, keep=keep or [])
        sys.stdout.buffer.flush()
    else:
        done = predict_file(loaded, file, output, keep=keep or [])
    if json:
        print(dumps({"rows": done.rows, "output": str(output), "notes": list(done.notes)}))
        return
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    if output is not None:
        print(f"{plural(done.rows, 'prediction')} of {loaded.contents.target.name!r} in {output}")


def evaluate(model: Model, file: Table, json: Json = False) -> None:
    """Compare a model's predictions with the target column of a table, in memory that does not grow with it.

    For example: backproof evaluate wine.safetensors held_out.csv
    """
    from dataclasses import asdict
    from json import dumps

    from backproof.models.evaluating import evaluate_file
    from backproof.models.scores import scores_text
    from backproof.models.table_model import load_model

    loaded = load_model(model)
    found = evaluate_file(loaded, file)
    if json:
        print(dumps({**asdict(found.scores), "classes": loaded.contents.target.labels, "notes": list(found.notes)}))
        return
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    print(scores_text(found.scores, loaded.contents.target))


def summary(model: Model, json: Json = False) -> None:
    """Tell what a model is: its layers, shapes, parameters, FLOPs, bytes, columns, and how it was trained.

    For example: backproof summary wine.safetensors
    """
    from json import dumps

    from backproof.models.summary import summary_data, summary_text
    from backproof.models.table_model import load_model

    loaded = load_model(model)
    print(dumps(summary_data(loaded), indent=2) if json else summary_text(loaded))
