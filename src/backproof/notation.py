"""Notation: how a derivation is written, as a value; what its signs mean, as data for the head of a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from backproof.dims import SCALAR, Symbol
from backproof.errors import SpecificationError, suggestion
from backproof.ir.expr import (
    Add,
    Broadcast,
    Component,
    Const,
    Div,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Partial,
    Power,
    Softmax,
    Sum,
    Transpose,
)
from backproof.ir.program import Samples
from backproof.ir.traverse import walk

Delta = Literal["Δ", "δ"]
Hadamard = Literal["∘", "×", "⊙"]
Matmul = Literal[".", "·", "juxtaposition"]
Indices = Literal["seed", "plain"]
Numbers = Literal["fractions", "decimals"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "delta": get_args(Delta),
    "hadamard": get_args(Hadamard),
    "matmul": get_args(Matmul),
    "indices": get_args(Indices),
    "numbers": get_args(Numbers),
    "samples": get_args(Samples),
}
"""What each field of a notation may be."""

KEYBOARD: Mapping[str, Mapping[str, str]] = {
    "delta": {"Delta": "Δ", "delta": "δ"},
    "hadamard": {"circ": "∘", "times": "×", "odot": "⊙"},
    "matmul": {"dot": ".", "cdot": "·", "none": "juxtaposition"},
}
"""Names for the signs that a keyboard lacks."""


@dataclass(frozen=True, slots=True)
class Convention:
    """A sign and what it means: an expression that shows it, and a sentence without mathematics markup."""

    example: Expr
    meaning: str


@dataclass(frozen=True, slots=True)
class Notation:
    """How a derivation is written; the default is the seed's way.

    Args:
        delta: ``"Δ"`` writes the adjoint of layer 1 as Δl_1, ``"δ"`` as δ_1.
        hadamard: the sign between matrices multiplied entry by entry; scalars are always multiplied with ×.
        matmul: the sign of the matrix product.
        indices: ``"seed"`` raises the indices of an entry, w_1^{11}; ``"plain"`` lowers them, w_{1;1,1}, so that
            only powers are raised.
        numbers: ``"fractions"`` writes a half as 1/2, ``"decimals"`` as 0.5.
        samples: whether each training example is a row or a column of X.
        loss: the identifier of the scalar that is differentiated, the L in ∂L/∂W_1.

    Raises:
        SpecificationError: a choice that does not exist.

    Example:
        >>> Notation(delta="δ").hadamard
        '∘'
        >>> Notation(hadamard="*")
        Traceback (most recent call last):
        backproof.errors.SpecificationError: unknown hadamard '*' in the notation; choose one of: ×, ∘, ⊙
    """

    delta: Delta = "Δ"
    hadamard: Hadamard = "∘"
    matmul: Matmul = "."
    indices: Indices = "seed"
    numbers: Numbers = "fractions"
    samples: Samples = "rows"
    loss: str = "L"

    def __post_init__(self) -> None:
        for field, choices in CHOICES.items():
            value = getattr(self, field)
            if value not in choices:
                hint = suggestion(str(value), choices)
                raise SpecificationError(f"unknown {field} {value!r} in the notation; {hint}")
        if not self.loss:
            raise SpecificationError("the loss of a notation must be the identifier of a quantity, got none")

    @classmethod
    def parse(cls, **choices: str) -> Notation:
        """The notation with some choices made, each by its sign or by the name of the sign.

        Raises:
            SpecificationError: a field or a choice that does not exist.

        Example:
            >>> Notation.parse(delta="delta", hadamard="odot", matmul="none").hadamard
            '⊙'
        """
        unknown = next((field for field in choices if field not in (*CHOICES, "loss")), None)
        if unknown is not None:
            raise SpecificationError(f"a notation has no {unknown!r}; {suggestion(unknown, CHOICES)}")
        signs = {field: KEYBOARD.get(field, {}).get(value, value) for field, value in choices.items()}
        return cls(**signs)  # type: ignore[arg-type]  # checked by __post_init__

    def describe(self, *used: Expr) -> tuple[Convention, ...]:
        """What the signs mean, for the head of a document.

        Args:
            used: the expressions of the document; only the signs that occur in them are explained. Without any,
                every sign is.

        Example:
            >>> A, B = Name("A", (2, 3)), Name("B", (3, 2))
            >>> [convention.meaning for convention in Notation().describe(A @ B)]
            ['the matrix product']
        """
        nodes = list(_nodes(used))
        return tuple(
            Convention(row.example(self), row.meaning(self))
            for row in CONVENTIONS
            if not used or any(row.occurs(node, self) for node in nodes)
        )


def _nodes(roots: tuple[Expr, ...]) -> Iterator[Expr]:
    """Every node, those inside the symbols of derivatives included."""
    for root in roots:
        for node in walk(root):
            yield node
            if isinstance(node, Partial):
                yield from _nodes((node.of, node.wrt))


# --- what the signs mean ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A convention: the example and the sentence for a notation, and whether a node uses the sign."""

    example: Callable[[Notation], Expr]
    meaning: Callable[[Notation], str]
    occurs: Callable[[Expr, Notation], bool]


