"""PyTorch as most people use it: an eager step, and the same step under ``torch.compile``."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.bench.workloads import Workload
from backproof.ir.arithmetic import Array


class TorchPeer:
    """Forward, ``backward`` and an optimiser's step for each batch; several networks are stacked in one."""

    compiled = False

    def __init__(self, workload: Workload) -> None:
        import torch

        X, y = workload.data()
        self._X, self._y, self._batch = torch.from_numpy(X), torch.from_numpy(y), workload.batch
        self._start, self._rate = workload.start(), workload.rate
        self._rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[workload.optimizer]
        self._parameters = {id: torch.tensor(value, requires_grad=True) for id, value in self._start.items()}
        self.restart()
        loss = _loss(workload)
        self._loss = loss
        if self.compiled:
            # The graphs of one function are counted across workloads, and from the ninth on it would run uncompiled.
            torch.compiler.reset()
            self._loss = torch.compile(loss)

    def restart(self) -> None:
        import torch

        with torch.no_grad():
            for id, value in self._start.items():
                self._parameters[id].copy_(torch.from_numpy(value))
        self._optimizer = self._rule(list(self._parameters.values()), lr=self._rate)

    def advance(self, epochs: int) -> None:
        for _ in range(epochs):
            for start in range(0, len(self._X), self._batch):
                batch = slice(start, start + self._batch)
                self._optimizer.zero_grad(set_to_none=True)
                self._loss(self._parameters, self._X[batch], self._y[batch]).backward()
                self._optimizer.step()

    def parameters(self) -> dict[str, Array]:
        return {id: np.array(value.detach().numpy()) for id, value in self._parameters.items()}


class CompiledTorchPeer(TorchPeer):
    """The same with the loss and its gradient under ``torch.compile``."""

    compiled = True


def _loss(workload: Workload) -> Any:
    import torch

    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "identity": lambda x: x}
    layers = len(workload.sizes) - 1

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for k in range(1, layers + 1):
            weights = parameters[f"W_{k}"]
            if workload.bias and workload.copies == 1:
                x = torch.addmm(parameters[f"b_{k}"], x, weights)
            else:
                x = x @ weights + parameters[f"b_{k}"] if workload.bias else x @ weights
            if k < layers:
                x = functions[workload.activation](x)
        if workload.classifies:
            return torch.nn.functional.cross_entropy(x, y)
        # The mean over the networks as well would divide each one's gradient by their number.
        return 0.5 * workload.copies * torch.mean((functions[workload.output](x) - y) ** 2)

    return loss
