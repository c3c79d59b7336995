"""Expressions written as formulas are read back as they were."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.checking.formulas import formula_of
from backproof.checking.points import draw_points
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program, sizes_from
from backproof.ir.program import Program
from backproof.parsing import parse_expression
from programs import PROGRAMS
from random_programs import random_program

# The grammar never repeats a row and a column against each other, and this program does.
READABLE = {id: build for id, build in PROGRAMS.items() if id != "outer_products"}


def read_back(program: Program) -> int:
    trace = backpropagate(program)
    point = dict(draw_points(trace)[0])
    sizes = sizes_from(trace.program, {id: np.shape(value) for id, value in point.items()})
    evaluator = Evaluator(NumpyArithmetic(), sizes)
    values = evaluate_program(trace.joint, point, evaluator)
    for equation in trace.joint.equations:
        again = parse_expression(formula_of(equation.value), trace.joint.names)
        value = np.broadcast_to(evaluator(again, values), np.shape(values[equation.name.id]))
        np.testing.assert_allclose(value, values[equation.name.id], rtol=1e-12, atol=1e-12)
    return len(trace.joint.equations)


@pytest.mark.parametrize("build", READABLE.values(), ids=READABLE.keys())
def test_every_equation_of_a_derivation(build: Callable[[], Program]) -> None:
    assert read_back(build()) > 1


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int) -> None:
    assert read_back(random_program(seed)) > 1
