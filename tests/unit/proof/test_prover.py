"""The certificate: what it says of right derivations, and that its three parts each find a broken rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.ir.expr import Elementwise, Expr, MatMul, Mul, Name, Softmax, total
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.proof import Certificate, prove
from backproof.proof.identity import obligations_of
from backproof.proof.modular import P
from backproof.proof.numbers import ManyDigits, WideFloats, compare_numbers, true_values
from backproof.proof.obligations import Fact
from backproof.proof.samples import finite_place, small_sizes
from backproof.proof.slopes import compare_slopes
from backproof.proof.verdicts import tested as verdicts_of
from backproof.rules.elementwise import ACTIVATIONS, exp, log, sigmoid, tanh
from backproof.rules.losses import LOSSES
from backproof.rules.vjp import VJP

SEED = backpropagate(mlp(3, 2, 1))
SEED_PROOF = prove(SEED)
x, y = Name("x"), Name("y")


def test_the_seeds_derivation_is_proved() -> None:
    assert SEED_PROOF.ok
    assert SEED_PROOF.failures == ()
    assert [step.method for step in SEED_PROOF.steps] == ["definition"] * 3 + ["field identity"] * 7
    assert all(step.holds and step.points == 3 for step in SEED_PROOF.steps)
    assert (SEED_PROOF.prime, SEED_PROOF.points, SEED_PROOF.one_sided) == (P, 3, 0)


def test_the_bound_is_the_degree_over_the_prime_to_the_number_of_points() -> None:
    for step in (*SEED_PROOF.steps, SEED_PROOF.whole):
        assert step.bound == pytest.approx((step.degree / P) ** 3, abs=0)
    together = sum(step.bound or 0 for step in (*SEED_PROOF.steps, SEED_PROOF.whole))
    assert SEED_PROOF.bound == pytest.approx(together, abs=0)
    assert 0 < SEED_PROOF.bound < 1e-15
    assert prove(SEED, points=1).bound > 1e-9
    assert prove(SEED, points=5).bound < 1e-25


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softmax"])
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.output is None])
def test_every_activation_with_every_loss(activation: str, loss: str) -> None:
    hidden = "sigmoid" if activation == "softmax" else activation
    net = mlp(3, 3, 2, activation=hidden, output_activation=activation, loss=loss, bias=True, penalty=0.1)
    assert prove(backpropagate(net)).ok


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.output is not None])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_fused_losses_rest_on_a_law_of_logarithms(loss: str, samples: str) -> None:
    certificate = prove(backpropagate(mlp(3, 4, 3, loss=loss, samples=samples)))  # type: ignore[arg-type]
    assert certificate.ok
    by_slopes = [step for step in certificate.steps if step.method == "equal derivatives and one value"]
    assert [step.rule for step in by_slopes] == [{"cross_entropy": "log_softmax"}.get(loss, "log_sigmoid")]


def test_logarithms_that_feed_something_else() -> None:
    """The fused equation has another value in the field than the textbook's; the whole must not rest on it."""
    W, X = Name("W", (3, 4)), Name("X", (5, 3))
    p, e = Name("p", (5, 4)), Name("e", (5, 4))
    equations = (
        Equation(p, Softmax(X @ W, 1)),
        Equation(e, Elementwise(log, p)),
        Equation(Name("L"), total(Elementwise(tanh, e * p) * e)),
    )
    certificate = prove(backpropagate(Program((X,), (W,), equations, "L")))
    assert certificate.ok
    assert "equal derivatives and one value" in [step.method for step in certificate.steps]


def test_it_goes_into_json() -> None:
    for certificate in (SEED_PROOF, prove(backpropagate(mlp(*[2] * 90, activation="identity")))):
        found = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
        assert found["ok"] is True
        assert len(found["steps"]) == len(certificate.steps)
        assert found["numbers"][0].keys() == {"name", "dtype", "holds", "whole", "alone"}


def test_it_says_in_a_few_lines_what_was_shown() -> None:
    lines = SEED_PROOF.summary()
    assert lines[0] == "Proved: 10 of 10 steps hold."
    assert f"exact modulo {P} at 3 random points" in lines[1]
    assert "float64 agrees with 50 digits in 7 of 7 equations" in lines[3]
    assert str(SEED_PROOF).count("\n") == len(lines) + len(SEED_PROOF.steps)


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_every_equation_is_compared_in_every_dtype() -> None:
    names = [equation.name.id for equation in SEED.joint.equations]
    for dtype in ("float64", "float32"):
        assert [number.name for number in SEED_PROOF.numbers if number.dtype == dtype] == names
    assert SEED_PROOF.dtypes == ("float64", "float32")


@pytest.mark.parametrize(("dtype", "unit"), [("float64", 2.0**-53), ("float32", 2.0**-24), ("float16", 2.0**-11)])
def test_bounds_hold_and_say_something(dtype: str, unit: float) -> None:
    for number in prove(SEED, dtypes=[dtype]).numbers:
        for agreement in (number.whole, number.alone):
            assert agreement.difference <= agreement.bound < 1000 * unit
            assert agreement.used <= 1
    assert max(number.alone.used for number in SEED_PROOF.numbers) > 0.01


def test_a_program_too_large_for_many_digits_is_compared_with_wider_floats() -> None:
    certificate = prove(SEED, seconds=0)
    assert certificate.ok
    assert "their own error bound" in certificate.reference
    assert certificate.slopes == ()


