"""Networks of every activation and loss, with random parameters and data that fit them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.dims import concrete
from backproof.ir.program import Program, Samples
from backproof.networks import mlp
from backproof.rules.elementwise import ACTIVATIONS
from backproof.rules.losses import LOSSES

Array = npt.NDArray[Any]
WIDTHS = (3, 4, 2, 3, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """One network of the grid: every activation × loss × depth, with rows, columns and biases taken in turn."""

    activation: str
    loss: str
    depth: int
    samples: Samples
    bias: bool

    @property
    def program(self) -> Program:
        return mlp(
            *WIDTHS[: self.depth], 2, activation=self.activation, loss=self.loss, samples=self.samples, bias=self.bias
        )

    def __str__(self) -> str:
        return f"{self.activation}-{self.loss}-{self.depth}-{self.samples}{'-bias' if self.bias else ''}"


def grid() -> Iterator[Case]:
    """Every activation × loss × depth 1–4 × rows or columns × with or without biases."""
    orientations: tuple[Samples, ...] = ("rows", "columns")
    for activation, loss, depth, samples, bias in product(
        ACTIVATIONS, LOSSES, (1, 2, 3, 4), orientations, (False, True)
    ):
        yield Case(activation, loss, depth, samples, bias)


def values(program: Program, seed: int = 0, samples: int = 3) -> tuple[dict[str, Array], dict[str, Array]]:
    """Random parameters and inputs; targets of a network in [0, 1], summing to one where the program assumes it."""
    rng = np.random.default_rng(seed)
    sizes = dict.fromkeys(program.symbols, samples)
    parameters = {p.id: rng.normal(0, 0.8, concrete(p.shape, sizes)) for p in program.parameters}
    inputs = {i.id: rng.normal(0, 1, concrete(i.shape, sizes)) for i in program.inputs}
    if program.structure is not None:
        inputs["y"] = rng.random(inputs["y"].shape)
    for assumption in program.assumptions:
        target = rng.random(inputs[assumption.name].shape)
        inputs[assumption.name] = target / target.sum(axis=assumption.axis, keepdims=True)
    return parameters, inputs
