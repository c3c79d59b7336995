"""Rewriting a program before it is differentiated: fused losses, and names for arguments that derivatives need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from backproof.backprop.simplify import simplify
from backproof.ir.expr import Elementwise, Expr, LogSumExp, MatMul, Name, Softmax
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import names, rebuilt, transform, walk
from backproof.rules.elementwise import derivative_formula, log
from backproof.rules.rewrites import IDENTITIES, Surroundings

CHEAP = 6
"""An argument of up to this many nodes, such as ŷ − y, is written twice rather than named."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewriting of one equation: by which identity, from what, to what."""

    equation: str
    rule: str
    reason: str
    before: Expr
    after: Expr


def with_named_arguments(program: Program) -> Program:
    """The program where every argument that a derivative must look at has a name.

    A derivative written in its output, like σ' = l(1−l), needs no name for its argument; one that is not, like that
    of softplus, and the fusion of a loss with its output function do. Without the name the argument would be
    computed twice.
    """
    looked_through = set(_arguments_of_logarithms(program))
    around = Surroundings({e.name.id: e.value for e in program.equations}, program.assumptions)
    taken = set(program.names)
    equations: list[Equation] = []
    for equation in program.equations:
        added: list[Equation] = []

        def named(node: Expr, equation: Equation = equation, added: list[Equation] = added) -> Expr:
            argument = _argument_to_name(node, root=node == equation.value and equation.name.id in looked_through)
            if argument is None or any(identity.apply(node, around) for identity in IDENTITIES):
                return node
            name = Name(_fresh(f"z_{equation.name.id}", taken), argument.shape)
            taken.add(name.id)
            added.append(Equation(name, argument, label=f"argument in {equation.name.id}"))
            return rebuilt(node, (name,))

        value = transform(equation.value, named)
        equations += [*added, replace(equation, value=value)]
    return replace(program, equations=tuple(equations))


def _fresh(wanted: str, taken: set[str]) -> str:
    candidate, k = wanted, 2
    while candidate in taken:
        candidate, k = f"{wanted}_{k}", k + 1
    return candidate


def _arguments_of_logarithms(program: Program) -> Iterator[str]:
    for equation in program.equations:
        for node in walk(equation.value):
            if isinstance(node, Elementwise) and node.fn == log:
                yield from names(node.x)


def _argument_to_name(node: Expr, *, root: bool) -> Expr | None:
    match node:
        case Elementwise(fn, x) if root or (_is_costly(x) and "x" in names(derivative_formula(fn))):
            return None if isinstance(x, Name) else x
        case Softmax(x) | LogSumExp(x) if _is_costly(x):
            return x
        case _:
            return None


def _is_costly(expr: Expr) -> bool:
    """Whether computing the expression a second time costs more than a name for it."""
    nodes = list(walk(expr))
    return len(nodes) > CHEAP or any(isinstance(n, MatMul | Elementwise | Softmax | LogSumExp) for n in nodes)


def rewrites(program: Program) -> tuple[Program, tuple[Rewrite, ...]]:
    """The program with every identity applied that makes it stable, and the rewrites in order."""
    around = Surroundings({e.name.id: e.value for e in program.equations}, program.assumptions)
    done: list[Rewrite] = []
    equations: list[Equation] = []
    for equation in program.equations:
        value = equation.value
        for identity in IDENTITIES:
            after = transform(value, lambda node, rule=identity: rule.apply(node, around) or node)  # type: ignore[misc]
            if after != value:
                done.append(Rewrite(equation.name.id, identity.name, identity.reason, value, after))
                value = after
        tidy = simplify(value) if value != equation.value else value
        if tidy != value:
            done.append(Rewrite(equation.name.id, "simplify", "constants and signs are collected", value, tidy))
            value = tidy
        equations.append(replace(equation, value=value))
    return replace(program, equations=tuple(equations)), tuple(done)
