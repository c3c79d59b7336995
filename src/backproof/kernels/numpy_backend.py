"""The NumPy backend: a derivation's equations as one callable, (parameters, data) → (loss, gradients)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.errors import NonFiniteError
from backproof.ir.arguments import Arguments, checked_arguments, checked_dtype, named_inputs, place, worst_value
from backproof.ir.arithmetic import Array
from backproof.ir.program import Equation
from backproof.kernels.closures import EquationCompiler, Instruction, Values, run


def compile_numpy(trace: Trace, dtype: npt.DTypeLike = "float64") -> NumpyKernel:
    """(θ, X, y) ↦ (L, ∂L/∂θ), by the derivation's own equations in their order.

    Args:
        trace: the derivation.
        dtype: ``"float64"`` or ``"float32"``.

    Raises:
        SpecificationError: another dtype.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> kernel = compile_numpy(backpropagate(bp.mlp(3, 2, 1)))
        >>> params = {"W_1": np.zeros((3, 2)), "W_2": np.ones((2, 1))}
        >>> loss, gradients = kernel(params, [0, 0, 1], 0)
        >>> round(loss, 6), gradients["W_2"].round(6).tolist()
        (0.267223, [[0.071867], [0.071867]])
    """
    return NumpyKernel(trace, dtype)


class NumpyKernel:
    """The loss and its gradients, computed by NumPy; made by ``compile_numpy``."""

    def __init__(self, trace: Trace, dtype: npt.DTypeLike = "float64") -> None:
        self.trace = trace
        self.dtype = checked_dtype(dtype)
        self._compiler = EquationCompiler(trace.joint.equations, self.dtype)
        self._loss = trace.program.loss
        self._gradients = tuple(trace.gradients.items())
        self._order = {equation.name.id: None for equation in trace.joint.equations}

    def __call__(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[float, dict[str, Array]]:
        """The loss and the gradients, from anything that NumPy can read.

        A dimension of one may be left out where only one reading is possible: ``(m,)`` for a bias of 1×m or m×1,
        ``(n,)`` for targets of n×1, ``(d,)`` for one sample of n×d. The gradients have the declared shapes.

        Args:
            params: the parameters by identifier.
            arrays: the inputs in the program's order (for a network ``X, y``), or one mapping of them.
            named: inputs by identifier.

        Returns:
            The loss, and a gradient for each parameter.

        Raises:
            SpecificationError, ShapeError, DataError: names, shapes or data that do not fit.
            NonFiniteError: the loss or a gradient is NaN or infinite; names the first equation that was.
        """
        checked = self.checked(params, named_inputs(self.trace.program, arrays, named))
        with np.errstate(all="ignore"):
            loss, gradients = self.step(checked.parameters, checked.inputs, checked.sizes)
        # The caller's own: a gradient may be an input itself, or a view that repeats one number.
        return loss, {id: np.array(gradient) for id, gradient in gradients.items()}

    def checked(self, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Arguments:
        """The arguments in the declared shapes, ready for ``step``.

        Raises:
            SpecificationError, ShapeError, DataError: as for a call.
        """
        return checked_arguments(self.trace.program, params, inputs, self.dtype)

    def step(
        self, parameters: Mapping[str, Array], inputs: Mapping[str, Array], sizes: Mapping[str, int]
    ) -> tuple[float, dict[str, Array]]:
        """As a call, for arrays that ``checked`` has seen: what training runs.

        Raises:
            NonFiniteError: as for a call.
        """
        values = self.values({**inputs, **parameters}, sizes)
        return float(values[self._loss]), {id: values[gradient] for id, gradient in self._gradients}

    def values(self, given: Mapping[str, Array], sizes: Mapping[str, int]) -> Values:
        """Every quantity of the derivation, from inputs and parameters that ``checked`` has seen.

        Raises:
            NonFiniteError: as for a call.
        """
        values: Values = dict(given)
        run(self._compiler.instructions(sizes), values)
        if not _all_finite(float(values[self._loss]), (values[gradient] for _, gradient in self._gradients)):
            refuse_non_finite(self._order, values)
        return values


class NumpyEquations:
    """Some equations without a gradient, such as a prediction or an update rule, computed by NumPy.

    Args:
        equations: in an order in which each uses only what stands before it.
        dtype: ``"float64"`` or ``"float32"``.
    """

    def __init__(self, equations: Sequence[Equation], dtype: npt.DTypeLike = "float64") -> None:
        self._compiler = EquationCompiler(equations, checked_dtype(dtype))
        self._order = {equation.name.id: None for equation in equations}

    def instructions(self, sizes: Mapping[str, int]) -> tuple[Instruction, ...]:
        """What ``closures.run`` runs, for these sizes."""
        return self._compiler.instructions(sizes)

    def __call__(self, values: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
        """Every quantity, from those that are given.

        Raises:
            NonFiniteError: one became NaN or infinite; names the first equation that did.
        """
        found: Values = dict(values)
        with np.errstate(all="ignore"):
            run(self.instructions(sizes), found)
        if not _all_finite(0.0, (found[id] for id in self._order)):
            refuse_non_finite(self._order, found)
        return found


def _all_finite(number: float, arrays: Iterable[Array]) -> bool:
    """Whether everything is finite: a sum is, unless one of its terms is not or the sum itself overflows."""
    for array in arrays:
        number += float(np.add.reduce(array, axis=None))
    return math.isfinite(number)


def refuse_non_finite(order: Iterable[str], values: Mapping[str, Any]) -> None:
    """Name the first equation that became NaN or infinite; nothing where all are finite after all.

    Raises:
        NonFiniteError: the quantity, and for a matrix its row and column.
    """
    for id in order:
        array = np.asarray(values[id])
        if not np.isfinite(array).all():
            raise NonFiniteError(
                f"{id} became {worst_value(array)}{place(array)}, the first equation that did; "
                "scale the data and the weights down",
                quantity=id,
            )
