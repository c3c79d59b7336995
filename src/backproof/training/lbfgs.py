"""L-BFGS by SciPy over the compiled loss and gradient: each of its iterations is an epoch.

Source:
    Liu & Nocedal, On the limited memory BFGS method for large scale optimization (1989); Byrd et al., A limited memory
    algorithm for bound constrained optimization (1995), as SciPy has it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize

from backproof.errors import NonFiniteError, SpecificationError, UnsupportedError
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.backends import Kernel
from backproof.kernels.llvm.run import Order
from backproof.training.batches import Batches
from backproof.training.clipping import Clipping
from backproof.training.epoch import Epoch
from backproof.training.progress import Reporter
from backproof.training.rates import LearningRate
from backproof.training.result import Stopped
from backproof.training.run import Run
from backproof.training.steps import Rates, State

REMEMBERED = 10
"""Corrections that the method keeps."""
Vector = npt.NDArray[np.float64]


def refuse_what_lbfgs_cannot(program: Program, batches: Batches, rates: LearningRate, clipping: Clipping) -> None:
    """L-BFGS looks at the same smooth loss again and again, and chooses its own steps.

    Raises:
        SpecificationError: options that mean nothing for it.
        UnsupportedError: networks whose loss changes from step to step.
    """
    if not batches.whole:
        raise SpecificationError("lbfgs needs all samples in each step; leave batch_size out")
    if rates.changes or clipping != Clipping():
        raise SpecificationError("lbfgs chooses its own steps; leave schedule, clip_norm and clip_value out")
    if program.drawn or program.remembered:
        raise UnsupportedError("lbfgs needs a loss that stays the same; leave dropout and batch normalisation out")


class Function:
    """The loss and its gradient at the parameters as one vector.

    Args:
        kernel: computes them.
        batches: all samples.
        parameters: where to begin; those without a gradient stay.
    """

    at_once = False

    def __init__(self, kernel: Kernel, batches: Batches, parameters: Mapping[str, Array], backend: str) -> None:
        self.backend = backend
        self._kernel, self._full = kernel, batches.full
        self._parameters = dict(parameters)
        self._trained = list(kernel.trace.gradients)

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        """L and ∂L/∂θ; an infinite loss where something is not finite, from which the line search steps back."""
        parameters = self.at(x)
        try:
            loss, gradients = self._kernel.step(parameters, self._full.inputs, self._full.sizes)
        except NonFiniteError:
            return np.inf, np.zeros_like(x)
        return loss, np.concatenate([np.asarray(gradients[id], np.float64).ravel() for id in self._trained])

    @property
    def x(self) -> Vector:
        """The parameters as one vector."""
        return np.concatenate([self._parameters[id].astype(np.float64).ravel() for id in self._trained])

    def at(self, x: Vector) -> State:
        """The vector as parameters."""
        found, start = dict(self._parameters), 0
        for id in self._trained:
            shape, size = self._parameters[id].shape, self._parameters[id].size
            found[id] = x[start : start + size].reshape(shape).astype(self._kernel.dtype)
            start += size
        return found

    def move(self, x: Vector) -> None:
        """Make the vector the parameters."""
        self._parameters = self.at(x)

    def take(self, order: Order, size: int, rates: Rates, first: int) -> Array:
        raise UnsupportedError("lbfgs makes its own steps")

    def parameters(self) -> State:
        return dict(self._parameters)

    state = parameters

    def restore(self, state: Mapping[str, Array]) -> None:
        self._parameters = dict(state)


@dataclass
class LbfgsRun(Run):
    """The loop is SciPy's; after each of its iterations ours looks."""

    def run(self, epochs: int, shown: Reporter) -> Stopped:
        """As many iterations as epochs, or fewer where the loss falls no further."""
        function: Any = self.steps
        reason: list[Stopped] = []
        began = [time.perf_counter()]

        def after(intermediate_result: OptimizeResult) -> None:
            if not (np.isfinite(intermediate_result.x).all() and math.isfinite(intermediate_result.fun)):
                raise StopIteration  # the step before was the last that can be used
            before = self.parameters
            function.move(intermediate_result.x)
            seconds = time.perf_counter() - began[0]
            self.made, self.previous, self.parameters = self.made + 1, before, function.parameters()
            loss = float(intermediate_result.fun)
            self.history.append(Epoch(len(self.history) + 1, loss, seconds, self.made))
            shown.step(len(self.history), self.made, loss)
            self._look(before, self.batches.order()[:])
            if self.validation is None:
                self._keep_if_better(loss, self.parameters, len(self.history))
            if self._told():
                reason.append("asked")
            elif self._patience_is_out():
                reason.append("early")
            began[0] = time.perf_counter()
            if reason:
                raise StopIteration

        if epochs == 0:
            return "finished"
        options = {"maxiter": epochs, "maxfun": 20 * epochs + 100, "maxcor": REMEMBERED}
        try:
            found = minimize(function, function.x, jac=True, method="L-BFGS-B", callback=after, options=options)
        except KeyboardInterrupt:
            return "interrupted"
        return reason[0] if reason else "finished" if found.nit >= epochs else "converged"
