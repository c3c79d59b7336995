"""The part of a script that says where its data and its initial parameters come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import Symbol, concrete, shape_text
from backproof.emit.numpy_writer import NumpyWriter, listed
from backproof.errors import DataError
from backproof.ir.arguments import checked_arguments, checked_values, whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name
from backproof.ir.program import Program, Structure
from backproof.rules.initialisation import drawn_parameters, initialisation

SEED_DATA: Mapping[str, npt.ArrayLike] = {"X": [[0, 0, 1]], "y": [[0]]}
"""The sample of the listing in the post that this project grew from."""

SAMPLES = 8
"""The size of random data in every direction that the program leaves open."""

LARGEST_LITERAL = 10_000
"""More numbers than this belong in a file."""


class DataSection:
    """Data and initial parameters of one script; checks what is given before a line is written."""

    def __init__(
        self, writer: NumpyWriter, data: Mapping[str, Any] | None, params: Mapping[str, Any] | None, seed: int
    ) -> None:
        self._program: Program = writer.trace.program
        self._writer = writer
        self._seed = whole_number("the seed", seed, 0)
        if data is None and _is_the_seeds_network(self._program.structure):
            data = SEED_DATA
        self._params = None if params is None else self._arrays("parameter", params)
        self._data = None if data is None else self._arrays("input", data)
        if self._data is not None:
            start = drawn_parameters(self._program, 0) if self._params is None else self._params
            checked_arguments(self._program, start, self._data, np.dtype(float))

    def _arrays(self, role: str, given: Mapping[str, Any]) -> dict[str, Array]:
        names = self._program.inputs if role == "input" else self._program.parameters
        arrays = checked_values(names, given, np.dtype(float), role)
        numbers = sum(array.size for array in arrays.values())
        if numbers > LARGEST_LITERAL:
            raise DataError(
                f"{numbers:,} numbers are too many to be written into a script (at most {LARGEST_LITERAL:,}); "
                "leave the data out, save them with numpy.savez and name the file on the script's command line"
            )
        return arrays

    @property
    def modules(self) -> tuple[str, ...]:
        """What the section imports beside NumPy."""
        return ("sys",) if self._data is None else ()

    def lines(self) -> list[str]:
        """The section's lines: the data, the parameters, the sizes that the equations ask for."""
        if self._data is None:
            lines = [f"rng = np.random.default_rng({self._seed + 1})", *self._random_data()]
        else:
            lines = self._literals(self._program.inputs, self._data)
        if self._params is None:
            lines += self.starts()
        else:
            lines += self._literals(self._program.parameters, self._params)
        return lines + self._writer.sizes_used_in(self._writer.trace.joint.equations)

    def _literals(self, names: tuple[Name, ...], arrays: Mapping[str, Array]) -> list[str]:
        lines: list[str] = []
        for name in names:
            rows = np.asarray(arrays[name.id]).tolist()
            opening = f"{self._writer.quantity(name.id)} = np.array("
            if isinstance(rows, float):
                lines.append(f"{opening}{rows!r})")
            else:
                lines += listed(f"{opening}[", [repr(row) for row in rows], "])")
        return lines

    def starts(self) -> list[str]:
        """Initial parameters drawn as training draws them."""
        lines = [f"rng = np.random.default_rng({self._seed})"]
        for start in initialisation(self._program):
            parameter, scale = self._writer.quantity(start.parameter.id), start.scale
            shape = self._writer.shape(start.parameter.shape)
            draws = {
                "uniform": f"rng.uniform({-scale!r}, {scale!r}, {shape})",
                "normal": f"rng.normal(0.0, {scale!r}, {shape})",
                "zeros": f"np.zeros({shape})",
            }
            lines.append(f"{parameter} = {draws[start.distribution]}")
        return lines

    # --- random data ------------------------------------------------------------------------------------------------

    def _random_data(self) -> list[str]:
        """Small data of the right shapes, replaced by those of a file where one is named."""
        sizes = dict.fromkeys(self._program.symbols, SAMPLES)
        for id, array in (self._params or {}).items():
            shown = zip(self._program.names[id].shape, array.shape, strict=True)
            sizes.update({dim.name: size for dim, size in shown if isinstance(dim, Symbol)})
        lines = []
        for name in self._program.inputs:
            shape = concrete(name.shape, sizes)
            lines.append(f"{self._writer.quantity(name.id)} = {self._random(name, shape)}  # {shape_text(name.shape)}")
        names = [self._writer.quantity(name.id) for name in self._program.inputs]
        keys = [self._writer.literal(name.id) for name in self._program.inputs]
        reading = [f'np.array(data[{key}], float, order="C")' for key in keys]
        return [
            *lines,
            f"if len(sys.argv) > 1:  # a file made by np.savez, with the arrays {', '.join(keys)}",
            "    data = np.load(sys.argv[1])",
            *(f"    {name} = {value}" for name, value in zip(names, reading, strict=True)),
        ]

    def _random(self, name: Name, shape: tuple[int, ...]) -> str:
        for assumption in self._program.assumptions:
            if assumption.name == name.id:
                units, samples = (shape[1], shape[0]) if assumption.axis == 1 else shape
                return f"np.take(np.eye({units}), rng.integers({units}, size={samples}), axis={1 - assumption.axis})"
        structure = self._program.structure
        if structure is not None and name.id == "y" and structure.loss == "binary_cross_entropy":
            return f"rng.integers(2, size={shape}).astype(float)"
        drawn = {each.name for each in self._program.drawn}
        if structure is not None and name.id != "y" and name.id not in drawn:
            return f"rng.standard_normal({shape})"
        return f"rng.random({shape})"


def _is_the_seeds_network(structure: Structure | None) -> bool:
    """Whether the network is that of the post: 3-2-1, sigmoid throughout, without biases, samples in rows."""
    if structure is None or structure.penalised:
        return False
    plain = all(layer.activation == "sigmoid" and layer.bias is None for layer in structure.layers)
    described = (structure.specification, structure.loss, structure.samples)
    return plain and described == ("3-2-1", "half_squared_error", "rows")
