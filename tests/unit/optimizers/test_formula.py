"""Update rules by formula: the same as the built-in ones, and every refusal in words."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.errors import BackproofError
from backproof.optimizers import Optimizer, optimizer_named
from update_steps import Array, stepped

rng = np.random.default_rng(2)
GRADIENTS = rng.normal(size=(30, 3, 2))
START = rng.normal(size=(3, 2))

FORMULAS = {
    "sgd": "theta = theta - rate*gradient",
    "momentum": "v = 0.9*v + gradient; theta = theta - rate*v",
    "nesterov": "v = 0.9*v + gradient\ntheta = theta - rate*(gradient + 0.9*v)",
    "adam": """
        m = 0.9*m + 0.1*gradient
        s = 0.999*s + 0.001*gradient^2
        theta = theta - rate * (m/(1 - exp(t*log(0.9)))) / (sqrt(s/(1 - exp(t*log(0.999)))) + 1e-8)
    """,
}


def trained(rule: Optimizer, backend: str = "numpy") -> Array:
    return stepped(rule, START, GRADIENTS, 0.05, backend=backend)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_rule_written_out_is_the_built_in_one(name: str, backend: str) -> None:
    mine = bp.optimizer(f"my_{name}", FORMULAS[name])
    np.testing.assert_allclose(trained(mine, backend), trained(optimizer_named(name)), rtol=1e-9)


def test_the_name_stands_for_the_rule() -> None:
    rule = bp.optimizer("halving", "theta = theta/2")
    assert optimizer_named("halving") is rule
    result = bp.train(bp.mlp(1, 1), [[1.0]], [[1.0]], {"W_1": [[8.0]]}, optimizer="halving", epochs=3, progress=False)
    assert result.params["W_1"].tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("formulas", "complaint"),
    [
        ("", "1 to 20 formulas, got 0"),
        ("v = gradient", "the last formula must assign to theta"),
        ("theta", "assigns nothing"),
        ("theta == theta", "assigns nothing"),
        ("gradient = theta; theta = gradient", "'gradient' cannot be assigned"),
        ("v = theta; v = v; theta = v", "'v' cannot be assigned"),
        ("theta = theta - eta*gradient", "eta"),
        ("theta = theta - sigmiod(gradient)", "did you mean 'sigmoid'"),
        ("theta = __import__('os')", "__import__"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_line(formulas: str, complaint: str) -> None:
    with pytest.raises(BackproofError, match=complaint) as caught:
        bp.optimizer("mine", formulas)
    assert "\n" not in str(caught.value)


def test_a_built_in_name_stays_what_it_is() -> None:
    with pytest.raises(BackproofError, match="built-in optimizer"):
        bp.optimizer("adam", FORMULAS["sgd"])


@pytest.mark.parametrize(
    "text", ["adam(beta_1=1)", "adam(epsilon=-1)", "lion(weight_decay=-1)", "momentum(decay=1.5)", "rmsprop(decay=-1)"]
)
def test_parameters_that_make_no_rule_are_refused(text: str) -> None:
    with pytest.raises(BackproofError, match=r"from 0 to below 1|not negative"):
        optimizer_named(text)
