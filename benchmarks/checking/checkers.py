"""Today's gradient checkers and ours behind one door: a subject and a point in, an opinion out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import scipy.optimize
from subjects import Array, Point, Subject

import backproof as bp
from backproof.ir.program import Program


class Opinion(Enum):
    """What a checker thinks of a gradient."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


class Checker(Protocol):
    """``rule`` says when it complains."""

    name: str
    rule: str
    module: str

    def opinion(self, subject: Subject, point: Point) -> Opinion: ...


def _says(agrees: bool) -> Opinion:
    return Opinion.RIGHT if agrees else Opinion.WRONG


class TorchGradcheck:
    """``torch.autograd.gradcheck`` of a Function whose backward is the subject's gradient."""

    module = "torch"

    def __init__(self, fast: bool) -> None:
        self.fast = fast
        self.name = f"torch gradcheck ({'fast' if fast else 'slow'})"
        self.rule = "one random projection" if fast else "1e-5 + 1e-3·abs"

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        import torch

        torch.set_num_threads(1)  # the arrays are small, and its threads spin
        ids = list(point.parameters)

        class Declared(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *values: Any) -> Any:
                ctx.save_for_backward(*values)
                given = {id: value.detach().numpy() for id, value in zip(ids, values, strict=True)}
                return torch.from_numpy(np.asarray(subject.loss(np, given, point.X, point.y)))

            @staticmethod
            def backward(ctx: Any, *cotangents: Any) -> Any:
                given = {id: value.detach().numpy() for id, value in zip(ids, ctx.saved_tensors, strict=True)}
                found = subject.gradients(np, given, point.X, point.y)
                return tuple(torch.from_numpy(np.asarray(found[id])) * cotangents[0] for id in ids)

        inputs = [torch.from_numpy(point.parameters[id].copy()).requires_grad_() for id in ids]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # float32 inputs are warned about
            return _says(torch.autograd.gradcheck(Declared.apply, inputs, fast_mode=self.fast, raise_exception=False))


class JaxCheckGrads:
    """``jax.test_util.check_grads`` of a custom VJP; compiled, as anybody would who waits for it."""

    name, rule, module = "jax check_grads", "one fixed direction", "jax"

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        from jax.test_util import check_grads

        declared = _jax_function(subject, tuple(point.parameters))
        values = tuple(point.parameters.values())
        try:
            check_grads(lambda *given: declared(given, point.X, point.y), values, order=1, modes=["rev"])
        except AssertionError:
            return Opinion.WRONG
        return Opinion.RIGHT


@cache
def _jax_function(subject: Subject, ids: tuple[str, ...]) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def declared(values: Any, X: Any, y: Any) -> Any:
        return subject.loss(jnp, dict(zip(ids, values, strict=True)), X, y)

    def forward(values: Any, X: Any, y: Any) -> Any:
        return declared(values, X, y), (values, X, y)

    def backward(saved: Any, cotangent: Any) -> Any:
        values, X, y = saved
        found = subject.gradients(jnp, dict(zip(ids, values, strict=True)), X, y)
        return tuple(found[id] * cotangent for id in ids), jnp.zeros_like(X), jnp.zeros_like(y)

    declared.defvjp(forward, backward)
    compiled: Callable[..., Any] = jax.jit(declared)
    return compiled


class AutogradCheckGrads:
    """``autograd.test_util.check_grads`` of a primitive whose VJPs are the subject's gradients."""

    name, rule, module = "autograd check_grads", "abs or rel 1e-6", "autograd"

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        from autograd.extend import defvjp, primitive
        from autograd.test_util import check_grads

        ids = list(point.parameters)

        @primitive
        def declared(*values: Any) -> Any:
            return subject.loss(np, dict(zip(ids, values, strict=True)), point.X, point.y)

        def vjp_of(id: str) -> Callable[..., Any]:
            def vjp(_: Any, *values: Any) -> Any:
                found = subject.gradients(np, dict(zip(ids, values, strict=True)), point.X, point.y)
                return lambda cotangent: cotangent * found[id]

            return vjp

        defvjp(declared, *[vjp_of(id) for id in ids])
        np.random.seed(0)  # its directions come from the global generator
        try:
            check_grads(declared, tuple(range(len(ids))), modes=["rev"], order=1)(*point.parameters.values())
        except AssertionError:
            return Opinion.WRONG
        return Opinion.RIGHT


