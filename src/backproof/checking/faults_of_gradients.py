"""Faults that backward equations have: σ' lost or of the wrong variable, the wrong error or sum, old weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from backproof.checking.anatomy import Activated, Anatomy, is_number
from backproof.checking.edit import Edit
from backproof.checking.edits import factors, product, put, put_everywhere, sites, without
from backproof.dims import SCALAR, Dim, concrete
from backproof.ir.expr import (
    Assembled,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    MatMul,
    Mul,
    Name,
    Sub,
    Sum,
    Transpose,
    broadcast,
    size_of,
    zeros,
)
from backproof.ir.lift import lift
from backproof.ir.program import Equation
from backproof.ir.traverse import names, transform
from backproof.rules.elementwise import ACTIVATIONS, derivative, derivative_formula

OTHER_FUNCTIONS = ("sigmoid", "tanh", "relu")
"""Those whose derivative is tried in the place of another's, and which are tried in the place of another."""

SIGMOID = ACTIVATIONS["sigmoid"]()


def backward_edits(
    a: Anatomy, equation: Equation, sizes: Mapping[str, int], learning_rate: float | None
) -> Iterator[Edit]:
    """Every fault of a backward equation that is more than an edit of one node."""
    yield from _slopes(a, equation)
    yield from _errors(a, equation)
    numbers = tuple(part for part in factors(equation.value) if is_number(part))
    for part in factors(equation.value) if numbers else ():
        rest = without(equation.value, (part, *numbers))
        if part not in numbers and rest is not None:
            yield Edit("factor-missing", rest, product((*numbers, part)))
    if equation.name.shape != SCALAR:
        yield Edit("transposed", Transpose(equation.value), equation.value)
    if equation.name.id in a.gradients:
        yield from _gradients(a, equation)
    yield from _one_sample(a, equation, sizes)
    yield from _broadcasts(a, equation)
    if learning_rate is not None:
        yield from stale_edits(a, equation, learning_rate)


# --- σ' -----------------------------------------------------------------------------------------------------------


