"""Identities that make a program stable: each with its law, its reason and the pattern that it replaces.

They fuse a loss with the function that feeds it, so that nothing overflows and the gradient is ŷ − y: the textbook
form is what a person writes, the fused form is what is differentiated, and the identity between them is a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backproof.ir.expr import (
    Add,
    Broadcast,
    Elementwise,
    Expr,
    LogSumExp,
    Mul,
    Name,
    Neg,
    Softmax,
    Sub,
    Sum,
    broadcast,
    total,
)
from backproof.ir.program import RowsSumToOne
from backproof.rules.elementwise import ONE, log, sigmoid, softplus


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rewrite may look at: how names are defined, and what is assumed about inputs."""

    definitions: Mapping[str, Expr]
    assumptions: tuple[RowsSumToOne, ...]

    def value(self, expr: Expr) -> Expr:
        """What a name stands for; the expression itself where it is no name, or an input."""
        return self.definitions.get(expr.id, expr) if isinstance(expr, Name) else expr

    def sums_to_one(self, expr: Expr, axis: int) -> bool:
        """Whether the expression is a target whose samples sum to 1 along the axis."""
        return isinstance(expr, Name) and RowsSumToOne(expr.id, axis) in self.assumptions


@dataclass(frozen=True, slots=True)
class Identity:
    """A rewrite of one node by an equal one.

    Args:
        name: how steps call it.
        law: the identity in the notation of formulas.
        reason: why it holds, in a sentence.
        apply: the replacement of a node, or None where the pattern does not fit.
    """

    name: str
    law: str
    reason: str
    apply: Callable[[Expr, Surroundings], Expr | None]


def _log_softmax(node: Expr, around: Surroundings) -> Expr | None:
    match node:
        case Elementwise(fn, p) if fn == log:
            match around.value(p):
                case Softmax(z, axis):
                    return z - LogSumExp(z, axis)
                case _:
                    return None
        case _:
            return None


def _weights_sum_to_one(node: Expr, around: Surroundings) -> Expr | None:
    match node:
        case Sum(Mul(y, Sub(z, Broadcast(LogSumExp(_, axis) as normaliser))), None) if around.sums_to_one(y, axis):
            return total(y * z) - total(normaliser)
        case Sum(Mul(Mul(y, Sub(z, Broadcast(LogSumExp(_, axis) as normaliser))), Broadcast(weights)), None) if (
            around.sums_to_one(y, axis) and weights.shape == normaliser.shape
        ):
            return total(weights * total(y * z, axis)) - total(weights * normaliser)
        case _:
            return None


def _log_sigmoid(node: Expr, around: Surroundings) -> Expr | None:
    match node:
        case Elementwise(fn, p) if fn == log:
            match around.value(p):
                case Elementwise(inner, z) if inner == sigmoid:
                    return z - Elementwise(softplus, z)
                case Sub(one, q) if _is_one(one):
                    match around.value(q):
                        case Elementwise(inner, z) if inner == sigmoid:
                            return -Elementwise(softplus, z)
                        case _:
                            return None
                case _:
                    return None
        case _:
            return None
    return None


def _collect_weights(node: Expr, around: Surroundings) -> Expr | None:
    match node:
        case Add(Mul(y, Sub(z, s)), Mul(Sub(one, y_again), Neg(s_again))) if (
            y == y_again and s == s_again and _is_one(one)
        ):
            return y * z - s
        case _:
            return None


def _is_one(expr: Expr) -> bool:
    return expr == broadcast(ONE, expr.shape)


IDENTITIES: tuple[Identity, ...] = (
    Identity(
        "log_softmax",
        "log softmax(z) = z - log(sum(exp(z)))",
        "the logarithm of a quotient is the difference of the logarithms, and log exp z = z",
        _log_softmax,
    ),
    Identity(
        "weights_sum_to_one",
        "sum(y * (z - logsumexp(z))) = sum(y * z) - sum(logsumexp(z))",
        "the targets of each sample sum to 1",
        _weights_sum_to_one,
    ),
    Identity(
        "log_sigmoid",
        "log(sigmoid(z)) = z - softplus(z), log(1 - sigmoid(z)) = -softplus(z)",
        "softplus(z) = log(1 + exp z), and sigmoid(z) = exp z / (1 + exp z)",
        _log_sigmoid,
    ),
    Identity(
        "collect_weights",
        "y * (z - s) + (1 - y) * (-s) = y * z - s",
        "the two weights of s sum to 1",
        _collect_weights,
    ),
)
