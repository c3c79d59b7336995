"""What is written means what it was written from: random expressions, typeset, read back by a small reader, compared.

The reader knows the grammar that a person reads by: products bind tighter than sums, Σ reaches to the next plus or
minus, raised indices follow the small letters of entries. All values are exact fractions, and functions are stand-ins
without any law that could hide a misplaced parenthesis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import (
    Add,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Greater,
    MatMul,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Softmax,
    Sub,
    Sum,
    SumOver,
    Transpose,
    Where,
    broadcast,
)
from backproof.notation import Notation
from backproof.render.dialects import DIALECTS
from backproof.render.typeset import typeset
from backproof.rules.elementwise import FUNCTIONS

Array = Any
"""A NumPy array of fractions, of shape () or (rows, columns)."""

# --- values -------------------------------------------------------------------------------------------------------

SIZES = (1, 2, 3)
SHAPES: tuple[Shape, ...] = (SCALAR, *((r, c) for r in SIZES for c in SIZES))


def named(shape: Shape) -> Name:
    """The quantity of each shape that has a name: s, or M_23 and its like."""
    return Name("s", SCALAR) if shape == SCALAR else Name(f"M_{shape[0]}{shape[1]}", shape)


def fractions(shape: Shape) -> Array:
    numbers = np.random.default_rng(sum(shape) + 1).integers(-40, 40, shape, endpoint=True)  # type: ignore[arg-type]
    return np.array(numbers, dtype=object) * Fraction(1, 7)


VALUES: Mapping[str, Array] = {named(shape).id: fractions(shape) for shape in SHAPES}

STAND_INS: Mapping[str, Callable[[Array], Array]] = {
    "exp": lambda x: x * x + 3,
    "sigmoid": lambda x: x * x - 2 * x,
    "abs": lambda x: x * 3 + 5,
    "relu": lambda x: x * x * 2 + 1,
    "sqrt": lambda x: x * 5 + 11,
    "pi": lambda x: Fraction(22, 7),
}


def softmax(x: Array, axis: int) -> Array:
    return x * x + x.sum(axis=axis, keepdims=True)


def where(condition: Array, a: Array, b: Array) -> Array:
    condition, a, b = np.broadcast_arrays(condition, a, b)
    return np.where(condition.astype(bool), a, b)


def power(x: Array, exponent: Fraction) -> Array:
    if exponent < 0:
        return 1 / power(x, -exponent)
    if exponent.denominator == 2:
        return STAND_INS["sqrt"](x) if exponent == Fraction(1, 2) else x * exponent + 1
    return x ** int(exponent)


def greater(a: Array, b: Array) -> Array:
    return where(np.asarray(a > b), np.array(Fraction(1)), np.array(Fraction(0)))


def value(expr: Expr, indices: Mapping[str, int]) -> Array:
    """The value of an expression."""

    def go(e: Expr) -> Array:
        return value(e, indices)

    match expr:
        case Const(number):
            return np.array(number, dtype=object)
        case Pi():
            return np.array(STAND_INS["pi"](0), dtype=object)
        case Name(id):
            return VALUES[id]
        case Component(base, row, column):
            at = tuple(indices[i] if isinstance(i, str) else i for i in (row, column))
            return np.array(VALUES[base.id][at[0] - 1, at[1] - 1], dtype=object)
        case Add(a, b):
            return go(a) + go(b)
        case Sub(a, b):
            return go(a) - go(b)
        case Mul(a, b):
            return go(a) * go(b)
        case Div(a, b):
            return go(a) / go(b)
        case Neg(x):
            return -go(x)
        case Power(x, exponent):
            return power(go(x), exponent)
        case Greater(a, b):
            return greater(go(a), go(b))
        case Where(condition, a, b):
            return where(go(condition), go(a), go(b))
        case Elementwise(fn, x):
            return STAND_INS[fn.name](go(x))
        case MatMul(a, b):
            return go(a) @ go(b)
        case Transpose(x):
            return go(x).T
        case Sum(x, axis):
            return total(go(x), axis)
        case Broadcast(x, to):
            return np.broadcast_to(go(x), to)  # type: ignore[arg-type]
        case Softmax(x, axis):
            return softmax(go(x), axis)
        case SumOver(variable, int(size), body):
            return sum(value(body, {**indices, variable: k}) for k in range(1, size + 1))
        case _:
            raise NotImplementedError(type(expr).__name__)


def total(x: Array, axis: int | None) -> Array:
    return np.array(x.sum(), dtype=object) if axis is None else x.sum(axis=axis, keepdims=True)


# --- random expressions -------------------------------------------------------------------------------------------

CONSTANTS = ("0", "1", "-1", "2", "-3", "1/2", "-2/3", "0.005", "12", "1e-9", "2.5e-9")
EXPONENTS = tuple(map(Fraction, ("1", "2", "3", "-1", "-2", "1/2", "-1/2", "3/2")))


@st.composite
def expressions(draw: st.DrawFn, shape: Shape, depth: int, variables: tuple[str, ...] = ()) -> Expr:
    """A random expression of the shape; index variables may occur where they are bound."""

    def some(of: Shape) -> Expr:
        return draw(expressions(of, depth - 1, variables))

    def operand() -> Expr:
        """Something of the shape, perhaps by repetition."""
        if shape == SCALAR:
            return some(SCALAR)
        smaller = draw(st.sampled_from([shape, shape, SCALAR, (1, shape[1]), (shape[0], 1)]))
        return broadcast(some(smaller), shape)

    kinds = ["name", "name"]
    if shape == SCALAR:
        kinds += ["number", "pi", "entry", "entry"]
    if depth > 0:
        kinds = ["name", "add", "sub", "mul", "mul", "mul", "div", "neg", "power", "function", "greater", "where"]
        kinds += ["sum", "number", "entry", "sumover"] if shape == SCALAR else ["matmul", "matmul", "transpose"]
        kinds += ["softmax"] if shape != SCALAR else []
        kinds += ["sum_rows"] if shape != SCALAR and shape[0] == 1 else []
        kinds += ["sum_columns"] if shape != SCALAR and shape[1] == 1 else []
    match draw(st.sampled_from(kinds)), shape:
        case "number", _:
            return Const(Fraction(draw(st.sampled_from(CONSTANTS))))
        case "pi", _:
            return Pi()
        case "entry", _:
            rows, columns = draw(st.sampled_from([s for s in SHAPES if s != SCALAR]))
            index = st.sampled_from(variables)
            row = draw(index) if variables and rows == 3 else draw(st.integers(1, rows))  # type: ignore[arg-type]
            column = draw(index) if variables and columns == 3 else draw(st.integers(1, columns))  # type: ignore[arg-type]
            return Component(named((rows, columns)), row, column)
        case "add", _:
            return Add(operand(), operand())
        case "sub", _:
            return Sub(operand(), operand())
        case "mul", _:
            return Mul(operand(), operand())
        case "div", _:
            return Div(operand(), operand())
        case "neg", _:
            return Neg(some(shape))
        case "power", _:
            return Power(some(shape), draw(st.sampled_from(EXPONENTS)))
        case "function", _:
            return Elementwise(FUNCTIONS[draw(st.sampled_from(["exp", "sigmoid", "relu", "abs"]))], some(shape))
        case "greater", _:
            return Greater(operand(), operand())
        case "where", _:
            return Where(operand(), operand(), operand())
        case "sum", _:
            return Sum(some(draw(st.sampled_from(SHAPES[1:]))))
        case "sumover", _:
            variable = "ijk"[len(variables) % 3]
            return SumOver(variable, 3, draw(expressions(SCALAR, depth - 1, (*variables, variable)[-2:])))
        case "sum_rows", (_, columns):
            return Sum(some((draw(st.sampled_from(SIZES)), columns)), 0)
        case "sum_columns", (rows, _):
            return Sum(some((rows, draw(st.sampled_from(SIZES)))), 1)
        case "matmul", (rows, columns):
            between = draw(st.sampled_from(SIZES))
            return MatMul(some((rows, between)), some((between, columns)))
        case "transpose", (rows, columns):
            return Transpose(some((columns, rows)))
        case "softmax", _:
            return Softmax(some(shape), draw(st.sampled_from([0, 1])))
        case _:
            return named(shape)


# --- reading ------------------------------------------------------------------------------------------------------

Thunk = Callable[[Mapping[str, int]], Array]
"""What has been read: a value, once the index variables have theirs."""

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)
    | sum_\{(?P<over>\w)=1\.\.(?P<size>\d)\}
    | rep_\{(?P<rows>\d)\*(?P<columns>\d)\}
    | m_\{(?P<of_lowered>\d\d);(?P<lowered>[\dijk,]+)\}
    | m_\{?(?P<of>\d\d)\}?(?:\^\{?(?P<raised>[\dijk]+)\}?)?(?!\w)
    | (?P<name>M_\{?\d\d\}?|[A-Za-zσΣ]+(?:_rows|_columns)?)
    | (?P<sign>\*\*|\^T|.)
    )""",
    re.VERBOSE,
)


