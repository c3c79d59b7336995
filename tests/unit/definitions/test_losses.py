"""A user's own loss: equal to the built-in one where they are the same; either orientation; and every refusal."""

from __future__ import annotations

import pickle
import re
import warnings
from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.definitions import loss
from backproof.dims import SCALAR, Symbol, concrete
from backproof.errors import BackproofError, ShapeError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Name
from backproof.networks import mlp
from backproof.rules import losses
from backproof.rules.losses import LOSSES, loss_named


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "_user_losses", {})


@pytest.mark.parametrize(
    ("formula", "built_in"),
    [
        ("1/2*sum((y - y_hat)^2)", "half_squared_error"),
        ("mean((y - y_hat)^2)", "mean_squared_error"),
        ("mean(abs(y - y_hat))", "mean_absolute_error"),
        ("mean(huber(y_hat - y))", "huber"),
        ("-(1/n*sum(y*log(ŷ)))", "cross_entropy"),
        ("-mean(y*log(y_hat) + (1 - y)*log(1 - y_hat))", "binary_cross_entropy"),
    ],
)
def test_a_built_in_by_its_formula_is_the_same_expression(formula: str, built_in: str) -> None:
    own, known = loss("own", formula), LOSSES[built_in]
    n = Symbol("n")
    for shape in ((n, 3), (n, Symbol("m")), (7, 2)):
        p, y = Name("p", shape), Name("t", shape)
        assert own.build(p, y, shape[0]) == known.build(p, y, shape[0])


def test_it_is_registered_public_and_can_be_pickled() -> None:
    own = loss("log_cosh", " mean(log_cosh(y_hat\n- y)) ")
    assert bp.loss is loss
    assert loss_named("log_cosh") is own
    assert own.label == "mean(log_cosh(y_hat - y))"
    assert pickle.loads(pickle.dumps(own)) == own  # noqa: S301
    assert loss("log_cosh", "sum(log_cosh(y_hat - y))") != own


FORMULAS = {
    "cosine": "1 - mean(sum(y_hat*y, axis=1)/sqrt(sum(y_hat^2, axis=1)*sum(y^2, axis=1) + 0.01))",
    "quartic": "sum((y_hat - y)^4)/(4*n)",
    "gram": "sum((y_hat.T @ y_hat - y.T @ y)^2)/n^2",
    "softmax": "-sum(y*log_softmax(y_hat))/n",
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_samples_in_columns_give_the_same_loss_and_transposed_gradients(formula: str) -> None:
    own = loss("own", formula)
    rng = np.random.default_rng(3)
    rows, columns = (mlp(3, 4, 2, loss=own, samples=s) for s in ("rows", "columns"))
    sizes = {"n": 5}
    env = {q.id: rng.random(concrete(q.shape, sizes)) for q in (*rows.inputs, *rows.parameters)}
    evaluator = Evaluator(NumpyArithmetic(), sizes)
    traces = [backpropagate(program) for program in (rows, columns)]
    first = evaluate_program(traces[0].joint, env, evaluator)
    second = evaluate_program(traces[1].joint, {id: value.T for id, value in env.items()}, evaluator)
    assert float(first["L"]) == pytest.approx(float(second["L"]), rel=1e-12)
    for parameter in ("W_1", "W_2"):
        a, b = first[traces[0].gradients[parameter]], second[traces[1].gradients[parameter]]
        np.testing.assert_allclose(a, b.T, rtol=1e-10, atol=1e-14)
        assert np.abs(a).max() > 1e-4
        moved = []
        for step in (1e-6, -1e-6):
            shifted = {**env, parameter: env[parameter].copy()}
            shifted[parameter][1, 1] += step
            moved.append(float(evaluate_program(rows, shifted, evaluator)["L"]))
        assert a[1, 1] == pytest.approx((moved[0] - moved[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_a_formula_without_an_orientation_is_not_transposed() -> None:
    n = Symbol("n")
    p, y = Name("p", (2, n)), Name("t", (2, n))
    assert (
        loss("own", "sum((y_hat - y)^2)").build(p, y, n)
        == bp.parse("sum((p - t)^2)", shapes={"p": "2, n", "t": "2, n"}, parameters="p").equations[0].value
    )


@pytest.mark.parametrize(
    ("name", "formula", "message"),
    [
        ("own", "sum(y^2)", "the loss own does not use y_hat, the prediction; write it in y_hat and y, such as "
                            "mean((y_hat - y)^2)"),
        ("own", "(y_hat - y)^2", "the loss own must be a scalar, but its formula gives samples×outputs; sum or average "
                                 "it, such as mean((y_hat - y)^2)"),
        ("own", "sum(y_hat > y)", "the loss own does not change with y_hat: its gradient is 0 everywhere; a comparison "
                                  "alone cannot be learned from"),
        ("own", "sum(log(-1 - y_hat^2))", "the loss own is not a finite number for any values tried; check the domain "
                                          "of its logarithms, roots and quotients"),
        ("own", "sum(y_hat - t)", "unknown name 't'; choose one of: n, y, y_hat — at column 13: sum(y_hat - |t)"),
        ("own", "sum(y_hat)/samples", "unknown name 'samples'; choose one of: n, y, y_hat"),
        ("own", "sum(y_hat", "expected ')' to end the arguments of sum, found the end"),
        ("own", "y_hat @ y", "cannot multiply y_hat (samples×outputs) by y (samples×outputs)"),
        ("own", 5, "a formula must be a string, got int"),
        ("huber", "sum(y_hat)", "'huber' is a built-in loss; choose another name for yours"),
        ("a b", "sum(y_hat)", "the loss cannot be called 'a b': a name is a letter followed by"),
        ("def", "sum(y_hat)", "the loss cannot be called 'def', a word of Python; try 'def_'"),
    ],
)  # fmt: skip
def test_a_bad_loss_is_refused_in_one_line_without_a_warning(name: str, formula: Any, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BackproofError, match=re.escape(message)) as caught:
            loss(name, formula)
    assert str(caught.value).isprintable()


def test_a_matrix_is_a_shape_error() -> None:
    with pytest.raises(ShapeError):
        loss("own", "y_hat")


def test_a_single_number_may_be_predicted() -> None:
    p, y = Name("p", SCALAR), Name("t", SCALAR)
    assert loss("own", "sum((y_hat - y)^2)").build(p, y, 1) == (p - y) ** 2
