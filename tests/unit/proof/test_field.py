"""Free functions modulo a prime: the laws that they obey, and that they obey no others."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Elementwise, LogSumExp, Name, Softmax, total
from backproof.proof.field import PRIMITIVE, FieldArithmetic
from backproof.proof.modular import P, PoleError, Residues, inverse, multiply, sign
from backproof.rules.elementwise import FUNCTIONS, relu, sigmoid

FIELD = FieldArithmetic(key=3)


def x(seed: int = 0, *shape: int) -> Residues:
    return np.random.default_rng(seed).integers(1, P, shape or (200,), dtype=np.int64)


def f(name: str, values: Residues) -> Residues:
    result = FIELD.primitive(name, values)
    assert result is not None
    return result


def same(a: Residues, b: Residues) -> bool:
    return bool(np.array_equal(a, b))


def test_primitives_are_the_functions_without_a_definition() -> None:
    assert set(PRIMITIVE) == {name for name, fn in FUNCTIONS.items() if fn.definition is None}
    assert FIELD.primitive("sigmoid", x()) is None


def test_exp() -> None:
    e = f("exp", x())
    assert same(f("exp", FIELD.negative(x())), inverse(e))
    assert (sign(e) == 1).all()
    assert same(sign(FIELD.subtract(e, np.asarray(1))), sign(x()))
    assert f("exp", np.zeros(2, np.int64)).tolist() == [1, 1]


def test_log() -> None:
    positive = multiply(x(), x())
    logarithm = f("log", positive)
    assert same(f("log", inverse(positive)), FIELD.negative(logarithm))
    assert same(sign(logarithm), sign(FIELD.subtract(positive, np.asarray(1))))
    assert f("log", np.ones(2, np.int64)).tolist() == [0, 0]
    with pytest.raises(PoleError):
        f("log", np.zeros(2, np.int64))


@pytest.mark.parametrize("name", ["erf", "sin", "sign"])
def test_odd_functions(name: str) -> None:
    assert same(f(name, FIELD.negative(x())), FIELD.negative(f(name, x())))
    assert f(name, np.zeros(2, np.int64)).tolist() == [0, 0]


def test_sine_and_cosine() -> None:
    s, c = f("sin", x()), f("cos", x())
    assert same(f("cos", FIELD.negative(x())), c)
    assert same(FIELD.add(multiply(s, s), multiply(c, c)), np.ones(200, np.int64))
    assert f("cos", np.zeros(1, np.int64)).tolist() == [1]


def test_sign_and_erf_say_on_which_side_of_zero() -> None:
    assert same(sign(f("erf", x())), sign(x()))
    assert same(f("sign", x()), sign(x()) % P)


@pytest.mark.parametrize("name", ["exp", "log", "erf", "sin", "cos"])
def test_no_other_law_holds(name: str) -> None:
    a, b = x(), x(1)
    at_sum, at_product = f(name, FIELD.add(a, b)), f(name, multiply(a, b))
    for other in (multiply(f(name, a), f(name, b)), FIELD.add(f(name, a), f(name, b))):
        assert not (at_sum == other).any()
        assert not (at_product == other).any()


def test_values_are_spread_and_depend_on_the_key() -> None:
    values = f("erf", x())
    assert len(set(values.tolist())) > 195
    assert not (values == FieldArithmetic(key=4).primitive("erf", x())).any()
    assert 0.4 < float(values.mean()) / P < 0.6


def test_comparisons() -> None:
    zero, a = np.zeros(200, np.int64), x()
    assert same(FIELD.greater(a, zero), (sign(a) == 1).astype(np.int64))
    assert same(FIELD.greater(zero, a), (sign(a) == -1).astype(np.int64))
    assert not FIELD.greater(a, a).any()
    chosen = FIELD.where(FIELD.greater(a, zero), a, zero)
    assert same(chosen, np.where(sign(a) == 1, a, 0))
    assert same(FIELD.greater(chosen, zero), FIELD.greater(a, zero))


def test_comparisons_are_counted() -> None:
    field = FieldArithmetic(key=0)
    field.greater(np.asarray([4, 9]), np.asarray([0, 0]))
    field.greater(np.asarray([4, P - 4]), np.asarray([0, 0]))
    field.primitive("sign", np.asarray([P - 4]))
    field.greater(np.asarray([[4, 9], [P - 4, 0]]), np.zeros((2, 2), np.int64))
    field.greater(np.asarray([[4, P - 9], [0, 0]]), np.zeros((2, 2), np.int64))
    assert [(c.positive, c.negative, c.count) for c in field.comparisons[:3]] == [
        (True, False, 2),
        (True, True, 2),
        (False, True, 1),
    ]
    assert [c.alive for c in field.comparisons[3:]] == [(False, True), (True, False)]


def test_functions_go_by_their_definitions() -> None:
    evaluator = Evaluator(FIELD, {})
    z = Name("z", (4, 5))
    env = {"z": x(0, 4, 5)}
    s = evaluator(Elementwise(sigmoid, z), env)
    assert same(evaluator(Elementwise(sigmoid, -z), env), FIELD.subtract(np.asarray(1), s))
    assert same(evaluator(Elementwise(relu, z) - Elementwise(relu, -z), env), env["z"])
    ones = np.ones((4, 1), np.int64)
    assert same(evaluator(total(Softmax(z, 1), 1), env), ones)
    largest = f("log", FIELD.sum(f("exp", env["z"]), 1))
    assert same(evaluator(LogSumExp(z, 1), env), largest)


def test_exact_operations() -> None:
    a, b = x(0, 3, 4), x(1, 4, 2)
    assert same(FIELD.matmul(a, b), np.asarray(a.astype(object) @ b.astype(object) % P, np.int64))
    assert same(FIELD.divide(multiply(a, a), a), a)
    assert same(FIELD.sum(a, 0), a.sum(0, keepdims=True) % P)
    assert FIELD.sum(a, None).shape == ()
    assert same(
        FIELD.power(FIELD.pi(), Fraction(1, 2)), FIELD.divide(FIELD.pi(), FIELD.power(FIELD.pi(), Fraction(1, 2)))
    )