class Reader:
    """A recursive-descent reader of the ASCII dialect, in which the products of both kinds still differ."""

    def __init__(self, text: str) -> None:
        self.tokens = [match for match in TOKEN.finditer(text) if match.group().strip()]
        self.position = 0

    def read(self) -> Thunk:
        thunk = self.sum()
        assert self.position == len(self.tokens), f"unread: {self.tokens[self.position :]}"
        return thunk

    def sign(self) -> str:
        """The sign that comes next; empty where something else does."""
        if self.position == len(self.tokens):
            return ""
        return self.tokens[self.position]["sign"] or ""

    def take(self, *signs: str) -> str:
        if self.sign() not in signs:
            return ""
        self.position += 1
        return self.tokens[self.position - 1]["sign"]

    def want(self, sign: str) -> None:
        assert self.take(sign), f"{sign} wanted before {self.tokens[self.position :]}"

    def sum(self) -> Thunk:
        if self.take("-"):
            first = self.product()
            left: Thunk = lambda ix: -first(ix)  # noqa: E731
        else:
            left = self.product()
        while sign := self.take("+", "-"):
            left = self.join(sign, left, self.product())
        return left

    def join(self, sign: str, a: Thunk, b: Thunk) -> Thunk:
        match sign:
            case "+":
                return lambda ix: a(ix) + b(ix)
            case "-":
                return lambda ix: a(ix) - b(ix)
            case "*":
                return lambda ix: a(ix) * b(ix)
            case "/":
                return lambda ix: a(ix) / b(ix)
            case _:
                return lambda ix: a(ix) @ b(ix)

    def product(self) -> Thunk:
        left = self.factor()
        while True:
            sign = self.take("*", "/", ".")
            if not sign and not self.begins():
                return left
            # Two things side by side are a coefficient and what it multiplies.
            left = self.join(sign or "*", left, self.factor())

    def begins(self) -> bool:
        """Whether something to multiply by comes next."""
        if self.position == len(self.tokens):
            return False
        token = self.tokens[self.position]
        return token["sign"] in (None, "(", "{", "[") and token["name"] not in ("if", "otherwise")

    def factor(self) -> Thunk:
        base = self.atom()
        while sign := self.take("**", "^T"):
            base = self.transposed(base) if sign == "^T" else self.raised(base)
        return base

    def transposed(self, base: Thunk) -> Thunk:
        return lambda ix: base(ix).T

    def raised(self, base: Thunk) -> Thunk:
        exponent = Fraction(str(self.atom()({})))
        return lambda ix: power(base(ix), exponent)

    def enclosed(self, closing: str) -> Thunk:
        inner = self.sum()
        self.want(closing)
        return inner

    def atom(self) -> Thunk:
        token = self.tokens[self.position]
        self.position += 1
        match token["sign"]:
            case "(":
                return self.enclosed(")")
            case "|":
                inside = self.enclosed("|")
                return lambda ix: STAND_INS["abs"](inside(ix))
            case "[":
                return self.comparison("]")
            case "{":
                return self.cases()
            case _:
                pass
        if token["number"]:
            number = np.array(Fraction(token["number"]), dtype=object)
            return lambda ix: number
        if token["over"]:
            return self.sum_over(token["over"], int(token["size"]))
        if token["rows"]:
            shape = (int(token["rows"]), int(token["columns"]))
            repeated = self.atom()
            return lambda ix: np.broadcast_to(repeated(ix), shape)
        if token["of"] or token["of_lowered"]:
            return self.entry(token["of"] or token["of_lowered"], token["raised"] or token["lowered"] or "")
        return self.called(token["name"])

    def sum_over(self, variable: str, size: int) -> Thunk:
        body = self.product()
        return lambda ix: sum(body({**ix, variable: k}) for k in range(1, size + 1))

    def entry(self, of: str, written: str) -> Thunk:
        given = list(written.replace(",", ""))
        indices = ["1" if size == "1" else given.pop(0) for size in of]
        assert not given

        def thunk(ix: Mapping[str, int]) -> Array:
            row, column = (int(i) if i.isdigit() else ix[i] for i in indices)
            return np.array(VALUES[f"M_{of}"][row - 1, column - 1], dtype=object)

        return thunk

    def comparison(self, closing: str) -> Thunk:
        a = self.sum()
        if self.take("="):  # the condition is no comparison: "… = 1"
            one = self.sum()
            self.want(closing)
            return lambda ix: where(np.asarray(a(ix) != 0), one(ix), np.array(Fraction(0)))
        self.want(">")
        b = self.enclosed(closing)
        return lambda ix: greater(a(ix), b(ix))

    def cases(self) -> Thunk:
        a = self.sum()
        self.word("if")
        condition = self.comparison(";")
        b = self.sum()
        self.word("otherwise")
        self.want("}")
        return lambda ix: where(condition(ix), a(ix), b(ix))

    def word(self, word: str) -> None:
        assert self.tokens[self.position]["name"] == word
        self.position += 1

    def called(self, name: str) -> Thunk:
        id = name.replace("{", "").replace("}", "")
        if id in VALUES:
            return lambda ix: VALUES[id]
        if name == "pi":
            return lambda ix: np.array(STAND_INS["pi"](0), dtype=object)
        base, _, along = name.partition("_")
        if base == "sum":
            body = self.product()
            axis = {"": None, "rows": 0, "columns": 1}[along]
            return lambda ix: total(body(ix), axis)
        argument = self.atom()
        if base == "softmax":
            return lambda ix: softmax(argument(ix), 0 if along else 1)
        return lambda ix: STAND_INS[base.lower()](argument(ix))


