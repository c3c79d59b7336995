"""``backproof bench``: the speed of training steps beside that of the libraries installed here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backproof.cli.options import OUTPUT, Json, option
from backproof.errors import SpecificationError
from backproof.files import atomic_write_text

if TYPE_CHECKING:
    from backproof.bench.growth import Curve
    from backproof.bench.measure import Results

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
    growth: Annotated[
        list[str] | None,
        option("--growth", panel=MEASURED, metavar="CURVE", help="Instead: width, depth or batch grows; repeat it."),
    ] = None,
    saved: Annotated[
        list[Path] | None,
        option("--from", panel=MEASURED, metavar="FILE", help="Instead: what --json printed before; repeat it."),
    ] = None,
    quick: Annotated[
        bool,
        option("--quick", panel=MEASURED, help="Half a minute: few rounds, SGD, no large network, no torch.compile."),
    ] = False,
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

    from backproof.bench.chart import check_chart
    from backproof.bench.growth import curves_named, growth_plan
    from backproof.bench.measure import Plan
    from backproof.bench.peers import installed
    from backproof.bench.saved import read_results
    from backproof.bench.session import run_session
    from backproof.bench.workloads import chosen

    if sum(map(bool, (workload, growth, saved))) > 1:
        raise SpecificationError("--workload, --growth and --from measure different things; give one of them")
    if chart is not None:
        check_chart(chart)
    names = installed([name.strip() for name in peers.split(",") if name.strip()], quick)
    curves, told, finished = curves_named(growth or [], quick), Console(stderr=True), True
    if saved:
        results, curves = read_results(saved)
    elif curves:
        points = [point for curve in curves for point in curve.points.values()]
        results, finished = run_session(points, names, growth_plan(quick), told)
    else:
        results, finished = run_session(chosen(workload or [], quick), names, Plan.quick() if quick else Plan(), told)
    if curves:
        _tell_growth(curves, results, as_json, markdown, chart)
    else:
        _tell(results, as_json, markdown, chart)
    if not finished:
        raise typer.Exit(INTERRUPTED)


def _tell(results: Results, as_json: bool, markdown: Path | None, chart: Path | None) -> None:
    from rich.console import Console

    from backproof.bench import tables
    from backproof.bench.chart import write_chart

    if as_json:
        _print_json(tables.as_json(results))
    elif sys.stdout.isatty():
        tables.show(results, Console())
    else:
        print(tables.plain(results))
    if markdown is not None:
        atomic_write_text(markdown, tables.markdown(results))
    if chart is not None:
        write_chart(results, chart)


def _tell_growth(
    curves: Sequence[Curve], results: Results, as_json: bool, markdown: Path | None, chart: Path | None
) -> None:
    from backproof.bench import growth_tables
    from backproof.bench.chart import write_growth_chart

    if as_json:
        _print_json(growth_tables.growth_json(curves, results))
    else:
        print(growth_tables.plain_growth(curves, results))
    if markdown is not None:
        atomic_write_text(markdown, growth_tables.markdown_growth(curves, results))
    if chart is not None:
        write_growth_chart(curves, results, chart)


def _print_json(found: dict[str, Any]) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))
