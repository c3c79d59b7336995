"""What a model is, in at most 80 columns: layers, shapes, parameters, FLOPs, bytes, columns, training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any, assert_never

from backproof.estimators.summary import Summary, summary_of
from backproof.models.contents import Contents
from backproof.models.table_model import TableModel
from backproof.run.fitted import FittedCategories, FittedColumn, FittedDate, FittedNumber, column_description
from backproof.run.wording import first_few, plural, quoted
from backproof.training.identity import derivation_digest

WIDTH = 80
MOST_COLUMNS = 40


def summary_text(model: TableModel) -> str:
    """The summary for people."""
    contents = model.contents
    columns = column_lines(contents.columns, contents.inputs)
    lines = [*_target(contents), "", *str(_network(model)).splitlines(), "", *columns, ""]
    return "\n".join([*lines, *_origin(model)])


def summary_data(model: TableModel) -> dict[str, Any]:
    """The summary for programs."""
    contents, network = model.contents, _network(model)
    return {
        "task": contents.task,
        "target": asdict(contents.target),
        "network": {**asdict(contents.network), "formulas": dict(contents.network.formulas)},
        "layers": [asdict(row) for row in network.rows],
        "parameters": network.parameters,
        "bytes": network.bytes,
        "flops_per_row": network.predicting,
        "dtype": contents.dtype.name,
        "columns": [column_description(column) for column in contents.columns],
        "training": dict(contents.training),
        "written_by": dict(contents.written_by),
        "derivation": contents.derivation,
        "derivation_is_the_same_now": _derives_the_same(model),
    }


def _network(model: TableModel) -> Summary:
    return summary_of(model.derivation.trace, model.contents.parameters, 1)


def _target(contents: Contents) -> Iterator[str]:
    target = contents.target
    if target.labels is None:
        yield from _folded(
            f"predicts {quoted(target.name)}: a number, {target.mean:.4g} ± {target.scale:.4g} in training"
        )
    else:
        names = first_few([quoted(label) for label in target.labels])
        classes = plural(len(target.labels), "class", "classes")
        yield from _folded(f"predicts {quoted(target.name)}: one of {classes}, {names}")


def column_lines(columns: Sequence[FittedColumn], names: Sequence[str]) -> Iterator[str]:
    """The columns in the order of their names, each with its type and what was learnt on it."""
    by_name = {column.name: column for column in columns}
    inputs = sum(len(column.outputs) for column in columns)
    yield f"{plural(len(by_name), 'column')}, as {plural(inputs, 'input')} of the network:"
    for name in names[:MOST_COLUMNS]:
        yield from _folded(f"{quoted(name)}: {_said(by_name[name])}", "  ")
    if len(names) > MOST_COLUMNS:
        yield f"  and {len(names) - MOST_COLUMNS} more (--json lists all)"


def _said(column: FittedColumn) -> str:
    match column:
        case FittedNumber(kind="boolean"):
            return f"true or false; {'true' if column.fill else 'false'} where missing"
        case FittedNumber():
            return f"number, {column.mean:.4g} ± {column.scale:.4g}; {column.fill:.4g} where missing"
        case FittedDate():
            return f"date, taken apart into {', '.join(column.parts)}"
        case FittedCategories():
            rare = f" and {len(column.rare)} rare ones" if column.rare else ""
            names = first_few([quoted(category) for category in column.categories], 4)
            return f"{plural(len(column.categories), 'category', 'categories')}{rare}: {names}"
        case _:
            assert_never(column)


def _origin(model: TableModel) -> Iterator[str]:
    contents = model.contents
    network, training = contents.network, contents.training
    yield from _folded(f"loss {network.loss}, in {contents.dtype.name}")
    for name, formula in network.formulas.items():
        yield from _folded(f"activation {name}(x) = {formula}")
    if network.loss_formula is not None:
        yield from _folded(f"{network.loss} = {network.loss_formula}")
    for name, said in (("rows", "rows"), ("trained", "trained"), ("held_out", "then")):
        if isinstance(training.get(name), str):
            yield from _folded(f"{said}: {' '.join(training[name].split())}")
    versions = ", ".join(f"{name} {number}" for name, number in contents.written_by.items())
    yield from _folded(f"written by {versions}")
    same = "as it is derived now" if _derives_the_same(model) else "not as it is derived now"
    yield from _folded(f"derivation {contents.derivation[:16]}…, {same}")


def _derives_the_same(model: TableModel) -> bool:
    return derivation_digest(model.derivation.trace) == model.contents.derivation


def _folded(text: str, indent: str = "") -> list[str]:
    clean = "".join(character if character.isprintable() else "�" for character in text)
    return wrap(clean, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
