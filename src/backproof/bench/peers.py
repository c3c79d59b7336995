"""Who is measured: each peer trains the same network on the same batches in the same order, in float32."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from backproof.backprop.sweep import backpropagate
from backproof.bench.jax_peer import JaxPeer
from backproof.bench.torch_peer import CompiledTorchPeer, TorchPeer
from backproof.bench.workloads import Workload
from backproof.errors import SpecificationError, UnsupportedError, suggestion
from backproof.ir.arithmetic import Array
from backproof.kernels.backends import compile_trace
from backproof.kernels.closures import run
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.training.batches import Batches
from backproof.training.choice import Job
from backproof.training.clipping import Clipping
from backproof.training.rates import LearningRate
from backproof.training.schedules import Horizon, constant
from backproof.optimizers import optimizer_named
from backproof.training.updater import Updater

OURS = "backproof"


class Peer(Protocol):
    """A training run that goes on where it stopped."""

    def restart(self) -> None:
        """Back to the initial weights, with an optimiser that remembers nothing; nothing is compiled anew."""

    def advance(self, epochs: int) -> None:
        """Train for some epochs, and wait until that is done."""

    def parameters(self) -> dict[str, Array]:
        """The weights now, by our identifiers."""


class LlvmPeer:
    """Backproof's own machine code."""

    def __init__(self, workload: Workload) -> None:
        X, y = workload.data()
        kernel = compile_trace(backpropagate(workload.program()), "llvm", "float32")
        if not isinstance(kernel, LlvmKernel):
            raise UnsupportedError("there is no machine code for this computer; leave out --peers backproof")
        checked = kernel.checked(workload.start(), {"X": X, "y": y})
        batches = Batches(kernel.trace.program, checked, workload.batch, shuffle=False, seed=0)
        rule = optimizer_named(workload.optimizer)
        rate = LearningRate(workload.rate, constant(), Horizon(steps=1, steps_per_epoch=1))
        parameters, dtype = checked.parameters, kernel.dtype
        self._run = Job(kernel.trace, batches, rule, rate, Clipping(), parameters, dtype, 1, 0).native_run()
        self._batch, self._epoch = workload.batch, np.arange(len(X), dtype=np.int64)
        self._orders = {1: self._epoch}
        self._beginning = self._run.state()

    def restart(self) -> None:
        self._run.restore(self._beginning)

    def advance(self, epochs: int) -> None:
        # Made once, off the clock: a compiled loop over batches needs no such list.
        if epochs not in self._orders:
            self._orders = {1: self._epoch, epochs: np.tile(self._epoch, epochs)}
        self._run.steps(self._orders[epochs], self._batch)

    def parameters(self) -> dict[str, Array]:
        return self._run.parameters()


class NumpyPeer:
    """The derived equations as NumPy calls one after another, which is what a program by hand does."""

    def __init__(self, workload: Workload) -> None:
        self._X, self._y = workload.data()
        self._batch, self._start = workload.batch, workload.start()
        trace = backpropagate(workload.program())
        self._instructions = NumpyEquations(trace.joint.equations, "float32").instructions({"n": workload.batch})
        self._gradients = trace.gradients
        self._rule, self._rate = optimizer_named(workload.optimizer), workload.rate
        self.restart()

    def restart(self) -> None:
        self._parameters = self._start
        self._update = Updater(self._rule, self._start, self._rate)

    def advance(self, epochs: int) -> None:
        for _ in range(epochs):
            for start in range(0, len(self._X), self._batch):
                batch = slice(start, start + self._batch)
                values = {"X": self._X[batch], "y": self._y[batch], **self._parameters}
                run(self._instructions, values)
                gradients = {id: values[gradient] for id, gradient in self._gradients.items()}
                self._parameters = self._update(self._parameters, gradients)

    def parameters(self) -> dict[str, Array]:
        return self._parameters


class SklearnPeer:
    """scikit-learn's networks: ``partial_fit`` over an epoch, its own batches inside."""

    def __init__(self, workload: Workload) -> None:
        X, y = workload.data()
        self._X, self._y = X, np.argmax(y, axis=1) if workload.classifies else y.ravel()
        model = MLPClassifier if workload.classifies else MLPRegressor
        self._model = model(
            hidden_layer_sizes=workload.sizes[1:-1],
            activation={"sigmoid": "logistic"}.get(workload.activation, workload.activation),
            solver=workload.optimizer,
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=workload.rate,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        self._more: dict[str, Any] = {"classes": np.arange(workload.sizes[-1])} if workload.classifies else {}
        self.advance(1)  # makes the arrays that then take our weights
        start, last = workload.start(), len(workload.sizes)
        self._weights = [start[f"W_{k}"] for k in range(1, last)]
        self._biases = [start[f"b_{k}"].ravel() if workload.bias else np.float32(0) for k in range(1, last)]
        self.restart()

    def restart(self) -> None:
        arrays = [*self._model.coefs_, *self._model.intercepts_]
        for array, value in zip(arrays, [*self._weights, *self._biases], strict=True):
            array[...] = value
        del self._model._optimizer  # the next step makes a new one

    def advance(self, epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in range(epochs):
                self._model.partial_fit(self._X, self._y, **self._more)

    def parameters(self) -> dict[str, Array]:
        weights = {f"W_{k}": value for k, value in enumerate(self._model.coefs_, 1)}
        return weights | {f"b_{k}": value[None] for k, value in enumerate(self._model.intercepts_, 1)}


PEERS: Mapping[str, Callable[[Workload], Peer]] = {
    OURS: LlvmPeer,
    "jax": JaxPeer,
    "torch": TorchPeer,
    "torch.compile": CompiledTorchPeer,
    "sklearn": SklearnPeer,
    "numpy": NumpyPeer,
}
"""By name; ours first, for the ratios are to it."""


def arithmetic_differs(peer: str, workload: Workload) -> str:
    """Why a peer's losses cannot be those of the others; empty where they must agree."""
    if peer == "sklearn" and not workload.bias:
        return "scikit-learn has biases and a linear output, so its losses are not compared"
    return ""


def installed(names: Sequence[str] = ()) -> list[str]:
    """The peers that can be measured here, ours always first.

    Raises:
        SpecificationError: an unknown name, or one whose library is not installed.

    Example:
        >>> installed(["numpy"])
        ['backproof', 'numpy']
    """
    here = [name for name in PEERS if name in (OURS, "numpy") or find_spec(name.partition(".")[0]) is not None]
    for name in names:
        if name not in PEERS:
            raise SpecificationError(f"unknown peer {name!r}; {suggestion(name, PEERS)}")
        if name not in here:
            raise SpecificationError(f"the peer {name} is not installed; install it, or leave it out")
    return [name for name in here if not names or name in names or name == OURS]
