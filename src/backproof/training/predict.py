"""Predictions of a trained network: the forward equations that the output needs, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError, suggestion
from backproof.ir.arguments import checked_dtype, checked_values
from backproof.ir.arithmetic import Array
from backproof.ir.evaluate import sizes_of
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import names
from backproof.kernels.numpy_backend import NumpyEquations


def predict(
    net: Program | Trace,
    params: Mapping[str, Any],
    X: Any,
    *,
    output: str | None = None,
    dtype: npt.DTypeLike = "float64",
) -> Array:
    """ŷ for the given parameters.

    Args:
        net: a network or any program, derived or not.
        params: its parameters by identifier, and what training remembered for predictions; those that the output does
            not need may be left out.
        X: the input; a mapping by identifier where the program has other inputs, targets not needed.
        output: the quantity to compute; a network's prediction where not given.
        dtype: the floating-point type to compute in.

    Raises:
        SpecificationError, ShapeError, DataError: what is given does not fit.
        NonFiniteError: a quantity became NaN or infinite.

    Example:
        >>> import backproof as bp
        >>> net = bp.mlp(2, 1, activation="identity")
        >>> predict(net, {"W_1": [[1], [2]]}, [[3, 4], [5, 6]]).tolist()
        [[11.0], [17.0]]
    """
    program = (net.program if isinstance(net, Trace) else net).predicting
    wanted = _output(program) if output is None else output
    if wanted not in program.definitions:
        raise SpecificationError(f"the program defines no {wanted!r}; {suggestion(wanted, program.definitions)}")
    equations = needed_for(program, wanted)
    used = frozenset().union(*(names(equation.value) for equation in equations))
    kind = checked_dtype(dtype)
    given = X if isinstance(X, Mapping) else {program.inputs[0].id: X}
    arrays = {
        **checked_values(program.inputs, given, kind, "input"),
        **checked_values(program.parameters, params, kind, "parameter"),
    }
    needed = [name for name in (*program.inputs, *program.parameters) if name.id in used]
    sizes = sizes_of(needed, {id: array.shape for id, array in arrays.items()})
    prediction: Array = NumpyEquations(equations, kind)(arrays, sizes)[wanted]
    return prediction


def _output(program: Program) -> str:
    if program.structure is None:
        raise SpecificationError(
            f"which quantity to predict? This program is no network; name one in output=, for example "
            f"{program.equations[0].name.id!r}"
        )
    return program.structure.layers[-1].output


def needed_for(program: Program, wanted: str) -> tuple[Equation, ...]:
    """The equations that a quantity needs, in order."""
    needed = {wanted}
    for equation in reversed(program.equations):
        if equation.name.id in needed:
            needed |= names(equation.value)
    return tuple(equation for equation in program.equations if equation.name.id in needed)
