"""The gradients of a derivation some of whose equations are not followed, computed by NumPy alone, without bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.edits import as_numpy
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, sizes_from
from backproof.ir.expr import Expr
from backproof.ir.traverse import names
from backproof.rules.examples import example_values

Array = np.ndarray[Any, np.dtype[Any]]
Point = dict[str, Array]


def points_of(trace: Trace, samples: int = 6, seeds: Sequence[int] = (1, 2)) -> list[Point]:
    """Values for inputs and parameters, drawn from a normal distribution; targets as the loss wants them."""
    return [_point(trace, samples, seed) for seed in seeds]


def _point(trace: Trace, samples: int, seed: int) -> Point:
    rng = np.random.default_rng(seed)
    X = trace.program.inputs[0]
    shape = tuple(dim if isinstance(dim, int) else samples for dim in X.shape)
    values = example_values(trace.program, seed, {X.id: rng.normal(size=shape)})
    return {id: np.asarray(value, float) for id, value in values.items()}


def following(
    trace: Trace, edits: Mapping[str, Expr], point: Mapping[str, Array], dtype: str = "float64"
) -> Point | None:
    """The gradient of each parameter where edited equations stand for the right ones; None where NumPy raises."""
    evaluator = Evaluator(
        NumpyArithmetic(dtype), sizes_from(trace.program, {id: value.shape for id, value in point.items()})
    )
    values = {id: np.asarray(value, dtype) for id, value in point.items()}
    place = {equation.name.id: number for number, equation in enumerate(trace.joint.equations)}

    def when(id: str) -> float:
        used = names(edits[id]) if id in edits else ()
        return max([place[id], *(place[u] + 0.5 for u in used if u in place)])

    with np.errstate(all="ignore"):
        for equation in sorted(trace.joint.equations, key=lambda e: when(e.name.id)):
            try:
                expr = as_numpy(edits.get(equation.name.id, equation.value))
                values[equation.name.id] = np.asarray(evaluator(expr, values))
            except (ValueError, IndexError):
                return None
    return {parameter: values[gradient] for parameter, gradient in trace.gradients.items()}


def same(a: Sequence[Point], b: Sequence[Point]) -> bool:
    """Whether two programs give the same gradients at all points."""
    pairs = ((x[id], y[id]) for x, y in zip(a, b, strict=True) for id in y)
    return all(x.shape == y.shape and np.allclose(x, y, rtol=1e-9, atol=1e-12) for x, y in pairs)
