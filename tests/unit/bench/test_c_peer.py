"""The loop in C: the same training as everyone's, and a clear word where there is no compiler."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backproof.bench import c_peer
from backproof.bench.c_peer import CPeer, c_compiler, c_source
from backproof.bench.peers import NumpyPeer, absent
from backproof.bench.workloads import Workload
from backproof.errors import UnsupportedError

needs_a_compiler = pytest.mark.skipif(c_compiler() is None, reason="no C compiler here")
SMALL = Workload("small", (5, 7, 6, 2), 3, 4)
CASES = [
    SMALL,
    replace(SMALL, activation="tanh", optimizer="adam"),
    replace(SMALL, activation="sigmoid", output="softmax"),
    replace(SMALL, activation="relu", output="sigmoid", bias=False, optimizer="adam"),
]


@needs_a_compiler
@pytest.mark.parametrize("workload", CASES)
def test_it_is_the_training_of_the_derived_equations(workload: Workload) -> None:
    ours, theirs = NumpyPeer(workload), CPeer(workload)
    for peer in (ours, theirs):
        peer.advance(3)
    for id, value in ours.parameters().items():
        np.testing.assert_allclose(theirs.parameters()[id], value, rtol=1e-4, atol=1e-6)
        assert not np.allclose(workload.start()[id], value, rtol=1e-4, atol=1e-6)


@needs_a_compiler
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_restart_forgets_everything(optimizer: str) -> None:
    peer = CPeer(replace(SMALL, optimizer=optimizer))
    peer.advance(2)
    once = peer.parameters()
    peer.restart()
    assert not np.array_equal(peer.parameters()["W_1"], once["W_1"])
    peer.advance(2)
    for id, value in peer.parameters().items():
        np.testing.assert_array_equal(value, once[id])


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert c_compiler() is None
    assert absent()["c"] == "there is no C compiler"
    with pytest.raises(UnsupportedError, match="no C compiler found"):
        CPeer(replace(SMALL, sizes=(4, 3, 1)))


@needs_a_compiler
def test_a_compiler_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_peer, "FLAGS", ("--no-such-flag",))
    with pytest.raises(UnsupportedError, match=r"refused the loop: .*no-such-flag"):
        CPeer(replace(SMALL, sizes=(4, 2, 1)))


def test_the_first_layer_computes_no_gradient_of_its_input() -> None:
    assert c_source(SMALL).count("        back(") == 2
    assert c_source(SMALL).count("        outer(") == 3
