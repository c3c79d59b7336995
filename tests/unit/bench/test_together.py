"""Many networks at once: each trains as if it were alone, whatever thread takes it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from backproof.bench.own_peer import LlvmPeer, LlvmTogetherPeer
from backproof.bench.together import Together
from backproof.bench.workloads import WORKLOADS
from backproof.errors import SpecificationError
from backproof.kernels.llvm.run import NativeRun

SEVERAL = replace(WORKLOADS["64x20-64-64-1-adam"], copies=5)


def test_each_network_has_the_bits_of_a_run_alone() -> None:
    together = LlvmTogetherPeer(SEVERAL)
    for _ in range(3):
        together.advance(2)
    found = together.parameters()
    for k, network in enumerate(SEVERAL.networks()):
        alone = LlvmPeer(network)
        alone.advance(6)
        for id, value in alone.parameters().items():
            np.testing.assert_array_equal(found[id][k], value)
    assert not np.array_equal(found["W_1"][0], found["W_1"][1])


def test_losses_come_in_the_order_of_the_networks() -> None:
    peer = LlvmTogetherPeer(SEVERAL)
    order = np.arange(SEVERAL.batch, dtype=np.int64)
    losses = peer._together.steps([order] * 5, SEVERAL.batch)
    again = [LlvmPeer(network)._run.steps(order, SEVERAL.batch) for network in SEVERAL.networks()]
    np.testing.assert_array_equal(losses, again)


def test_a_restart_forgets_everything() -> None:
    peer = LlvmTogetherPeer(SEVERAL)
    peer.advance(2)
    once = peer.parameters()
    peer.restart()
    np.testing.assert_array_equal(peer.parameters()["W_2"], SEVERAL.start()["W_2"])
    peer.advance(2)
    for id, value in peer.parameters().items():
        np.testing.assert_array_equal(value, once[id])


def test_what_fails_in_a_thread_fails() -> None:
    peer = LlvmTogetherPeer(SEVERAL)
    with pytest.raises(SpecificationError, match="not among"):
        peer._together.steps([np.full(SEVERAL.batch, 10**6)] * 5, SEVERAL.batch)


def test_an_interruption_ends_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def interrupted_once(self: NativeRun, order: object, batch: int) -> None:
        begun.append(batch)
        if len(begun) == 1:
            raise KeyboardInterrupt
        time.sleep(0.05)

    peer = LlvmTogetherPeer(SEVERAL)
    monkeypatch.setattr(NativeRun, "steps", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        peer.advance(1)
    assert len(begun) <= 3


def test_one_order_for_each_network() -> None:
    with pytest.raises(SpecificationError, match="4 orders for 5 networks"):
        LlvmTogetherPeer(SEVERAL)._together.steps([np.arange(32)] * 4, 32)
    with pytest.raises(SpecificationError, match="one for each thread"):
        Together([], [])
