"""How people lay arrays out: samples in rows or columns, weights transposed, vectors of one dimension, bias in W.

A layout turns the derivation's arrays into the user's and back. None of them is a fault; which one a function follows
is found by trying, and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backproof.checking.findings import Convention
from backproof.checking.precision import Array
from backproof.ir.expr import Name
from backproof.ir.program import Program

Bias = Literal["own", "last", "first"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of laying out.

    Args:
        weights: whether weights are transposed.
        samples: whether inputs and targets are, and with them the biases.
        flat_biases: whether biases have one dimension.
        flat_targets: whether inputs with a dimension of one have one dimension only.
        bias: whether a bias is a parameter of its own, or the last or first row (or column) of its weights.
    """

    weights: bool = False
    samples: bool = False
    flat_biases: bool = False
    flat_targets: bool = False
    bias: Bias = "own"

    def arranged(self, program: Program, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The derivation's arrays as the user has them."""
        joined = arrays if self.bias == "own" else self._joined(program, arrays)
        return {id: self._turned(program, id, array) for id, array in joined.items()}

    def restored(self, program: Program, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The user's arrays, or gradients by the identifier of the parameter, as the derivation has them."""
        turned = {id: self._turned_back(program, id, array) for id, array in arrays.items()}
        return turned if self.bias == "own" else self._split(program, turned)

    def conventions(self, program: Program) -> Iterator[Convention]:
        """What is to be said of it."""
        declared = "rows" if _in_rows(program) else "columns"
        other = "columns" if declared == "rows" else "rows"
        if self.samples:
            yield Convention(f"{other[:-1]}-samples", f"samples are {other} (the derivation has them in {declared})")
        if self.weights and not self.samples:
            yield Convention("weights-transposed", "weights are transposed: outputs × inputs, as in torch.nn.Linear")
        if self.flat_biases:
            yield Convention("flat-biases", "biases are arrays of one dimension, (m,)")
        if self.flat_targets:
            yield Convention("flat-targets", "targets are arrays of one dimension, (n,)")
        if self.bias != "own":
            line = "column" if self.weights == _in_rows(program) else "row"
            yield Convention("bias-in-weights", f"biases are the {self.bias} {line} of their weights")

    # --- one array ------------------------------------------------------------------------------------------------

    def _turned(self, program: Program, id: str, array: Array) -> Array:
        if array.ndim != 2:
            return array
        if self._is_flat(program, id, array.shape):
            return array.reshape(-1)
        return array.T.copy() if self._is_turned(program, id) else array

    def _turned_back(self, program: Program, id: str, array: Array) -> Array:
        if array.ndim == 2:
            return array.T if self._is_turned(program, id) else array
        shape = program.names[id].shape
        if array.ndim == 1 and 1 in shape:
            return array.reshape(1, -1) if shape[0] == 1 else array.reshape(-1, 1)
        return array

    def _is_flat(self, program: Program, id: str, shape: tuple[int, ...]) -> bool:
        if id in _biases(program):
            return self.flat_biases
        return self.flat_targets and id in _inputs(program) and 1 in program.names[id].shape and 1 in shape

    def _is_turned(self, program: Program, id: str) -> bool:
        if id in _biases(program) or id in _inputs(program):
            return self.samples
        return self.weights

    # --- biases in their weights ----------------------------------------------------------------------------------

    def _joined(self, program: Program, arrays: Mapping[str, Array]) -> dict[str, Array]:
        pairs, axis = pairs_of(program), 0 if _in_rows(program) else 1
        joined = {id: array for id, array in arrays.items() if id not in pairs.values()}
        for W, b in pairs.items():
            if W in arrays and b in arrays:
                parts = (arrays[W], arrays[b]) if self.bias == "last" else (arrays[b], arrays[W])
                joined[W] = np.concatenate(parts, axis=axis)
        return joined

    def _split(self, program: Program, arrays: Mapping[str, Array]) -> dict[str, Array]:
        split, axis = dict(arrays), 0 if _in_rows(program) else 1
        for W, b in pairs_of(program).items():
            if W in arrays and arrays[W].ndim == 2:
                at = arrays[W].shape[axis] - 1 if self.bias == "last" else 1
                first, second = np.split(arrays[W], [at], axis=axis)
                split[W], split[b] = (first, second) if self.bias == "last" else (second, first)
        return split


def layouts_of(program: Program) -> tuple[Layout, ...]:
    """The layouts that make sense for a program, the declared one first."""
    has_biases, structured = bool(_biases(program)), program.structure is not None
    flat_targets = any(1 in name.shape for name in program.inputs)
    ways = ((False, False), (True, True), (True, False), (False, True)) if structured else ((False, False),)
    vectors = [(False, False), (True, False), (False, True), (True, True)]
    kept = [(b, t) for b, t in vectors if (has_biases or not b) and (flat_targets or not t)]
    found = [Layout(weights, samples, b, t) for weights, samples in ways for b, t in kept]
    found.sort(key=lambda layout: (layout.weights != layout.samples, layout.flat_biases + layout.flat_targets))
    if pairs_of(program):
        places: tuple[Bias, ...] = ("last", "first")
        found += [Layout(w, s, False, t, place) for place in places for w, s in ways for b, t in kept if not b]
    return tuple(found)


def pairs_of(program: Program) -> dict[str, str]:
    """The weights of each layer and its bias."""
    structure = program.structure
    return {} if structure is None else {layer.weights: layer.bias for layer in structure.layers if layer.bias}


def _biases(program: Program) -> frozenset[str]:
    """The parameters that are vectors along the features: 1×m where samples are rows."""
    lone = 0 if _in_rows(program) else 1
    weights = {layer.weights for layer in program.structure.layers} if program.structure else set()
    return frozenset(p.id for p in program.parameters if p.shape and p.shape[lone] == 1 and p.id not in weights)


def _inputs(program: Program) -> frozenset[str]:
    return frozenset(name.id for name in program.inputs)


def _in_rows(program: Program) -> bool:
    return program.structure is None or program.structure.samples == "rows"


def declared_shape(name: Name) -> str:
    """The shape as people write it: (n, 3)."""
    return "(" + ", ".join(str(dim) for dim in name.shape) + ")"
