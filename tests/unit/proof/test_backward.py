"""What each kind of wrong derivation is refused for, and at which step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Step, Trace
from backproof.dims import Symbol
from backproof.ir.expr import Add, Elementwise, MatMul, Name, Partial, Transpose, total
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.proof import prove, verdicts
from backproof.proof.identity import obligations_of
from backproof.proof.obligations import Fact, subject
from backproof.rules.elementwise import sigmoid

SEED = backpropagate(mlp(3, 2, 1))
FUSED = backpropagate(mlp(3, 2, 4, loss="cross_entropy", bias=True, penalty=0.1))


def edited(trace: Trace, number: int, **changes: Any) -> Trace:
    """The trace with something else in one step."""
    return replace(trace, steps=tuple(replace(s, **changes) if s.number == number else s for s in trace.steps))


def without(trace: Trace, number: int) -> Trace:
    """The trace without the step, and without any mention of it."""
    rest = (s for s in trace.steps if s.number != number)
    return replace(trace, steps=tuple(replace(s, uses=tuple(u for u in s.uses if u != number)) for s in rest))


def step(trace: Trace, kind: str, equation: str) -> Step:
    return next(s for s in trace.steps if s.kind == kind and s.equation == equation)


def complaints(trace: Trace) -> list[tuple[int | None, str]]:
    return [(o.step, o.sentence) for o in obligations_of(trace) if isinstance(o, Fact) and not o.holds]


def first(trace: Trace) -> tuple[int | None, str]:
    """The first step that is refused, and why."""
    certificate = prove(trace)
    assert not certificate.ok
    failure = certificate.failures[0]
    return failure.step, failure.sentence


@pytest.mark.parametrize("trace", [SEED, FUSED], ids=["seed", "fused"])
def test_a_right_derivation_has_no_complaint(trace: Trace) -> None:
    assert complaints(trace) == []


def test_a_step_may_use_earlier_ones_only() -> None:
    delta = step(SEED, "delta", "l_1")
    assert complaints(edited(SEED, delta.number, uses=(*delta.uses, delta.number + 1)))[0] == (
        delta.number,
        "it says to use a step that does not come before it",
    )


def test_a_step_must_name_what_it_uses() -> None:
    gradient = step(SEED, "gradient", "l_1")
    assert complaints(edited(SEED, gradient.number, uses=()))[0] == (
        gradient.number,
        "it uses delta_1 without naming a step that has it",
    )


def test_a_name_must_have_been_given() -> None:
    chain = step(SEED, "chain", "y_hat")
    wrong = Name("delta_1", chain.after.shape)
    number, sentence = complaints(edited(SEED, chain.number, after=wrong))[0]
    assert number == chain.number
    assert "delta_1, which no earlier step gives" in sentence


def test_shapes_must_fit() -> None:
    gradient = step(SEED, "gradient", "l_1")
    X, delta = SEED.program.names["X"], SEED.backward[2].name
    assert complaints(edited(SEED, gradient.number, after=MatMul(X, delta)))[0] == (
        gradient.number,
        "the shapes do not fit: MatMul of n×3 and n×2",
    )
    assert "must be 3×2" in complaints(edited(SEED, gradient.number, after=Transpose(gradient.after)))[0][1]
    odd = Add(X, SEED.program.names["W_1"])
    assert "do not fit" in complaints(edited(SEED, 1, after=odd, before=odd))[0][1]


def test_a_missing_step_is_missed() -> None:
    chain = step(SEED, "chain", "y_hat")
    number, sentence = complaints(without(SEED, chain.number))[0]
    assert (number, sentence) == (6, "it rests on ∂L/∂y_hat, which no earlier step gives")
    delta = step(SEED, "delta", "y_hat")
    assert "delta_2, which no earlier step gives" in complaints(without(SEED, delta.number))[0][1]
    start = step(SEED, "start", "L")
    assert "it rests on ∂L/∂L" in complaints(without(SEED, start.number))[0][1]
    named = replace(SEED, steps=tuple(s for s in SEED.steps if s != chain))
    assert complaints(named)[0] == (6, "it says to use a step that does not come before it")
    gradient = step(SEED, "gradient", "l_1")
    assert complaints(without(SEED, gradient.number)) == [
        (None, "no step gives the backward equation for grad_W_1"),
        (None, "no step gives the gradient of W_1"),
    ]


def test_a_derivation_starts_at_one() -> None:
    assert first(edited(SEED, 4, after=SEED.steps[3].after * 2, before=SEED.steps[3].before * 2))[0] == 4
    assert complaints(edited(SEED, 4, target=Partial(SEED.loss, Name("R"))))[0] == (
        4,
        "a derivation starts at ∂L/∂L",
    )


def test_a_backward_equation_says_what_its_step_says() -> None:
    backward = tuple(replace(e, value=-e.value) if e.name.id == "delta_1" else e for e in SEED.backward)
    number, sentence = complaints(replace(SEED, backward=backward))[0]
    assert (number, sentence) == (9, "the backward equation for delta_1 says something else")
    extra = (*SEED.backward, Equation(Name("more"), SEED.steps[3].after))
    assert complaints(replace(SEED, backward=extra)) == [(None, "no step gives the backward equation for more")]


def test_definitions_are_those_of_the_program() -> None:
    X, W = SEED.program.names["X"], SEED.program.names["W_1"]
    other = Elementwise(sigmoid, -(X @ W))
    found = edited(SEED, 1, before=other, after=other)
    assert complaints(found)[0] == (1, "the program that is differentiated has another equation for l_1")
    assert first(found)[0] == 1
    assert "two" in complaints(edited(SEED, 1, before=other))[0][1]
    assert "no equation" in complaints(edited(SEED, 1, target=Name("nothing")))[0][1]
    assert "defined twice" in complaints(replace(SEED, steps=(SEED.steps[0], *SEED.steps)))[0][1]
    program = replace(
        SEED.program, equations=(replace(SEED.program.equations[0], value=other), *SEED.program.equations[1:])
    )
    assert first(replace(SEED, program=program))[0] == 1


def test_a_program_that_is_not_the_source_is_refused() -> None:
    """The steps and the program that is differentiated agree, but another program was given."""
    wrong = backpropagate(mlp(3, 2, 1, activation="tanh"))
    mixed = replace(wrong, source=SEED.source)
    assert first(mixed) == (1, "step 1 (l_1, in the equation for l_1): the program defines l_1 otherwise")


def test_a_rewrite_starts_from_the_definition() -> None:
    rewrite = step(FUSED, "rewrite", "D")
    found = edited(FUSED, rewrite.number, before=rewrite.before + 0 * FUSED.loss)
    assert complaints(found)[0][0] == rewrite.number


@pytest.mark.parametrize("rule", ["log_softmax", "weights_sum_to_one", "simplify"])
def test_a_wrong_rewrite_is_refused(rule: str) -> None:
    rewrite = next(s for s in FUSED.steps if s.rule == rule)
    for wrong in (-rewrite.after, rewrite.after + 1, 2 * rewrite.after, rewrite.after * rewrite.after):
        assert first(edited(FUSED, rewrite.number, after=wrong))[0] == rewrite.number


def test_the_assumption_of_a_rewrite_is_needed() -> None:
    """Without targets that sum to one the fused loss is another function."""
    free = replace(FUSED, source=replace(FUSED.source, assumptions=()), program=replace(FUSED.program, assumptions=()))
    number, sentence = first(free)
    assert number == next(s.number for s in FUSED.steps if s.rule == "weights_sum_to_one")
    assert "the two sides are not equal" in sentence


def test_the_same_part_twice_in_one_equation() -> None:
    """Each of two equal products gets a Δ of its own; each is the adjoint at its own place."""
    n = Symbol("n")
    X, W, V = Name("X", (n, 3)), Name("W", (3, 3)), Name("V", (3, 3))
    both = (X @ W) @ V + Elementwise(sigmoid, X @ W)
    q = Name("q", (n, 3))
    trace = backpropagate(Program((X,), (W, V), (Equation(q, both, "delta_1"), Equation(Name("L"), total(q**2))), "L"))
    assert prove(trace).ok
    for wrong in (s for s in trace.steps if s.kind == "delta"):
        assert first(edited(trace, wrong.number, before=wrong.before * 2, after=wrong.after * 2))[0] == wrong.number


def test_gradients_of_inner_quantities_and_of_the_loss() -> None:
    net = mlp(3, 2, 2, 1)
    for wanted in (["l_1"], ["l_2", "W_1"], ["L"], ["X", "W_3"], ["y_hat", "l_1", "W_2", "X", "y"]):
        assert prove(backpropagate(net, wrt=wanted)).ok


def test_work_grows_with_the_number_of_layers() -> None:
    counts = [len(obligations_of(backpropagate(mlp(*[4] * (layers + 1))))) for layers in (10, 20, 40)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_what_the_rule_gives_is_looked_at_too() -> None:
    """The result is right, but not what the rule was said to give."""
    for kind, equation in (("chain", "y_hat"), ("delta", "l_1"), ("gradient", "l_1")):
        wrong = step(SEED, kind, equation)
        assert first(edited(SEED, wrong.number, before=2 * wrong.before)) == (
            wrong.number,
            f"step {wrong.number} ({subject(wrong.target)}, in the equation for {equation}): "
            "simplifying changed the value",
        )


def test_one_equal_value_is_not_enough_for_a_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_values_agree", lambda *_: True)
    assert prove(FUSED).ok
    rewrite = next(s for s in FUSED.steps if s.rule == "log_softmax")
    assert first(edited(FUSED, rewrite.number, after=2 * rewrite.after))[0] == rewrite.number
