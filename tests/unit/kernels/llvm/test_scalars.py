"""One number for a whole matrix: computed once in a step, divided by once, and right at its limits."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Broadcast, Const, Div, Name, total
from backproof.ir.program import Equation, Program
from backproof.kernels.llvm.backend import LlvmKernel, compile_steps
from backproof.kernels.llvm.scalars import hoisted, never_tiny
from backproof.networks import mlp
from backproof.optimizers import RATE, Memory, Optimizer, adam, optimizer_named
from backproof.training.equations import common, updates_of

X, Y = Name("x", (4, 20)), Name("y", (4, 20))
P = Name("p")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def test_a_quotient_by_one_number_is_a_product_with_its_reciprocal() -> None:
    once, then = hoisted([Equation(Y, X / (1 - P))])
    assert once.value == 1 / (1 - P)
    assert then == Equation(Y, X * once.name)


def test_what_occurs_again_is_computed_once() -> None:
    found = hoisted([Equation(Y, X / (1 - P)), Equation(Name("z", (3, 2)), Name("u", (3, 2)) / (1 - P))])
    assert len(found) == 3
    assert found[2].value == Name("u", (3, 2)) * found[0].name


def test_constants_divide_by_their_reciprocal_unless_it_is_extreme() -> None:
    assert hoisted([Equation(Y, X / 3)]) == [Equation(Y, X * Fraction(1, 3))]
    for extreme in (Fraction(10) ** 35, Fraction(1, 10**35)):
        assert hoisted([Equation(Y, X / extreme)]) == [Equation(Y, X / extreme)]


def test_a_number_that_may_be_tiny_stays_a_divisor() -> None:
    for divisor in (P, P * 2, total(X), P - Name("q"), 1 - P - 1):
        if never_tiny(divisor):
            continue
        last = hoisted([Equation(Y, X / divisor)])[-1]
        assert isinstance(last.value, Div)
        assert isinstance(last.value.b, Broadcast)
        assert isinstance(last.value.b.x, Name)
    assert [never_tiny(d) for d in (P, P * 2, P - Name("q"), 1 - P, P + 1, Const(Fraction(2)))] == [
        False, False, False, True, True, True,
    ]  # fmt: skip


def test_a_scalar_equation_is_left_alone() -> None:
    equations = [Equation(Name("l"), total(X) / (1 - P)), Equation(Name("q"), P / (1 - P))]
    assert hoisted(equations) == equations


def quotient(shape: tuple[int, int]) -> Program:
    """Σ x / (1 + p), where p is an input of one number."""
    x, w, p, r = Name("x", shape), Name("w", shape), Name("p", (1, 1)), Name("r", shape)
    equations = Equation(r, x * w / Broadcast(1 + p, shape)), Equation(Name("L"), total(r))
    return Program(inputs=(x, p), parameters=(w,), equations=equations, loss="L")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [-1.0, -1 + 2.0**-23, 0.0, 1e-30, -0.0, 1e37, np.inf, -np.inf, np.nan])
def test_the_limits_of_a_quotient_are_those_of_a_division(p: float, dtype: str) -> None:
    x = np.array([[0.0, -1.0, np.inf, 1e-40, -0.0, 3.0, np.nan]], dtype)
    kernel = LlvmKernel(backpropagate(quotient(x.shape)), dtype)
    native, arena = kernel.native({})
    for id, value in (("x", x), ("w", np.ones_like(x)), ("p", np.full((1, 1), p))):
        arena.put(id, value)
    losses = np.zeros(1, dtype)
    native.run(arena.address, 0, 0, 1, losses.ctypes.data)
    with np.errstate(all="ignore"):
        expected = x / (1 + np.asarray(p, dtype))
    found = arena.get(kernel.trace.gradients["w"], x.shape)
    np.testing.assert_allclose(found, expected, rtol=2 * np.finfo(x.dtype).eps, atol=2e-45)


# --- Adam -----------------------------------------------------------------------------------------------------------


def test_adam_divides_once_and_takes_one_root_for_each_vector() -> None:
    trace, rule = backpropagate(mlp(20, 64, 64, 1, activation="relu", bias=True)), adam()
    native = compile_steps(trace, {"n": 32}, np.dtype("float32"), gathered=(), updates=updates_of(trace, rule))
    text = native.written.text
    quotients, roots = (re.findall(pattern, text) for pattern in (r" fdiv ", r"call .*@llvm\.sqrt"))
    assert len(roots) >= 6
    assert len(quotients) == len(roots) + 2  # the corrections of the two means, common to all parameters


def test_what_is_common_to_all_parameters_is_remembered_once() -> None:
    trace = backpropagate(mlp(3, 4, 2, bias=True))
    first, *others = updates_of(trace, adam())
    assert {"all.power_1_next", "all.power_2_next"} <= {e.name.id for e in first.equations}
    assert first.moves["all.power_1_next"] == "all.power_1"
    for other in others:
        assert not any(id.startswith("all.") for id in (*other.moves, *(e.name.id for e in other.equations)))


def test_a_number_that_depends_on_the_gradient_is_the_parameters_own() -> None:
    def equations(shape: tuple[int, ...]) -> tuple[Equation, ...]:
        theta, gradient = Name("theta", shape), Name("gradient", shape)
        power, norm, mix = (Name(f"{id}_next") for id in ("power", "norm", "mix"))
        return (
            Equation(power, Name("power") * RATE),
            Equation(norm, Name("norm") + total(gradient * gradient)),
            Equation(mix, Name("mix") + norm),
            Equation(Name("theta_next", shape), theta - gradient / (1 + mix * power)),
        )

    memory = {id: Memory(1, one_number=True) for id in ("power", "norm", "mix")}
    assert common(Optimizer("norms", equations, memory)) == ["power"]  # type: ignore[arg-type]
    assert common(optimizer_named("momentum")) == []