def test_values_that_are_off_are_found() -> None:
    """One unit of float32 in one entry of one equation is more than rounding explains."""
    sizes = small_sizes(SEED.program)
    inputs = finite_place(SEED.program, sizes, 0)
    assert inputs is not None
    for exact in (ManyDigits(50, sizes), WideFloats(np.longdouble, sizes)):
        truth = true_values(SEED, inputs, exact)
        assert all(number.holds for number in compare_numbers(SEED, truth, "float64"))
        slightly = replace(SEED, program=_with(SEED.program, "l_1", lambda value: value + 2.0**-24))
        wrong = [number for number in compare_numbers(slightly, truth, "float64") if not number.whole.holds]
        assert wrong[0].name == "l_1"


def _with(program: Program, id: str, change: Any) -> Program:
    return replace(
        program,
        equations=tuple(replace(e, value=change(e.value)) if e.name.id == id else e for e in program.equations),
    )


def test_an_equation_with_no_place_to_look_at() -> None:
    """log(−1 − w²) is no real number anywhere; that no numbers could be compared is not passed over."""
    w = Name("w", (2, 2))
    program = Program((), (w,), (Equation(Name("L"), total(Elementwise(log, -1 - w**2))),), "L")
    certificate = prove(backpropagate(program))
    assert all(step.holds for step in certificate.steps)
    assert not certificate.ok
    assert "no place was found" in certificate.failures[0].sentence


# --- a broken rule is found by each part alone ------------------------------------------------------------------------

BROKEN: Mapping[type[Expr], Any] = {
    MatMul: lambda e, g, y: (2 * (g @ e.b.T), e.a.T @ g),
    Mul: lambda e, g, y: (g * e.b, -(g * e.a)),
}
WRONG_SIGMOID = replace(sigmoid, derivative=y * (1 + y))


def broken_traces(monkeypatch: pytest.MonkeyPatch) -> list[Trace]:
    """A wrong row of reverse mode, another, and a wrong derivative: all else is right."""
    found = [backpropagate(mlp(3, 2, 1, activation=WRONG_SIGMOID))]
    for kind, row in BROKEN.items():
        with monkeypatch.context() as patch:
            patch.setitem(VJP, kind, row)
            found.append(backpropagate(mlp(3, 2, 2, 1, activation="silu", penalty=0.1)))
    return found


def test_part_two_alone_finds_a_broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    for trace in broken_traces(monkeypatch):
        _, verdicts = verdicts_of(trace, obligations_of(trace), 3, 0, 50)
        failed = [verdict for verdict in verdicts if not verdict.holds]
        assert failed
        assert not any(isinstance(verdict.obligation, Fact) for verdict in failed)
        assert failed[-1].step is None  # all gradients together fail as well


def test_part_three_alone_finds_a_broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    for trace in broken_traces(monkeypatch):
        sizes = small_sizes(trace.program)
        inputs = finite_place(trace.program, sizes, 0)
        assert inputs is not None
        truth = true_values(trace, inputs, ManyDigits(50, sizes))
        together, *apart = compare_slopes(trace, truth, np.random.default_rng(0))
        assert not together.holds
        assert any(not slope.holds for slope in apart)


def test_the_first_step_that_uses_a_broken_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = backpropagate(mlp(3, 2, 1, activation=WRONG_SIGMOID))
    assert first_failure(prove(wrong)) == (6, "delta_2")
    monkeypatch.setitem(VJP, MatMul, BROKEN[MatMul])
    assert first_failure(prove(backpropagate(mlp(3, 2, 1)))) == (8, "∂L/∂l_1")


def first_failure(certificate: Certificate) -> tuple[int | None, str]:
    number = certificate.failures[0].step
    step = next(step for step in certificate.steps if step.number == number)
    assert step.name in certificate.failures[0].sentence
    return number, step.subject


def test_a_wrong_derivation_says_so() -> None:
    certificate = prove(backpropagate(mlp(3, 2, 1, activation=WRONG_SIGMOID)))
    assert certificate.summary()[0] == "NOT proved: 8 of 10 steps hold."
    sentences = [failure.sentence for failure in certificate.failures]
    assert sentences[0] == (
        "step 6 (delta_2, in the equation for y_hat): this is not the adjoint inside y_hat, by forward mode"
    )
    assert any("difference quotient of L" in sentence for sentence in sentences)
    assert certificate.to_dict()["failures"][0]["step"] == 6


# --- laws that the field does not know --------------------------------------------------------------------------------


def test_a_function_with_such_a_law_is_compared_in_digits() -> None:
    doubled = replace(tanh, name="doubled", definition=Elementwise(exp, 2 * x), derivative=2 * Elementwise(exp, x) ** 2)
    trace = backpropagate(mlp(3, 2, 2, activation=doubled))
    certificate = prove(trace)
    assert certificate.ok
    in_digits = [step for step in certificate.steps if step.method == "many digits"]
    assert [step.subject for step in in_digits] == ["delta_2", "delta_1"]
    assert all(step.bound is None for step in in_digits)
    assert any("many digits" in METHOD or "digits instead" in METHOD for METHOD in certificate.summary())
    wrong = trace.steps[-1]
    spoilt = replace(wrong, before=-wrong.before, after=-wrong.after)
    backward = (*trace.backward[:-1], replace(trace.backward[-1], value=spoilt.after))
    refused = prove(replace(trace, steps=(*trace.steps[:-1], spoilt), backward=backward))
    assert refused.failures[0].step == wrong.number


def test_deep_networks() -> None:
    for activation in ("sigmoid", "relu"):
        assert prove(backpropagate(mlp(*[3] * 61, activation=activation, bias=True))).ok