# --- the other dialects, respelt as ASCII -------------------------------------------------------------------------

UNICODE_SIGNS = {"−": "-", "×": "*", "∘": "*", "⊙": "*", "·": ".", "Σ": "sum", "σ": "sigmoid", "√": "sqrt", "π": "pi"}
UNICODE_SIGNS |= {"ᵀ": "^T", "^(": "**("}
RAISED = {digit: str(number) for number, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}


def from_unicode(text: str) -> str:
    for sign, spelling in UNICODE_SIGNS.items():
        text = text.replace(sign, spelling)
    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "**" + "".join(RAISED[d] for d in m[0]), text)


LATEX_SIGNS = {
    r"\left": "", r"\right": "", r"\!": "", r"\,": "", r"\times": "*", r"\circ": "*", r"\odot": "*",
    r"\mathbin{.}": " . ", r"\cdot": " . ", r"\sigma": "sigmoid", r"\exp": "exp", r"\pi": "pi", r"^\top": "^T",
    r"\operatorname{ReLU}": "ReLU", r"\operatorname{softmax}": "softmax", r"\operatorname{rep}": "rep",
    r"\sum_{\text{rows}}": "sum_rows ", r"\sum_{\text{columns}}": "sum_columns ", r"_{\text{columns}}": "_columns",
    r"\begin{cases}": "{", r"\end{cases}": "otherwise}", r"& \text{if }": "if", r"\\": ";", r"& \text{otherwise}": "",
}  # fmt: skip


