"""Faults of the forward pass that a gradient function computes for itself: another function, no bias, another input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from backproof.checking.anatomy import Anatomy
from backproof.checking.edit import Edit
from backproof.checking.edits import Path, put, sites, without
from backproof.checking.faults_of_gradients import OTHER_FUNCTIONS, name_of
from backproof.checking.faults_of_structure import NEAREST, structural_edits
from backproof.dims import Shape
from backproof.ir.expr import Add, Broadcast, Elementwise, Expr, MatMul, Mul, Name, Softmax, Sum, Transpose
from backproof.ir.lift import lift
from backproof.ir.program import Equation
from backproof.ir.traverse import substitute, walk
from backproof.rules.elementwise import ACTIVATIONS, derivative, exp

FORWARD = "forward-differs"


def forward_edits(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    """Every fault of a forward equation, the backward equations being computed from what it gives."""
    value = equation.value
    for path, node in sites(value):
        match node:
            case Add(x, Broadcast(Name() as bias)):
                yield Edit("bias-left-out", put(value, path, x), bias)
            case Elementwise(fn, x):
                yield Edit("activation-left-out", put(value, path, x), node, x, name_of(fn))
                yield from _other_functions(a, equation, path, node)
                if fn.definition is not None:
                    yield from _misdefined(a, equation, path, node, fn.definition, x)
            case Softmax(x, axis):
                yield Edit("activation-left-out", put(value, path, x), node, x, "softmax")
                yield from _misdefined(a, equation, path, node, _softmax(axis, x.shape), x)
                other_axis, sigmoid = Softmax(x, 1 - axis), Elementwise(ACTIVATIONS["sigmoid"](), x)
                yield Edit(FORWARD, put(value, path, other_axis), node, other_axis)
                yield Edit("other-activation", put(value, path, sigmoid), node, "sigmoid", "softmax")
            case MatMul(x, y):
                for wrong in (MatMul(x, Transpose(y)), MatMul(Transpose(x), y), Mul(x, y)):
                    yield Edit(FORWARD, put(value, path, wrong), node, wrong)
            case Name():
                for other in a.near(node.id, equation.name.id, NEAREST):
                    if other.id not in a.targets:
                        yield Edit(FORWARD, put(value, path, other), node, other)
            case _:
                pass


def _other_functions(a: Anatomy, equation: Equation, path: Path, node: Elementwise) -> Iterator[Edit]:
    """Another activation, with the derivative of the right one, and with its own."""
    for name in OTHER_FUNCTIONS:
        fn = ACTIVATIONS[name]()
        if name == node.fn.name:
            continue
        wrong = put(equation.value, path, Elementwise(fn, node.x))
        yield Edit("other-activation", wrong, node, name, name_of(node.fn))
        also = _with_slope_of(a, equation, Elementwise(fn, node.x))
        if also:
            yield Edit("other-activation", wrong, node, name, name_of(node.fn), also=also)


def _misdefined(
    a: Anatomy, equation: Equation, path: Path, node: Expr, definition: Expr, argument: Expr
) -> Iterator[Edit]:
    """A function written out with one slip: a sign, a number, a part left out."""
    inner = replace(equation, value=_of_matrix(definition, argument))
    for edit in structural_edits(a, inner, operands=isinstance(argument, Name)):
        yield Edit("function-misdefined", put(equation.value, path, edit.wrong), node, edit.wrong)


def _of_matrix(definition: Expr, argument: Expr) -> Expr:
    """The definition applied to the argument, entry by entry where it is a function of one number."""
    scalar = all(not node.shape for node in walk(definition))
    return lift(definition, {"x": argument}) if scalar else substitute(definition, {"x": argument})


def _softmax(axis: int, shape: Shape) -> Expr:
    """exp(x) / Σ exp(x)."""
    powers = Elementwise(exp, Name("x", shape))
    return powers / Sum(powers, axis)


def _with_slope_of(a: Anatomy, equation: Equation, other: Elementwise) -> tuple[tuple[str, Expr], ...]:
    """The backward equations with the derivative of the other function in the place of the right one's."""
    there = a.activated.get(equation.name.id)
    if there is None:
        return ()
    slope = derivative(other.fn, there.argument, equation.name)
    deltas = a.sloped.get(equation.name.id, ())
    bare = ((delta.id, without(a.equations[delta.id].value, there.parts)) for delta in deltas)
    return tuple((id, Mul(rest, slope)) for id, rest in bare if rest is not None)
