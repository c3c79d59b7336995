"""What builds a network again, as plain values: sizes, activations, loss, options, and formulas of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from backproof.definitions.activations import function_of
from backproof.definitions.losses import FormulaLoss, loss_of
from backproof.errors import SpecificationError
from backproof.ir.expr import Elementwise, Expr, Function
from backproof.ir.program import Program
from backproof.ir.traverse import walk
from backproof.networks import mlp
from backproof.rules.elementwise import ACTIVATIONS, FUNCTIONS, activation_named
from backproof.rules.losses import Loss, loss_named

_SOURCE = "the formula "


@dataclass(frozen=True, slots=True)
class NetworkSpecification:
    """The arguments of ``bp.mlp``, by value.

    Args:
        sizes: units from the input to the output.
        activations: one for each layer.
        loss: by name.
        bias: whether each layer adds one.
        penalty, penalty_l1: λ of the penalties; None for none.
        normalization: ``"batch"``, ``"layer"`` or None.
        dropout: the chance that an output of a hidden layer is left out of a step; None for none.
        weighted: whether the loss has weights of samples.
        formulas: of the activations that are nobody's but the user's, in ``x``.
        loss_formula: in ``y_hat``, ``y`` and ``n``, where the loss is the user's own.

    Example:
        >>> network = NetworkSpecification(
        ...     (2, 4, 1), ("cubic", "identity"), "mean_squared_error", formulas={"cubic": "x + x^3/3"}
        ... )
        >>> network.program().structure.specification
        '2-4-1'
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    bias: bool = True
    penalty: float | None = None
    penalty_l1: float | None = None
    normalization: str | None = None
    dropout: float | None = None
    weighted: bool = False
    formulas: Mapping[str, str] = field(default_factory=dict)
    loss_formula: str | None = None

    def program(self) -> Program:
        """The network. Formulas define functions for it alone.

        Raises:
            SpecificationError: values that make no network.
        """
        own = {name: _function(name, formula) for name, formula in self.formulas.items()}
        loss = self.loss if self.loss_formula is None else loss_of(self.loss, self.loss_formula)
        return mlp(
            *self.sizes,
            activation=[own.get(name, name) for name in self.activations],
            bias=self.bias,
            loss=loss,
            penalty=self.penalty,
            penalty_l1=self.penalty_l1,
            normalization=self.normalization,
            dropout=self.dropout,
            weighted=self.weighted,
        )


def formulas_of(activations: tuple[str, ...], loss: str) -> tuple[dict[str, str], str | None]:
    """The formulas of those activations, and of that loss, that users defined.

    Raises:
        SpecificationError: a function without a formula, or with one that is not in x.

    Example:
        >>> import backproof as bp
        >>> _ = bp.activation("cubic_2", "x + x^3/3")
        >>> formulas_of(("relu", "cubic_2", "softmax"), "cross_entropy")
        ({'cubic_2': 'x + x^3/3'}, None)
    """
    own = {name: _formula(activation_named(name)) for name in activations if name not in (*ACTIVATIONS, "softmax")}
    return own, _loss_formula(loss_named(loss))


def _formula(function: Function) -> str:
    formula, definition = function.source.removeprefix(_SOURCE), function.definition
    if definition is None or formula == function.source or _meant(function.name, formula) != definition:
        raise SpecificationError(
            f"the activation {function.name} cannot be kept in a file; define it by a formula in x, with bp.activation"
        )
    used = [node.fn.name for node in walk(definition) if isinstance(node, Elementwise)]
    if others := [name for name in used if name not in FUNCTIONS]:
        raise SpecificationError(
            f"the activation {function.name} cannot be kept in a file, as its formula calls {others[0]}, which is "
            "defined elsewhere; write that out in the formula"
        )
    return formula


@lru_cache(maxsize=64)
def _function(name: str, formula: str) -> Function:
    """Derived once: it takes far longer than all else about a model."""
    return function_of(name, formula)


def _meant(name: str, formula: str) -> Expr | None:
    """What a formula in x defines; None where it is in another variable."""
    try:
        return _function(name, formula).definition
    except SpecificationError:
        return None


def _loss_formula(loss: Loss) -> str | None:
    return loss.build.formula if isinstance(loss.build, FormulaLoss) else None