def group(text: str, start: int) -> tuple[str, int]:
    """The inside of the braces that open at ``start``, and where they end."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start + 1 : position], position + 1
    raise AssertionError(f"unbalanced braces: {text}")


def unstacked(text: str) -> str:
    """Fractions, roots and powers of e with their braces turned into parentheses."""
    found = re.search(r"\\frac|\\sqrt|(?<![a-zA-Z\\])e\^|10\^(?=\{-)", text)
    if found is None:
        return text
    first, end = group(text, found.end())
    if found[0] == r"\frac":
        second, end = group(text, end)
        middle = f"(({unstacked(first)})/({unstacked(second)}))"
    elif found[0].startswith("10"):
        middle = f"1e{first}"
    else:
        middle = f"({'sqrt' if 'sqrt' in found[0] else 'exp'}({unstacked(first)}))"
    return text[: found.start()] + middle + unstacked(text[end:])


def from_latex(text: str) -> str:
    text = re.sub(r"\\sum_\{(\w)=1\}\^\{?(\w)\}?", r"sum_{\1=1..\2}", unstacked(text))
    for sign, spelling in LATEX_SIGNS.items():
        text = text.replace(sign, spelling)
    text = text.replace(r"\sum", "sum ")
    # A raised number is a power, except after the small letter of an entry that has an index.
    return re.sub(r"(?<!m_\{\d[23]\})(?<!m_\{[23]\d\})\^(?!T)\{?([\d/]+)\}?", r"**(\1)", text)


RESPELT: Mapping[str, Callable[[str], str]] = {"ascii": str, "unicode": from_unicode, "latex": from_latex}


# --- the property -------------------------------------------------------------------------------------------------


def has_nested_bars(text: str) -> bool:
    """Whether bars might stand inside of bars, which cannot be told apart."""
    return text.count("|") > 2


@pytest.mark.parametrize("indices", ["seed", "plain"])
@pytest.mark.parametrize("dialect", RESPELT)
@settings(max_examples=100)
@given(data=st.data())
def test_what_is_written_means_what_it_was_written_from(dialect: str, indices: str, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    expr = data.draw(expressions(shape, 4))
    text = typeset(expr, DIALECTS[dialect], Notation.parse(indices=indices))
    assume(not has_nested_bars(text))
    try:
        expected = value(expr, {})
    except ZeroDivisionError:
        assume(False)
    read = np.asarray(Reader(RESPELT[dialect](text)).read()({}))
    assert (np.broadcast_to(read, shape) == expected).all(), text  # type: ignore[arg-type]
