"""The time to a given held-out loss: peers train in chunks, off the clock between them their loss is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.bench.peers import PEERS, Peer
from backproof.bench.workloads import Workload
from backproof.ir.arithmetic import Array
from backproof.kernels.numpy_backend import compile_numpy

CHUNKS = 16
"""In a race: fewer would say the time coarsely, more would time calls."""
MOST_EPOCHS = 2000
LATE = 2
"""A peer that takes so many times the epochs of the reference does not arrive."""


class Referee:
    """The loss on data of one's choice in float64, by the derived equations."""

    def __init__(self, workload: Workload, X: Array, y: Array) -> None:
        self._kernel = compile_numpy(backpropagate(workload.program()), "float64")
        self._inputs, self._copies = {"X": X, "y": y}, workload.copies

    def losses(self, parameters: Mapping[str, Array]) -> list[float]:
        """Of each network."""
        several = self._copies > 1
        each = ({id: value[k] if several else value for id, value in parameters.items()} for k in range(self._copies))
        with np.errstate(all="ignore"):
            return [self._loss(one) for one in each]

    def _loss(self, parameters: Mapping[str, Array]) -> float:
        arguments = self._kernel.checked(parameters, self._inputs)
        return self._kernel.step(arguments.parameters, arguments.inputs, arguments.sizes)[0]

    def mean(self, parameters: Mapping[str, Array]) -> float:
        """Over the networks."""
        return float(np.mean(self.losses(parameters)))


class Race:
    """A workload with a goal, and how many epochs lie between two looks at the loss.

    Args:
        workload: what is trained; has a goal.
        make: the reference, which finds out how far it is.
    """

    def __init__(self, workload: Workload, make: Callable[[Workload], Peer] = PEERS["numpy"]) -> None:
        self.referee = Referee(workload, *workload.held_out())
        self._goal = float("-inf") if workload.goal is None else workload.goal
        peer, needed = make(workload), 0
        while needed < MOST_EPOCHS and not self._arrived(peer):
            peer.advance(1)
            needed += 1
        self.chunk = -(-needed // CHUNKS)
        self._most = LATE * needed

    def seconds(self, peer: Peer) -> float:
        """From the initial weights to the goal, training alone; infinite where the peer does not get there."""
        peer.advance(1)  # wakes its own threads and fills the caches, off the clock
        peer.restart()
        taken, epochs = 0.0, 0
        while not self._arrived(peer):
            if epochs >= self._most:
                return float("inf")
            began = time.perf_counter()
            peer.advance(self.chunk)
            taken += time.perf_counter() - began
            epochs += self.chunk
        return taken

    def loss(self, peer: Peer) -> float:
        """Of the held-out data, now."""
        return self.referee.mean(peer.parameters())

    def _arrived(self, peer: Peer) -> bool:
        return self.loss(peer) <= self._goal
