"""Rewriting a program before it is differentiated: fused losses, and names for arguments that derivatives need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from backproof.backprop.simplify import simplify
from backproof.ir.expr import Add, Broadcast, Elementwise, Expr, LogSumExp, MatMul, Name, Softmax, Sub
from backproof.ir.program import Equation, Program, fresh
from backproof.ir.traverse import children, names, rebuilt, transform, walk
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
    """The program where everything that a derivative must look at, and that is costly to write twice, has a name.

    A derivative written in its output, like σ' = l(1−l), needs a name for that output; one that looks at its
    argument, like that of softplus, and the fusion of a loss with its output function need a name for the argument.
    """
    looked_through = set(_arguments_of_logarithms(program))
    around = Surroundings({e.name.id: e.value for e in program.equations}, program.assumptions)
    taken = set(program.names)
    equations: list[Equation] = []
    for equation in program.equations:
        namer = _Namer(equation, taken, around, looked_through=equation.name.id in looked_through)
        value = namer.named(equation.value)
        equations += [*namer.added, replace(equation, value=value, delta=namer.delta)]
    return replace(program, equations=tuple(equations))


@dataclass
class _Namer:
    """Takes parts of one equation out of it, each as an equation of its own."""

    equation: Equation
    taken: set[str]
    around: Surroundings
    looked_through: bool
    added: list[Equation] = field(default_factory=list)
    delta: str | None = field(init=False)
    has_logarithm: bool = field(init=False)

    def __post_init__(self) -> None:
        self.delta = self.equation.delta
        self.has_logarithm = any(_is_logarithm(node) for node in walk(self.equation.value))

    def named(self, root: Expr) -> Expr:
        """The right-hand side with names in the place of what was taken out."""
        operands = tuple(transform(operand, self._change) for operand in children(root))
        return self._change(rebuilt(root, operands), is_root=True)

    def _change(self, node: Expr, *, is_root: bool = False) -> Expr:
        if any(identity.apply(node, self.around) for identity in IDENTITIES):
            return node
        output = not is_root and _is_output_to_name(node)
        argument = _argument_to_name(node, looked_at=self.looked_through if is_root else output and self.has_logarithm)
        if argument is not None:
            node = rebuilt(node, (self._name(f"z_{self.equation.name.id}", argument, "argument"),))
        return self._name(f"a_{self.equation.name.id}", node, "output") if output else node

    def _name(self, wanted: str, value: Expr, role: str) -> Name:
        for equation in self.added:
            if equation.value == value:
                return equation.name
        name = Name(fresh(wanted, self.taken), value.shape)
        self.taken.add(name.id)
        delta = None
        if any(is_linear_part(part) for part in (value, *children(value))):
            delta, self.delta = self.delta, None
        self.added.append(Equation(name, value, delta, f"{role} in {self.equation.name.id}"))
        return name


def _arguments_of_logarithms(program: Program) -> Iterator[str]:
    for equation in program.equations:
        for node in walk(equation.value):
            if _is_logarithm(node):
                yield from names(node)


def _is_logarithm(node: Expr) -> bool:
    return isinstance(node, Elementwise) and node.fn == log


def _argument_to_name(node: Expr, *, looked_at: bool) -> Expr | None:
    match node:
        case Elementwise(fn, x) if looked_at or (_is_costly(x) and "x" in names(derivative_formula(fn))):
            return None if isinstance(x, Name) else x
        case Softmax(x) | LogSumExp(x) if _is_costly(x):
            return x
        case _:
            return None


def _is_output_to_name(node: Expr) -> bool:
    """Whether the derivative is written in the output, and that is costly to compute again."""
    match node:
        case Elementwise(fn, x):
            return "y" in names(derivative_formula(fn)) and (fn.definition is not None or _is_costly(x))
        case Softmax():
            return True
        case _:
            return False


def _is_costly(expr: Expr) -> bool:
    """Whether computing the expression a second time costs more than a name for it."""
    nodes = list(walk(expr))
    return len(nodes) > CHEAP or any(isinstance(n, MatMul | Elementwise | Softmax | LogSumExp) for n in nodes)


def is_linear_part(node: Expr) -> bool:
    """Whether the node is the linear part of a layer: a matrix product, perhaps with a bias added."""
    match node:
        case MatMul():
            return True
        case Add(a, b) | Sub(a, b):
            return is_linear_part(a) or is_linear_part(b)
        case Broadcast(x):
            return is_linear_part(x)
        case _:
            return False


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
