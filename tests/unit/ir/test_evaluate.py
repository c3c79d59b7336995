"""Values: every case of every class against plain NumPy, in floats and in fifty digits; sizes found from arrays."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.dims import Symbol, concrete
from backproof.errors import BackproofError, ShapeError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import VALUE, Evaluator, evaluate_program, sizes_from
from backproof.ir.expr import Assembled, Component, Elementwise, Function, Name, Partial, SumOver
from backproof.ir.program import Program
from cases import OP_CASES, SIZES, Case, environment
from oracles import EXACT, apart, exactly

every_case = pytest.mark.parametrize("case", OP_CASES, ids=lambda case: case.id)


@every_case
def test_the_value_is_numpys_and_has_the_shape_that_the_class_states(case: Case) -> None:
    env = environment(case.positive)
    value = np.asarray(Evaluator(NumpyArithmetic(), SIZES)(case.expr, env))
    expected = np.asarray(case.value(env))
    assert value.shape == concrete(case.expr.shape, SIZES)
    assert expected.shape == value.shape
    np.testing.assert_allclose(value, expected, rtol=2e-15, atol=1e-15)


@every_case
def test_floating_point_is_near_the_value_in_fifty_digits(case: Case) -> None:
    env = environment(case.positive, seed=1)
    exact = np.asarray(Evaluator(EXACT, SIZES)(case.expr, exactly(env)))
    assert apart(np.asarray(Evaluator(NumpyArithmetic(), SIZES)(case.expr, env)), exact) < 1e-14
    assert all(isinstance(number, EXACT.context.mpf) for number in exact.flat), "not all numbers have fifty digits"


@every_case
@pytest.mark.parametrize("dtype", ["float32", "longdouble", "complex128"])
def test_the_precision_of_the_arrays_is_kept(case: Case, dtype: str) -> None:
    env = {id: value.astype(dtype) for id, value in environment(case.positive).items()}
    value = np.asarray(Evaluator(NumpyArithmetic(dtype), SIZES)(case.expr, env))
    assert value.dtype == np.dtype(dtype)


def test_only_the_symbol_of_a_derivative_has_no_value() -> None:
    symbol = Partial(Name("L"), Name("W", (2, 3)))
    assert Partial not in VALUE
    with pytest.raises(BackproofError, match="Partial is a symbol and has no value of its own"):
        Evaluator(NumpyArithmetic(), {})(symbol, {})


def test_index_variables_are_forgotten_outside_of_what_binds_them() -> None:
    evaluator = Evaluator(NumpyArithmetic(), {})
    A = Name("A", (2, 3))
    env = {"A": np.arange(6.0).reshape(2, 3)}
    nested = SumOver("k", 2, SumOver("k", 3, Component(A, 1, "k")))
    assert evaluator(nested, env) == 2 * env["A"][0].sum()
    assert evaluator.indices == {}
    evaluator(Assembled((2, 3), "i", "j", Component(A, "i", "j")), env)
    assert evaluator.indices == {}
    with pytest.raises(KeyError):
        evaluator(Component(A, "i", 1), env)


def test_a_function_that_nothing_is_known_of_is_an_error() -> None:
    unknown = Elementwise(Function("mystery"), Name("x"))
    with pytest.raises(BackproofError, match="'mystery' has neither a definition nor a value here"):
        Evaluator(NumpyArithmetic(), {})(unknown, {"x": np.asarray(1.0)})


def test_a_program_gives_every_named_quantity() -> None:
    program = bp.mlp(3, 2, 1)
    rng = np.random.default_rng(0)
    env = {name.id: rng.normal(size=concrete(name.shape, {"n": 5})) for name in (*program.inputs, *program.parameters)}
    found = evaluate_program(program, env, Evaluator(NumpyArithmetic(), {"n": 5}))
    assert list(found) == ["X", "y", "W_1", "W_2", "l_1", "y_hat", "L"]
    assert {id: value.shape for id, value in found.items()} == {
        id: concrete(name.shape, {"n": 5}) for id, name in program.names.items()
    }


# --- sizes from shapes --------------------------------------------------------------------------------------------

n = Symbol("n")
PROGRAM = bp.mlp(3, 2, 1)
SHAPES = {"X": (4, 3), "y": (4, 1), "W_1": (3, 2), "W_2": (2, 1)}


def test_sizes_are_found_from_shapes() -> None:
    assert sizes_from(PROGRAM, SHAPES) == {"n": 4}
    assert sizes_from(PROGRAM.with_sizes(n=4), SHAPES) == {}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": None}, r"no value was given for X; pass X=<array of shape \(n, 3\)>"),
        ({"y": None}, r"no value was given for y; pass y=<array of shape \(4, 1\)>"),
        ({"X": (4,)}, r"X has shape \(4,\), but must be \(n, 3\)"),
        ({"X": (4, 2)}, r"X has shape \(4, 2\), but must be \(4, 3\)"),
        ({"y": (5, 1)}, r"y has shape \(5, 1\), so n would be 5, but X has n = 4"),
        ({"y": (4,)}, r"y has shape \(4,\), but must be \(4, 1\)"),
        ({"W_1": (2, 3)}, r"W_1 has shape \(2, 3\), but must be \(3, 2\)"),
        ({"W_2": ()}, r"W_2 has shape \(\), but must be \(2, 1\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(changed: dict[str, tuple[int, ...] | None], message: str) -> None:
    shapes = {id: shape for id, shape in {**SHAPES, **changed}.items() if shape is not None}
    with pytest.raises(ShapeError, match=f"^{message}$"):
        sizes_from(PROGRAM, shapes)


def test_one_symbol_in_one_array_twice() -> None:
    square = Name("S", (n, n))
    program = Program((square, Name("c")), (), (), "c")
    assert sizes_from(program, {"S": (3, 3), "c": ()}) == {"n": 3}
    with pytest.raises(ShapeError, match=r"S has shape \(3, 4\), so n would be 4, but S has n = 3"):
        sizes_from(program, {"S": (3, 4), "c": ()})
