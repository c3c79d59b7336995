"""What users write for losses and activations: names, names with parameters, formulas, or objects made by Backproof."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from backproof.definitions import activation as activation_by_formula
from backproof.definitions import loss as loss_by_formula
from backproof.errors import SpecificationError
from backproof.ir.expr import Function
from backproof.parsing.calls import read_call
from backproof.rules.elementwise import ACTIVATIONS, activation_named
from backproof.rules.losses import Loss, focal_loss, huber_loss, loss_named, quantile_loss

Losses = Mapping[str, Callable[..., Loss]]

REGRESSION: Losses = {
    "squared_error": lambda: loss_named("half_mean_squared_error"),
    "absolute_error": lambda: loss_named("mean_absolute_error"),
    "huber": lambda delta=1.0: huber_loss(delta),
    "log_cosh": lambda: loss_named("mean_log_cosh"),
    "poisson": lambda: loss_named("poisson"),
    "quantile": lambda level=0.5: quantile_loss(level),
}
"""The losses that a regressor may name, with their parameters."""
ONE_OF_MANY: Losses = {
    "cross_entropy": lambda: loss_named("cross_entropy"),
    "focal": lambda gamma=2.0: focal_loss(gamma),
}
"""The losses of a classifier for samples that are of one class out of several."""
EACH: Losses = {
    "cross_entropy": lambda: loss_named("binary_cross_entropy"),
    "focal": lambda gamma=2.0: focal_loss(gamma, binary=True),
}
"""The losses of a classifier whose outputs are each true or false."""
ALSO = {"log_loss": "cross_entropy", "logistic": "sigmoid", "log-cosh": "log_cosh", "swish": "silu"}
"""What scikit-learn or others call it, and what we do."""


def loss_key(given: object, known: Losses) -> str | Loss:
    """The loss as a value that can be compared and pickled: a name of the table, or the loss itself.

    Raises:
        SpecificationError, FormulaError: it is none.
    """
    if isinstance(given, Loss):
        return given
    if not isinstance(given, str):
        raise SpecificationError(f"a loss is a name, a formula in y_hat and y, or made by bp.loss, got {given!r}")
    if "y_hat" in given:
        return loss_by_formula(_name("loss", given), given)
    text = ALSO.get(given.strip(), given.strip())
    name = text.partition("(")[0].strip()
    if name in known:
        read_call(text, known, what="loss")
        return text
    return loss_named(text)


def loss_of(key: str | Loss, known: Losses) -> Loss:
    """The loss of a key."""
    if isinstance(key, Loss):
        return key
    call = read_call(key, known, what="loss")
    return known[call.name](**call.given)


def activation_key(given: object) -> str | Function:
    """The activation as a value that can be compared and pickled: the name of a built-in one, or the function itself.

    Raises:
        SpecificationError, FormulaError: it is none.
    """
    if isinstance(given, Function):
        return given
    if not isinstance(given, str):
        raise SpecificationError(f"an activation is a name, a formula in x, or made by bp.activation, got {given!r}")
    name = ALSO.get(given, given)
    if name in ACTIVATIONS or name == "softmax":
        return name
    return (
        activation_named(name) if name.isidentifier() and name != "x" else activation_by_formula(_name("f", name), name)
    )


def _name(kind: str, formula: str) -> str:
    """The same name for the same formula."""
    return f"{kind}_{hashlib.sha256(formula.encode()).hexdigest()[:8]}"
