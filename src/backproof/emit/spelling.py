"""How operations are spelt: one table for NumPy, one for the comments in Unicode."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Any, Protocol

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import Function
from backproof.ir.lowering import Kind, Operation, python_number


class Level(IntEnum):
    """How tightly a text binds; a matrix product inside an element-wise one is put in parentheses for readers."""

    COMPARISON = 0
    SUM = 1
    MATRIX = 2
    PRODUCT = 3
    SIGN = 4
    POWER = 5
    ATOM = 6


@dataclass(frozen=True, slots=True)
class Text:
    """A spelt expression and how tightly it binds."""

    text: str
    level: Level = Level.ATOM

    def within(self, level: Level) -> str:
        """The text, in parentheses where it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"

    def __str__(self) -> str:
        return self.text


class Vocabulary(Protocol):
    """What a table asks for: the names of quantities, sizes and functions in the text."""

    def quantity(self, id: str) -> str: ...
    def size(self, name: str) -> str: ...
    def shape(self, shape: Shape) -> str: ...
    def call(self, fn: Function, argument: str) -> Text: ...
    def helper(self, name: str) -> str: ...


Row = Callable[..., Text]
Spelling = Mapping[Kind, Row]


def spelt(operation: Operation, table: Spelling, words: Vocabulary) -> Text:
    """The operation as text."""
    operands = [spelt(operand, table, words) for operand in operation.operands]
    return table[operation.kind](words, operation, *operands)


def _infix(sign: str, level: Level) -> Row:
    """a sign b, grouped from the left: what stands in the tree is what is computed, to the last bit."""
    right = Level(level + 1)
    return lambda words, o, a, b: Text(f"{a.within(level)}{sign}{b.within(right)}", level)


def _product(sign: str) -> Row:
    """a sign b, where a fraction on the left is set off for readers: (1 / n) * x."""

    def row(words: Vocabulary, o: Operation, a: Text, b: Text) -> Text:
        left = f"({a})" if o.operands[0].kind == "divide" else a.within(Level.PRODUCT)
        return Text(f"{left}{sign}{b.within(Level.SIGN)}", Level.PRODUCT)

    return row


def _call(name: str) -> Row:
    return lambda words, o, *operands: Text(f"{name}({', '.join(map(str, operands))})")


# --- NumPy --------------------------------------------------------------------------------------------------------

NUMPY_FUNCTIONS: Mapping[str, str] = {
    "exp": "np.exp({})",
    "expm1": "np.expm1({})",
    "log": "np.log({})",
    "log1p": "np.log1p({})",
    "tanh": "np.tanh({})",
    "sin": "np.sin({})",
    "cos": "np.cos({})",
    "abs": "np.abs({})",
    "sign": "np.sign({})",
    "relu": "np.maximum({}, 0)",
    "negative_part": "np.minimum({}, 0)",
}
"""The functions that NumPy has; with those of ``NUMPY_HELPERS`` they are the rows of ``ir.arithmetic.NUMPY``."""

NUMPY_HELPERS: Mapping[str, str] = {
    "softmax": """\
def softmax(x, axis):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)
""",
    "logsumexp": """\
def logsumexp(x, axis):
    m = np.max(x, axis=axis, keepdims=True)
    return m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True))
""",
    "erf": """\
def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)
""",
    "erfc": """\
def erfc(x):
    return np.vectorize(math.erfc, otypes=[float])(x)
""",
}
"""Functions that NumPy lacks, defined in the script where it uses them."""


def _python_float(operand: Text, operation: Operation) -> str:
    """A static operand as a float, so that no array of integers arises from it."""
    if not operation.static:
        return operand.text
    if operation.kind == "number":
        return repr(float(python_number(operation.detail)))
    return operand.text if operation.kind in ("pi", "divide", "sqrt", "apply") else f"float({operand})"


def _numpy_number(words: Vocabulary, o: Operation) -> Text:
    number = python_number(o.detail)
    return Text(repr(number), Level.SIGN if number < 0 else Level.ATOM)


def _numpy_power(words: Vocabulary, o: Operation, x: Text) -> Text:
    exponent = repr(python_number(o.detail))
    simple = re.fullmatch(r"[\w.]+", x.text) is not None
    return Text(f"{x.within(Level.ATOM)}{'**' if simple else ' ** '}{exponent}", Level.POWER)


def _numpy_scalar_power(words: Vocabulary, o: Operation, x: Text) -> Text:
    exponent = python_number(o.detail)
    return Text(f"np.square({x})" if exponent == 2 else f"np.power({x}, {exponent!r})")


def _numpy_where(words: Vocabulary, o: Operation, condition: Text, a: Text, b: Text) -> Text:
    _, when, otherwise = o.operands
    return Text(f"np.where({condition}, {_python_float(a, when)}, {_python_float(b, otherwise)})")


def _numpy_sum(words: Vocabulary, o: Operation, x: Text) -> Text:
    return Text(f"np.sum({x})" if o.detail is None else f"np.sum({x}, axis={o.detail}, keepdims=True)")


def _numpy_matmul(words: Vocabulary, o: Operation, a: Text, b: Text) -> Text:
    left = a.text if a.level == Level.MATRIX else a.within(Level.SIGN)
    return Text(f"{left} @ {b.within(Level.SIGN)}", Level.MATRIX)


