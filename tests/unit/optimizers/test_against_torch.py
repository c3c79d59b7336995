"""Every rule against PyTorch's over 1,000 steps on the same gradients; Lion, which it lacks, against its paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from update_steps import stepped

STEPS = 1000
RATE = 0.01
rng = np.random.default_rng(7)
START = rng.normal(size=(4, 3))
GRADIENTS = rng.normal(size=(STEPS, 4, 3)) * rng.choice([1e-3, 1.0, 1e3], size=(STEPS, 1, 1))

RULES: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda o, p: o.SGD(p, lr=RATE),
    "momentum": lambda o, p: o.SGD(p, lr=RATE, momentum=0.9),
    "momentum(decay=0.5)": lambda o, p: o.SGD(p, lr=RATE, momentum=0.5),
    "nesterov": lambda o, p: o.SGD(p, lr=RATE, momentum=0.9, nesterov=True),
    "adam": lambda o, p: o.Adam(p, lr=RATE),
    "adam(beta_1=0.8, beta_2=0.99, epsilon=1e-6)": lambda o, p: o.Adam(p, lr=RATE, betas=(0.8, 0.99), eps=1e-6),
    "adamw": lambda o, p: o.AdamW(p, lr=RATE),
    "adamw(weight_decay=0.1)": lambda o, p: o.AdamW(p, lr=RATE, weight_decay=0.1),
    "rmsprop": lambda o, p: o.RMSprop(p, lr=RATE),
    "rmsprop(decay=0.9)": lambda o, p: o.RMSprop(p, lr=RATE, alpha=0.9),
}


BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])


def ours(name: str, backend: str) -> Any:
    return stepped(name, START, GRADIENTS, RATE, backend=backend)


@BACKENDS
@pytest.mark.parametrize("name", RULES)
def test_the_rule_is_that_of_torch(name: str, backend: str) -> None:
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.tensor(START))
    optimizer = RULES[name](torch.optim, [parameter])
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(ours(name, backend), parameter.detach().numpy(), rtol=1e-9, atol=1e-12)


@BACKENDS
@pytest.mark.parametrize(("name", "decay"), [("lion", 0.0), ("lion(weight_decay=0.1)", 0.1)])
def test_lion_is_algorithm_2_of_its_paper(name: str, decay: float, backend: str) -> None:
    theta, m = START, np.zeros_like(START)
    for g in GRADIENTS:
        update = np.sign(0.9 * m + (1 - 0.9) * g)
        theta = theta - RATE * (update + decay * theta)
        m = 0.99 * m + (1 - 0.99) * g
    np.testing.assert_allclose(ours(name, backend), theta, rtol=1e-9, atol=1e-12)
