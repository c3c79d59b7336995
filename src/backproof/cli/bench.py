"""``backproof bench``: the speed of training steps beside that of the libraries installed here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from backproof.cli.options import OUTPUT, Json, option

INTERRUPTED = 130
MEASURED = "What is measured"


def bench(
    workload: Annotated[
        list[str] | None,
        option("--workload", "-w", panel=MEASURED, metavar="NAME", help="Such as seed or 784-128-10-adam; repeat it."),
    ] = None,
    peers: Annotated[
        str, option("--peers", panel=MEASURED, metavar="NAMES", help="Such as jax,numpy; all that are installed.")
    ] = "",
    quick: Annotated[bool, option("--quick", panel=MEASURED, help="Few rounds, without the largest network.")] = False,
    as_json: Json = False,
    markdown: Annotated[
        Path | None, option("--markdown", panel=OUTPUT, metavar="FILE", help="Write the table as Markdown too.")
    ] = None,
    chart: Annotated[
        Path | None, option("--chart", panel=OUTPUT, metavar="FILE", help="Draw bars too: a name in .svg or .png.")
    ] = None,
) -> None:
    """Time training steps of Backproof and of other libraries, in turns, on the same data and weights.

    A row whose loss differs from the others' is void. Ctrl-C prints what is done. Close other programs first.
    """
    from rich.console import Console

    from backproof.bench import chart as charts
    from backproof.bench import tables
    from backproof.bench.measure import Plan
    from backproof.bench.peers import installed
    from backproof.bench.session import run_session
    from backproof.bench.workloads import chosen
    from backproof.files import atomic_write_text

    if chart is not None:
        charts.check_chart(chart)
    names = installed([name.strip() for name in peers.split(",") if name.strip()])
    todo = chosen(workload or [], quick)
    results, finished = run_session(todo, names, Plan.quick() if quick else Plan(), Console(stderr=True))
    if as_json:
        print(json.dumps(tables.as_json(results), indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        tables.show(results, Console())
    else:
        print(tables.plain(results))
    if markdown is not None:
        atomic_write_text(markdown, tables.markdown(results))
    if chart is not None:
        charts.write_chart(results, chart)
    if not finished:
        raise typer.Exit(INTERRUPTED)
