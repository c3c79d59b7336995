"""Feed-forward networks as programs: layer sizes, activations, bias, loss and penalty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import pairwise

from backproof.dims import SCALAR, Dim, as_dim
from backproof.errors import SpecificationError
from backproof.ir.expr import (
    Const,
    Elementwise,
    Expr,
    Function,
    Greater,
    Name,
    Number,
    Softmax,
    broadcast,
    rational,
    total,
)
from backproof.ir.program import Drawn, Equation, Layer, Program, Remembered, RowsSumToOne, Samples, Structure
from backproof.ir.traverse import names
from backproof.rules.elementwise import HALF, abs_, activation_named, constant, derivative_formula
from backproof.rules.losses import Loss, loss_named
from backproof.rules.losses import weighted as weighted_loss
from backproof.rules.normalization import normalization_named

Activation = str | Function
LARGEST_LAYER = 1_000_000
LARGEST_NETWORK = 10**9
"""More parameters than this are refused: in float64 they would need 8 GB before any work is done."""
DEEPEST = 10_000
SHORT_SUM = 100


def mlp(
    *sizes: int,
    activation: Activation | Sequence[Activation] = "sigmoid",
    output_activation: Activation | None = None,
    bias: bool = False,
    loss: str | Loss = "half_squared_error",
    penalty: Number | None = None,
    penalty_l1: Number | None = None,
    batch: int | str = "n",
    samples: Samples = "rows",
    normalization: str | None = None,
    dropout: Number | None = None,
    weighted: bool = False,
) -> Program:
    """L = loss(y, ŷ), ŷ = l_K, l_k = activation(l_{k-1} · W_k + b_k), l_0 = X.

    With samples in columns: l_k = activation(W_k · l_{k-1} + b_k), every matrix transposed.

    Args:
        sizes: units of each layer from the input to the output, at least two.
        activation: for all layers, or one per layer (per hidden layer where ``output_activation`` is given).
        output_activation: for the last layer; without it the last layer uses ``activation``, and the losses that are
            fused with their output function (cross_entropy with softmax, binary_cross_entropy with sigmoid) use that.
        bias: whether each layer adds a bias, of shape (1, units) (for columns: (units, 1)).
        loss: a name from ``rules.losses`` or a loss made by ``bp.loss``.
        penalty: λ of an L2 penalty λ/2 · Σ w² over all weights (not the biases).
        penalty_l1: λ of an L1 penalty λ · Σ |w| over all weights; its derivative at 0 is taken as 0.
        batch: the number of samples: an integer, or a symbol.
        samples: whether a sample is a row of X (n × inputs) or a column (inputs × n).
        normalization: ``"batch"`` or ``"layer"`` normalises the linear part a_k of every hidden layer before its
            activation: u_k = (a_k − mean) / deviation, and γ_k ∘ u_k + β_k goes on; β takes the place of the bias.
        dropout: the chance p that an output of a hidden layer is left out of a step: h_k = l_k ∘ M_k goes on, with
            M_k = [U_k > p] / (1 − p) and U_k random numbers from 0 to 1, new in each step. Predictions use l_k itself.
        weighted: whether each sample's terms of the loss are multiplied by its weight, the input ``omega``, (n, 1).

    Returns:
        A program with inputs ``X`` and ``y``, parameters ``W_1``, ``b_1``, …, and the loss ``L``.

    Raises:
        SpecificationError: sizes, names or combinations that mean nothing.

    Example:
        >>> program = mlp(3, 2, 1)
        >>> [equation.name.id for equation in program.equations]
        ['l_1', 'y_hat', 'L']
        >>> program.names["W_1"].shape
        (3, 2)
    """
    _check_sizes(sizes, bias)
    if samples not in ("rows", "columns"):
        raise SpecificationError(f"samples must be 'rows' or 'columns', got {samples!r}")
    chosen = _chosen(loss)
    activations = _activations(len(sizes) - 1, activation, output_activation, chosen)
    builder = _Builder(
        sizes,
        activations,
        bias,
        samples,
        as_dim(batch),
        name_last=chosen.output is not None,
        normalization=normalization,
        dropout=_chance(dropout),
    )
    return builder.program(chosen, penalty, penalty_l1, weighted)


def parse_sizes(text: str) -> tuple[int, ...]:
    """The sizes of a specification such as ``3-2-1``.

    Raises:
        SpecificationError: anything else; the message says which part is wrong.

    Example:
        >>> parse_sizes("784-128-10")
        (784, 128, 10)
    """
    parts = text.strip().split("-")
    sizes: list[int] = []
    for position, part in enumerate(parts, start=1):
        if not re.fullmatch(r"[0-9]{1,9}", part):
            found = f"{part!r}" if part else "nothing"
            raise SpecificationError(
                f"network {text!r}: layer {position} must be a whole number of units, found {found}; "
                "write sizes joined by single hyphens, such as 3-2-1"
            )
        sizes.append(int(part))
    _check_sizes(tuple(sizes), bias=False)
    return tuple(sizes)


def _check_sizes(sizes: Sequence[int], bias: bool) -> None:
    if len(sizes) < 2:
        raise SpecificationError(
            f"a network needs at least an input and an output size, got {len(sizes)}; try mlp(3, 2, 1) or 3-2-1"
        )
    for position, size in enumerate(sizes, start=1):
        if isinstance(size, bool) or not isinstance(size, int):
            raise SpecificationError(f"layer {position}: the number of units must be an integer, got {size!r}")
        if not 1 <= size <= LARGEST_LAYER:
            raise SpecificationError(
                f"layer {position}: the number of units must be from 1 to {LARGEST_LAYER:,}, got {size:,}"
            )
    if len(sizes) > DEEPEST:
        raise SpecificationError(f"{len(sizes) - 1:,} layers are more than the {DEEPEST:,} that are supported")
    parameters = sum(a * b + bias * b for a, b in pairwise(sizes))
    if parameters > LARGEST_NETWORK:
        raise SpecificationError(
            f"this network has {parameters:,} parameters, {parameters * 8 / 2**30:,.0f} GiB in float64; "
            f"make its layers smaller (at most {LARGEST_NETWORK:,} parameters)"
        )


def _chosen(loss: str | Loss) -> Loss:
    if not isinstance(loss, str | Loss):
        raise SpecificationError(f"a loss is a name or a loss made by bp.loss, got {loss!r}")
    return loss_named(loss) if isinstance(loss, str) else loss


def _activations(
    layers: int, activation: Activation | Sequence[Activation], output: Activation | None, loss: Loss
) -> tuple[Activation, ...]:
    """One activation per layer."""
    if isinstance(activation, str) or not isinstance(activation, Sequence):
        given: list[Activation] = [activation] * layers
    else:
        given = list(activation)
        hidden_only = layers - 1 if output is not None or loss.output is not None else layers
        if len(given) not in (layers, hidden_only):
            raise SpecificationError(
                f"{len(given)} activations for {layers} layers; give one, or one per layer "
                "(the output's may be left to output_activation)"
            )
        given += [given[-1] if given else "identity"] * (layers - len(given))
    if output is not None:
        given[-1] = output
    elif loss.output is not None:
        given[-1] = loss.output
    resolved = tuple(_resolved(a) for a in given)
    if loss.output is not None and _name(resolved[-1]) != loss.output:
        raise SpecificationError(
            f"the loss {loss.name} is fused with the output function {loss.output}, but the output layer has "
            f"{_name(resolved[-1])}; leave output_activation out, or choose another loss"
        )
    return resolved


def _resolved(activation: Activation) -> Activation:
    if isinstance(activation, Function):
        return activation
    if not isinstance(activation, str):
        raise SpecificationError(f"an activation is a name or a function made by bp.activation, got {activation!r}")
    return activation if activation == "softmax" else activation_named(activation)


def _name(activation: Activation) -> str:
    return activation.name if isinstance(activation, Function) else activation


@dataclass(frozen=True, slots=True)
class _Builder:
    """The equations of one network."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    bias: bool
    samples: Samples
    batch: Dim
    name_last: bool
    normalization: str | None
    dropout: Fraction | None

    def program(self, loss: Loss, l2: Number | None, l1: Number | None, weighted: bool) -> Program:
        rows = self.samples == "rows"
        X, y = self._name("X", self.sizes[0]), self._name("y", self.sizes[-1])
        parameters: list[Name] = []
        equations: list[Equation] = []
        layers: list[Layer] = []
        remembered: list[Remembered] = []
        draws: list[Name] = []
        below = X
        for k in range(1, len(self.sizes)):
            own, made, kept, layer = self._layer(k, below)
            parameters += own
            equations += made
            remembered += kept
            layers.append(layer)
            below = made[-1].name
            if self.dropout is not None and k < len(self.sizes) - 1:
                draws.append(self._name(f"U_{k}", layer.outputs))
                equations += _dropped_out(k, below, draws[-1], self.dropout)
                below = equations[-1].name
        weights = (self._name("omega", 1),) if weighted else ()
        equations += _loss_equations(_data_loss(loss, below, y, self.batch, *weights), loss, parameters, l2, l1)
        assumptions = (RowsSumToOne("y", 1 if rows else 0),) if loss.output == "softmax" else ()
        structure = Structure(
            tuple(layers),
            loss.name,
            self.samples,
            penalty=_as_written(l2),
            penalty_l1=_as_written(l1),
            normalization=self.normalization,
            dropout=_as_written(self.dropout),
        )
        return Program(
            (X, y, *weights, *draws),
            tuple(parameters),
            tuple(equations),
            "L",
            assumptions,
            structure,
            tuple(remembered),
            tuple(Drawn(name.id, stream) for stream, name in enumerate(draws, start=1)),
        )

    def _name(self, id: str, units: int) -> Name:
        return Name(id, (self.batch, units) if self.samples == "rows" else (units, self.batch))

    def _layer(self, k: int, below: Name) -> tuple[list[Name], list[Equation], tuple[Remembered, ...], Layer]:
        rows, last = self.samples == "rows", k == len(self.sizes) - 1
        inputs, outputs = self.sizes[k - 1], self.sizes[k]
        W = Name(f"W_{k}", (inputs, outputs) if rows else (outputs, inputs))
        b = Name(f"b_{k}", (1, outputs) if rows else (outputs, 1))
        linear: Expr = below @ W if rows else W @ below
        activation = self.activations[k - 1]
        output = self._name("y_hat" if last else f"l_{k}", outputs)
        label = f"output of layer {k}" + (": the prediction" if last else "")
        equations: list[Equation] = []
        own: list[Name] = [W]
        remembered: tuple[Remembered, ...] = ()
        if self.normalization is not None and not last:
            a = self._name(f"a_{k}", outputs)
            normalized = normalization_named(self.normalization)(k, a, self.samples)
            equations += [Equation(a, linear, f"delta_a_{k}", f"linear part of layer {k}"), *normalized.equations]
            linear, remembered = normalized.value, normalized.remembered
            own += normalized.parameters
        elif self.bias:
            linear = linear + b
            own.append(b)
        z: str | None = None
        argument = linear
        if _needs_argument(activation) or (last and self.name_last):
            z = f"z_{k}"
            argument = self._name(z, outputs)
            equations.append(Equation(argument, linear, f"delta_{k}", f"argument of layer {k}'s activation"))
        value = self._activated(activation, argument)
        equations.append(Equation(output, value, None if z else f"delta_{k}", label))
        layer = Layer(
            k,
            inputs,
            outputs,
            _name(activation),
            W.id,
            b.id if b in own else None,
            z,
            output.id,
            f"delta_{k}",
            *(name.id for name in own[1:] if self.normalization is not None and not last),
        )
        return own, equations, remembered, layer

    def _activated(self, activation: Activation, argument: Expr) -> Expr:
        if isinstance(activation, Function):
            return argument if activation.name == "identity" else Elementwise(activation, argument)
        return Softmax(argument, 1 if self.samples == "rows" else 0)


