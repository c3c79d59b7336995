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
from backproof.bench.c_peer import CPeer, c_compiler
from backproof.bench.jax_peer import JaxPeer
from backproof.bench.own_peer import own_peer
from backproof.bench.torch_peer import CompiledTorchPeer, TorchPeer
from backproof.bench.updater import Updater
from backproof.bench.workloads import Workload
from backproof.errors import SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.kernels.closures import run
from backproof.kernels.numpy_backend import NumpyEquations
from backproof.optimizers import optimizer_named

OURS = "backproof"


class Peer(Protocol):
    """A training run that goes on where it stopped."""

    def restart(self) -> None:
        """Back to the initial weights, with an optimiser that remembers nothing; nothing is compiled anew."""

    def advance(self, epochs: int) -> None:
        """Train for some epochs, and wait until that is done."""

    def parameters(self) -> dict[str, Array]:
        """The weights now, by our identifiers; with a leading axis for the networks where there are several."""


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


class OneAfterAnother:
    """Several networks by a peer that knows one."""

    def __init__(self, make: Callable[[Workload], Peer], workload: Workload) -> None:
        self._peers = [make(network) for network in workload.networks()]

    def restart(self) -> None:
        for peer in self._peers:
            peer.restart()

    def advance(self, epochs: int) -> None:
        for peer in self._peers:
            peer.advance(epochs)

    def parameters(self) -> dict[str, Array]:
        each = [peer.parameters() for peer in self._peers]
        return {id: np.stack([one[id] for one in each]) for id in each[0]}


def _each(make: Callable[[Workload], Peer]) -> Callable[[Workload], Peer]:
    return lambda workload: make(workload) if workload.copies == 1 else OneAfterAnother(make, workload)


PEERS: Mapping[str, Callable[[Workload], Peer]] = {
    OURS: own_peer,
    "jax": JaxPeer,
    "torch": TorchPeer,
    "torch.compile": CompiledTorchPeer,
    "c": _each(CPeer),
    "sklearn": _each(SklearnPeer),
    "numpy": _each(NumpyPeer),
}
"""By name; ours first, for the ratios are to it."""
SLOW_TO_START = ("torch.compile",)
"""Peers that take seconds to compile: not for a quick look, unless they are named."""


def arithmetic_differs(peer: str, workload: Workload) -> str:
    """Why a peer's losses cannot be those of the others; empty where they must agree."""
    if peer == "sklearn" and not workload.bias:
        return "scikit-learn has biases and a linear output, so its losses are not compared"
    return ""


def absent() -> dict[str, str]:
    """The peers that cannot be measured here, each with the reason.

    Example:
        >>> "numpy" in absent()
        False
    """
    missing = {
        name: f"{name.partition('.')[0]} is not installed"
        for name in PEERS
        if name not in (OURS, "numpy", "c") and find_spec(name.partition(".")[0]) is None
    }
    return missing if c_compiler() else {**missing, "c": "there is no C compiler"}


def installed(names: Sequence[str] = (), quick: bool = False) -> list[str]:
    """The peers that can be measured here, ours always first.

    Args:
        names: those that are wanted; all where none is named.
        quick: whether those that take long to start are left out, unless they are named.

    Raises:
        SpecificationError: an unknown name, or one that cannot be measured here.

    Example:
        >>> installed(["numpy"])
        ['backproof', 'numpy']
    """
    missing = absent()
    for name in names:
        if name not in PEERS:
            raise SpecificationError(f"unknown peer {name!r}; {suggestion(name, PEERS)}")
        if name in missing:
            raise SpecificationError(f"the peer {name} is absent: {missing[name]}; install it, or leave it out")
    wanted = names or [name for name in PEERS if not (quick and name in SLOW_TO_START)]
    return [name for name in PEERS if name == OURS or (name in wanted and name not in missing)]
