"""Equations as loops over Float64Arrays, each under its formula, and the functions that they call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from backproof.backprop.trace import Trace
from backproof.dims import SCALAR, Dim, Shape
from backproof.emit.identifiers import Identifiers, comment_text
from backproof.emit.javascript_functions import JAVASCRIPT_FUNCTIONS, JAVASCRIPT_HELPERS
from backproof.emit.javascript_spelling import (
    JAVASCRIPT_SPELLING,
    OWN,
    Place,
    is_flat,
    loop,
    places,
)
from backproof.emit.numpy_writer import UnicodeWords
from backproof.emit.spelling import UNICODE_SPELLING, Text, spelt
from backproof.errors import BackproofError
from backproof.ir.expr import Elementwise, Expr, Function
from backproof.ir.lowering import Operation, lower
from backproof.ir.program import Equation
from backproof.ir.traverse import walk

RESERVED = frozenset([
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
    "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function", "if",
    "implements", "import", "in", "instanceof", "interface", "let", "new", "null", "package", "private",
    "protected", "public", "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof",
    "undefined", "var", "void", "while", "with", "yield", "Math", "Float64Array", "Object", "Array",
    "Infinity", "NaN", "Number", "q", "sizes", "rate", "memory", "rows", "columns", "out", "i", "j", "k", "l",
    "m", "o", "p",
])  # fmt: skip

Lines = list[str]


class JavascriptWriter:
    """The words of one module; remembers which functions were called."""

    def __init__(self, trace: Trace, reserved: Iterable[str] = ()) -> None:
        self.trace = trace
        self._identifiers = Identifiers({*RESERVED, *reserved})
        self._helpers: dict[str, str] = {}
        self.comments = UnicodeWords(trace)
        self._own: list[str] = []
        self._read: dict[str, str] = {}
        self._sizes: dict[str, str] = {}
        for id in trace.joint.names:
            self._identifiers.of("quantity", id)

    # --- what the spelling table asks for ---------------------------------------------------------------------------

    def quantity(self, id: str) -> str:
        """A quantity's identifier, which the function then takes out of ``q``; one of its own stays as it is."""
        if id.startswith(OWN):
            return id[len(OWN) :]
        name = self._identifiers.of("quantity", id)
        self._read[id] = name
        return name

    def size(self, dim: Dim) -> str:
        if isinstance(dim, int):
            return str(dim)
        name = self._identifiers.of("size", dim.name)
        self._sizes[dim.name] = name
        return name

    def fresh(self, wanted: str) -> str:
        """An identifier that the equation at work does not have yet."""
        self._own.append(wanted)
        return self._identifiers.of("own", (wanted, self._own.count(wanted)), wanted)

    def call(self, fn: Function, argument: str) -> Text:
        direct = JAVASCRIPT_FUNCTIONS.get(fn.name)
        if direct is not None:
            return Text(direct.format(argument))
        if fn.name in JAVASCRIPT_HELPERS:
            return Text(f"{self.helper(fn.name)}({argument})")
        name = self._identifiers.of("function", fn, fn.name)
        if name not in self._helpers:
            self._helpers[name] = self._defined(fn, name)
        return Text(f"{name}({argument})")

    def helper(self, name: str) -> str:
        own = self._identifiers.of("helper", name)
        if own not in self._helpers:
            text, called = JAVASCRIPT_HELPERS[name]
            self._helpers[own] = ""  # erf and erfc call each other
            renamed = {called_name: self.helper(called_name) for called_name in (name, *called)}
            for old, new in renamed.items():
                text = re.sub(rf"\b{old}\b(?= =|\()", new, text)
            self._helpers[own] = text
        return own

    def entry(self, operation: Operation, at: Place) -> Text:
        return JAVASCRIPT_SPELLING[operation.kind](self, operation, at)

    def array(self, operation: Operation, outside: Lines) -> str:
        """The name of an array with all entries of the operation, computed by lines that stand outside."""
        if operation.kind == "read":
            return self.quantity(str(operation.detail))
        name = self.fresh("t")
        outside += [f"const {name} = new Float64Array({self.count(operation.shape)});"]
        self.fill(name, operation, operation.shape, outside)
        return name

    def _defined(self, fn: Function, name: str) -> str:
        form = fn.stable if fn.stable is not None else fn.definition
        if form is None:
            raise BackproofError(f"the function {fn.name!r} has neither a definition nor a spelling in JavaScript")
        body = _Body(self).entry(lower(form), Place("0", "0", SCALAR, [], []))
        return f"const {name} = (x) => {body};\n"

    # --- lines --------------------------------------------------------------------------------------------------------

    def fill(self, target: str, operation: Operation, shape: Shape, lines: Lines) -> None:
        """The lines that compute every entry of the target."""
        if operation.kind in ("softmax", "logsumexp"):
            [x] = operation.operands
            array = self.array(x, lines)
            rows, columns = (self.size(dim) for dim in x.shape)
            lines.append(f"{self.helper(operation.kind)}({target}, {array}, {rows}, {columns}, {operation.detail});")
            return
        inside: Lines = []
        if shape == SCALAR or is_flat(operation, shape):
            text = self.entry(operation, Place("0", "0", shape, inside, lines, 1, flat="0" if _one(shape) else "i"))
            at = "0" if _one(shape) else "i"
            body = [*inside, f"{target}[{at}] = {_number(operation, text)};"]
            lines += loop("i", self.count(shape), body)
            return
        row, column = places(shape)
        text = self.entry(operation, Place(row, column, shape, inside, lines, 2))
        parts = [] if row == "0" else [row if shape[1] == 1 else f"{row} * {self.size(shape[1])}"]
        parts += [] if column == "0" else [column]
        body = [*inside, f"{target}[{' + '.join(parts) or '0'}] = {_number(operation, text)};"]
        lines += loop("i", self.size(shape[0]), loop("j", self.size(shape[1]), body))

    def count(self, shape: Shape) -> str:
        """The number of entries as text."""
        return " * ".join(self.size(dim) for dim in shape if dim != 1) or "1"

    def equations(self, equations: Iterable[Equation]) -> Lines:
        """The lines of a function's body that compute the equations in turn, each under its formula."""
        lines: Lines = []
        for equation in equations:
            operation = lower(equation.value)
            formula = spelt(operation, UNICODE_SPELLING, self.comments)
            lines.append(f"// {comment(f'{self.comments.quantity(equation.name.id)} = {formula}')}")
            block: Lines = []
            self._own = []
            self.fill(self.quantity(equation.name.id), operation, equation.name.shape, block)
            own = any(line.startswith(("let ", "const ")) for line in block)
            lines += ["{", *("  " + line for line in block), "}"] if own else block
        return lines

    def taken(self, lines: Lines) -> Lines:
        """What the lines read, taken out of ``q`` and ``sizes`` first; forgets it for the next function."""
        opening = [
            f"const {{ {', '.join(_pair(key, name) for key, name in given.items())} }} = {source};"
            for given, source in ((self._sizes, "sizes"), (self._read, "q"))
            if given
        ]
        self._read, self._sizes = {}, {}
        return [*opening, *lines]

    def value(self, expr: Expr) -> Lines:
        """The body of a function that returns the value of an expression, row by row.

        Raises:
            UnsupportedError: index notation, which is not computed.
        """
        operation = lower(expr)
        self._own = []
        lines = [f"const out = new Float64Array({self.count(expr.shape)});"]
        self.fill("out", operation, expr.shape, lines)
        return self.taken([*lines, "return out;"])

    def helpers(self) -> Lines:
        """The definitions of the functions that were called."""
        return list(self._helpers.values())

    def conventions(self) -> Lines:
        """What holds at the kinks of the functions in the program."""
        equations = (*self.trace.source.equations, *self.trace.joint.equations)
        nodes = (node for equation in equations for node in walk(equation.value))
        found = (node.fn.convention for node in nodes if isinstance(node, Elementwise))
        return list(dict.fromkeys(comment(text) for text in found if text))