def _slopes(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    there = a.slope_in(equation.value)
    yield from _softmax(a, equation)
    if there is None:
        function = a.function_at(equation.name.id)
        if function is not None and not is_number(function.slope):
            yield _twice(equation.value, function)
        return
    rest = without(equation.value, there.parts)
    if rest is None:
        return
    yield Edit("derivative-missing", rest, there.slope, function=name_of(there.fn))
    yield _twice(equation.value, there)
    for wrong in _of_wrong_variable(a, equation, there):
        yield Edit("derivative-of-wrong-variable", Mul(rest, wrong), there.slope, wrong, name_of(there.fn))
    for other in OTHER_FUNCTIONS:
        if other != there.fn.name:
            fn = ACTIVATIONS[other]()
            wrong = derivative(fn, there.argument, there.output)
            yield Edit("derivative-of-other-function", Mul(rest, wrong), there.slope, name_of(fn), name_of(there.fn))


def _softmax(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    """p ∘ (1 − p), as if softmax were a sigmoid, after its Jacobian or in the place of it."""
    output = a.softmax_at(equation.name.id)
    if output is None:
        return
    slope = derivative(SIGMOID, output, output)
    yield Edit("derivative-twice", Mul(equation.value, slope), slope, slope, name_of(SIGMOID))
    for factor in factors(equation.value):
        if isinstance(factor, Sub) and isinstance(factor.b, Broadcast) and isinstance(factor.b.x, Sum):
            yield Edit("softmax-as-sigmoid", Mul(slope, factor.a), equation.value, slope)


def _twice(value: Expr, function: Activated) -> Edit:
    return Edit("derivative-twice", Mul(value, function.slope), function.slope, function.slope, name_of(function.fn))


def _of_wrong_variable(a: Anatomy, equation: Equation, there: Activated) -> Iterator[Expr]:
    """f' written for another variable: of z where l belongs, of l where z belongs, of a neighbour, of the error."""
    formula = derivative_formula(there.fn)
    argument, output = there.argument, there.output
    if "y" in names(formula):
        yield lift(formula, {"x": argument, "y": argument})
        yield lift(formula, {"x": output, "y": Elementwise(there.fn, output)})
    else:
        yield lift(formula, {"x": output, "y": output})
    for other in a.near(output.id, equation.name.id, 6):
        if other.id in a.activations or other in a.deltas:
            yield put_everywhere(there.slope, output, other)
    for operand in factors(equation.value):
        if isinstance(operand, MatMul):
            yield put_everywhere(there.slope, output, operand)


# --- which error --------------------------------------------------------------------------------------------------


def _errors(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    """The output error, or a Δ without its derivative, in the place of a Δ or of what is propagated back."""
    value = equation.value
    deltas = {delta.id for delta in a.deltas}
    for path, node in sites(value):
        if isinstance(node, Name) and node.id in deltas:
            yield from ((Edit("output-error", put(value, path, e), node, e)) for e, _ in a.errors if e != node)
            inner = a.equations[node.id].value
            slope = a.slope_in(inner)
            bare = None if slope is None else without(inner, slope.parts)
            if slope is not None and bare is not None:
                wrong = put(value, path, bare)
                yield Edit("error-without-derivative", wrong, node, bare, a.text(slope.slope))
        if isinstance(node, MatMul) and names(node) & deltas and equation.name.id not in a.gradients:
            for error, _ in a.errors:
                yield Edit("output-error", put(value, path, error), node, error)
            for other in a.sent_back:
                if other != node and not names(other) & {equation.name.id}:
                    yield Edit("wrong-delta", put(value, path, other), node, other)


# --- gradients of parameters --------------------------------------------------------------------------------------


def _gradients(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    value, parameter = equation.value, a.trace.joint.names[a.gradients[equation.name.id]]
    yield Edit("zero", zeros(equation.name.shape))
    for path, node in sites(value):
        match node:
            case Sum(x, int() as axis):
                yield from (_put_in(edit, value, path) for edit in _summed(a, equation, x, axis))
            case MatMul(x, y) if parameter.id in a.weights:
                yield from (_put_in(edit, value, path) for edit in _weighted(a, parameter, x, y))
            case _:
                pass
    yield from _exchanged(a, equation)


def _weighted(a: Anatomy, parameter: Name, x: Expr, y: Expr) -> Iterator[Edit]:
    """The weights times the Δ of each sample, as in a loop over samples, in the place of the activation times the Δ."""
    for delta, activation, axis in ((x, y, 1), (y, x, 0)):
        if delta in a.deltas and delta.shape[1 - axis] == parameter.shape[1 - axis]:
            wrong = Mul(parameter, broadcast(Sum(delta, axis), parameter.shape))
            yield Edit("weight-for-activation", wrong, activation, parameter)


def _put_in(edit: Edit, value: Expr, path: tuple[int, ...]) -> Edit:
    return Edit(edit.kind, put(value, path, edit.wrong), edit.part, edit.instead, value=edit.value)


def _summed(a: Anatomy, equation: Equation, x: Expr, axis: int) -> Iterator[Edit]:
    """The sum over the samples that the gradient of a bias is, done wrong."""
    shape = equation.name.shape
    samples = x.shape[axis]
    yield Edit("bias-total", broadcast(Sum(x), shape), x)
    yield Edit("bias-total", Sum(x), x)
    yield Edit("bias-unsummed", x, x)
    yield Edit("bias-axis", Sum(x, 1 - axis), x)
    yield Edit("bias-axis", Transpose(Sum(x, 1 - axis)), x)
    yield Edit("bias-averaged", Div(Sum(x, axis), broadcast(size_of(samples), shape)), x)
    layer_input = _input_beside(a, x)
    if layer_input is not None:
        back = Transpose(layer_input)
        multiplied = MatMul(back, x) if axis == 0 else MatMul(x, back)
        yield Edit("bias-times-input", multiplied, x, back)
        yield Edit("bias-times-input", Sum(multiplied, axis), x, back)


def _one_sample(a: Anatomy, equation: Equation, sizes: Mapping[str, int]) -> Iterator[Edit]:
    """The first sample alone, or the last: a loop that overwrites where it must add."""
    if a.batch is None:
        return
    axis, dim = a.batch
    (samples,) = concrete((dim,), sizes)
    if samples == 1:
        return
    here = equation.name.id
    # Counted from 1, entry 0 is the last, whatever the number of samples at another point.
    for number, called in ((0, "last"), (1, "first")):
        wrong = {g: _for_sample(a, a.equations[g].value, axis, dim, number) for g in a.gradients}
        if here in a.gradients and wrong[here] != equation.value:
            yield Edit("one-sample", wrong[here], equation.value, value=called)
        if a.deltas and here == a.deltas[0].id:
            yield Edit("one-sample", equation.value, equation.value, value=called, also=tuple(wrong.items()))


def _for_sample(a: Anatomy, value: Expr, axis: int, dim: Dim, number: int) -> Expr:
    """The expression with one sample of each quantity in the place of all."""
    parameters = {name.id for name in a.trace.program.parameters}

    def one(node: Expr) -> Expr:
        match node:
            case Name(id, shape) if shape and shape[axis] == dim and id not in parameters:
                one_row = axis == 0
                of_one = (1, shape[1]) if one_row else (shape[0], 1)
                entry = Component(node, number, "j") if one_row else Component(node, "i", number)
                return Assembled(of_one, "i", "j", entry)
            case _:
                return node

    return transform(value, one)


def _input_beside(a: Anatomy, x: Expr) -> Expr | None:
    """The layer's input, which the Δ is multiplied by in the gradient of the weights of the same layer."""
    for gradient in a.gradients:
        for _, node in sites(a.equations[gradient].value):
            if isinstance(node, MatMul) and x in (node.a, node.b):
                beside = node.a if node.b == x else node.b
                return beside.x if isinstance(beside, Transpose) else None
    return None


def _exchanged(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    """The gradient of another parameter, or the two exchanged."""
    id = equation.name.id
    for other in a.gradients:
        if other == id or abs(a.order[other] - a.order[id]) > 12:
            continue
        wrong, there = a.equations[other].value, a.trace.joint.names[other]
        if there.shape == equation.name.shape:
            yield Edit("gradient-of-other", wrong, instead=there)
        if a.order[other] > a.order[id]:
            yield Edit("gradients-swapped", wrong, instead=there, also=((other, equation.value),))
            turned = ((other, Transpose(equation.value)),)
            yield Edit("gradients-swapped", Transpose(wrong), instead=Transpose(there), also=turned)


# --- shapes and order ---------------------------------------------------------------------------------------------


def _broadcasts(a: Anatomy, equation: Equation) -> Iterator[Edit]:
    """(n,) against (n, 1) in the output error: every prediction against every target."""
    for path, node in sites(equation.value):
        match node:
            case Sub(Name() as p, Name() as y) if names(node) & a.targets and 1 in p.shape and p.shape == y.shape:
                axis = 1 if p.shape[1] == 1 else 0
                samples = p.shape[1 - axis]
                sides = (p, Transpose(y)) if axis == 1 else (Transpose(p), y)
                crossed = Sub(*(broadcast(side, (samples, samples)) for side in sides))
                number = broadcast(size_of(samples), p.shape)
                added = Sum(crossed, axis) if axis == 1 else Transpose(Sum(crossed, 1))
                for wrong in (crossed, added, Div(added, number)):
                    yield Edit("broadcast", put(equation.value, path, wrong), node, wrong)
            case _:
                pass


def stale_edits(a: Anatomy, equation: Equation, learning_rate: float) -> Iterator[Edit]:
    """The weights after their step in the place of those before it."""
    here = a.order[equation.name.id]
    rate = Const(Fraction(str(learning_rate)))
    for parameter, gradient in a.trace.gradients.items():
        name = a.trace.joint.names[parameter]
        if parameter in names(equation.value) and a.order[gradient] < here:
            step = Mul(broadcast(rate, name.shape), a.trace.joint.names[gradient])
            stepped = Sub(name, step)
            yield Edit("stale-weights", put_everywhere(equation.value, name, stepped), name, stepped)


def name_of(fn: Function) -> str:
    """The function as sentences call it."""
    return fn.name
