"""Values to read a derivation with: inputs and parameters of few digits, drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backproof.dims import Symbol, concrete
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name
from backproof.ir.program import Program

DIGITS = 2
"""Decimals of the values drawn: enough to tell them apart, few enough to follow by hand."""


def example_values(program: Program, seed: int, given: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """A value for every input and parameter: those given, and for the others numbers of two decimals.

    Args:
        program: whose inputs and parameters are wanted; assumptions about targets are kept.
        seed: for what is drawn.
        given: values that are known; symbolic dimensions take their sizes, and 1 where nothing shows a size.

    Example:
        >>> import backproof as bp
        >>> example_values(bp.mlp(3, 2, 1), seed=0)["X"].shape
        (1, 3)
    """
    known = dict(given or {})
    sizes = dict.fromkeys(program.symbols, 1) | _sizes_shown(program, known)
    rng = np.random.default_rng(seed)
    drawn = {name.id: _drawn(program, name, sizes, rng) for name in (*program.inputs, *program.parameters)}
    return {**drawn, **known}


def _sizes_shown(program: Program, given: Mapping[str, Array]) -> dict[str, int]:
    pairs = (
        (dim, size)
        for id, value in given.items()
        if id in program.names and np.ndim(value) == len(program.names[id].shape)
        for dim, size in zip(program.names[id].shape, np.shape(value), strict=True)
    )
    return {dim.name: size for dim, size in pairs if isinstance(dim, Symbol)}


def _drawn(program: Program, name: Name, sizes: Mapping[str, int], rng: np.random.Generator) -> Array:
    shape = concrete(name.shape, sizes)
    for assumption in program.assumptions:
        if assumption.name == name.id:
            units, samples = (shape[1], shape[0]) if assumption.axis == 1 else shape
            return np.take(np.eye(units), rng.integers(units, size=samples), axis=1 - assumption.axis)
    structure = program.structure
    if structure is not None and structure.loss == "binary_cross_entropy" and name.id == "y":
        return rng.integers(2, size=shape).astype(float)
    if name.id in {drawn.name for drawn in program.drawn}:
        return np.asarray(np.round(rng.uniform(size=shape), DIGITS))
    return np.asarray(np.round(rng.normal(size=shape), DIGITS))
