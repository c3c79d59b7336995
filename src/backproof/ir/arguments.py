"""What a caller gives, checked and put in the declared shapes before anything is computed.

Arrays that leave out a dimension of one are understood where only one reading is possible: a bias ``(m,)`` for 1×m or
m×1, targets ``(n,)`` for n×1, one sample ``(d,)`` for n×d.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import Shape, Symbol, concrete, shape_text
from backproof.errors import DataError, ShapeError, SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.evaluate import sizes_of
from backproof.ir.expr import Name
from backproof.ir.program import Drawn, Program
from backproof.ir.random import uniform

FLOATS = ("float32", "float64")
SUM_TOLERANCE = 1e-6
"""How far the probabilities of a sample may be from summing to one: what float32 data need."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Checked values of all inputs and parameters, and the sizes that they show."""

    inputs: dict[str, Array]
    parameters: dict[str, Array]
    sizes: dict[str, int]


def checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The floating-point type to compute in.

    Raises:
        SpecificationError: anything but float32 and float64.
    """
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in FLOATS:
        raise SpecificationError(f"cannot compute in dtype {name!r}; {suggestion(name, FLOATS)}")
    return np.dtype(name)


def checked_arguments(
    program: Program,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    dtype: np.dtype[Any],
    *,
    draw: bool = True,
) -> Arguments:
    """Everything that the program needs, as arrays of the declared shapes.

    Args:
        program: whose inputs and parameters are wanted.
        parameters, inputs: by identifier.
        dtype: of the arrays.
        draw: whether random inputs that nobody gave are drawn here, as those of step 0 with seed 0.

    Raises:
        SpecificationError: a name that the program does not have.
        ShapeError: an array that is missing or does not fit.
        DataError: text, NaN or infinity in an array, no samples, or targets that the loss does not allow.
    """
    given_inputs = checked_values(program.inputs, inputs, dtype, "input")
    given_parameters = checked_values(program.parameters, parameters, dtype, "parameter")
    arrays = {**given_inputs, **given_parameters}
    left_out = [drawn for drawn in program.drawn if drawn.name not in arrays]
    absent = {drawn.name for drawn in left_out}
    needed = [name for name in (*program.inputs, *program.parameters) if name.id not in absent]
    sizes = sizes_of(needed, {id: array.shape for id, array in arrays.items()})
    check_targets(program, given_inputs)
    random = drawn_inputs(program, left_out, sizes, dtype) if draw else {}
    return Arguments(given_inputs | random, given_parameters, sizes)


def drawn_inputs(
    program: Program,
    drawn: Sequence[Drawn],
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
    seed: int = 0,
    step: int = 0,
) -> dict[str, Array]:
    """The random inputs of one step."""
    return {
        each.name: uniform(seed, step, each.stream, concrete(program.names[each.name].shape, sizes), dtype)
        for each in drawn
    }


def checked_values(
    names: Sequence[Name], given: Mapping[str, Any], dtype: np.dtype[Any], role: str
) -> dict[str, Array]:
    """The given arrays by identifier; missing ones are left out."""
    declared = {name.id: name for name in names}
    for id in given:
        if id not in declared:
            known = suggestion(str(id), declared) if declared else f"there are no {role}s"
            raise SpecificationError(f"the program has no {role} {id!r}; {known}")
    return {id: checked_array(name, given[id], dtype) for id, name in declared.items() if id in given}


def _missing(name: Name, shape: tuple[int, ...]) -> str:
    """What an array without entries lacks: where it has samples, which are counted by symbols, features."""
    samples = [size for size, dim in zip(shape, name.shape, strict=False) if isinstance(dim, Symbol)]
    return "at least one feature" if samples and all(samples) else "at least one sample"


def checked_array(name: Name, value: Any, dtype: np.dtype[Any]) -> Array:
    """One array in its declared shape, finite and of the dtype; never the caller's own memory where that could change.

    Raises:
        ShapeError, DataError: see ``checked_arguments``.
    """
    array = _numeric(name.id, value)
    if array.size == 0:
        raise DataError(f"{name.id} has shape {array.shape} and so holds nothing; give {_missing(name, array.shape)}")
    with np.errstate(over="ignore"):
        laid_out = np.ascontiguousarray(array, dtype).reshape(array.shape)
    array = _in_declared_shape(laid_out, name.shape)
    if not np.isfinite(array).all():
        _refuse_non_finite(name.id, value, array)
    return array


def _numeric(id: str, value: Any) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{id} is ragged: its rows differ in length; make them equally long") from error
    if array.dtype.kind == "O":
        array = _numbers_of_objects(id, array)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{id} holds {array.dtype} values, not real numbers; convert them first")
    return array


def _numbers_of_objects(id: str, array: Array) -> Array:
    try:
        return array.astype(float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{id} holds objects that are not numbers ({error}); convert them first") from error


def _in_declared_shape(array: Array, declared: Shape) -> Array:
    """The array with a dimension of one put in, where only one place is possible."""
    if array.ndim >= len(declared) or not declared:
        return array
    rows, columns = declared
    if array.ndim == 0:
        return array.reshape(1, 1) if all(isinstance(d, Symbol) or d == 1 for d in declared) else array
    if columns == 1:
        return array.reshape(-1, 1)
    if rows == 1:
        return array.reshape(1, -1)
    if isinstance(rows, Symbol) and columns == array.size:
        return array.reshape(1, -1)
    if isinstance(columns, Symbol) and rows == array.size:
        return array.reshape(-1, 1)
    return array


def _refuse_non_finite(id: str, value: Any, array: Array) -> None:
    if np.isfinite(np.asarray(value, np.float64)).all():
        raise DataError(f"{id} holds numbers too large for {array.dtype}; scale them, or use dtype='float64'")
    raise DataError(f"{id} is {_first_non_finite(array)}; remove or replace such values first")


def _first_non_finite(array: Array) -> str:
    return f"{worst_value(array)}{place(array)}"


def worst_value(array: Array) -> str:
    """The first entry that is not finite, as people write it."""
    flat = np.asarray(array).ravel()
    value = float(flat[np.argmin(np.isfinite(flat))])
    return "NaN" if np.isnan(value) else "infinite" if value > 0 else "minus infinity"


def place(array: Array) -> str:
    """Where in a matrix the first entry stands that is not finite: `` at row 3, column 2``; nothing for a scalar."""
    array = np.asarray(array)
    if array.ndim != 2:
        return ""
    row, column = np.unravel_index(np.argmin(np.isfinite(array)), array.shape)
    return f" at row {row + 1}, column {column + 1} (counted from 1)"


# --- numbers ------------------------------------------------------------------------------------------------------


def whole_number(what: str, value: object, least: int) -> int:
    """The value as an integer of at least ``least``.

    Raises:
        SpecificationError: anything else; names what it is for.
    """
    if isinstance(value, bool | float) or not hasattr(value, "__index__"):
        raise SpecificationError(f"{what} must be a whole number of at least {least}, got {value!r}")
    number = operator.index(value)
    if number < least:
        raise SpecificationError(f"{what} must be at least {least}, got {number}")
    return number


def positive_number(what: str, value: object) -> float:
    """The value as a positive finite float.

    Raises:
        SpecificationError: anything else; names what it is for.
    """
    real = isinstance(value, Real | np.floating | np.integer) and not isinstance(value, bool)
    number = float(value) if real else math.nan  # type: ignore[arg-type]
    if not 0 < number < math.inf:
        raise SpecificationError(f"{what} must be a positive finite number, got {value!r}")
    return number


# --- targets ------------------------------------------------------------------------------------------------------


def check_targets(program: Program, inputs: Mapping[str, Array]) -> None:
    """Refuse targets for which the loss is not what it says.

    Raises:
        DataError: says which.
    """
    for assumption in program.assumptions:
        array = inputs[assumption.name]
        _check_probabilities(assumption.name, array)
        sums = array.sum(axis=assumption.axis, dtype=np.float64)
        wrong = np.abs(sums - 1) > SUM_TOLERANCE
        if wrong.any():
            number = int(np.argmax(wrong))
            line = "row" if assumption.axis == 1 else "column"
            raise DataError(
                f"{assumption.name}: {line} {number + 1} sums to {sums[number]:g}, but the targets of each sample must "
                "sum to 1; give one-hot rows or probabilities"
            )
    if program.structure is not None and program.structure.loss == "binary_cross_entropy":
        _check_probabilities("y", inputs["y"])


def _check_probabilities(id: str, array: Array) -> None:
    outside = (array < 0) | (array > 1)
    if outside.any():
        row, column = np.unravel_index(np.argmax(outside), array.shape)
        raise DataError(
            f"{id} is {array[row, column]:g} at row {row + 1}, column {column + 1} (counted from 1), but this loss "
            "needs targets from 0 to 1; scale or encode them"
        )


def named_inputs(program: Program, arrays: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs by identifier, from arrays in the program's order, one mapping, or names.

    Raises:
        SpecificationError: more arrays than inputs, or an input given twice.
    """
    if len(arrays) == 1 and isinstance(arrays[0], Mapping):
        return {**arrays[0], **named}
    if len(arrays) > len(program.inputs):
        expected = ", ".join(f"{name.id} ({shape_text(name.shape)})" for name in program.inputs)
        raise SpecificationError(f"{len(arrays)} arrays were given, but the program's inputs are: {expected}")
    by_position = {name.id: array for name, array in zip(program.inputs, arrays, strict=False)}
    twice = by_position.keys() & named.keys()
    if twice:
        raise SpecificationError(f"the input {min(twice)!r} was given twice: by position and by name")
    return {**by_position, **named}
