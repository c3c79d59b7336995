"""The grammar of formulas: precedence climbing over the tokens, straight to expressions.

    expression := operand { operator operand }        by the precedences of BINARY, from the left
    operand    := "-" operand | atom { "'" | ".T" } [ ("^" | "**") operand ]
    atom       := number | name | function "(" expression { "," expression } ")" | "(" expression ")"

Arithmetic between numbers is done at once and exactly, so that ½ is one number and an exponent is a rational constant.
Everything is bounded: nesting, depth and size of what is built, exponents, the size of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from backproof.errors import FormulaError, UnsupportedError, suggestion
from backproof.ir.expr import Const, Pi
from backproof.parsing.building import Builder, Operand, Scope
from backproof.parsing.functions import ALIASES, HINTS, NOT_YET, Row, function_rows
from backproof.parsing.tokens import Source, Token

DEEPEST_NESTING = 64

BINARY: Mapping[str, int] = {
    **dict.fromkeys((">", "<", ">=", "<=", "==", "!="), 1),
    **dict.fromkeys("+-", 2),
    **dict.fromkeys("*/@.", 3),
}
"""The precedence of each operator; a minus sign before an operand binds tighter, a power tighter still."""
COMPARISON = 1


class Parser:
    """Reads expressions from a list of tokens.

    Args:
        source: the text, for errors.
        tokens: its tokens, the last of kind ``end``.
        scope: what the names mean.
    """

    def __init__(self, source: Source, tokens: Sequence[Token], scope: Scope) -> None:
        self.source = source
        self.tokens = tokens
        self.scope = scope
        self.build = Builder(source, scope)
        self.functions = function_rows()
        self.at = 0
        self.nesting = 0

    def whole(self) -> Operand:
        """The one expression that all tokens make."""
        found = self.expression()
        if self.token.kind != "end":
            raise self.unexpected("expected an operator or the end")
        return found

    # --- tokens ---------------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """The next token, taken."""
        token = self.token
        self.at += token.kind != "end"
        return token

    def next_is(self, *texts: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.token.kind == "operator" and self.token.text in texts

    def expect(self, text: str, purpose: str) -> Token:
        """The next token, which must be this sign."""
        if not self.next_is(text):
            raise self.unexpected(f"expected '{text}' {purpose}")
        return self.take()

    def unexpected(self, expected: str) -> FormulaError:
        """The error for a token that does not fit."""
        token = self.token
        match token.kind:
            case "end":
                found = "the end"
            case "separator":
                found = "the end of the equation"
            case _:
                found = repr(self.source.text[token.position : token.end])
        return self.source.error(f"{expected}, found {found}", token.position)

    # --- expressions ----------------------------------------------------------------------------------------------

    def expression(self, lowest: int = COMPARISON) -> Operand:
        """Operands joined by operators of at least the given precedence."""
        left = self.operand()
        while self.token.kind == "operator" and BINARY.get(self.token.text, 0) >= lowest:
            sign = self.take()
            precedence = BINARY[sign.text]
            left = self.build.binary(sign, left, self.expression(precedence + 1))
            if precedence == COMPARISON and BINARY.get(self.token.text) == COMPARISON:
                message = "comparisons cannot be chained; write (a < b)*(b < c) for a < b < c"
                raise self.source.error(message, self.token.position)
        if self.token.kind in ("name", "number") or self.next_is("("):
            raise self.unexpected("expected an operator (a product is written with *)")
        return left

    def operand(self) -> Operand:
        """An atom with its signs, transposes and power."""
        with self._nested():
            sign = self.token
            if self.next_is("-"):
                self.take()
                return self.build.negative(sign, self.operand())
            if self.next_is("+"):
                self.take()
                return self.operand()
            return self._raised(self._transposed(self._atom()))

    @contextmanager
    def _nested(self) -> Iterator[None]:
        if self.nesting >= DEEPEST_NESTING:
            message = f"the formula nests deeper than {DEEPEST_NESTING} levels; define a part of it first"
            raise self.source.error(message, self.token.position)
        self.nesting += 1
        yield
        self.nesting -= 1

    def _atom(self) -> Operand:
        token = self.token
        if token.kind == "number":
            return Operand(Const(self.take().value), token.position)
        if token.kind == "name":
            self.take()
            return self._call(token) if self.next_is("(") else self._named(token)
        if self.next_is("("):
            self.take()
            inner = self.expression()
            self.expect(")", "to close the parenthesis")
            return inner
        raise self.unexpected("expected a number, a name or a parenthesis")

    def _transposed(self, operand: Operand) -> Operand:
        while self.next_is("'") or self._power_of_T():
            sign = self.take()
            if sign.text == "^":
                self.take()
            operand = self.build.transposed(sign, operand)
        return operand

    def _power_of_T(self) -> bool:
        """Whether ``^T`` follows, a transpose unless T is a name here."""
        if not self.next_is("^"):
            return False
        follower = self.tokens[self.at + 1]
        return follower.kind == "name" and follower.text == "T" and "T" not in self.scope.names

    def _raised(self, base: Operand) -> Operand:
        sign = self.token
        if sign.kind == "power":
            self.take()
            return self.build.power(sign, base, Operand(Const(sign.value), sign.position))
        if self.next_is("^", "**"):
            self.take()
            return self.build.power(sign, base, self.operand())
        return base

    # --- names and functions --------------------------------------------------------------------------------------

    def _named(self, token: Token) -> Operand:
        found = self.scope.names.get(token.text)
        if found is not None:
            return Operand(found, token.position)
        if token.text == "pi":
            return Operand(Pi(), token.position)
        raise self.source.error(self._unknown(token.text), token.position)

    def _unknown(self, name: str) -> str:
        if name == self.scope.defining:
            return f"{name} is defined by itself; use only what is defined before it"
        if name in self.scope.later:
            return f"{name} is used before it is defined; move its equation up"
        if ALIASES.get(name, name) in self.functions:
            return f"the function {name} needs its argument; write {name}(…)"
        if name == "e":
            return "unknown name 'e'; write exp(x) for e^x"
        if not self.scope.names:
            return f"unknown name {name!r}; this formula may use numbers only"
        return f"unknown name {name!r}; {suggestion(name, self.scope.names)}"

    def _call(self, token: Token) -> Operand:
        name = ALIASES.get(token.text, token.text)
        if token.text == self.scope.defining:
            raise self.source.error(self._unknown(token.text), token.position)
        row = self.functions.get(name)
        if row is None:
            raise self._unknown_function(token)
        if self.scope.elementwise and not row.elementwise:
            raise self.build.matrices_only(f"the function {name}", token)
        arguments, axis = self._arguments(name, row)
        if name == "where":
            arguments = self.build.conditional(arguments)
        return self.build.call(token, row, arguments, axis)

    def _unknown_function(self, token: Token) -> FormulaError | UnsupportedError:
        name = token.text
        if name in self.scope.names:
            message = f"{name} is not a function; write {name}*(…) for a product"
        elif name in NOT_YET:
            place = self.source.place(token.position)
            return UnsupportedError(f"the function {name} is not supported yet{place}")
        else:
            usable = [id for id, row in self.functions.items() if row.elementwise or not self.scope.elementwise]
            message = f"unknown function {name!r}; {HINTS.get(name) or suggestion(name, usable)}"
        return self.source.error(message, token.position)

    def _arguments(self, name: str, row: Row) -> tuple[list[Operand], int | None]:
        opening = self.take()
        found: list[Operand] = []
        axis = row.default_axis
        while not self.next_is(")"):
            if row.has_axis and len(found) == row.most:
                axis = self._axis(name)
                break
            found.append(self.expression())
            if not self.next_is(","):
                break
            self.take()
        self.expect(")", f"to end the arguments of {name}")
        if not row.least <= len(found) <= row.most:
            wanted = str(row.least) if row.least == row.most else f"{row.least} or {row.most}"
            message = f"{name} takes {wanted} argument{'' if wanted == '1' else 's'}, got {len(found)}"
            raise self.source.error(message, opening.position)
        return found, axis

    def _axis(self, name: str) -> int:
        if self.token.kind == "name" and self.token.text == "axis":
            self.take()
            self.expect("=", "after axis")
        token = self.token
        if token.kind != "number" or token.value not in (0, 1):
            message = f"the axis of {name} must be 0 (down the columns) or 1 (along the rows)"
            raise self.source.error(message, token.position)
        return int(self.take().value)
