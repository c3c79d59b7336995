"""Update rules: each against its published algorithm in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backproof.errors import SpecificationError
from backproof.ir.arithmetic import Array
from backproof.optimizers import OPTIMIZERS, Optimizer, adam, momentum, optimizer_named, sgd
from update_steps import stepped

STEPS = 25
rng = np.random.default_rng(4)
GRADIENTS = rng.normal(size=(STEPS, 3, 2))
START = rng.normal(size=(3, 2))
RATE = 0.05


def plain_sgd() -> Array:
    theta = START
    for g in GRADIENTS:
        theta = theta - RATE * g
    return theta


def plain_momentum() -> Array:
    theta, velocity = START, np.zeros_like(START)
    for g in GRADIENTS:
        velocity = 0.9 * velocity + g
        theta = theta - RATE * velocity
    return theta


def plain_adam() -> Array:
    """Algorithm 1 of the paper."""
    theta, m, v = START, np.zeros_like(START), np.zeros_like(START)
    for t, g in enumerate(GRADIENTS, start=1):
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        theta = theta - RATE * m_hat / (np.sqrt(v_hat) + 1e-8)
    return theta


def trained(optimizer: Optimizer) -> Array:
    return stepped(optimizer, START, GRADIENTS, RATE)


@pytest.mark.parametrize(("name", "plain"), [("sgd", plain_sgd), ("momentum", plain_momentum), ("adam", plain_adam)])
def test_the_rule_is_the_published_algorithm(name: str, plain: Callable[[], Array]) -> None:
    np.testing.assert_allclose(trained(optimizer_named(name)), plain(), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32(name: str) -> None:
    assert stepped(name, START, GRADIENTS, RATE, dtype="float32").dtype == np.float32


def test_every_rule_is_written_in_equations() -> None:
    for name, make in OPTIMIZERS.items():
        rule = make()
        defined = {equation.name.id for equation in rule.equations((2, 3))}
        assert rule.name == name
        assert {"theta_next", *(f"{memory}_next" for memory in rule.memory)} == defined
        assert rule.source


def test_rules_of_ones_own() -> None:
    assert not np.allclose(trained(momentum(0.5)), trained(momentum()))
    assert not np.allclose(trained(adam(beta_1=0.5)), trained(adam()))
    rule = sgd()
    assert optimizer_named(rule) is rule


def test_an_unknown_rule() -> None:
    with pytest.raises(SpecificationError, match=r"unknown optimizer 'adma'; did you mean 'adam'\?"):
        optimizer_named("adma")
