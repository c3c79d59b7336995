"""A window on an expression shows what the whole value has there."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.edits import as_numpy
from backproof.checking.mutants import mutants
from backproof.checking.windows import LARGE, SIDE, Window, seen_through, window_on
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator


def test_a_small_matrix_is_seen_whole_and_a_large_one_where_it_is_large() -> None:
    assert window_on(np.ones((3, 4))) == Window()
    large = np.zeros((100, 100))
    assert large.size >= LARGE
    large[77, 13] = -5
    window = window_on(large)
    assert window.rows is not None
    assert window.columns is not None
    assert len(window.rows) == len(window.columns) == SIDE
    assert window.of(large).min() == -5


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_every_mutant_through_a_window(samples: str) -> None:
    net = bp.mlp(3, 4, 3, bias=True, activation="gelu", loss="cross_entropy", samples=samples, penalty=1)  # type: ignore[arg-type]
    trace = backpropagate(net)
    evaluator, rng = Evaluator(NumpyArithmetic(), {"n": 4}), np.random.default_rng(0)
    values: dict[str, np.ndarray] = {}
    for name in (*trace.program.inputs, *trace.program.parameters):
        values[name.id] = rng.normal(size=[dim if isinstance(dim, int) else 4 for dim in name.shape])
    for equation in trace.joint.equations:
        values[equation.name.id] = evaluator(equation.value, values)
    compared = 0
    for m in mutants(trace, {"n": 4}):
        whole = np.asarray(evaluator(as_numpy(m.wrong), values))
        if whole.ndim == 2 and min(whole.shape) > 1:
            window = Window(np.array([1]), np.array([0, 1]))
            seen = seen_through(window, as_numpy(m.wrong), evaluator, values)
            np.testing.assert_allclose(seen, whole[1:2, :2], rtol=1e-12)
            compared += 1
    assert compared > 100
