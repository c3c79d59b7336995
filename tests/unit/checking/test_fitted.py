"""Faults with one unknown number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.matching import diagnose
from backproof.checking.strays import number_text
from edited_derivations import following, points_of

NET = bp.mlp(3, 4, 2, activation="tanh", bias=True, loss="mean_squared_error", penalty=0.1)


def kinds_and_sentences(change: object, dtype: str = "float64") -> list[tuple[str, str, str]]:
    trace = backpropagate(NET)
    points = points_of(trace)
    given = []
    for p in points:
        gradients = following(trace, {}, p)
        assert gradients is not None
        changed = {id: np.asarray(g) for id, g in gradients.items()}
        change(p, changed)  # type: ignore[operator]
        given.append(changed)
    return [(f.kind, f.equation, f.sentence) for f in diagnose(trace, points, given, dtype=dtype)]


@pytest.mark.parametrize("number", [2.0, 0.5, 4 / 6, 0.1, 0.137, -3.0, 1.05, 1e4])
def test_any_factor_before_one_gradient(number: float) -> None:
    def scale(p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        g["b_1"] = number * g["b_1"]

    ((kind, equation, sentence),) = kinds_and_sentences(scale)
    assert (kind, equation) == ("stray-factor", "grad_b_1")
    assert number_text(Fraction(number).limit_denominator(1000)) in sentence


@pytest.mark.parametrize("coefficient", [0.0, 0.05, 0.2, -0.1, 0.1 / 6, 0.0321])
def test_any_coefficient_of_the_penalty(coefficient: float) -> None:
    def add(p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        g["W_2"] = g["W_2"] + (coefficient - 0.1) * p["W_2"]

    ((kind, equation, _),) = kinds_and_sentences(add)
    assert equation == "grad_W_2"
    expected = {0.0: "penalty-missing", -0.1: "term-sign", 0.1 / 6: "penalty-averaged"}.get(
        coefficient, "penalty-scaled"
    )
    assert kind == expected


def test_a_penalty_that_the_loss_lacks() -> None:
    def add(p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        g["b_1"] = g["b_1"] + 0.3 * p["b_1"]

    ((kind, equation, sentence),) = kinds_and_sentences(add)
    assert (kind, equation) == ("penalty-added", "grad_b_1")
    assert "3/10 times b_1" in sentence


def test_one_entry_off_by_a_thousandth() -> None:
    def touch(p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        g["W_1"] = g["W_1"].copy()
        g["W_1"][2, 3] *= 1.001

    ((kind, equation, sentence),) = kinds_and_sentences(touch)
    assert (kind, equation) == ("entry-off", "grad_W_1")
    assert "entry [2, 3] of ∂L/∂W_1" in sentence


def test_a_factor_that_differs_between_points_is_no_factor() -> None:
    numbers = iter([2.0, 3.0])

    def scale(p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        g["W_2"] = g["W_2"] * next(numbers)

    ((kind, _, _),) = kinds_and_sentences(scale)
    assert kind == "not-followed"


@pytest.mark.parametrize(
    ("number", "text"),
    [(Fraction(1, 3), "1/3"), (Fraction(2), "2"), (Fraction(137, 1000), "0.137"), (Fraction(-1, 2), "-1/2")],
)
def test_numbers_as_people_write_them(number: Fraction, text: str) -> None:
    assert number_text(number) == text


def test_numbers_of_samples_may_differ_between_points() -> None:
    """The points that a check draws have batches of several sizes: n stands for each."""
    trace = backpropagate(NET)
    points = [points_of(trace, samples, (seed,))[0] for seed, samples in ((1, 5), (2, 7))]
    right = [g for p in points if (g := following(trace, {}, p)) is not None]
    sizes = [float(len(p["X"])) for p in points]
    found = {}
    for name, factor, power in (("summed", 1, 1), ("averaged", 1, -1), ("four over n", 4, -1)):
        given = [{**g, "b_1": g["b_1"] * factor * n**power} for g, n in zip(right, sizes, strict=True)]
        (finding,) = diagnose(trace, points, given)
        found[name] = (finding.kind, finding.sentence)
    assert found["summed"] == ("sum-for-mean", "∂L/∂b_1 is n times too large: it is summed where the loss averages")
    assert found["averaged"][0] in ("average-doubled", "bias-averaged")
    assert found["four over n"] == ("stray-factor", "∂L/∂b_1 is 4/n times what it should be")
