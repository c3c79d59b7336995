"""``backproof train``: from a table to a model file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backproof.cli.options import OUTPUT, TRAINING, Json, option, split
from backproof.cli.run import DATA, DOES_NOT_HOLD, INTERRUPTED, Backend, Dtype, Task
from backproof.errors import NotProvedError, SpecificationError

AUTO = "auto"
WIDTH, HANG = 80, 10
"""Columns of what is printed, and where a line that is too long goes on."""


def train(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table: .csv, .tsv (also .gz) or .parquet.")],
    target: Annotated[
        str | None, option("--target", "-t", panel=DATA, metavar="COLUMN", help="The column to predict.")
    ] = None,
    task: Annotated[
        Task, option("--task", panel=DATA, help="What is asked for, where auto gets it wrong.")
    ] = Task.auto,
    test: Annotated[
        str, option("--test", panel=DATA, metavar="FILE|SHARE", help="A table to test on, or the share to hold out.")
    ] = "0.25",
    network: Annotated[
        str,
        option("--network", "-n", panel=TRAINING, metavar="SIZES", help="Hidden layers, such as 64,64; none; or auto."),
    ] = AUTO,
    activation: Annotated[
        str, option("--activation", "-a", panel=TRAINING, help="Of the hidden layers, one or one each.")
    ] = "relu",
    loss: Annotated[
        str | None, option("--loss", "-l", panel=TRAINING, help="Of a regression (mean_squared_error).")
    ] = None,
    optimizer: Annotated[
        str, option("--optimizer", panel=TRAINING, help="sgd, momentum, nesterov, adam, adamw, rmsprop or lion.")
    ] = "adam",
    learning_rate: Annotated[float | None, option("--learning-rate", panel=TRAINING, help="η (0.003).")] = None,
    schedule: Annotated[
        str, option("--schedule", panel=TRAINING, help="How η changes: cosine, one_cycle, step(every=30), ...")
    ] = "constant",
    epochs: Annotated[
        int | None, option("--epochs", panel=TRAINING, help="Passes over the data (at least 40 on small tables).")
    ] = None,
    patience: Annotated[
        int | None,
        option("--patience", panel=TRAINING, help="Stop after so many epochs without progress on a fifth of the rows."),
    ] = None,
    batch_size: Annotated[int | None, option("--batch-size", panel=TRAINING, help="Rows per update (32).")] = None,
    penalty: Annotated[
        float | None, option("--penalty", panel=TRAINING, help="λ of an L2 penalty, λ/2 times the sum of w² (none).")
    ] = None,
    define_activation: Annotated[
        list[str] | None,
        option("--define-activation", panel=TRAINING, metavar="NAME=FORMULA", help="Your own, in x; repeat it."),
    ] = None,
    define_loss: Annotated[
        list[str] | None,
        option("--define-loss", panel=TRAINING, metavar="NAME=FORMULA", help="Your own, in y and y_hat; repeat it."),
    ] = None,
    seed: Annotated[
        int, option("--seed", panel=TRAINING, help="Of the split, the weights and the batches.", min=0)
    ] = 0,
    backend: Annotated[
        Backend, option("--backend", panel=TRAINING, help="numpy, llvm (machine code), or auto.")
    ] = Backend.auto,
    dtype: Annotated[Dtype, option("--dtype", panel=TRAINING, help="The numbers of the training.")] = Dtype.float64,
    compare: Annotated[
        bool, option("--compare/--no-compare", panel=OUTPUT, help="Train scikit-learn's models on the same split too.")
    ] = True,
    output: Annotated[
        Path, option("--output", "-o", panel=OUTPUT, metavar="FILE", help="Where the model goes.")
    ] = Path("model.safetensors"),
    json: Json = False,
    quiet: Annotated[bool, option("--quiet", "-q", panel=OUTPUT, help="Print nothing but errors.")] = False,
) -> None:
    """Train a network on a table, and keep it as one file with all that predicting new tables takes.

    Says what was detected and inferred, and how the network compares on the held-out rows. Ctrl-C ends the training
    with the best weights so far, which are kept. Exit codes: 0, 1 where the derivation does not hold, 2 where the input
    is bad or the training diverges, 130 after Ctrl-C.

    For example: backproof train wine.csv --target class -o wine.safetensors
    """
    from json import dumps
    from textwrap import fill

    from backproof.definitions import activation as new_activation
    from backproof.definitions import loss as new_loss
    from backproof.models.training import Request, train_model
    from backproof.run.settings import Settings, hidden_sizes

    for text in define_activation or ():
        new_activation(*split(text, "=", "--define-activation", "mish=x*tanh(softplus(x))"))
    for text in define_loss or ():
        new_loss(*split(text, "=", "--define-loss", "lc=mean(log_cosh(y_hat - y))"))
    share, test_file = _test(test)
    request = Request(
        settings=Settings(
            data=str(file),
            target=target,
            network=None if network == AUTO else hidden_sizes(network),
            activation=tuple(word.strip() for word in activation.split(",")),
            task=task.value,
            test=share,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            optimizer=optimizer,
            penalty=penalty,
            seed=seed,
            backend=backend.value,
            dtype=dtype.value,
        ),
        test_file=test_file,
        schedule=schedule,
        patience=patience,
        loss=loss,
        compare=compare,
    )

    def say(line: str) -> None:
        if not quiet:
            folded = fill(line, WIDTH, subsequent_indent=" " * HANG, break_long_words=False, break_on_hyphens=False)
            print(folded, file=sys.stderr if json else sys.stdout, flush=True)

    try:
        trained = train_model(request, output, say=say, progress=not quiet)
    except NotProvedError as error:
        print(f"backproof: {error}", file=sys.stderr)
        raise typer.Exit(DOES_NOT_HOLD) from None
    except KeyboardInterrupt:
        print("backproof: interrupted before there was a model; nothing was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if json:
        print(dumps({"model": str(output), **trained.figures()}))
    if trained.interrupted:
        raise typer.Exit(INTERRUPTED)


def _test(text: str) -> tuple[float | None, Path | None]:
    """The share to hold out, or the file to test on."""
    try:
        return float(text), None
    except ValueError:
        pass
    if not Path(text).exists():
        raise SpecificationError(f"--test takes a share such as 0.25, or a file; there is no file {text!r}")
    return None, Path(text)