class ScipyCheckGrad:
    """``scipy.optimize.check_grad``, which leaves the threshold to the reader."""

    module = "scipy"

    def __init__(self, threshold: float = 1e-5) -> None:
        self.threshold = threshold
        self.name, self.rule = "scipy check_grad", f"2-norm of the difference > {threshold:.0e}"

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        def loss(flat: Array) -> float:
            return float(subject.loss(np, _unflattened(flat, point.parameters), point.X, point.y))

        def gradient(flat: Array) -> Array:
            found = subject.gradients(np, _unflattened(flat, point.parameters), point.X, point.y)
            return np.concatenate([np.ravel(found[id]) for id in point.parameters])

        flat = np.concatenate([value.ravel() for value in point.parameters.values()]).astype(np.float64)
        return _says(bool(scipy.optimize.check_grad(loss, gradient, flat) <= self.threshold))


def _unflattened(flat: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    """SciPy moves parameters in float64; the program computes in its own precision."""
    found, start = {}, 0
    for id, value in like.items():
        found[id] = flat[start : start + value.size].reshape(value.shape).astype(value.dtype)
        start += value.size
    return found


class RelativeError:
    """CS231n's recipe: central differences of 1e-5, entry by entry, and the course's ``rel_error`` of each.

    The thresholds are those of its notes, where 1e-7 is "happy", and 1e-2 can happen in single precision.
    """

    name, rule, module = "CS231n relative error", "relative > 1e-7 (float32: 1e-2)", "numpy"
    STEP = 1e-5

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        found = subject.gradients(np, point.parameters, point.X, point.y)
        moved = {id: value.copy() for id, value in point.parameters.items()}
        worst = 0.0
        for id, value in moved.items():
            numeric = np.zeros_like(value)
            for index in np.ndindex(value.shape):
                kept = value[index]
                value[index] = kept + self.STEP
                above = subject.loss(np, moved, point.X, point.y)
                value[index] = kept - self.STEP
                numeric[index] = (above - subject.loss(np, moved, point.X, point.y)) / (2 * self.STEP)
                value[index] = kept
            error = np.abs(numeric - found[id]) / np.maximum(1e-8, np.abs(numeric) + np.abs(found[id]))
            worst = max(worst, float(error.max()))
        return _says(worst <= (1e-2 if point.X.dtype == np.float32 else 1e-7))


class Backproof:
    """``bp.check``, at the very point that the others get, or at points of its own."""

    rule, module = "derived gradient ± rounding bound", "backproof"

    def __init__(self, own_points: bool = False) -> None:
        self.own_points = own_points
        self.name = f"backproof ({'its own points' if own_points else 'the same point'})"
        self._networks: dict[Subject, Program] = {}
        self._seed = 0

    def opinion(self, subject: Subject, point: Point) -> Opinion:
        def gradients(params: Any, X: Any, y: Any) -> dict[str, Any]:
            return subject.gradients(np, params, X, y)

        net = self._networks.setdefault(subject, bp.mlp(*subject.sizes, **subject.options))
        dtype = point.X.dtype.name
        if self.own_points:
            self._seed += 1
            report = bp.check(gradients, net, seed=self._seed)
        else:
            report = bp.check(gradients, net, points={**point.parameters, "X": point.X, "y": point.y}, dtype=dtype)
        return {"right": Opinion.RIGHT, "wrong": Opinion.WRONG}.get(str(report.verdict), Opinion.UNDECIDED)


def known_checkers() -> dict[str, Checker]:
    """Every checker, by the short name of the command line."""
    return {
        "torch-slow": TorchGradcheck(fast=False),
        "torch-fast": TorchGradcheck(fast=True),
        "jax": JaxCheckGrads(),
        "autograd": AutogradCheckGrads(),
        "scipy": ScipyCheckGrad(),
        "cs231n": RelativeError(),
        "backproof": Backproof(),
        "backproof-own": Backproof(own_points=True),
    }


def missing(checker: Checker) -> str | None:
    """Why a checker cannot run here; None where it can."""
    if isinstance(checker, Backproof):
        return None if hasattr(bp, "check") else "this version of Backproof has no check"
    return None if find_spec(checker.module) else f"{checker.module} is not installed"
