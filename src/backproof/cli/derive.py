"""``backproof derive``: the derivation as text, LaTeX, HTML, Markdown or JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from backproof.cli.options import OUTPUT, Json, Seed, network_options, notation_options, option, takes
from backproof.ir.program import Program
from backproof.notation import Notation

PIPED_WIDTH, WIDEST = 80, 110


class View(StrEnum):
    """The ways to read a derivation."""

    scalar = "scalar"
    matrix = "matrix"
    summary = "summary"


NUMBERS = "Numbers"


@takes(program=network_options, notation=notation_options)
def derive(
    program: Program,
    notation: Notation,
    view: Annotated[
        View, option("--view", "-v", panel=OUTPUT, help="Weight by weight, in matrices, or the take-home equations.")
    ] = View.scalar,
    output: Annotated[
        Path | None, option("--output", "-o", panel=OUTPUT, help="A file: .txt .tex .html .md; without it, print text.")
    ] = None,
    ascii: Annotated[bool, option("--ascii", panel=OUTPUT, help="Plain ASCII text.")] = False,
    proof: Annotated[bool, option("--proof/--no-proof", panel=OUTPUT, help="Prove each equation and say so.")] = True,
    as_json: Json = False,
    with_numbers: Annotated[
        bool, option("--with-numbers", panel=NUMBERS, help="Every equation again with values put in.")
    ] = False,
    values: Annotated[
        Path | None, option("--values", panel=NUMBERS, help="A .npz or .json file with values of X, y, W_1, …")
    ] = None,
    learning_rate: Annotated[
        float, option("--learning-rate", panel=NUMBERS, help="η of the one update that is shown.")
    ] = 0.5,
    optimizer: Annotated[
        str | None,
        option("--optimizer", panel=OUTPUT, help="Show its update rule too: adam, lion(beta_1=0.95)."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Derive the gradients step by step, as a good textbook would.

    For example: backproof derive 3-2-1, or backproof derive 64-32-10 --activation relu --loss cross_entropy --bias
    --view matrix -o gradients.html
    """
    from backproof.derivation import derive as derived
    from backproof.derivation import format_of

    if output is not None:
        format_of(output)
    derivation = derived(program, notation=notation).view(view.value)
    if with_numbers or values is not None:
        given = {} if values is None else _read(values)
        derivation = derivation.with_numbers(given, seed=seed, learning_rate=learning_rate)
    if optimizer is not None:
        derivation = derivation.with_optimizer(optimizer)
    if proof:
        derivation = derivation.proved()
    if output is not None:
        derivation.save(output)
        print(f"wrote {output}")
    elif as_json:
        print(derivation.json())
    else:
        terminal = sys.stdout.isatty()
        width = min(shutil.get_terminal_size().columns, WIDEST) if terminal else PIPED_WIDTH
        print(derivation.text(width=width, ascii=ascii, color=terminal))


def _read(path: Path) -> Mapping[str, Any]:
    from backproof.cli.values import read_values

    return read_values(path)
