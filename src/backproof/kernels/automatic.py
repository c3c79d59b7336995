"""The automatic kernel: NumPy while there are few calls, machine code once so many came that it pays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.dims import concrete
from backproof.errors import UnsupportedError
from backproof.ir.arguments import Arguments, named_inputs
from backproof.ir.arithmetic import Array
from backproof.kernels.cost import patience, work_of
from backproof.kernels.llvm.backend import compile_llvm
from backproof.kernels.llvm.machine import host
from backproof.kernels.numpy_backend import compile_numpy


@cache
def can_compile() -> bool:
    """Whether there is a compiler for this machine."""
    try:
        host()
    except (OSError, RuntimeError, ValueError):  # what llvmlite raises where it does not know the processor
        return False
    return True


class AutomaticKernel:
    """The loss and the gradients by NumPy; by machine code after ``patience`` calls with the same sizes.

    Calls are counted, not timed: a program that is run again gets the same bits again. What cannot be compiled stays
    with NumPy. The two agree within rounding; who needs a call to give the bits of an earlier one names a backend.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> kernel = AutomaticKernel(backpropagate(bp.mlp(1, 1, activation="identity")))
        >>> kernel({"W_1": [[3]]}, [[2]], [[1]])
        (12.5, {'W_1': array([[10.]])})
    """

    def __init__(self, trace: Trace, dtype: npt.DTypeLike = "float64") -> None:
        self.trace = trace
        self._numpy = compile_numpy(trace, dtype)
        self.dtype = self._numpy.dtype
        self._llvm = compile_llvm(trace, self.dtype) if can_compile() else None
        self._left: dict[tuple[tuple[str, int], ...], float] = {}
        self._counting = Lock()

    def __call__(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[float, dict[str, Array]]:
        """The loss and the gradients; see ``NumpyKernel``, which computes the same."""
        checked = self.checked(params, named_inputs(self.trace.program, arrays, named))
        with np.errstate(all="ignore"):
            loss, gradients = self.step(checked.parameters, checked.inputs, checked.sizes)
        return loss, {id: np.array(gradient) for id, gradient in gradients.items()}

    def checked(self, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Arguments:
        """The arguments in the declared shapes, ready for ``step``."""
        return self._numpy.checked(params, inputs)

    def step(
        self, parameters: Mapping[str, Array], inputs: Mapping[str, Array], sizes: Mapping[str, int]
    ) -> tuple[float, dict[str, Array]]:
        """Computes from arrays that were checked before."""
        native = self._llvm if self._earned(sizes) else None
        if native is not None:
            try:
                return native.step(parameters, inputs, sizes)
            except UnsupportedError:
                self._llvm = None
        return self._numpy.step(parameters, inputs, sizes)

    def _earned(self, sizes: Mapping[str, int]) -> bool:
        """Whether so many calls with these sizes came before this one that machine code pays."""
        key = tuple(sorted(sizes.items()))
        with self._counting:
            if key not in self._left:
                self._left[key] = self._patience(sizes)
            self._left[key] -= 1
            return self._left[key] < 0

    def _patience(self, sizes: Mapping[str, int]) -> float:
        program = self.trace.program
        moved = [*program.inputs, *program.parameters, *(program.names[id] for id in self.trace.gradients)]
        entries = sum(math.prod(concrete(name.shape, sizes)) for name in moved)
        work = work_of(self.trace.joint.equations, sizes)
        return patience(work, self.dtype, arrays=len(moved), moved=entries)
