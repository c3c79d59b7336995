"""The mutants of a derivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.anatomy import Anatomy
from backproof.checking.edits import as_numpy, numpy_shape
from backproof.checking.mutants import Mutants, mutants
from backproof.ir.program import Program
from edited_derivations import following, points_of, same
from programs import PROGRAMS

SIZES = {"n": 5}


@pytest.fixture(scope="module")
def seed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for m in mutants(backpropagate(bp.mlp(3, 2, 1)), SIZES, learning_rate=0.1):
        found.setdefault(m.equation, []).append(m.sentence)
    return found


@pytest.mark.parametrize(
    ("equation", "sentence"),
    [
        ("delta_2", "Δl_2 lacks the factor ŷ ∘ (1 − ŷ), the derivative of sigmoid"),
        ("delta_2", "Δl_2 has y − ŷ where ŷ − y belongs: the sign is wrong"),
        ("delta_1", "Δl_1 is made with the output error ŷ − y where the back-propagated Δl_2 . W_2ᵀ belongs"),
        ("delta_1", "Δl_1 lacks the factor 1 − l_1"),
        ("delta_1", "Δl_1 is made with W_2 − 0.1 × ∂L/∂W_2: the weights were updated before they were used"),
        ("delta_1", "Δl_1 multiplies entry by entry where the matrix product Δl_2 . W_2ᵀ belongs"),
        ("grad_W_2", "∂L/∂W_2 is made with the weights W_2 where the activation l_1ᵀ belongs"),
        ("grad_W_1", "∂L/∂W_1 is made with l_1 where X belongs"),
        ("y_hat", "ŷ is put through tanh where sigmoid belongs"),
    ],
)
def test_sentences_name_the_equation_and_the_part(seed: dict[str, list[str]], equation: str, sentence: str) -> None:
    assert sentence in seed[equation]


def test_no_mutant_twice_and_none_is_the_equation_itself() -> None:
    trace = backpropagate(bp.mlp(3, 3, 3, bias=True, penalty=1))
    found = mutants(trace, SIZES)
    assert len({(m.equation, m.wrong, m.also) for m in found}) == len(found)
    assert all(m.wrong != m.right or m.also for m in found)
    assert all(m.right == trace.joint.definitions[m.equation].value for m in found)


def test_almost_every_mutant_changes_a_gradient() -> None:
    """The few that do not are algebra: a mask of the argument for one of the output, a sum over one entry."""
    trace = backpropagate(bp.mlp(4, 3, 2, bias=True, activation=["relu", "sigmoid"], loss="mean_squared_error"))
    points = points_of(trace)
    right = [following(trace, {}, p) for p in points]
    assert None not in right
    silent = [[following(trace, m.edits, p) for p in points] for m in mutants(trace, {"n": 6})]
    computed = [out for out in silent if None not in out]
    equal = [out for out in computed if same(out, right)]  # type: ignore[arg-type]
    assert len(computed) > 150
    assert len(equal) < 6


def test_what_numpy_would_refuse_is_no_mutant() -> None:
    found = mutants(backpropagate(bp.mlp(3, 2, 1)), SIZES)
    assert all(numpy_shape(as_numpy(m.wrong), SIZES) is not None for m in found)
    wrong_weights = [m for m in found if m.kind == "transpose-missing" and m.equation == "delta_1"]
    assert wrong_weights == []
    square = mutants(backpropagate(bp.mlp(2, 2, 2)), SIZES)
    assert any(m.kind == "transpose-missing" and m.equation == "delta_1" for m in square)


@pytest.mark.parametrize("build", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_every_derivation_has_mutants(build: Callable[[], Program]) -> None:
    trace = backpropagate(build())
    sizes = {symbol: 4 + number for number, symbol in enumerate(trace.joint.symbols)}
    found = mutants(trace, sizes)
    mutated = {m.equation for m in found}
    needed = Anatomy(trace).needed_for(tuple(trace.gradients.values()))
    assert mutated.issuperset(e.name.id for e in trace.backward if e.name.id in needed)
    assert all(m.sentence and "rep_{" not in m.sentence for m in found)


def test_a_second_fault_in_the_same_line() -> None:
    trace = backpropagate(bp.mlp(3, 2, 1))
    made = Mutants(Anatomy(trace), SIZES)
    first = next(m for m in made.of("delta_2") if m.kind == "derivative-missing")
    second = made.of_edited(replace(trace.joint.definitions["delta_2"], value=first.wrong))
    assert any(m.kind == "error-reversed" and m.right == first.wrong for m in second)
