"""The data of a training: checked, weighted, and a part held out for validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.dims import Dim, Symbol
from backproof.errors import SpecificationError, UnsupportedError
from backproof.ir.arguments import Arguments, checked_arguments
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.training.batches import Batches, sample_dimension
from backproof.training.class_weights import class_weights
from backproof.training.judge import Judge
from backproof.training.source import Blocks
from backproof.training.stream import WEIGHTS, Stream, StreamedBatches, held_out, read_whole, stream_of


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on, and what is held out.

    Args:
        training, validation: the data; of those that are streamed only the sizes.
        blocks, validation_blocks: where the data are that are streamed.
        buffer: samples that are in memory at a time.
    """

    training: Arguments
    validation: Arguments | None = None
    blocks: Blocks | None = None
    validation_blocks: Blocks | None = None
    buffer: int = 0

    def batches(self, program: Program, size: object, shuffle: bool, seed: int) -> Batches:
        """The batches of each epoch; see ``Batches``.

        Raises:
            SpecificationError: a size that cannot be.
        """
        if self.blocks is None:
            return Batches(program, self.training, size, shuffle, seed)
        return StreamedBatches(self.blocks, self.training.sizes, size, self.buffer, shuffle, seed)

    def judge(self, program: Program, dtype: np.dtype[Any]) -> Judge:
        """Of the loss of all that is trained on."""
        inputs, sizes = self.training.inputs, self.training.sizes
        return Judge(program, inputs, sizes, (), dtype, penalised=True, blocks=self.blocks)

    def validation_judge(self, program: Program, metrics: Sequence[str], dtype: np.dtype[Any]) -> Judge | None:
        """Of what is held out, if anything is.

        Raises:
            SpecificationError: metrics of nothing.
        """
        if self.validation is not None:
            inputs, sizes = self.validation.inputs, self.validation.sizes
            return Judge(program, inputs, sizes, metrics, dtype, blocks=self.validation_blocks)
        if metrics:
            raise SpecificationError("metrics are measured on validation data; give validation=0.2, or (X, y)")
        return None

    def marks(self) -> dict[str, str]:
        """Digests of the data that are streamed, which are read for it."""
        streamed = {"the data": self.blocks, "the validation data": self.validation_blocks}
        return {what: blocks.digest() for what, blocks in streamed.items() if blocks is not None}


def prepared(
    program: Program,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    weights: Any,
    validation: Any,
    seed: int,
    dtype: np.dtype[Any],
    stream: Stream | None = None,
    class_weight: object = None,
) -> Data:
    """The data as arrays of the declared shapes, or in blocks where they are larger than their buffer.

    Args:
        program: the network.
        parameters: by identifier.
        inputs: by identifier, without random ones.
        weights: of the samples; None for what ``inputs`` has, or 1.
        validation: a share from 0 to 1, a pair ``(X, y)``, a mapping by identifier, or None.
        seed: for the samples that are held out.
        dtype: of the arrays.
        stream: the data, in place of ``inputs`` and ``weights``.
        class_weight: see ``class_weights``; of all samples, those that are drawn to be held out too.

    Raises:
        SpecificationError, ShapeError, DataError: something that does not fit.
    """
    dim, buffer = sample_dimension(program), 0
    training: Arguments | Blocks
    if stream is None:
        given = _weighted(program, dict(inputs), weights, dim)
        training = checked_arguments(program, parameters, given, dtype, draw=False)
    else:
        training, buffer = _streamed(program, parameters, stream, dtype)
    if class_weight is not None:
        training = _by_class(program, training, class_weight, dim)
    held: Arguments | Blocks | None = None
    if isinstance(validation, float | int) and not isinstance(validation, bool):
        share = float(validation)
        if isinstance(training, Blocks):
            training, held = held_out(training, share, seed)
        else:
            training, held = _split(program, training, share, dim, seed)
    elif validation is not None:
        held = _given(program, parameters, validation, dim, dtype)
    return _data(parameters, training, held, buffer)


def _by_class(program: Program, training: Arguments | Blocks, given: object, dim: Dim | None) -> Arguments:
    """The data, each sample's weight multiplied by that of its class."""
    if isinstance(training, Blocks):
        raise UnsupportedError("class_weight needs all targets at once; give the Stream weights of the samples")
    if WEIGHTS not in training.inputs or program.structure is None:
        raise SpecificationError("this network's loss has no weights; make it with weighted=True")
    turned = program.names["y"].shape.index(dim) == 1
    factors = class_weights(training.inputs["y"].T if turned else training.inputs["y"], given)
    omega = training.inputs[WEIGHTS]
    weighted = (omega * factors.reshape(omega.shape)).astype(omega.dtype)
    return Arguments({**training.inputs, WEIGHTS: weighted}, training.parameters, training.sizes)


def _data(
    parameters: Mapping[str, Any], training: Arguments | Blocks, held: Arguments | Blocks | None, buffer: int
) -> Data:
    def arguments(part: Arguments | Blocks) -> Arguments:
        return Arguments({}, {}, part.sizes(parameters)) if isinstance(part, Blocks) else part

    return Data(
        arguments(training),
        None if held is None else arguments(held),
        training if isinstance(training, Blocks) else None,
        held if isinstance(held, Blocks) else None,
        buffer,
    )


def _streamed(
    program: Program, parameters: Mapping[str, Any], stream: Stream, dtype: np.dtype[Any]
) -> tuple[Arguments | Blocks, int]:
    """The data of a stream, in memory where the buffer holds all of them, and the buffer."""
    blocks, buffer = stream.blocks(program, dtype)
    if blocks.samples > buffer:
        return blocks, buffer
    return checked_arguments(program, parameters, read_whole(blocks), dtype, draw=False), buffer


def _given(
    program: Program, parameters: Mapping[str, Any], validation: Any, dim: Dim | None, dtype: np.dtype[Any]
) -> Arguments | Blocks:
    """Held-out data, as they were given."""
    pair = {} if isinstance(validation, Stream) else _pair(program, validation)
    stream = validation if isinstance(validation, Stream) else stream_of(pair, None, None)
    if stream is not None:
        return _streamed(program, parameters, stream, dtype)[0]
    return checked_arguments(program, parameters, _weighted(program, pair, None, dim), dtype, draw=False)


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


def _split(
    program: Program, everything: Arguments, share: float, dim: Dim | None, seed: int
) -> tuple[Arguments, Arguments]:
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
    rest, apart = (_part(program, everything, np.sort(part), dim) for part in (order[held:], order[:held]))
    return rest, apart


def _part(program: Program, everything: Arguments, chosen: Array, dim: Symbol) -> Arguments:
    def taken(id: str, array: Array) -> Array:
        shape = program.names[id].shape
        return np.ascontiguousarray(np.take(array, chosen, shape.index(dim))) if dim in shape else array

    inputs = {id: taken(id, array) for id, array in everything.inputs.items()}
    return Arguments(inputs, everything.parameters, {**everything.sizes, dim.name: len(chosen)})
