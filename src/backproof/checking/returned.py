"""What a gradient function gave back, read: which array is the gradient of which parameter, and which the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from backproof.checking.findings import Convention
from backproof.checking.foreign import as_array, is_array
from backproof.checking.precision import PRECISIONS, Array
from backproof.checking.spelling import LOSSES, meant, squeezed
from backproof.errors import DataError, SpecificationError


@dataclass(frozen=True, slots=True)
class Returned:
    """One reading of what came back.

    Args:
        arrays: by the identifier of the parameter, in the shape that the user gave it.
        variables: how the user would write each.
        precision: the coarsest of the arrays.
        loss: where it came, too.
        conventions: what was done in order to read it.
    """

    arrays: Mapping[str, Array]
    variables: Mapping[str, str]
    precision: str
    loss: float | None = None
    conventions: tuple[Convention, ...] = ()


@dataclass(slots=True)
class _Leaf:
    """An array among what came back, and how the user would write it."""

    value: Any
    variable: str
    key: str | None = None


@dataclass(slots=True)
class _Leaves:
    found: list[_Leaf] = field(default_factory=list)

    def collect(self, value: Any, variable: str, key: str | None) -> None:
        if value is None:
            return
        if is_array(value):
            self.found.append(_Leaf(value, variable, key))
        elif isinstance(value, Mapping):
            for name, item in value.items():
                self.collect(item, f"{variable}[{name!r}]", str(name))
        elif hasattr(value, "_fields"):
            for name, item in zip(value._fields, value, strict=True):
                self.collect(item, f"{variable}.{name}", name)
        elif isinstance(value, list | tuple):
            for position, item in enumerate(value):
                inner = key if key is not None and is_array(item) is False else None
                self.collect(item, f"{variable}[{position}]", inner)
        else:
            raise DataError(
                f"{variable} is a {type(value).__name__}; return the gradients as a mapping, a sequence or an array"
            )


def readings(
    value: Any, function: str, shapes: Mapping[str, tuple[int, ...]], order: Sequence[str] | None = None
) -> Iterator[Returned]:
    """The ways to read what came back, the likeliest first.

    Args:
        value: what the function returned.
        function: its name.
        shapes: the shape of each parameter whose gradient is wanted, as it was passed.
        order: the user's word on the order of a sequence or of one flat array.

    Raises:
        SpecificationError: no reading; says what came and what was expected.
        DataError: something that holds no numbers.
    """
    leaves = _Leaves()
    leaves.collect(value, "result", None)
    ids = list(shapes)
    by_name = {leaf.key: leaf for leaf in leaves.found if leaf.key is not None}
    named = meant([key for key in by_name if squeezed(key).casefold() not in LOSSES - {"e"}], ids, gradients=True)
    if named:
        loss = next((leaf for leaf in leaves.found if _is_named_loss(leaf) or _is_scalar(leaf, by_name, named)), None)
        yield _read({named[key]: by_name[key] for key in named}, loss)
        return
    arrays, loss = _without_loss(leaves.found, shapes)
    if len(arrays) == len(ids):
        for ordered in _orders(ids, arrays, shapes, order):
            yield _read(dict(zip(ordered, arrays, strict=True)), loss, _said_order(ordered, ids))
    elif len(arrays) == 1:
        yield from _flat(arrays[0], loss, shapes, order)
    else:
        names = ", ".join(ids)
        came = ", ".join(leaf.variable for leaf in leaves.found[:8]) or "nothing"
        raise SpecificationError(
            f"{function} must return the gradients of {names}, but {len(arrays)} arrays came ({came}); return a "
            "mapping by name, one array for each in this order, or all of them in one flat array"
        )


def _is_named_loss(leaf: _Leaf) -> bool:
    return leaf.key is not None and squeezed(leaf.key).casefold() in LOSSES and np.ndim(_shape_of(leaf.value)) == 1


def _is_scalar(leaf: _Leaf, by_name: Mapping[str, _Leaf], named: Mapping[str, str]) -> bool:
    return leaf.key is None and _shape_of(leaf.value) == ()


def _shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def _without_loss(leaves: list[_Leaf], shapes: Mapping[str, tuple[int, ...]]) -> tuple[list[_Leaf], _Leaf | None]:
    """The arrays, and the number before or after them that is the loss."""
    choices: list[tuple[list[_Leaf], _Leaf | None]] = [(leaves, None)]
    if len(leaves) > 1:
        ends = ((leaves[1:], leaves[0]), (leaves[:-1], leaves[-1]))
        choices += [(rest, end) for rest, end in ends if _shape_of(end.value) == ()]
    total = sum(_entries(shape) for shape in shapes.values())
    for arrays, loss in choices:
        entries = [_entries(_shape_of(leaf.value)) for leaf in arrays]
        if sum(entries) == total and len(entries) in (1, len(shapes)):
            return arrays, loss
    return next((choice for choice in choices[1:] if len(choice[0]) in (1, len(shapes))), choices[0])


def _entries(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=int))


def _orders(
    ids: list[str], leaves: list[_Leaf], shapes: Mapping[str, tuple[int, ...]], given: Sequence[str] | None
) -> Iterator[list[str]]:
    """The order that the user states; otherwise the derivation's, or another usual one if only that fits the shapes."""
    stated = [id for id in given or () if id in shapes]
    known = [stated] if len(stated) == len(ids) else []
    choices = [*known, *usual_orders(ids)]
    yield next((order for order in choices if _all_fit(order, leaves, shapes)), choices[0])