def _numpy_entry(words: Vocabulary, o: Operation, base: Text) -> Text:
    row, column = _pair(o.detail)
    return Text(f"{base}[{row}, {column}]")


def _numpy_negation(words: Vocabulary, o: Operation, x: Text) -> Text:
    return Text(f"-{x.within(Level.POWER)}", Level.SIGN)


def _comparison(sign: str) -> Row:
    return lambda words, o, a, b: Text(f"{a.within(Level.SUM)} {sign} {b.within(Level.SUM)}", Level.COMPARISON)


def _pair(detail: Any) -> tuple[Any, Any]:
    first, second = detail
    return first, second


NUMPY_SPELLING: Spelling = {
    "number": _numpy_number,
    "pi": lambda words, o: Text("np.pi"),
    "size": lambda words, o: Text(words.size(o.detail.name)),
    "read": lambda words, o: Text(words.quantity(o.detail)),
    "entry": _numpy_entry,
    "add": _infix(" + ", Level.SUM),
    "subtract": _infix(" - ", Level.SUM),
    "multiply": _product(" * "),
    "divide": _infix(" / ", Level.PRODUCT),
    "negate": _numpy_negation,
    "power": _numpy_power,
    "scalar_power": _numpy_scalar_power,
    "sqrt": _call("np.sqrt"),
    "greater": _comparison(">"),
    "indicator": lambda words, o, a, b: Text(f"np.where({a} > {b.within(Level.SUM)}, 1.0, 0.0)"),
    "nonzero": lambda words, o, x: Text(f"{x.within(Level.SUM)} != 0", Level.COMPARISON),
    "where": _numpy_where,
    "apply": lambda words, o, x: words.call(o.detail, _python_float(x, o.operands[0])),
    "matmul": _numpy_matmul,
    "transpose": lambda words, o, x: Text(f"{x.within(Level.ATOM)}.T"),
    "sum": _numpy_sum,
    "softmax": lambda words, o, x: Text(f"{words.helper('softmax')}({x}, axis={o.detail})"),
    "logsumexp": lambda words, o, x: Text(f"{words.helper('logsumexp')}({x}, axis={o.detail})"),
    "repeat": lambda words, o, x: Text(f"np.broadcast_to({x}, {words.shape(o.detail)})"),
    "fill": lambda words, o, x: Text(f"np.full({words.shape(o.detail)}, {x}, dtype=float)"),
}


# --- comments in Unicode ------------------------------------------------------------------------------------------

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _unicode_number(words: Vocabulary, o: Operation) -> Text:
    value = o.detail
    if value == Fraction(1, 2):
        return Text("½")
    if not isinstance(value, Fraction) or value.denominator == 1:
        return Text(str(value), Level.SIGN if str(value).startswith("-") else Level.ATOM)
    decimal = repr(float(value))
    return Text(decimal, Level.ATOM) if Fraction(decimal) == value else Text(str(value), Level.PRODUCT)


def _unicode_product(words: Vocabulary, o: Operation, a: Text, b: Text) -> Text:
    scaled = SCALAR in (operand.shape for operand in o.operands)
    return _product(" × " if scaled else " ∘ ")(words, o, a, b)


def _unicode_power(words: Vocabulary, o: Operation, x: Text) -> Text:
    exponent = python_number(o.detail)
    raised = str(exponent).translate(SUPERSCRIPTS) if isinstance(exponent, int) else f"^{exponent}"
    return Text(f"{x.within(Level.ATOM)}{raised}", Level.POWER)


def _unicode_entry(words: Vocabulary, o: Operation, base: Text) -> Text:
    row, column = _pair(o.detail)
    return Text(f"{base}[{row + 1}, {column + 1}]")


UNICODE_SPELLING: Spelling = {
    "number": _unicode_number,
    "pi": lambda words, o: Text("π"),
    "size": lambda words, o: Text(words.size(o.detail.name)),
    "read": lambda words, o: Text(words.quantity(o.detail)),
    "entry": _unicode_entry,
    "add": _infix(" + ", Level.SUM),
    "subtract": _infix(" − ", Level.SUM),
    "multiply": _unicode_product,
    "divide": _infix(" / ", Level.PRODUCT),
    "negate": lambda words, o, x: Text(f"−{x.within(Level.POWER)}", Level.SIGN),
    "power": _unicode_power,
    "scalar_power": _unicode_power,
    "sqrt": _call("√"),
    "greater": lambda words, o, a, b: Text(f"[{a} > {b}]"),
    "indicator": lambda words, o, a, b: Text(f"[{a} > {b}]"),
    "nonzero": lambda words, o, x: x,
    "where": _call("where"),
    "apply": lambda words, o, x: words.call(o.detail, str(x)),
    "matmul": lambda words, o, a, b: Text(f"{a.within(Level.SIGN)}·{b.within(Level.SIGN)}", Level.MATRIX),
    "transpose": lambda words, o, x: Text(f"{x.within(Level.ATOM)}ᵀ"),
    "sum": lambda words, o, x: Text(f"{ {None: 'Σ', 0: 'Σᵢ', 1: 'Σⱼ'}[o.detail] }({x})"),
    "softmax": _call("softmax"),
    "logsumexp": _call("logsumexp"),
    "repeat": lambda words, o, x: x,
    "fill": lambda words, o, x: x,
}
