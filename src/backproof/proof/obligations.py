"""What has to be shown for a derivation to hold, step by step, as data: facts to look at and identities to test.

Every claim about an adjoint is tested where it is made. If a step claims that ∂L/∂q is G, then for a direction V

    ⟨G, V⟩ = Σ ⟨∂L/∂e, Jₑ V⟩   over the equations e that use q,

where Jₑ V is the tangent of one equation, from the table of tangents, and ∂L/∂e is what an earlier step claims. So the
work is linear in the program, and a wrong step is the first whose identity fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import Expr, Name, Partial, total, zeros

Unnamed = None
"""In place of a step's number: the statement is about the derivation as a whole."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement that is decided by looking: the step's number, whether it is so, and what is wrong if not."""

    step: int | None
    holds: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Bind:
    """From here on the identifier stands for the value of the expression."""

    id: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Draw:
    """From here on the identifier stands for random elements, or for a random direction of a named quantity."""

    name: Name
    direction_of: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Two expressions that must be equal everywhere; of several right-hand sides, one must be."""

    step: int | None
    left: Expr
    rights: tuple[Expr, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Law:
    """Two expressions whose equality may rest on a law that free functions do not know, such as that of logarithms.

    They are equal if they are so in the field. Otherwise: their tangents along what stands inside functions must be,
    exactly; so the difference depends on the other quantities only; and at one place, with random values of these, the
    two must agree to many digits.

    Args:
        step: the step's number.
        before, after: the two expressions.
        free: the quantities in them that may take any value.
        bound: the others, by their equations.
        tangents: the tangents of the bound quantities, along ``direction of q`` for each free q inside a function.
        slopes: the tangents of both sides.
        sentence: what is wrong if they are not equal.
    """

    step: int
    before: Expr
    after: Expr
    free: tuple[Name, ...]
    bound: tuple[Bind, ...]
    tangents: tuple[Bind, ...]
    slopes: tuple[Expr, Expr]
    sentence: str


Obligation = Fact | Bind | Draw | Identity | Law


def direction(name: Name) -> Name:
    """The random direction in which the named quantity is moved."""
    return Name(f"direction of {name.id}", name.shape)


def adjoint(name: Name) -> Name:
    """∂L/∂q, as an earlier step claims it."""
    return Name(f"adjoint of {name.id}", name.shape)


def tangent(name: Name) -> Name:
    """The tangent of the named quantity."""
    return Name(f"tangent of {name.id}", name.shape)


def inner_product(a: Expr, b: Expr) -> Expr:
    """⟨a, b⟩ = Σ a ∘ b."""
    return total(a * b)


def sum_of(terms: Sequence[Expr], shape: Shape = SCALAR) -> Expr:
    """The sum as a balanced tree: a parameter may be used by a thousand equations."""
    if not terms:
        return zeros(shape)
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return sum_of(terms[:middle]) + sum_of(terms[middle:])


def subject(target: Expr) -> str:
    """What a step is about, in words: ``∂L/∂W_1``, ``delta_2``."""
    match target:
        case Name(id):
            return id
        case Partial(of, wrt):
            return f"∂{subject(of)}/∂{subject(wrt)}"
        case _:
            return type(target).__name__


def listed(words: Iterable[str]) -> str:
    """The words with commas, in order."""
    return ", ".join(sorted(words))
