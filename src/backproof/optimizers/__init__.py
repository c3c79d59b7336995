"""Update rules as equations: those of the literature, and those that users write."""

from backproof.optimizers.formula import optimizer
from backproof.optimizers.rule import RATE, Memory, Optimizer
from backproof.optimizers.rules import OPTIMIZERS, adam, adamw, lion, momentum, nesterov, optimizer_named, rmsprop, sgd

__all__ = [
    "OPTIMIZERS",
    "RATE",
    "Memory",
    "Optimizer",
    "adam",
    "adamw",
    "lion",
    "momentum",
    "nesterov",
    "optimizer",
    "optimizer_named",
    "rmsprop",
    "sgd",
]