def _as_written(number: Number | None) -> str | None:
    return None if number is None else f"{float(number):g}"


def _dropped_out(k: int, output: Name, random: Name, chance: Fraction) -> tuple[Equation, Equation]:
    """M = [U > p] / (1 − p) and h = l ∘ M.

    Source:
        Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014), scaled in training.
    """
    mask = Name(f"M_{k}", output.shape)
    kept = Equation(
        mask,
        Greater(random, broadcast(Const(chance), output.shape)) / constant(1 - chance),
        label=f"mask of layer {k}: which outputs stay in this step",
        when_predicting=broadcast(Const(Fraction(1)), output.shape),
    )
    return kept, Equation(Name(f"h_{k}", output.shape), output * mask, label=f"output of layer {k} after dropout")


def _chance(dropout: Number | None) -> Fraction | None:
    if dropout is None:
        return None
    if not 0 <= dropout < 1:
        raise SpecificationError(f"dropout is the chance to leave an output out, from 0 to below 1, got {dropout!r}")
    chance = rational(dropout)
    return chance if chance > 0 else None


def _needs_argument(activation: Activation) -> bool:
    """Whether the derivative looks at the activation's argument, which then gets a name."""
    return not isinstance(activation, Function) or "x" in names(derivative_formula(activation))


def _added(terms: Sequence[Expr]) -> Expr:
    """The sum of the terms, halved again and again, so that many of them make no deep tree."""
    if len(terms) <= SHORT_SUM:
        return reduce(lambda a, b: a + b, terms)
    middle = len(terms) // 2
    return _added(terms[:middle]) + _added(terms[middle:])


