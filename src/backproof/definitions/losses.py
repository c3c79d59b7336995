"""A user's own loss: a formula in ŷ and y that gives a scalar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backproof.dims import SCALAR, Dim, Shape, Symbol, shape_text
from backproof.errors import FormulaError, ShapeError, SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Expr, LogSumExp, MatMul, Name, Softmax, Sum, Transpose, size_of
from backproof.ir.traverse import names, substitute, walk
from backproof.parsing import check_identifier, parse_expression
from backproof.rules.jvp import tangent_of
from backproof.rules.losses import Loss, register

PREDICTION, TARGET, SAMPLES = "y_hat", "y", "n"


@dataclass(frozen=True, slots=True)
class FormulaLoss:
    """Builds the loss of a formula; a value, so that programs that hold it can be pickled.

    Args:
        formula: in ``y_hat`` and ``y``, both of samples × outputs, and ``n``, the number of samples.
    """

    formula: str

    def __call__(self, prediction: Expr, target: Expr, samples: Dim) -> Expr:
        """The loss of ŷ and y; both are transposed where samples are columns and the formula can tell."""
        shape = prediction.shape
        value = _parsed(self.formula, shape)
        rows = shape == SCALAR or shape[0] == samples
        if not rows and _has_orientation(value):
            prediction, target = prediction.T, target.T
            value = _parsed(self.formula, prediction.shape)
        return substitute(value, {PREDICTION: prediction, TARGET: target, SAMPLES: size_of(samples)})


def _parsed(formula: str, shape: Shape) -> Expr:
    both = {id: Name(id, shape) for id in (PREDICTION, TARGET)}
    return parse_expression(formula, {**both, SAMPLES: Name(SAMPLES)}, sizes=False)


def _has_orientation(value: Expr) -> bool:
    """Whether the formula treats rows and columns differently."""
    return any(
        isinstance(node, MatMul | Transpose | Softmax | LogSumExp) or (isinstance(node, Sum) and node.axis is not None)
        for node in walk(value)
    )


def loss(name: str, formula: str) -> Loss:
    """L = the formula, a scalar made of the prediction ŷ and the target y; from then on known by its name.

    Args:
        name: how networks call it. A name of your own may be defined again.
        formula: in ``y_hat`` and ``y`` (both samples × outputs) and ``n`` (the number of samples), such as
            ``mean(log_cosh(y_hat - y))``.

    Returns:
        The loss, for ``loss=`` of a network; its name will do as well.

    Raises:
        FormulaError: the grammar refuses the formula, or it does not use ``y_hat``.
        ShapeError: the formula gives a matrix.
        SpecificationError: the name is taken, or the loss is never a finite number, or constant.

    Example:
        >>> own = loss("quartic", "sum((y_hat - y)^4)/(4*n)")
        >>> own.name
        'quartic'
    """
    return register(loss_of(name, formula))


def loss_of(name: str, formula: str) -> Loss:
    """The loss that ``loss`` makes, which nobody else gets to know by its name.

    Raises:
        FormulaError, ShapeError, SpecificationError: see ``loss``.
    """
    check_identifier(name, "loss")
    shape = (Symbol("samples"), Symbol("outputs"))
    value = _parsed(formula, shape)
    _check(name, formula, value)
    return Loss(name, FormulaLoss(formula), label=" ".join(formula.split()))


def _check(name: str, formula: str, value: Expr) -> None:
    if PREDICTION not in names(value):
        raise FormulaError(
            f"the loss {name} does not use {PREDICTION}, the prediction; write it in {PREDICTION} and {TARGET}, such "
            f"as mean(({PREDICTION} - {TARGET})^2)",
            formula=formula,
        )
    if value.shape != SCALAR:
        raise ShapeError(
            f"the loss {name} must be a scalar, but its formula gives {shape_text(value.shape)}; "
            f"sum or average it, such as mean({' '.join(formula.split())})"
        )
    if tangent_of(value, {PREDICTION: Name("v", (Symbol("samples"), Symbol("outputs")))}) is None:
        raise SpecificationError(
            f"the loss {name} does not change with {PREDICTION}: its gradient is 0 everywhere; "
            "a comparison alone cannot be learned from"
        )
    if not any(np.isfinite(_tried(value, low, high)) for low, high in RANGES):
        raise SpecificationError(
            f"the loss {name} is not a finite number for any values tried; check the domain of its logarithms, roots "
            "and quotients"
        )


RANGES = ((0.0, 1.0), (-1.0, 1.0), (1.0, 3.0), (-3.0, -1.0))
"""Where predictions and targets are tried: probabilities, standardised values, counts, and their negatives."""


def _tried(value: Expr, low: float, high: float) -> float:
    """The loss of one batch of 5 × 3 values from the range."""
    evaluator = Evaluator(NumpyArithmetic(), {"samples": 5, "outputs": 3})
    steps = np.linspace(low, high, 32)[1:-1].reshape(2, 5, 3)
    env = {PREDICTION: steps[0], TARGET: steps[1, ::-1], SAMPLES: np.asarray(5.0)}
    with np.errstate(all="ignore"):
        return float(evaluator(value, env))
