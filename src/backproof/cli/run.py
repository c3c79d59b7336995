"""``backproof run``: the main job, from data to a report."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from backproof.cli.options import OUTPUT, TRAINING, option
from backproof.errors import NotProvedError

DATA = "Data"
DOES_NOT_HOLD, INTERRUPTED = 1, 130


class Task(StrEnum):
    """What a target can ask for."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


class Backend(StrEnum):
    """What computes a training."""

    auto = "auto"
    numpy = "numpy"
    llvm = "llvm"


class Dtype(StrEnum):
    """The numbers that it computes with."""

    float64 = "float64"
    float32 = "float32"


class Example(StrEnum):
    """Data that need no file."""

    digits = "digits"
    seed = "seed"


def run(
    data: Annotated[
        str | None, option("--data", "-d", panel=DATA, metavar="FILE", help="A table: .csv, .tsv or .parquet.")
    ] = None,
    target: Annotated[
        str | None, option("--target", "-t", panel=DATA, metavar="COLUMN", help="The column to predict.")
    ] = None,
    task: Annotated[
        Task | None, option("--task", panel=DATA, help="What is asked for, where auto gets it wrong.")
    ] = None,
    test: Annotated[
        float | None, option("--test", panel=DATA, help="The share of the rows to hold out (0.25).")
    ] = None,
    example: Annotated[
        Example | None,
        option("--example", panel=DATA, help="Without a table: digits (the default), or the seed's own."),
    ] = None,
    from_record: Annotated[
        Path | None,
        option("--from", panel=DATA, metavar="FILE", help="Repeat the run of a run.json; options override."),
    ] = None,
    network: Annotated[
        str | None,
        option("--network", "-n", panel=TRAINING, metavar="SIZES", help="Hidden layers, such as 16,8, or none (32)."),
    ] = None,
    activation: Annotated[
        str | None, option("--activation", "-a", panel=TRAINING, help="Of the hidden layers, one or one each (relu).")
    ] = None,
    epochs: Annotated[
        int | None, option("--epochs", panel=TRAINING, help="Passes over the data (at least 40 on small tables).")
    ] = None,
    learning_rate: Annotated[float | None, option("--learning-rate", panel=TRAINING, help="η (0.003).")] = None,
    batch_size: Annotated[int | None, option("--batch-size", panel=TRAINING, help="Rows per update (32).")] = None,
    optimizer: Annotated[
        str | None, option("--optimizer", panel=TRAINING, help="sgd, momentum or adam (adam).")
    ] = None,
    penalty: Annotated[
        float | None, option("--penalty", panel=TRAINING, help="λ of an L2 penalty, λ/2 times the sum of w² (none).")
    ] = None,
    seed: Annotated[
        int | None, option("--seed", panel=TRAINING, help="Of the split, the initial weights and the batches (0).")
    ] = None,
    backend: Annotated[
        Backend | None,
        option("--backend", panel=TRAINING, help="numpy, llvm (machine code), or auto: what is done first (auto)."),
    ] = None,
    dtype: Annotated[
        Dtype | None, option("--dtype", panel=TRAINING, help="The numbers of the training (float64).")
    ] = None,
    output: Annotated[
        Path, option("--output", "-o", panel=OUTPUT, metavar="FOLDER", help="Where the report goes.")
    ] = Path("backproof-report"),
    json: Annotated[bool, option("--json", panel=OUTPUT, help="Print the figures as JSON.")] = False,
    quiet: Annotated[bool, option("--quiet", "-q", panel=OUTPUT, help="Print nothing but errors.")] = False,
) -> None:
    """Derive, prove, train, evaluate, report: a network learns your table, or handwritten digits without one.

    Writes report.html, weights.safetensors, train.py, data.npz and run.json. Ctrl-C ends the training with the best
    weights so far and writes the report all the same. Exit codes: 0, 1 where the derivation does not hold, 2 where the
    input is bad or the training diverges, 130 after Ctrl-C.

    For example: backproof run, or backproof run --data wine.csv --target class --network 16,8
    """
    from backproof.run.job import run_job
    from backproof.run.record import compared, printed_figures, read_record
    from backproof.run.settings import Settings, hidden_sizes

    given = Settings(
        data=data,
        target=target,
        example=None if example is None else example.value,
        network=None if network is None else hidden_sizes(network),
        activation=None if activation is None else tuple(word.strip() for word in activation.split(",")),
        task=None if task is None else task.value,
        test=test,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        optimizer=optimizer,
        penalty=penalty,
        seed=seed,
        backend=None if backend is None else backend.value,
        dtype=None if dtype is None else dtype.value,
    )
    record = None if from_record is None else read_record(from_record)
    settings = given if record is None else record["settings"].overridden(given)

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr if json else sys.stdout, flush=True)

    try:
        outcome = run_job(settings, output, say=say, progress=not quiet)
    except NotProvedError as error:
        print(f"backproof: {error}", file=sys.stderr)
        raise typer.Exit(DOES_NOT_HOLD) from None
    except KeyboardInterrupt:
        print("backproof: interrupted before there was anything to report; nothing was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if record is not None and not given.given():
        say(compared(record, outcome))
    if json:
        print(printed_figures(outcome, output))
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
