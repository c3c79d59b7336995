"""The data of a training: checked, weighted, and a part held out for validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.dims import Dim, Symbol
from backproof.errors import SpecificationError
from backproof.ir.arguments import Arguments, checked_arguments
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.training.batches import sample_dimension

WEIGHTS = "omega"


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on, and what is held out."""

    training: Arguments
    validation: Arguments | None = None


def prepared(
    program: Program,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    weights: Any,
    validation: Any,
    seed: int,
    dtype: np.dtype[Any],
) -> Data:
    """The data as arrays of the declared shapes.

    Args:
        program: the network.
        parameters: by identifier.
        inputs: by identifier, without random ones.
        weights: of the samples; None for what ``inputs`` has, or 1.
        validation: a share from 0 to 1, a pair ``(X, y)``, a mapping by identifier, or None.
        seed: for the samples that are held out.
        dtype: of the arrays.

    Raises:
        SpecificationError, ShapeError, DataError: something that does not fit.
    """
    dim = sample_dimension(program)
    given = _weighted(program, dict(inputs), weights, dim)
    everything = checked_arguments(program, parameters, given, dtype, draw=False)
    if validation is None:
        return Data(everything)
    if isinstance(validation, float | int) and not isinstance(validation, bool):
        return _split(program, everything, float(validation), dim, seed)
    held_out = _weighted(program, _pair(program, validation), None, dim)
    return Data(everything, checked_arguments(program, parameters, held_out, dtype, draw=False))


def _weighted(program: Program, inputs: dict[str, Any], weights: Any, dim: Dim | None) -> dict[str, Any]:
    """The inputs with the weights of the samples."""
    weighted = WEIGHTS in {name.id for name in program.inputs}
    if weights is not None:
        if not weighted:
            raise SpecificationError("this network's loss has no weights; make it with weighted=True")
        return {**inputs, WEIGHTS: weights}
    if weighted and WEIGHTS not in inputs and "X" in inputs:
        shape = np.shape(inputs["X"])
        axis = program.names["X"].shape.index(dim) if dim is not None else 0
        samples = shape[axis] if len(shape) == 2 else len(np.atleast_1d(inputs["X"]))
        return {**inputs, WEIGHTS: np.ones(samples)}
    return inputs


def _pair(program: Program, validation: Any) -> dict[str, Any]:
    if isinstance(validation, Mapping):
        return dict(validation)
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise SpecificationError("validation must be a share such as 0.2, or a pair (X, y) of held-out data")
    return {"X": validation[0], "y": validation[1]}


def _split(program: Program, everything: Arguments, share: float, dim: Dim | None, seed: int) -> Data:
    """Some samples held out, drawn by the seed."""
    if not 0 < share < 1:
        raise SpecificationError(f"the share of data held out must be between 0 and 1, got {share:g}")
    if not isinstance(dim, Symbol):
        raise SpecificationError("the samples of this program cannot be told apart; give validation data as (X, y)")
    samples = everything.sizes[dim.name]
    held = round(share * samples)
    if not 0 < held < samples:
        raise SpecificationError(
            f"a share of {share:g} of {samples} samples leaves nothing on one side; give another share, or more data"
        )
    # Beside the seeds of initial parameters and of the order.
    order = np.random.default_rng([seed, 2]).permutation(samples)
    return Data(*(_part(program, everything, np.sort(part), dim) for part in (order[held:], order[:held])))


def _part(program: Program, everything: Arguments, chosen: Array, dim: Symbol) -> Arguments:
    def taken(id: str, array: Array) -> Array:
        shape = program.names[id].shape
        return np.ascontiguousarray(np.take(array, chosen, shape.index(dim))) if dim in shape else array

    inputs = {id: taken(id, array) for id, array in everything.inputs.items()}
    return Arguments(inputs, everything.parameters, {**everything.sizes, dim.name: len(chosen)})