def _data_loss(loss: Loss, prediction: Name, y: Name, samples: Dim, weights: Name | None = None) -> Expr:
    value = loss.build(prediction, y, samples)
    if value.shape != SCALAR:
        raise SpecificationError(f"the loss {loss.name} gives a matrix; sum or average it to one number")
    return value if weights is None else weighted_loss(value, weights)


def _loss_equations(
    value: Expr, loss: Loss, parameters: Sequence[Name], l2: Number | None, l1: Number | None
) -> list[Equation]:
    L = Name("L")
    penalties = [(p, kind) for p, kind in ((l2, "L2"), (l1, "L1")) if p is not None]
    if not penalties:
        return [Equation(L, value, label=loss.label or f"the loss {loss.name}")]
    for penalty, kind in penalties:
        if not float("-inf") < float(penalty) < float("inf") or penalty < 0:
            raise SpecificationError(f"the {kind} penalty must be a finite number of at least 0, got {penalty}")
    D, R = Name("D"), Name("R")
    terms = [_penalty(rational(penalty), kind, parameters) for penalty, kind in penalties]
    kinds = " and ".join(kind for _, kind in penalties)
    return [
        Equation(D, value, label=f"data loss: {loss.label or loss.name}"),
        Equation(R, reduce(lambda a, b: a + b, terms), label=f"{kinds} penalty"),
        Equation(L, D + R, label="the loss: data loss and penalty"),
    ]


def _penalty(factor: Fraction, kind: str, parameters: Sequence[Name]) -> Expr:
    """λ/2 Σ w², or λ Σ |w|."""
    weights = [W for W in parameters if W.id.startswith("W_")]
    if kind == "L2":
        return constant(factor * HALF) * _added([total(W**2) for W in weights])
    return constant(factor) * _added([total(Elementwise(abs_, W)) for W in weights])