def _all_fit(order: list[str], leaves: list[_Leaf], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return all(fitted(_shape_of(leaf.value), shapes[id]) for id, leaf in zip(order, leaves, strict=True))


def usual_orders(ids: list[str]) -> Iterator[list[str]]:
    """Layer by layer, weights first, and both from the last layer to the first."""
    layers: dict[str, list[str]] = {}
    for id in ids:
        layers.setdefault(id.rpartition("_")[2], []).append(id)
    weights_first = sorted(ids, key=lambda id: id.rpartition("_")[0])
    backwards = list(chain.from_iterable(reversed(list(layers.values()))))
    kinds: dict[str, list[str]] = {}
    for id in reversed(ids):
        kinds.setdefault(id.rpartition("_")[0], []).append(id)
    kinds_backwards = list(chain.from_iterable(kinds[kind] for kind in sorted(kinds)))
    seen: list[list[str]] = []
    for order in (ids, weights_first, backwards, kinds_backwards, ids[::-1]):
        if order not in seen:
            seen.append(order)
            yield order


def _said_order(order: list[str], ids: list[str]) -> tuple[Convention, ...]:
    if order == ids:
        return ()
    return (Convention("order", f"the gradients are returned in the order {', '.join(order)}, as their shapes tell"),)


def _flat(
    leaf: _Leaf, loss: _Leaf | None, shapes: Mapping[str, tuple[int, ...]], order: Sequence[str] | None
) -> Iterator[Returned]:
    array, precision = as_array(leaf.value, leaf.variable)
    total = sum(_entries(shape) for shape in shapes.values())
    if array.size != total or array.ndim > 2 or (array.ndim == 2 and 1 not in array.shape):
        raise SpecificationError(
            f"one array of shape {array.shape} came back, but the gradients of {', '.join(shapes)} have {total} "
            "entries in all; return them as a mapping by name, or as one flat array with all entries"
        )
    flat = array.reshape(-1)
    choices = [[id for id in order if id in shapes]] if order is not None else list(usual_orders(list(shapes)))
    for ordered in choices:
        for layout, words in (("C", "row by row"), ("F", "column by column")):
            said = Convention("flattened", f"gradients are one flat array: {', '.join(ordered)}, each {words}")
            arrays, start = {}, 0
            for id in ordered:
                size = _entries(shapes[id])
                part = flat[start : start + size]
                arrays[id] = part.reshape(shapes[id], order="C" if layout == "C" else "F")
                start += size
            value = None if loss is None else _number(loss)
            yield Returned(arrays, dict.fromkeys(ordered, leaf.variable), precision, value, (said,))


def _read(leaves: Mapping[str, _Leaf], loss: _Leaf | None, conventions: tuple[Convention, ...] = ()) -> Returned:
    arrays, precisions = {}, []
    for id, leaf in leaves.items():
        arrays[id], precision = as_array(leaf.value, leaf.variable)
        precisions.append(precision)
    variables = {id: leaf.variable for id, leaf in leaves.items()}
    value = None if loss is None else _number(loss)
    return Returned(arrays, variables, coarsest(precisions), value, conventions)


def _number(leaf: _Leaf) -> float:
    array, _ = as_array(leaf.value, leaf.variable)
    return float(array.reshape(-1)[0]) if array.size else float("nan")


def coarsest(precisions: Sequence[str]) -> str:
    """The precision with the largest unit roundoff."""
    return max(precisions, key=lambda name: PRECISIONS[name].unit, default="float64")


def fitted(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether an array of this shape can be subtracted from a parameter of the wanted one, entry by entry.

    A flat array is taken for the matrix of as many entries; a row for a vector. A column for a row is a fault: NumPy
    would repeat both to a matrix.

    Example:
        >>> fitted((6,), (3, 2)), fitted((2, 1), (1, 2))
        (True, False)
    """
    if shape == wanted or np.prod(shape, dtype=int) == np.prod(wanted, dtype=int) == 1:
        return True
    if np.prod(shape, dtype=int) != np.prod(wanted, dtype=int):
        return False
    return len(shape) < 2 or (len(wanted) == 1 and len(shape) == 2 and shape[0] == 1)
