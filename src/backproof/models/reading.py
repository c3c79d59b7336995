"""The description in a model file read into values that fit together, or refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np

from backproof.errors import DataError
from backproof.ir.arithmetic import Array
from backproof.models.contents import Contents, Target
from backproof.models.network import NetworkSpecification
from backproof.models.schema import Node
from backproof.run.columns import Kind
from backproof.run.fitted import DATE_PARTS, FittedCategories, FittedColumn, FittedDate, FittedNumber
from backproof.run.wording import listed, quoted

FURTHEST_DAY = 1e7
"""Days from 1970 to a date that dates are filled with: 27,000 years."""


def contents_of(root: Node, arrays: Mapping[str, Array]) -> Contents:
    """The values of a description and its arrays.

    Raises:
        DataError: a value is missing, of a wrong type, or does not fit the others.
        SpecificationError: the network means nothing.
    """
    columns = _columns(root["columns"])
    inputs = root["inputs"].texts()
    if sorted(inputs) != sorted(column.name for column in columns):
        raise DataError("inputs should be the names of the columns, each once")
    target, network = _target(root["target"]), _network(root["network"])
    width, outputs = sum(len(column.outputs) for column in columns), len(target.labels or " ")
    if (network.sizes[0], network.sizes[-1]) != (width, outputs):
        raise DataError(
            f"network.sizes should begin with {width} and end with {outputs}, by the columns and the target"
        )
    _check_arrays(network, arrays)
    return Contents(
        network,
        arrays,
        columns,
        inputs,
        target,
        derivation=root["derivation"].text(),
        training=root["training"].mapping(),
        written_by={name: node.text() for name, node in root["written_by"].entries().items()},
    )


def _columns(node: Node) -> tuple[FittedColumn, ...]:
    columns = tuple(_column(item) for item in node.items())
    if not columns or len({column.name for column in columns}) != len(columns):
        raise DataError("columns should be at least one, each with a name of its own")
    return columns


def _column(node: Node) -> FittedColumn:
    name = node["name"].text()
    kind = cast("Kind", node["kind"].one_of("numeric", "boolean", "date", "categorical"))
    match kind:
        case "categorical":
            categories, rare = node["categories"].texts(), node["rare"].texts()
            if len({*categories, *rare}) != len(categories) + len(rare) or not categories + rare:
                raise DataError(f"{node.path}: its categories should be at least one, each once")
            return FittedCategories(name, kind, node["missing"].text(), categories, rare)
        case "date":
            parts = tuple(part.one_of(*DATE_PARTS) for part in node["parts"].items())
            means = node["means"].numbers()
            scales = tuple(scale.number(least=5e-324) for scale in node["scales"].items())
            if not len(set(parts)) == len(parts) == len(means) == len(scales) > 0:
                raise DataError(f"{node.path}: its parts should be at least one, each once, with a mean and a scale")
            fill = node["fill"].number(least=-FURTHEST_DAY, below=FURTHEST_DAY)
            return FittedDate(name, kind, fill, parts, means, scales)
        case _:
            fill, mean = node["fill"].number(), node["mean"].number()
            return FittedNumber(name, kind, fill, mean, node["scale"].number(least=5e-324))


def _target(node: Node) -> Target:
    name, classes = node["name"].text(), node.optional("classes")
    labels = None if classes is None else classes.texts()
    if labels is not None and not len(set(labels)) == len(labels) >= 2:
        raise DataError("target.classes should be at least two, each once")
    return Target(name, labels, node["mean"].number(), node["scale"].number(least=5e-324))


def _network(node: Node) -> NetworkSpecification:
    formula, normalization = node.optional("loss_formula"), node.optional("normalization")
    formulas = node.optional("formulas")
    made = NetworkSpecification(
        sizes=tuple(size.whole(least=1) for size in node["sizes"].items()),
        activations=node["activations"].texts(),
        loss=node["loss"].text(),
        bias=node["bias"].truth(),
        penalty=_optional_number(node, "penalty"),
        penalty_l1=_optional_number(node, "penalty_l1"),
        normalization=None if normalization is None else normalization.text(),
        dropout=_optional_number(node, "dropout"),
        weighted=node["weighted"].truth(),
        formulas={} if formulas is None else {name: text.text() for name, text in formulas.entries().items()},
        loss_formula=None if formula is None else formula.text(),
    )
    if len(made.sizes) < 2 or len(made.activations) != len(made.sizes) - 1:
        raise DataError("network: there should be two sizes or more, and one activation less")
    if unused := [name for name in made.formulas if name not in made.activations]:
        raise DataError(f"network.formulas: no layer uses {quoted(unused[0])}")
    return made


def _optional_number(node: Node, key: str) -> float | None:
    found = node.optional(key)
    return None if found is None else found.number(least=0)


def _check_arrays(network: NetworkSpecification, arrays: Mapping[str, Array]) -> None:
    """The arrays are those of the network; the weights are looked at before anything of their size is built."""
    for layer, shape in enumerate(pairwise(network.sizes), start=1):
        found: Any = arrays.get(f"W_{layer}")
        if found is None or found.shape != shape:
            said = "is missing" if found is None else f"has the shape {_shape(found.shape)}"
            raise DataError(f"the array W_{layer} {said}, but network.sizes want {_shape(shape)}")
    program = network.program().predicting
    expected = {name.id: tuple(int(str(dim)) for dim in name.shape) for name in program.parameters}
    if odd := sorted(expected.keys() ^ arrays.keys()):
        raise DataError(f"its arrays should be those of the network; missing or too many: {listed(odd)}")
    kinds = {array.dtype.name for array in arrays.values()}
    if not (len(kinds) == 1 and kinds <= {"float32", "float64"}):
        raise DataError(f"its arrays should all be float64, or all float32, not {', '.join(sorted(kinds))}")
    for id, array in arrays.items():
        if array.shape != expected[id]:
            raise DataError(f"the array {id} has the shape {_shape(array.shape)}, not {_shape(expected[id])}")
        if not np.isfinite(array).all():
            raise DataError(f"the array {id} holds NaN or infinity")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"
