"""``backproof page``: the derivation as one HTML file on which the network learns and every number is live."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

from backproof.cli.options import OUTPUT, TRAINING, Seed, network_options, notation_options, option, takes
from backproof.ir.program import Program
from backproof.notation import Notation


@takes(program=network_options, notation=notation_options)
def page(
    program: Program,
    notation: Notation,
    output: Annotated[Path, option("--output", "-o", panel=OUTPUT, help="The file to write.")] = Path("page.html"),
    show: Annotated[bool, option("--open", panel=OUTPUT, help="Open it in the browser.")] = False,
    data: Annotated[
        Path | None,
        option("--data", panel=TRAINING, help="A CSV file to begin with: inputs, then targets or one class."),
    ] = None,
    optimizer: Annotated[
        str, option("--optimizer", panel=TRAINING, help="The update rule to begin with: sgd, adam, lion(beta_1=0.95).")
    ] = "sgd",
    learning_rate: Annotated[float, option("--learning-rate", panel=TRAINING, help="η at the beginning.")] = 0.5,
    seed: Seed = 0,
) -> None:
    """Write one self-contained HTML file: the network as a diagram, every equation with its numbers, and training.

    For example: backproof page 3-2-1 -o seed.html --open, or backproof page 2-8-8-1 --activation tanh
    --output-activation sigmoid --bias
    """
    from backproof.derivation import derive as derived

    made = derived(program, notation=notation).page(
        optimizer=optimizer, learning_rate=learning_rate, seed=seed, data=data
    )
    made.save(output)
    print(f"wrote {output} ({len(made.html.encode()) / 1e6:.2f} MB): open it in a browser; it needs no network")
    if show:
        webbrowser.open(output.resolve().as_uri())
