"""Equations as lines of NumPy, each with its formula as a comment, and the helper functions that they need."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from textwrap import indent

from backproof.backprop.trace import Trace
from backproof.dims import Shape, Symbol
from backproof.emit.identifiers import Identifiers, comment_text
from backproof.emit.spelling import (
    NUMPY_FUNCTIONS,
    NUMPY_HELPERS,
    NUMPY_SPELLING,
    UNICODE_SPELLING,
    Text,
    spelt,
)
from backproof.errors import BackproofError
from backproof.ir.expr import Elementwise, Function
from backproof.ir.lowering import lower, operations
from backproof.ir.program import Equation
from backproof.ir.traverse import walk

LINE = 100
"""A comment that would end beyond this column stands above its line."""

LETTERS = {"sigmoid": "σ"}
ACCENTS = {"hat": "\N{COMBINING CIRCUMFLEX ACCENT}", "bar": "\N{COMBINING MACRON}", "tilde": "\N{COMBINING TILDE}"}


class NumpyWriter:
    """The words of one script; remembers which helper functions were called."""

    def __init__(self, trace: Trace, reserved: Iterable[str]) -> None:
        self.trace = trace
        self._identifiers = Identifiers(reserved)
        self._helpers: dict[str, str] = {}
        self._comments = UnicodeWords(trace)
        for id in trace.joint.names:
            self.quantity(id)

    # --- the vocabulary of the spelling table -----------------------------------------------------------------------

    def quantity(self, id: str) -> str:
        return self._identifiers.of("quantity", id)

    def size(self, name: str) -> str:
        return self._identifiers.of("size", name)

    def shape(self, shape: Shape) -> str:
        parts = [self.size(dim.name) if isinstance(dim, Symbol) else str(dim) for dim in shape]
        return f"({', '.join(parts)})"

    def call(self, fn: Function, argument: str) -> Text:
        """The function of the argument, in NumPy's own words or by a helper."""
        direct = NUMPY_FUNCTIONS.get(fn.name)
        if direct is not None:
            return Text(direct.format(argument))
        if fn.name in NUMPY_HELPERS:
            return Text(f"{self.helper(fn.name)}({argument})")
        name = self._identifiers.of("function", fn, fn.name)
        if name not in self._helpers:
            self._helpers[name] = self._defined(fn, name)
        return Text(f"{name}({argument})")

    def helper(self, name: str) -> str:
        """A helper of the table, under its name in this script."""
        own = self._identifiers.of("helper", name)
        self._helpers.setdefault(own, NUMPY_HELPERS[name].replace(f"def {name}(", f"def {own}("))
        return own

    def _defined(self, fn: Function, name: str) -> str:
        form = fn.stable if fn.stable is not None else fn.definition
        if form is None:
            raise BackproofError(f"the function {fn.name!r} has neither a definition nor a spelling in NumPy")
        return f"def {name}(x):\n    return {spelt(lower(form), NUMPY_SPELLING, BodyWords(self))}\n"

    # --- lines --------------------------------------------------------------------------------------------------------

    def helpers(self) -> list[str]:
        """The definitions of the functions that were called, each after those it calls itself."""
        return list(self._helpers.values())

    def conventions(self) -> list[str]:
        """What holds at the kinks of the functions in the program."""
        equations = (*self.trace.source.equations, *self.trace.joint.equations)
        nodes = (node for equation in equations for node in walk(equation.value))
        found = (node.fn.convention for node in nodes if isinstance(node, Elementwise))
        return list(dict.fromkeys(comment_text(text) for text in found if text))

    def equations(self, equations: Iterable[Equation]) -> list[str]:
        """One line per equation, with its formula."""
        return [line for equation in equations for line in self._equation(equation)]

    def _equation(self, equation: Equation) -> list[str]:
        operation = lower(equation.value)
        code = f"{self.quantity(equation.name.id)} = {spelt(operation, NUMPY_SPELLING, self)}"
        formula = spelt(operation, UNICODE_SPELLING, self._comments)
        return commented(code, f"{self._comments.quantity(equation.name.id)} = {formula}")

    def sizes_used_in(self, equations: Iterable[Equation]) -> list[str]:
        """A line for each size that the equations ask for, from an array that shows it."""
        asked = {name for equation in equations for name in _sizes(equation)}
        return [line for name, line in self._size_lines() if name in asked]

    def _size_lines(self) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for name in (*self.trace.program.inputs, *self.trace.program.parameters):
            for axis, dim in enumerate(name.shape):
                if isinstance(dim, Symbol) and dim.name not in seen:
                    seen.add(dim.name)
                    yield dim.name, f"{self.size(dim.name)} = {self.quantity(name.id)}.shape[{axis}]"

    @staticmethod
    def literal(text: str) -> str:
        """The text as a Python string."""
        return f'"{text}"' if re.fullmatch(r"[\w.-]+", text, re.ASCII) else ascii(text)


class BodyWords:
    """The words of a function's body: its arguments by their own names, and the functions of the script."""

    def __init__(self, script: NumpyWriter) -> None:
        self.size, self.shape, self.call, self.helper = script.size, script.shape, script.call, script.helper

    def quantity(self, id: str) -> str:
        return id


class UnicodeWords:
    """The words of the comments."""

    def __init__(self, trace: Trace) -> None:
        self._gradients = {gradient: id for id, gradient in trace.gradients.items()}
        self._loss = trace.program.loss

    def quantity(self, id: str) -> str:
        of = self._gradients.get(id) or (id[5:] if id.startswith("grad_") else None)
        if of:
            return f"∂{self._loss}/∂{self.quantity(of)}"
        if re.fullmatch(r"delta_\d+", id):
            return f"Δl_{id[6:]}"
        letter, _, accent = id.partition("_")
        if len(letter) == 1 and accent in ACCENTS:
            return unicodedata.normalize("NFC", letter + ACCENTS[accent])
        return comment_text(id)

    def size(self, name: str) -> str:
        return name

    def shape(self, shape: Shape) -> str:
        return "×".join(map(str, shape))

    def call(self, fn: Function, argument: str) -> Text:
        return Text(f"{LETTERS.get(fn.name, comment_text(fn.name))}({argument})")

    def helper(self, name: str) -> str:
        return name


def _sizes(equation: Equation) -> Iterator[str]:
    for operation in operations(lower(equation.value)):
        match operation.detail:
            case Symbol(name):
                yield name
            case tuple() as shape:
                yield from (dim.name for dim in shape if isinstance(dim, Symbol))
            case _:
                pass


def commented(code: str, comment: str) -> list[str]:
    """The line with its comment behind it, or above it where both together are too long."""
    if len(code) + 2 + len(comment) <= LINE:
        return [f"{code}  # {comment}"]
    return [f"# {comment}", code]


def listed(opening: str, items: Sequence[str], closing: str) -> list[str]:
    """opening item, item, … closing; over several lines where one would be too long."""
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) <= LINE or not closing:
        return [line]
    return [opening, *indent("\n".join(f"{item}," for item in items), "    ").split("\n"), closing]