_n, _m = Symbol("n"), Symbol("m")
_A, _B, _C, _X = Name("A", (_n, _m)), Name("B", (_n, _m)), Name("C", (_m, _n)), Name("X", (_n, _m))
_W, _b, _l = Name("W_1", (3, 2)), Name("b_1", (1, _m)), Name("l_1", (1, _m))
_scalar_a, _scalar_b = Name("a"), Name("b")


def _is(kind: type[Expr] | tuple[type[Expr], ...]) -> Callable[[Expr, Notation], bool]:
    return lambda node, notation: isinstance(node, kind)


def _is_matrix(expr: Expr) -> bool:
    return expr.shape not in (SCALAR, (1, 1))


def _says(text: str) -> Callable[[Notation], str]:
    return lambda notation: text


def _shows(expr: Expr) -> Callable[[Notation], Expr]:
    return lambda notation: expr


def _is_repeated(expr: Expr) -> bool:
    return isinstance(expr, Broadcast)


def _base_id(node: Expr) -> str:
    """The identifier of a quantity or of the quantity that an entry is taken from; empty for all else."""
    match node:
        case Name(id) | Component(Name(id)):
            return id
        case _:
            return ""


def _samples_meaning(notation: Notation) -> str:
    return f"the inputs, one training example to a {notation.samples.removesuffix('s')}"


def _component_meaning(notation: Notation) -> str:
    meaning = "the entry in row i and column j; where there is one row or one column only, its index is left out"
    return f"{meaning}. A raised index is no power" if notation.indices == "seed" else meaning


CONVENTIONS: tuple[_Row, ...] = (
    _Row(_shows(_X), _samples_meaning, lambda node, notation: _base_id(node) == "X"),
    _Row(_shows(MatMul(_A, _C)), _says("the matrix product"), _is(MatMul)),
    _Row(
        _shows(Mul(_A, _B)),
        _says("the product entry by entry (Hadamard product)"),
        lambda node, notation: (
            isinstance(node, Mul) and _is_matrix(node) and not (_is_repeated(node.a) or _is_repeated(node.b))
        ),
    ),
    _Row(
        _shows(Mul(_scalar_a, _scalar_b)),
        _says("the product of scalars"),
        lambda node, notation: isinstance(node, Mul) and not _is_matrix(node),
    ),
    _Row(
        _shows(Div(_A, _B)),
        _says("the quotient entry by entry"),
        lambda node, notation: isinstance(node, Div) and _is_matrix(node) and not _is_repeated(node.b),
    ),
    _Row(_shows(_A.T), _says("the transpose"), _is(Transpose)),
    _Row(
        _shows(Add(_A, Broadcast(_b, _A.shape))),
        _says("a scalar, row or column is repeated as often as needed; where that could be missed, rep says so"),
        _is(Broadcast),
    ),
    _Row(_shows(Component(_W, "i", "j")), _component_meaning, _is(Component)),
    _Row(
        _shows(Power(_l, Fraction(2))),
        _says("the power entry by entry"),
        lambda node, notation: isinstance(node, Power) and _is_matrix(node),
    ),
    _Row(
        lambda notation: Partial(Name(notation.loss), _W),
        _says("the derivatives with respect to each entry, arranged as the entries are"),
        lambda node, notation: isinstance(node, Partial) or _base_id(node).startswith("grad_"),
    ),
    _Row(
        _shows(Name("delta_l_k", (_n, _m))),
        lambda notation: f"the derivative of {notation.loss} with respect to the argument of layer k's activation",
        lambda node, notation: _base_id(node).startswith("delta_"),
    ),
    _Row(
        _shows(Sum(_A)),
        _says("the sum of all entries; what is summed ends before the next plus or minus"),
        lambda node, notation: isinstance(node, Sum) and node.axis is None,
    ),
    _Row(
        _shows(Sum(_A, 0)),
        _says("the sum of the rows, itself a row"),
        lambda node, notation: isinstance(node, Sum) and node.axis == 0,
    ),
    _Row(
        _shows(Sum(_A, 1)),
        _says("the sum of the columns, itself a column"),
        lambda node, notation: isinstance(node, Sum) and node.axis == 1,
    ),
    _Row(
        _shows(Greater(_scalar_a, Const(Fraction(0)))),
        _says("1 where the condition holds, otherwise 0"),
        _is(Greater),
    ),
    _Row(
        lambda notation: Softmax(_A, 1 if notation.samples == "rows" else 0),
        _says("the exponentials divided by their sum, taken within each training example"),
        _is(Softmax),
    ),
    _Row(
        lambda notation: LogSumExp(_A, 1 if notation.samples == "rows" else 0),
        _says("the logarithm of the sum of the exponentials, taken within each training example"),
        _is(LogSumExp),
    ),
)
"""Every sign that a document may use, in the order in which they are explained."""
