"""Ordinary numbers for a program's inputs and parameters, at which its floating-point evaluation is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import Shape, concrete
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.program import Program

Array = npt.NDArray[Any]

GENTLE = (30.0, 100.0, 1e3, 1e6, math.inf)
"""A program is looked at where its quantities are below the first of these, if there is such a place."""

SHRINKINGS = 6
"""How often inputs and parameters are made four times smaller, in search of such a place."""

SUM_STEPS = 64
"""Targets that must sum to 1 are multiples of 1/64: exact in every dtype, and so is their sum."""


def small_sizes(program: Program, first: int = 2) -> dict[str, int]:
    """A small size for each symbolic dimension, all different."""
    return {symbol: first + position for position, symbol in enumerate(program.symbols)}


def sample(
    program: Program,
    sizes: Mapping[str, int],
    random: np.random.Generator,
    dtype: npt.DTypeLike,
    *,
    positive: bool,
    scale: float = 1,
) -> dict[str, Array]:
    """Values for all inputs and parameters, as numbers of the dtype.

    Parameters have the spread that keeps a layer's output near 1, so that nothing saturates.

    Args:
        program: whose assumptions the inputs satisfy.
        sizes: of the symbolic dimensions.
        random: where the numbers come from.
        dtype: a floating-point type.
        positive: whether all of them shall be positive, for programs with logarithms or roots of what is given.
        scale: what they are multiplied with; a power of 2.
    """
    values: dict[str, Array] = {}
    for name in program.inputs:
        values[name.id] = random.standard_normal(concrete(name.shape, sizes))
    for name in program.parameters:
        shape = concrete(name.shape, sizes)
        values[name.id] = random.standard_normal(shape) * _spread(shape)
    for assumption in program.assumptions:
        shape = concrete(program.names[assumption.name].shape, sizes)
        values[assumption.name] = _summing_to_one(shape, assumption.axis, random)
    assumed = _assumed(program)
    if positive:
        values = {id: value if id in assumed else np.abs(value) + 0.1 for id, value in values.items()}
    return {id: np.asarray(value if id in assumed else value * scale, dtype) for id, value in values.items()}


def _assumed(program: Program) -> frozenset[str]:
    return frozenset(assumption.name for assumption in program.assumptions)


def _spread(shape: Shape) -> float:
    return 1.0 if shape == () or 1 in shape else float(max(int(str(dim)) for dim in shape)) ** -0.5


def _summing_to_one(shape: tuple[int, ...], axis: int, random: np.random.Generator) -> Array:
    """Counts of 64 throws into the entries of each sample, divided by 64."""
    samples, entries = (shape[0], shape[1]) if axis == 1 else (shape[1], shape[0])
    counts = random.multinomial(SUM_STEPS, np.full(entries, 1 / entries), size=samples)
    return (counts if axis == 1 else counts.T) / SUM_STEPS


def finite_place(program: Program, sizes: Mapping[str, int], seed: int) -> Mapping[str, Array] | None:
    """Inputs, as float32 holds them exactly, at which every quantity is a number, and none of them huge.

    Positive ones are tried where others give no number, for logarithms and roots of what is given.
    """
    evaluator = Evaluator(NumpyArithmetic("float64"), sizes)
    for limit, shrinking, positive in product(GENTLE, range(SHRINKINGS), (False, True)):
        random = np.random.default_rng([seed, shrinking])
        inputs = sample(program, sizes, random, "float32", positive=positive, scale=0.25**shrinking)
        given = {id: value.astype(np.float64) for id, value in inputs.items()}
        with np.errstate(all="ignore"):
            values = evaluate_program(program, given, evaluator)
        if all(bool(np.all(np.abs(value) < limit)) for value in values.values()):
            return inputs
    return None