class _Body:
    """The words of a function's body: its argument is a number by its own name."""

    def __init__(self, module: JavascriptWriter) -> None:
        self.size, self.call, self.helper, self.fresh = module.size, module.call, module.helper, module.fresh
        self.array = module.array

    def quantity(self, id: str) -> str:
        return id

    def entry(self, operation: Operation, at: Place) -> Text:
        if operation.kind == "read":
            return Text(str(operation.detail))
        return JAVASCRIPT_SPELLING[operation.kind](self, operation, at)


def comment(text: str) -> str:
    """The text on one line, so that it leaves neither the comment nor a script element of HTML."""
    return comment_text(text).replace("</", "< /").replace("<!", "< !").replace("*/", "* /")


def literal(value: object) -> str:
    """The value as JavaScript writes it; nothing in it ends a script element of HTML.

    Example:
        >>> literal("</script>")
        '"\\\\u003c/script>"'
    """
    return json.dumps(value).replace("<", "\\u003c")


def _one(shape: Shape) -> bool:
    return all(dim == 1 for dim in shape)


def _number(operation: Operation, text: Text) -> str:
    return f"{text} ? 1 : 0" if operation.kind in ("greater", "nonzero") else str(text)


def _pair(key: str, name: str) -> str:
    return name if key == name else f"{literal(key)}: {name}"
