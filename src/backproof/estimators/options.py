"""From an estimator's hyperparameters to the trainer's options: update rule, rate, schedule, batches, penalties."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from backproof.errors import SpecificationError
from backproof.estimators.stopping import Stopping
from backproof.ir.arguments import positive_number, whole_number
from backproof.optimizers import OPTIMIZERS, Optimizer, optimizer_named
from backproof.training.beginning import LBFGS
from backproof.training.schedules import Factors, Horizon, Plateau, Schedule

BATCH = 200
"""Samples in a batch where there are more, as scikit-learn has it."""
SLOWEST = 1e-6
"""The learning rate below which an adaptive one gives up, as scikit-learn has it."""
TESTED = 100
"""Steps of a range test."""


def hidden_sizes(given: Any) -> tuple[int, ...]:
    """The units of the hidden layers.

    Raises:
        SpecificationError: something else than positive whole numbers.
    """
    sizes = np.atleast_1d(np.asarray(given, object)).tolist() if given is not None else []
    return tuple(whole_number("a hidden layer's size", size, 1) for size in sizes)


def batch_size(model: Any, samples: int) -> int:
    """Samples in a batch."""
    if model.solver == LBFGS:
        return samples
    given = BATCH if isinstance(model.batch_size, str) and model.batch_size == "auto" else model.batch_size
    return samples if given is None else min(whole_number("batch_size", given, 1), samples)


def penalty(what: str, alpha: Any, batch: int, mean_weight: float) -> float:
    """λ = α over the weights of the samples in a batch, as scikit-learn has it; to six digits, which are read.

    Raises:
        SpecificationError: α is negative or no number.
    """
    factor = 0.0 if alpha == 0 else positive_number(what, alpha)
    return float(f"{factor / (batch * mean_weight):.6g}")


def optimizer(model: Any) -> str | Optimizer:
    """The update rule, with the parameters that scikit-learn has names for."""
    text = _optimizer_text(model)
    return _rule(text) if isinstance(text, str) and text.partition("(")[0] in OPTIMIZERS else text


@lru_cache(64)
def _rule(text: str) -> Optimizer:
    """A built-in rule whose equations are made once for each shape."""
    rule = optimizer_named(text)
    return replace(rule, equations=lru_cache(256)(rule.equations))


def _optimizer_text(model: Any) -> str | Optimizer:
    decay, betas = model.weight_decay, f"beta_1={model.beta_1!r}, beta_2={model.beta_2!r}, epsilon={model.epsilon!r}"
    if decay and model.solver not in ("adam", "adamw", "lion"):
        raise SpecificationError(f"weight_decay goes with adam, adamw and lion, not with {model.solver!r}; use alpha")
    match model.solver:
        case "adam" | "adamw" if decay:
            return f"adamw({betas}, weight_decay={decay!r})"
        case "lion" if decay:
            return f"lion(weight_decay={decay!r})"
        case "adam":
            return f"adam({betas})"
        case "sgd" if model.momentum:
            return f"{'nesterov' if model.nesterovs_momentum else 'momentum'}(decay={model.momentum!r})"
        case other:
            found: str | Optimizer = other
            return found


def schedule(model: Any, samples: int) -> str | Schedule | Plateau:
    """How the rate changes: scikit-learn's names beside ours."""
    given: str | Schedule | Plateau = model.learning_rate
    if given == "invscaling":
        return inverse_scaling(float(model.power_t), samples)
    if given == "adaptive":
        rate = model.learning_rate_init if isinstance(model.learning_rate_init, float | int) else 1e-3
        return Plateau(whole_number("n_iter_no_change", model.n_iter_no_change, 1), 0.2, SLOWEST / rate)
    return given


def inverse_scaling(power: float, samples: int) -> Schedule:
    """f(t) = 1 / (e n + 1)^p: after each epoch e by the number of samples seen, as scikit-learn has it."""

    def f(t: Factors, horizon: Horizon) -> Factors:
        return (np.floor(t / horizon.steps_per_epoch) * samples + 1) ** -power

    return Schedule(f"invscaling(power_t={power:g})", f"1 / ({samples} e + 1)^{power:g}", f)


def stopping(model: Any) -> Stopping:
    """When to stop."""
    patience = model.n_iter_no_change
    if patience is not None and patience != float("inf"):
        patience = whole_number("n_iter_no_change", patience, 1)
    else:
        patience = None
    slowest = SLOWEST if model.learning_rate == "adaptive" and not model.early_stopping else 0.0
    return Stopping(patience, float(model.tol), held_out=bool(model.early_stopping), slowest=slowest * 1.0000001)
