"""Every schedule against its formula, and against PyTorch's where it has the same one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backproof.errors import SpecificationError
from backproof.training.schedules import SCHEDULES, Horizon, Plateau, Schedule, schedule_named, warmup

HORIZON = Horizon(steps=60, steps_per_epoch=4)


def factors(text: str, horizon: Horizon = HORIZON) -> np.ndarray[Any, Any]:
    schedule = schedule_named(text)
    assert isinstance(schedule, Schedule)
    return schedule.factors(0, horizon.steps, horizon)


FORMULAS: dict[str, Callable[[int], float]] = {
    "constant": lambda t: 1.0,
    "step(every=3, factor=0.5)": lambda t: 0.5 ** (t // 4 // 3),
    "exponential(factor=0.9)": lambda t: 0.9 ** (t // 4),
    "cosine": lambda t: (1 + math.cos(math.pi * t / 60)) / 2,
    "cosine(floor=0.1)": lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t / 60)) / 2,
    "warmup(steps=8)": lambda t: min(1.0, (t + 1) / 8),
    "warmup(steps=8) + cosine": lambda t: (t + 1) / 8 if t < 8 else (1 + math.cos(math.pi * (t - 8) / 52)) / 2,
    "warmup(steps=1e+1)": lambda t: min(1.0, (t + 1) / 10),
}


@pytest.mark.parametrize("text", FORMULAS)
def test_formula(text: str) -> None:
    expected = [FORMULAS[text](t) for t in range(HORIZON.steps)]
    np.testing.assert_allclose(factors(text), expected, rtol=1e-12)


@pytest.mark.parametrize("text", [name for name in SCHEDULES if name != "plateau"])
def test_a_slice_has_the_same_numbers(text: str) -> None:
    schedule = schedule_named(text)
    assert isinstance(schedule, Schedule)
    cut = [schedule.factors(a, b - a, HORIZON) for a, b in ((0, 7), (7, 8), (8, 60))]
    np.testing.assert_array_equal(np.concatenate(cut), factors(text))


@pytest.mark.parametrize("text", [name for name in SCHEDULES if name != "plateau"])
def test_no_run_is_too_short(text: str) -> None:
    for steps in (1, 2, 3):
        found = factors(text, Horizon(steps, 1))
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert (found <= 1).all()


def torch_factors(make: Callable[[Any, Any], Any], steps: int) -> list[float]:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_is_that_of_torch() -> None:
    found = torch_factors(lambda s, o: s.CosineAnnealingLR(o, T_max=60), 60)
    np.testing.assert_allclose(factors("cosine"), found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("steps", [10, 60, 61])
def test_one_cycle_is_that_of_torch(steps: int) -> None:
    found = torch_factors(lambda s, o: s.OneCycleLR(o, max_lr=1.0, total_steps=steps), steps)
    np.testing.assert_allclose(factors("one_cycle", Horizon(steps, 1)), found, rtol=1e-9)


def test_plateau_has_parameters() -> None:
    found = schedule_named("plateau(patience=3, factor=0.5)")
    assert found == Plateau(3, 0.5, 1e-4)
    assert found.text == "plateau(patience=3, factor=0.5, least=0.0001)"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cosin", "did you mean 'cosine'"),
        ("", "names no schedule"),
        ("cosine(", "names no schedule"),
        ("cosine(every=3)", "'every=3' is no parameter; it has floor"),
        ("constant(a=3)", "it has none"),
        ("step(every=1e)", "'1e' is no number"),
        ("step(every=-3)", "must be a positive number"),
        ("cosine(floor=2)", "from 0 to 1"),
        ("cosine + step", "only a warm-up"),
        ("warmup + plateau", "not before plateau"),
        ("step(every=1e999)", "must be a positive number"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(SpecificationError, match=complaint.replace("(", r"\(")) as caught:
        schedule_named(text)
    assert "\n" not in str(caught.value)


def test_the_text_of_a_schedule_makes_it_again() -> None:
    for text in FORMULAS:
        schedule = schedule_named(text)
        assert schedule_named(schedule.text).text == schedule.text
    assert warmup(5).text == "warmup(steps=5) + constant"
