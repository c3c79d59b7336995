"""Forward mode: the tangent of every operation, one row per class; the proof's independent second opinion.

A row takes the node and the tangents of its operands (None: zero) and gives the tangent of the node. An element-wise
function is differentiated through its *definition*, down to the primitives, never by the row that reverse mode uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from backproof.errors import BackproofError
from backproof.ir.expr import (
    Add,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    Transpose,
    Where,
    broadcast,
    total,
    zeros,
)
from backproof.ir.lift import lift
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import children
from backproof.rules.elementwise import constant, cos, exp, sin

Tangent = Expr | None


def _plus(a: Tangent, b: Tangent) -> Tangent:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _times(tangent: Tangent, factor: Expr) -> Tangent:
    return None if tangent is None else tangent * factor


def _where(condition: Expr, a: Tangent, b: Tangent, like: Expr) -> Tangent:
    if a is None and b is None:
        return None
    return Where(condition, a or zeros(like.shape), b or zeros(like.shape))


_x = Name("x")
PRIMITIVE: Mapping[str, Expr] = {
    "exp": Elementwise(exp, _x),
    "log": _x**-1,
    "erf": constant(2) / Pi() ** Fraction(1, 2) * Elementwise(exp, -_x * _x),
    "sign": constant(0),
    "sin": Elementwise(cos, _x),
    "cos": -Elementwise(sin, _x),
}
"""The tangents of the functions that have no definition, as multiples of the operand's tangent."""


def _function(fn: Function, x: Expr, tangent: Tangent) -> Tangent:
    if tangent is None:
        return None
    if fn.definition is None:
        if fn.name not in PRIMITIVE:
            raise BackproofError(f"the primitive {fn.name!r} has no tangent in the tables")
        return tangent * lift(PRIMITIVE[fn.name], {"x": x})
    inner = tangent_of(fn.definition, {"x": Name("t")})
    return None if inner is None else lift(inner, {"x": x, "t": tangent})


Jvp = Callable[..., Tangent]

JVP: Mapping[type[Expr], Jvp] = {
    # element by element
    Add: lambda e, a, b: _plus(a, b),
    Sub: lambda e, a, b: _plus(a, None if b is None else -b),
    Mul: lambda e, a, b: _plus(_times(a, e.b), _times(b, e.a)),
    Div: lambda e, a, b: _plus(None if a is None else a / e.b, None if b is None else -(b * e.a) / (e.b * e.b)),
    Neg: lambda e, x: None if x is None else -x,
    Power: lambda e, x: None if x is None else e.exponent * Power(e.x, e.exponent - 1) * x,
    Greater: lambda e, a, b: None,
    Where: lambda e, c, a, b: _where(e.condition, a, b, e),
    Elementwise: lambda e, x: _function(e.fn, e.x, x),
    # matrices
    MatMul: lambda e, a, b: _plus(None if a is None else a @ e.b, None if b is None else e.a @ b),
    Transpose: lambda e, x: None if x is None else x.T,
    Sum: lambda e, x: None if x is None else total(x, e.axis),
    Broadcast: lambda e, x: None if x is None else broadcast(x, e.to),
    Softmax: lambda e, x: None if x is None else e * x - e * total(e * x, e.axis),
    LogSumExp: lambda e, x: None if x is None else total(Softmax(e.x, e.axis) * x, e.axis),
}


def tangent_of(expr: Expr, tangents: Mapping[str, Expr]) -> Tangent:
    """The tangent of an expression whose named quantities move along the given tangents.

    Example:
        >>> x, v = Name("x"), Name("v")
        >>> tangent_of(x * x, {"x": v}) == v * x + v * x
        True
    """
    match expr:
        case Name(id):
            return tangents.get(id)
        case Const() | Pi() | Size() | Component():
            return None
        case _:
            rule = JVP.get(type(expr))
            if rule is None:
                raise BackproofError(f"{type(expr).__name__} has no row in the table of tangents")
            return rule(expr, *(tangent_of(child, tangents) for child in children(expr)))


def tangent_program(program: Program, moving: Mapping[str, str]) -> Program:
    """The program followed by the tangents of all its equations: forward mode, linear in the program.

    Args:
        program: the primal program.
        moving: for each quantity that moves, the identifier of the new input that is its tangent. A quantity that
            an equation defines may move too: then its own equation's tangent is added to it.

    Returns:
        A program with one more input per moving quantity; the tangent of ``q`` is called ``tangent_q``.
    """
    given = {id: Name(tangent, program.names[id].shape) for id, tangent in moving.items()}
    defined = {equation.name.id for equation in program.equations}
    tangents: dict[str, Expr] = {id: name for id, name in given.items() if id not in defined}
    added: list[Equation] = []
    for equation in program.equations:
        id = equation.name.id
        tangent = _plus(tangent_of(equation.value, tangents), given.get(id))
        if tangent is not None:
            name = Name(f"tangent_{id}", equation.name.shape)
            added.append(Equation(name, tangent))
            tangents[id] = name
    return Program(
        inputs=(*program.inputs, *given.values()),
        parameters=program.parameters,
        equations=(*program.equations, *added),
        loss=program.loss,
        assumptions=program.assumptions,
        remembered=program.remembered,
        drawn=program.drawn,
    )
