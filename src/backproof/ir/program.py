"""Programs: named equations in single-assignment form, with a scalar loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import Literal

from backproof.dims import SCALAR, Shape, Symbol, shape_text, substitute_shape
from backproof.errors import ShapeError, SpecificationError
from backproof.ir.expr import Assembled, Broadcast, Component, Const, Div, Expr, Mul, Name, Size, SumOver
from backproof.ir.traverse import names, transform, walk

Samples = Literal["rows", "columns"]


@dataclass(frozen=True, slots=True)
class Equation:
    """``name = value``.

    Args:
        name: the quantity that the equation defines.
        value: a small expression tree over earlier names.
        delta: the identifier for ∂L/∂(the argument of the outermost function): the Δ of a layer, where it has one.
        label: what the quantity is, in words, e.g. "output of layer 1".
        when_predicting: the right-hand side instead of ``value`` where a trained network predicts, such as a mean that
            training remembered; None where it is the same.
    """

    name: Name
    value: Expr
    delta: str | None = None
    label: str = ""
    when_predicting: Expr | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What training remembers beside the parameters: ``name`` ← ``following`` after each step.

    Args:
        name: the quantity; only the equations for predictions and ``following`` use it.
        start: the value of every entry before the first step.
        following: its next value, over itself and the quantities of the program.
    """

    name: Name
    start: float
    following: Expr


@dataclass(frozen=True, slots=True)
class Drawn:
    """An input of random numbers from 0 to 1, new in each step: ``ir.random`` makes those of its stream."""

    name: str
    stream: int


@dataclass(frozen=True, slots=True)
class RowsSumToOne:
    """The assumption that each sample of the named target sums to 1 (one-hot or probabilities).

    ``axis`` is the axis along which one sample's entries lie: 1 for samples in rows, 0 for columns.
    """

    name: str
    axis: int = 1


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network, for pictures and for words: units, activation and the names of its quantities.

    ``scale`` and ``shift`` are γ and β of a normalised layer.
    """

    number: int
    inputs: int
    outputs: int
    activation: str
    weights: str
    bias: str | None
    pre_activation: str | None
    output: str
    delta: str
    scale: str | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """What is known of a program that came from a network: layers, loss, orientation of the samples, and options.

    Penalties and the chance of dropout are texts, as people write them.
    """

    layers: tuple[Layer, ...]
    loss: str
    samples: Samples
    penalty: str | None = None
    penalty_l1: str | None = None
    normalization: str | None = None
    dropout: str | None = None

    @property
    def penalised(self) -> bool:
        """Whether the loss has a penalty on the weights beside the data loss."""
        return self.penalty is not None or self.penalty_l1 is not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units from the input to the output."""
        return (self.layers[0].inputs, *(layer.outputs for layer in self.layers))

    @property
    def specification(self) -> str:
        """The sizes as people write them: ``3-2-1``."""
        return "-".join(str(size) for size in self.sizes)


