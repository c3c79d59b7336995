"""Which kernels there are: one row per backend, and what a kernel must be able to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError, suggestion
from backproof.ir.arguments import Arguments
from backproof.ir.arithmetic import Array
from backproof.kernels.automatic import AutomaticKernel
from backproof.kernels.llvm.backend import compile_llvm
from backproof.kernels.numpy_backend import compile_numpy

VARIABLE = "BACKPROOF_BACKEND"
"""The environment variable that says which backend \"auto\" is; empty for what pays."""


class Kernel(Protocol):
    """The loss and the gradients of one derivation, in one dtype."""

    trace: Trace
    dtype: np.dtype[Any]

    def __call__(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[float, dict[str, Array]]:
        """Checks everything, then computes."""
        ...

    def checked(self, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Arguments:
        """The arguments in the declared shapes."""
        ...

    def step(
        self, parameters: Mapping[str, Array], inputs: Mapping[str, Array], sizes: Mapping[str, int]
    ) -> tuple[float, dict[str, Array]]:
        """Computes from arrays that were checked before."""
        ...


BACKENDS: Mapping[str, Callable[[Trace, npt.DTypeLike], Kernel]] = {"numpy": compile_numpy, "llvm": compile_llvm}
AUTO = "auto"


def backend_named(backend: object = AUTO) -> str:
    """The backend that is meant: ``BACKPROOF_BACKEND`` decides what ``"auto"`` is, where it is set.

    Raises:
        SpecificationError: an unknown backend; the nearest is suggested.

    Example:
        >>> backend_named("numpy")
        'numpy'
    """
    chosen = (os.environ.get(VARIABLE) or AUTO) if backend == AUTO else backend
    if chosen not in (AUTO, *BACKENDS):
        where = f" in {VARIABLE}" if backend == AUTO else ""
        raise SpecificationError(f"unknown backend {chosen!r}{where}; {suggestion(str(chosen), [AUTO, *BACKENDS])}")
    return str(chosen)


def compile_trace(trace: Trace, backend: str = AUTO, dtype: npt.DTypeLike = "float64") -> Kernel:
    """The kernel of a backend; ``"auto"`` computes by NumPy until so many calls came that machine code pays.

    Raises:
        SpecificationError: an unknown backend; the nearest is suggested.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> compile_trace(backpropagate(bp.mlp(3, 2, 1)), "auto").dtype
        dtype('float64')
    """
    chosen = backend_named(backend)
    return AutomaticKernel(trace, dtype) if chosen == AUTO else BACKENDS[chosen](trace, dtype)
