"""Losses of a prediction ŷ against a target y, one row each; what is averaged over what is said in the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from backproof.dims import Dim
from backproof.errors import SpecificationError, suggestion
from backproof.ir.expr import Const, Elementwise, Expr, Number, Sum, count, rational, size_of, total
from backproof.ir.traverse import transform, walk
from backproof.rules.elementwise import HALF, abs_, constant, huber, log, log_cosh

Build = Callable[[Expr, Expr, Dim], Expr]


@dataclass(frozen=True, slots=True)
class Loss:
    """A scalar function of a prediction and a target.

    Args:
        name: how specifications call it.
        build: the loss of ŷ and y (equal shapes), where the third argument is the number of samples.
        output: the output function that the loss goes with and is fused with; None where any will do.
        label: what it is, in words.
    """

    name: str
    build: Build
    output: str | None = None
    label: str = ""


def mean(x: Expr) -> Expr:
    """The mean of all entries."""
    return _over(count(x.shape), total(x))


def _over(number: Expr, x: Expr) -> Expr:
    return x if number == Const(Fraction(1)) else (1 / number) * x


def _cross_entropy(p: Expr, y: Expr, samples: Dim) -> Expr:
    return -_over(size_of(samples), total(y * Elementwise(log, p)))


def _binary_cross_entropy(p: Expr, y: Expr, samples: Dim) -> Expr:
    return -mean(y * Elementwise(log, p) + (1 - y) * Elementwise(log, 1 - p))


def huber_loss(delta: Number = 1) -> Loss:
    """The mean Huber loss, quadratic for residuals up to δ and linear beyond."""
    return Loss("huber", lambda p, y, n: mean(Elementwise(huber(delta), p - y)), label="mean Huber loss")


def quantile_loss(level: Number = 0.5) -> Loss:
    """The mean pinball loss, max(q r, (q − 1) r) for the residual r = y − ŷ: least at the q-quantile of y.

    Raises:
        SpecificationError: a level that is not between 0 and 1.

    Source:
        Koenker & Bassett, Regression quantiles (1978).
    """
    if not 0 < level < 1:
        raise SpecificationError(f"the level of a quantile must be between 0 and 1, got {level!r}")
    lean = rational(level) - HALF

    def build(p: Expr, y: Expr, n: Dim) -> Expr:
        steep = HALF * Elementwise(abs_, y - p)
        return mean(steep if lean == 0 else steep + constant(lean) * (y - p))

    return Loss("quantile", build, label=f"mean pinball loss of the {float(level):g}-quantile")


def focal_loss(gamma: Number = 2, *, binary: bool = False) -> Loss:
    """Cross-entropy in which a term counts (1 − p)^γ times, where p is the probability of what is true.

    Args:
        gamma: 0 for cross-entropy itself, or at least 1, for the derivative to be finite where p = 1.
        binary: whether each output is a class of its own, with a sigmoid; otherwise one of them is true.

    Raises:
        SpecificationError: another γ.

    Source:
        Lin et al., Focal loss for dense object detection (2017), eq. 4.
    """
    if not (gamma == 0 or 1 <= gamma < float("inf")):
        raise SpecificationError(f"gamma of the focal loss must be 0 or at least 1, got {gamma!r}")
    power = rational(gamma)

    def lost(p: Expr) -> Expr:
        return p if power == 1 else p**power

    def one_of_them(p: Expr, y: Expr, n: Dim) -> Expr:
        terms = y * Elementwise(log, p)
        return -_over(size_of(n), total(terms if power == 0 else lost(1 - p) * terms))

    def each(p: Expr, y: Expr, n: Dim) -> Expr:
        if power == 0:
            return _binary_cross_entropy(p, y, n)
        true, false = y * Elementwise(log, p), (1 - y) * Elementwise(log, 1 - p)
        return -mean(lost(1 - p) * true + lost(p) * false)

    if binary:
        return Loss("binary_focal", each, output="sigmoid", label="mean binary focal loss over all entries")
    return Loss("focal", one_of_them, output="softmax", label="mean focal loss over the samples")


LOSSES: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "half_squared_error",
            lambda p, y, n: HALF * total((y - p) ** 2),
            label="half of the squared error, summed",
        ),
        Loss(
            "mean_squared_error",
            lambda p, y, n: mean((y - p) ** 2),
            label="mean squared error over all entries",
        ),
        Loss(
            "mean_absolute_error",
            lambda p, y, n: mean(Elementwise(abs_, y - p)),
            label="mean absolute error over all entries",
        ),
        huber_loss(),
        Loss(
            "binary_cross_entropy",
            _binary_cross_entropy,
            output="sigmoid",
            label="mean binary cross-entropy over all entries",
        ),
        Loss("cross_entropy", _cross_entropy, output="softmax", label="mean cross-entropy over the samples"),
    )
}

FURTHER: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "half_mean_squared_error",
            lambda p, y, n: HALF * mean((y - p) ** 2),
            label="half of the mean squared error over all entries",
        ),
        Loss(
            "mean_log_cosh",
            lambda p, y, n: mean(Elementwise(log_cosh, y - p)),
            label="mean of log cosh of the residuals",
        ),
        quantile_loss(),
        Loss(
            "poisson",
            lambda p, y, n: mean(p - y * Elementwise(log, p)),
            label="mean Poisson loss of positive predictions",
        ),
        focal_loss(),
        focal_loss(binary=True),
    )
}
"""Losses of rarer use; ``poisson`` needs an output that is positive, such as exp."""


def weighted(value: Expr, weights: Expr) -> Expr:
    """The loss with the terms of each sample multiplied by the sample's weight.

    Args:
        value: a loss that is one sum over all samples, perhaps scaled.
        weights: n×1 for samples in rows, 1×n for columns.

    Raises:
        SpecificationError: a loss that is no such sum.
    """
    sums = [node for node in walk(value) if isinstance(node, Sum) and node.axis is None]
    if len(sums) != 1:
        raise SpecificationError("only a loss that is one sum over all samples can be weighted; write yours as one sum")
    return transform(value, lambda node: total(sums[0].x * weights) if node == sums[0] else node)


_user_losses: dict[str, Loss] = {}


def register(loss: Loss) -> Loss:
    """Make a user's loss known by its name.

    Raises:
        SpecificationError: the name belongs to a built-in loss.
    """
    if loss.name in LOSSES or loss.name in FURTHER:
        raise SpecificationError(f"{loss.name!r} is a built-in loss; choose another name for yours")
    _user_losses[loss.name] = loss
    return loss


def known_losses() -> Mapping[str, Loss]:
    """The built-in losses and those that users registered."""
    return {**LOSSES, **FURTHER, **_user_losses}


def loss_named(name: str) -> Loss:
    """The loss of that name.

    Raises:
        SpecificationError: no loss has this name; the nearest is suggested.
    """
    found = known_losses().get(name)
    if found is None:
        raise SpecificationError(f"unknown loss {name!r}; {suggestion(name, known_losses())}")
    return found