@dataclass(frozen=True)
class Program:
    """Inputs, parameters and equations that end in a scalar loss.

    Args:
        inputs: quantities given from outside, such as ``X`` and ``y``.
        parameters: the quantities whose gradients are wanted.
        equations: in an order in which each uses only what stands before it.
        loss: the identifier of the scalar to differentiate.
        assumptions: what is taken for granted about inputs.
        structure: the layers, where the program is a network.
        remembered: what training remembers for predictions.
        drawn: the inputs that are random numbers, where nobody gives them.

    Raises:
        SpecificationError: a name defined twice, used before it is defined, or unknown.
        ShapeError: an equation whose sides differ in shape, or a loss that is no scalar.
    """

    inputs: tuple[Name, ...]
    parameters: tuple[Name, ...]
    equations: tuple[Equation, ...]
    loss: str
    assumptions: tuple[RowsSumToOne, ...] = ()
    structure: Structure | None = None
    remembered: tuple[Remembered, ...] = ()
    drawn: tuple[Drawn, ...] = ()

    def __post_init__(self) -> None:
        known: dict[str, Shape] = {}
        for name in (*self.inputs, *self.parameters):
            _define(known, name)
        for equation in self.equations:
            _check_equation(equation, known)
            _define(known, equation.name)
        if self.loss not in known:
            raise SpecificationError(f"the loss {self.loss!r} is not defined by any equation")
        if known[self.loss] != SCALAR:
            raise ShapeError(f"the loss {self.loss} must be a scalar, but is {shape_text(known[self.loss])}")
        for remembered in self.remembered:
            _define(known, remembered.name)
        for remembered in self.remembered:
            _check_equation(Equation(remembered.name, remembered.following), known)
        for equation in self.equations:
            if equation.when_predicting is not None:
                _check_equation(replace(equation, value=equation.when_predicting), known)

    @cached_property
    def names(self) -> Mapping[str, Name]:
        """Every named quantity by identifier."""
        defined = (equation.name for equation in self.equations)
        return {name.id: name for name in (*self.inputs, *self.parameters, *defined)}

    @cached_property
    def definitions(self) -> Mapping[str, Equation]:
        """The equations by the identifier that they define."""
        return {equation.name.id: equation for equation in self.equations}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbolic dimensions, in order of appearance."""
        dims = (dim for name in self.names.values() for dim in name.shape)
        return tuple(dict.fromkeys(dim.name for dim in dims if isinstance(dim, Symbol)))

    def with_sizes(self, **sizes: int) -> Program:
        """The same program with symbolic dimensions replaced by integers.

        Example:
            >>> import backproof as bp
            >>> bp.mlp(3, 2, 1).with_sizes(n=4).names["X"].shape
            (4, 3)
        """

        def resized_name(name: Name) -> Name:
            return Name(name.id, substitute_shape(name.shape, sizes))

        def resized_equation(equation: Equation) -> Equation:
            later = equation.when_predicting
            return replace(
                equation,
                name=resized_name(equation.name),
                value=resized(equation.value, sizes),
                when_predicting=None if later is None else resized(later, sizes),
            )

        return replace(
            self,
            inputs=tuple(resized_name(name) for name in self.inputs),
            parameters=tuple(resized_name(name) for name in self.parameters),
            equations=tuple(resized_equation(equation) for equation in self.equations),
            remembered=tuple(
                Remembered(resized_name(r.name), r.start, resized(r.following, sizes)) for r in self.remembered
            ),
        )

    @cached_property
    def predicting(self) -> Program:
        """The program by which a trained network predicts: what training remembered takes the batch's place."""
        if all(equation.when_predicting is None for equation in self.equations):
            return self
        return replace(
            self,
            parameters=(*self.parameters, *(remembered.name for remembered in self.remembered)),
            equations=tuple(
                equation
                if equation.when_predicting is None
                else replace(equation, value=equation.when_predicting, when_predicting=None)
                for equation in self.equations
            ),
            remembered=(),
            drawn=(),
            inputs=tuple(name for name in self.inputs if name.id not in {drawn.name for drawn in self.drawn}),
        )

    def fresh(self, wanted: str) -> str:
        """The identifier itself, or with a suffix where it is taken."""
        return fresh(wanted, self.names)


def fresh(wanted: str, taken: Collection[str]) -> str:
    """The identifier itself, or with a suffix where it is taken."""
    if wanted not in taken:
        return wanted
    return next(f"{wanted}_{k}" for k in count(2) if f"{wanted}_{k}" not in taken)


def resized(expr: Expr, sizes: Mapping[str, int]) -> Expr:
    """The expression with symbolic dimensions replaced by integers."""

    def change(node: Expr) -> Expr:
        match node:
            case Size(dim) if dim.name in sizes:
                return Const(Fraction(sizes[dim.name]))
            case Div(Const(a), Const(b)) if b != 0:
                return Const(a / b)
            case Mul(Const(value), x) | Mul(x, Const(value)) if value == 1:
                return x
            case Name(id, shape):
                return Name(id, substitute_shape(shape, sizes))
            case Component(base, row, column):
                return Component(Name(base.id, substitute_shape(base.shape, sizes)), row, column)
            case Broadcast(x, to):
                shape = substitute_shape(to, sizes)
                return x if x.shape == shape else Broadcast(x, shape)
            case SumOver(variable, Symbol() as size, body):
                return SumOver(variable, sizes.get(size.name, size), body)
            case Assembled(shape, row, column, body):
                return Assembled(substitute_shape(shape, sizes), row, column, body)
            case _:
                return node

    return transform(expr, change)


def _define(known: dict[str, Shape], name: Name) -> None:
    if name.id in known:
        raise SpecificationError(f"{name.id!r} is defined twice; give each quantity its own name")
    known[name.id] = name.shape


def _check_equation(equation: Equation, known: Mapping[str, Shape]) -> None:
    for id in sorted(names(equation.value)):
        if id not in known:
            raise SpecificationError(f"the equation for {equation.name.id!r} uses {id!r} before it is defined")
    for node in walk(equation.value):
        if isinstance(node, Name) and node.shape != known[node.id]:
            raise ShapeError(
                f"the equation for {equation.name.id!r} takes {node.id} as {shape_text(node.shape)}, "
                f"but it is {shape_text(known[node.id])}"
            )
    if equation.value.shape != equation.name.shape:
        raise ShapeError(
            f"{equation.name.id} is declared {shape_text(equation.name.shape)}, "
            f"but its equation gives {shape_text(equation.value.shape)}"
        )
