"""Identities of stability: each holds in fifty digits, each is tied to its pattern, and none fits anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest

from backproof.dims import Symbol
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Const, Elementwise, Expr, LogSumExp, Name, Softmax, Sum, broadcast, total
from backproof.ir.program import RowsSumToOne
from backproof.ir.traverse import substitute
from backproof.rules.elementwise import exp, log, relu, sigmoid, softplus, tanh
from backproof.rules.rewrites import IDENTITIES, Identity, Surroundings
from oracles import EXACT, Array

n = Symbol("n")
z, p, q, y, t = (Name(id, (n, 3)) for id in "zpqyt")
DEFINITIONS = {
    "p": Elementwise(sigmoid, z),
    "s": Softmax(z, 1),
    "c": Softmax(z, 0),
    "q": 1 - p,
    "h": Elementwise(tanh, z),
}
s, c, h = (Name(id, (n, 3)) for id in "sch")
AROUND = Surroundings(DEFINITIONS, (RowsSumToOne("y", 1), RowsSumToOne("t", 0)))

BY_NAME = {identity.name: identity for identity in IDENTITIES}


def logarithm(x: Expr) -> Expr:
    return Elementwise(log, x)


def spread(normaliser: LogSumExp) -> Expr:
    return broadcast(normaliser, (n, 3))


FITS = [
    ("log_softmax", logarithm(Softmax(z, 1)), z - spread(LogSumExp(z, 1))),
    ("log_softmax", logarithm(s), z - spread(LogSumExp(z, 1))),
    ("log_softmax", logarithm(c), z - spread(LogSumExp(z, 0))),
    ("weights_sum_to_one", total(y * (z - spread(LogSumExp(z, 1)))), total(y * z) - total(LogSumExp(z, 1))),
    ("weights_sum_to_one", total(t * (z - spread(LogSumExp(z, 0)))), total(t * z) - total(LogSumExp(z, 0))),
    ("log_sigmoid", logarithm(p), z - Elementwise(softplus, z)),
    ("log_sigmoid", logarithm(Elementwise(sigmoid, z)), z - Elementwise(softplus, z)),
    ("log_sigmoid", logarithm(1 - p), -Elementwise(softplus, z)),
    ("log_sigmoid", logarithm(q), -Elementwise(softplus, z)),
    ("collect_weights", y * (z - h) + (1 - y) * (-h), y * z - h),
]

FITS_NOT = [
    ("log_softmax", Elementwise(exp, Softmax(z, 1))),
    ("log_softmax", logarithm(z)),
    ("log_softmax", logarithm(p)),
    ("log_softmax", Softmax(z, 1)),
    ("weights_sum_to_one", total(z * (z - spread(LogSumExp(z, 1))))),  # nothing is assumed of z
    ("weights_sum_to_one", total(t * (z - spread(LogSumExp(z, 1))))),  # t sums to 1 down the columns
    ("weights_sum_to_one", total(y * (z - spread(LogSumExp(z, 0))))),
    ("weights_sum_to_one", Sum(y * (z - spread(LogSumExp(z, 1))), 0)),
    ("weights_sum_to_one", total(y * (z + spread(LogSumExp(z, 1))))),
    ("log_sigmoid", logarithm(h)),
    ("log_sigmoid", logarithm(2 - p)),
    ("log_sigmoid", logarithm(p - 1)),
    ("log_sigmoid", logarithm(1 - h)),
    ("log_sigmoid", Elementwise(relu, p)),
    ("collect_weights", y * (z - h) + (1 - t) * (-h)),
    ("collect_weights", y * (z - h) + (1 - y) * (-z)),
    ("collect_weights", y * (z - h) + (2 - y) * (-h)),
    ("collect_weights", y * (z - h) - (1 - y) * (-h)),
    ("collect_weights", y * (z + h) + (1 - y) * (-h)),
]


def label(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "before", "after"), FITS, ids=label)
def test_the_pattern_is_replaced(name: str, before: Expr, after: Expr) -> None:
    assert BY_NAME[name].apply(before, AROUND) == after
    assert after.shape == before.shape


@pytest.mark.parametrize(("name", "before", "after"), FITS, ids=label)
def test_the_two_sides_are_equal_in_fifty_digits(name: str, before: Expr, after: Expr) -> None:
    def value(expr: Expr) -> Array:
        written_out = expr
        for _ in range(2):
            written_out = substitute(written_out, dict(DEFINITIONS))
        return np.asarray(Evaluator(EXACT, {"n": 3})(written_out, numbers()), object)

    assert np.max(abs(value(before) - value(after))) < 1e-45


def numbers() -> Mapping[str, Array]:
    rng = np.random.default_rng(0)
    weights = np.array([[1, 2, 5], [4, 3, 1], [3, 3, 2]]) / 8  # the rows and the columns sum to 1
    return {"z": EXACT.array(rng.normal(size=(3, 3))), "y": EXACT.array(weights), "t": EXACT.array(weights)}


@pytest.mark.parametrize(("name", "expr"), FITS_NOT, ids=label)
def test_anything_else_is_left(name: str, expr: Expr) -> None:
    assert BY_NAME[name].apply(expr, AROUND) is None


def test_every_identity_is_tried_out_here() -> None:
    assert set(BY_NAME) == {name for name, *_ in FITS} == {name for name, _ in FITS_NOT}


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
def test_an_identity_says_what_it_is(identity: Identity) -> None:
    assert re.search(" = ", identity.law)
    assert identity.reason
    assert not re.search(r"[\\$]", identity.reason), "a reason is a sentence without markup"


def test_a_name_that_is_an_input_stands_for_itself() -> None:
    assert AROUND.value(z) == z
    assert AROUND.value(p) == DEFINITIONS["p"]
    assert AROUND.value(Const(Fraction(1))) == Const(Fraction(1))
    assert not AROUND.sums_to_one(2 * y, 1)
