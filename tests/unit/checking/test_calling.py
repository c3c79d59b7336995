"""What the arguments of a function mean, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.checking.calling import PARAMETERS, RATE, Plan, call, plan_of
from backproof.checking.raised import RaisedError
from backproof.errors import SpecificationError

Array = npt.NDArray[Any]
NET = bp.mlp(3, 4, 2, bias=True)
WANTED = ["W_1", "b_1", "W_2", "b_2"]
ALL = (*WANTED, "X", "y")


@pytest.mark.parametrize(
    ("function", "slots"),
    [
        (lambda params, X, y: 0, (PARAMETERS, "X", "y")),
        (lambda X, y, params: 0, ("X", "y", PARAMETERS)),
        (lambda theta, inputs, targets: 0, (PARAMETERS, "X", "y")),
        (lambda a, b, c: 0, (PARAMETERS, "X", "y")),
        (lambda net, x, t, lr: 0, (PARAMETERS, "X", "y", RATE)),
        (lambda x, t, q: 0, ("X", "y", PARAMETERS)),
        (lambda W1, b1, W2, b2, X, y: 0, ALL),
        (lambda W1, W2, b1, b2, X, y: 0, ("W_1", "W_2", "b_1", "b_2", "X", "y")),
        (lambda X, y, W1, b1, W2, b2, eta=0.1, verbose=False: 0, ("X", "y", *WANTED, RATE)),
        (lambda *arguments: 0, (PARAMETERS, "X", "y")),
        (lambda w1, b1, w2, bias, X, y: 0, ("W_1", "b_1", "W_2", "b_2", "X", "y")),
    ],
)
def test_the_signature_tells(function: Callable[..., Any], slots: tuple[str, ...]) -> None:
    assert plan_of(function, "f", NET, WANTED, None, step=False).slots == slots


@pytest.mark.parametrize(
    "function", [lambda a, b, c, d, e, f: 0, lambda params: 0, lambda W1, W2, X, y: 0, lambda X, y: 0]
)
def test_what_does_not_tell_asks_for_an_order(function: Callable[..., Any]) -> None:
    with pytest.raises(SpecificationError, match="do not tell which is which; pass order="):
        plan_of(function, "f", NET, WANTED, None, step=False)


def test_the_users_order_goes_before_the_signature() -> None:
    order = ("X", "params", "y", "lr")
    assert plan_of(lambda a, b, c, d: 0, "f", NET, WANTED, order, step=False).slots == ("X", PARAMETERS, "y", RATE)


def test_the_last_argument_of_a_step_is_its_rate() -> None:
    assert plan_of(lambda params, X, y, q: 0, "f", NET, WANTED, None, step=True).is_step
    assert not plan_of(lambda params, X, y: 0, "f", NET, WANTED, None, step=False).is_step


def parameters() -> dict[str, Array]:
    return {"W_1": np.ones((3, 4)), "b_1": np.ones((1, 4)), "W_2": np.ones((4, 2)), "b_2": np.ones((1, 2))}


INPUTS = {"X": np.ones((5, 3)), "y": np.ones((5, 2))}


@pytest.mark.parametrize("keys", [WANTED, ["W1", "b1", "W2", "b2"], ["w0", "b0", "w1", "b1"], ["weights1", "bias1"]])
def test_the_keys_that_a_function_asks_for(keys: list[str]) -> None:
    made = call(
        lambda params, X, y: [params[key] for key in keys], "f", Plan((PARAMETERS, "X", "y")), parameters(), INPUTS
    )
    assert [array.shape for array in made.value] == [array.shape for array in list(parameters().values())[: len(keys)]]


def test_a_key_that_means_nothing_is_told() -> None:
    with pytest.raises(RaisedError, match="f raises KeyError: 'momentum'"):
        call(lambda params, X, y: params["momentum"], "f", Plan((PARAMETERS, "X", "y")), parameters(), INPUTS)


@pytest.mark.parametrize("container", ["list", "pairs"])
def test_lists_and_pairs(container: Any) -> None:
    made = call(lambda params, X, y: params, "f", Plan((PARAMETERS, "X", "y"), container), parameters(), INPUTS)
    assert len(made.value) == (4 if container == "list" else 2)


def test_every_call_gets_arrays_of_its_own() -> None:
    given = parameters()

    def changes(params: dict[str, Array], X: Array, y: Array) -> None:
        params["W_1"][:] = X[:] = np.nan

    for _ in range(2):
        call(changes, "f", Plan((PARAMETERS, "X", "y")), given, INPUTS)
    assert np.isfinite(given["W_1"]).all()
    assert np.isfinite(INPUTS["X"]).all()


def test_the_line_is_the_users_own_where_a_library_calls_it() -> None:
    def gradients(params: Any, X: Array, y: Array) -> Any:
        def row(x: Array) -> Array:
            return x @ params["W_2"]  # type: ignore[no-any-return]

        return np.apply_along_axis(row, 1, X)

    with pytest.raises(RaisedError) as caught:
        call(gradients, "gradients", Plan((PARAMETERS, "X", "y")), parameters(), INPUTS)
    assert caught.value.text.startswith('return x @ params["W_2"]')
    assert "x is (3,)" in caught.value.sentence


def test_torch_functions_get_tensors_where_they_need_them() -> None:
    torch = pytest.importorskip("torch")

    def gradients(W1: Any, X: Any, y: Any) -> Any:
        W1.requires_grad_()
        return torch.autograd.grad(((torch.matmul(X, W1) - y) ** 2).sum() / 2, W1)

    assert bp.check(gradients, bp.mlp(3, 2, activation="identity")).ok


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_tensors_come_back_in_every_precision(dtype: str) -> None:
    torch = pytest.importorskip("torch")

    def gradients(params: Any, X: Any, y: Any) -> Any:
        X, y, W = (torch.tensor(a, dtype=getattr(torch, dtype)) for a in (X, y, params["W_1"]))
        W.requires_grad_()
        loss = ((X @ W - y) ** 2).sum() / 2
        loss.backward()
        return loss, {"W_1": W.grad}

    report = bp.check(gradients, bp.mlp(3, 2, activation="identity"))
    assert report.dtype == dtype
    assert report.judged[0].verdict.value == "right", str(report)


def test_jax_arrays_come_back() -> None:
    jax = pytest.importorskip("jax")
    wide = jax.config.jax_enable_x64  # other tests want float64
    jax.config.update("jax_enable_x64", False)

    def loss(params: Any, X: Any, y: Any) -> Any:
        return ((X @ params["W_1"] - y) ** 2).sum() / 2

    try:
        report = bp.check(jax.value_and_grad(loss), bp.mlp(3, 2, activation="identity"))
    finally:
        jax.config.update("jax_enable_x64", wide)
    assert report.ok, str(report)
    assert report.dtype == "float32"
