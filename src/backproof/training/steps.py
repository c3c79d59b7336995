"""What makes the steps of a training, in NumPy or in machine code: indices in, losses out, parameters inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backproof.errors import NonFiniteError
from backproof.ir.arguments import drawn_inputs
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.closures import run
from backproof.kernels.llvm.run import NativeRun, Order
from backproof.kernels.llvm.steps import Update
from backproof.kernels.numpy_backend import NumpyEquations, NumpyKernel
from backproof.optimizers import RATE
from backproof.training.batches import Batch, Batches
from backproof.training.window import Window

State = dict[str, Array]
Rates = npt.NDArray[np.float64]


class Diverged(Exception):  # noqa: N818  # not an error of its own: the loop says where it happened
    """A step found something that is not finite.

    Attributes:
        error: what, and in which equation.
        step: which of the steps that were asked for, counted from 0.
        parameters, previous: those of the step, and of the one before.
    """

    def __init__(self, error: NonFiniteError, step: int, parameters: State, previous: State) -> None:
        super().__init__(str(error))
        self.error, self.step, self.parameters, self.previous = error, step, parameters, previous


class Steps(Protocol):
    """Makes steps; everything that training changes is its state."""

    backend: str
    at_once: bool
    """Whether many steps in one call are faster than one by one."""

    def take(self, order: Order, size: int, rates: Rates, first: int) -> Array:
        """The losses of the batches, each before its update.

        Args:
            order: indices of samples, a whole number of batches.
            size: samples in a batch.
            rates: η of each step.
            first: how many steps were made before.

        Raises:
            Diverged: something became NaN or infinite.
        """
        ...

    def parameters(self) -> State:
        """Copies of the parameters, and of what the program remembers for predictions."""
        ...

    def state(self) -> State:
        """Copies of everything that a step changes."""
        ...

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go back to a state."""
        ...


class NumpySteps:
    """Steps by NumPy, one equation after the other: the reference.

    Args:
        kernel: gives every quantity of the derivation.
        batches: the samples.
        updates: what changes in a step.
        beginning: the state before the first step.
        seed: for random inputs.
    """

    backend = "numpy"
    at_once = False

    def __init__(
        self, kernel: NumpyKernel, batches: Batches, updates: Sequence[Update], beginning: Mapping[str, Any], seed: int
    ) -> None:
        self.kernel, self.batches, self._seed = kernel, batches, seed
        self._program = kernel.trace.program
        self._moves = {new: old for update in updates for new, old in update.moves.items()}
        self._equations = NumpyEquations([e for update in updates for e in update.equations], kernel.dtype)
        self._state = {id: np.asarray(value, kernel.dtype) for id, value in beginning.items() if id != RATE.id}
        self._previous = self._state

    def take(self, order: Order, size: int, rates: Rates, first: int) -> Array:
        losses = np.zeros(len(rates), self.kernel.dtype)
        for step, start in enumerate(range(0, len(order), size)):
            batch = self.batches.chosen(order[start : start + size])
            try:
                losses[step] = self._step(batch, rates[step], first + step)
            except NonFiniteError as error:
                raise Diverged(error, step, self.parameters(), self._only_parameters(self._previous)) from error
        return losses

    def _step(self, batch: Batch, rate: float, number: int) -> Any:
        values = self.values(self._state, batch, number)
        values[RATE.id] = np.asarray(rate, self.kernel.dtype)
        run(self._equations.instructions(batch.sizes), values)
        # Replaced whole, so that an interruption finds all of it in order.
        after = {**self._state, **{old: values[new] for new, old in self._moves.items()}}
        self._previous, self._state = self._state, after
        return values[self._program.loss]

    def values(self, state: Mapping[str, Array], batch: Batch, number: int) -> dict[str, Any]:
        """Every quantity of the derivation in a step of that number, which changes nothing.

        Raises:
            NonFiniteError: one is not finite.
        """
        drawn = drawn_inputs(self._program, self._program.drawn, batch.sizes, self.kernel.dtype, self._seed, number)
        return self.kernel.values({**state, **batch.inputs, **drawn}, batch.sizes)

    def parameters(self) -> State:
        return self._only_parameters(self._state)

    def _only_parameters(self, state: Mapping[str, Array]) -> State:
        remembered = [each.name for each in self._program.remembered]
        return {name.id: state[name.id] for name in (*self._program.parameters, *remembered)}

    def state(self) -> State:
        return dict(self._state)

    def restore(self, state: Mapping[str, Array]) -> None:
        self._previous = self._state = {id: np.asarray(state[id], self.kernel.dtype) for id in self._state}


class NativeSteps:
    """The same steps in machine code; where they go wrong, the reference finds the step and the equation.

    Args:
        native: the run in machine code.
        program: the network.
        reference: gives what makes a step again that went wrong.
        window: the samples that are in memory, if not all are: those that the run knows.
    """

    backend = "llvm"
    at_once = True

    def __init__(
        self, native: NativeRun, program: Program, reference: Callable[[], NumpySteps], window: Window | None = None
    ) -> None:
        self._native, self._program, self._reference, self._window = native, program, reference, window
        # Of the steps so far: what follows them begins with it, and must be able to go back to it.
        self._now = native.state()

    def take(self, order: Order, size: int, rates: Rates, first: int) -> Array:
        try:
            losses = self._made(order, size, rates, first)
            if not np.isfinite(losses).all():
                self._native.restore(self._now)
                self._find_divergence(order, size, rates, first)
        finally:
            self._now = self._native.state()
        return losses

    def _made(self, order: Order, size: int, rates: Rates, first: int) -> Array:
        """The steps in machine code, as many at a time as there are samples in memory for."""
        if self._window is None:
            return self._native.steps(order, size, rates, first)
        losses: list[Array] = []
        for part in self._window.pieces(order, size):
            places, done = self._window.hold(order[part]), part.start // size
            made = slice(done, done + len(places) // size)
            losses.append(self._native.steps(places, size, rates[made], first + done))
        return np.concatenate(losses)

    def _find_divergence(self, order: Order, size: int, rates: Rates, first: int) -> None:
        """The steps once more, one at a time, until the reference names what became non-finite.

        Raises:
            Diverged: always, unless all is finite this time.
        """
        previous, reference = self._native.parameters(), self._reference()
        for step, start in enumerate(range(0, len(order), size)):
            chosen = order[start : start + size]
            parameters = self._native.parameters()
            try:
                reference.values(parameters, reference.batches.chosen(chosen), first + step)
            except NonFiniteError as error:
                raise Diverged(error, step, parameters, previous) from error
            losses = self._made(chosen, size, rates[step : step + 1], first + step)
            if not np.isfinite(losses).all():  # only there, by another order of the sums
                raise Diverged(self._lost(float(losses[0])), step, parameters, previous)
            previous = parameters

    def _lost(self, loss: float) -> NonFiniteError:
        """Machine code lost a loss that the reference still finds finite."""
        id = self._program.loss
        what = "NaN" if np.isnan(loss) else "infinite"
        return NonFiniteError(f"{id} became {what}; scale the data and the weights down", quantity=id)

    def parameters(self) -> State:
        remembered = (each.name for each in self._program.remembered)
        return {name.id: self._now[name.id] for name in (*self._program.parameters, *remembered)}

    def state(self) -> State:
        return dict(self._now)

    def restore(self, state: Mapping[str, Array]) -> None:
        self._native.restore(state)
        self._now = self._native.state()
