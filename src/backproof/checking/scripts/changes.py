"""Changes of one expression of a program's text, as people mend their own lines: the likeliest kinds of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from backproof.checking.precision import Array
from backproof.checking.scripts.listing import Edit, Listing

ATOM = ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant
REDUCTIONS = {"sum": "mean", "mean": "sum"}
REVERSED: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Gt: ("<=", "<"),
    ast.Lt: (">=", ">"),
    ast.GtE: ("<", "<="),
    ast.LtE: (">", ">="),
}
PRODUCTS = frozenset({"dot", "matmul", "mm"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the right equation in the user's words.

    Args:
        text: how it is spelt.
        role: ``derivative``, ``factor``, ``term``, ``product`` (with a matrix product in it), ``quantity``.
        id: the identifier of the quantity, where it is one.
    """

    text: str
    role: str
    id: str = ""

    @property
    def bound(self) -> str:
        """The text so that it can be a factor."""
        return grouped(self.text)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the text.

    Args:
        edits: what is replaced.
        how: what was done: ``multiplied``, ``replaced``, ``dropped``, ``negated``, ``transposed``, ``untransposed``,
            ``operator``, ``exchanged``, ``scaled``, ``axis``, ``reduced``, ``unreduced``, ``reduction``, ``added``,
            ``reshaped``, ``power``, ``inserted``, ``rewritten``.
        new, old: the new piece and what it stands for.
        part: the piece of the right equation that was used.
    """

    edits: tuple[Edit, ...]
    how: str
    new: str = ""
    old: str = ""
    part: Part | None = None

    @property
    def cost(self) -> int:
        """How much is changed: the least is the likeliest."""
        return COST.get(self.how, 20) + (_apart(self.old, self.new) if len(self.edits) == 1 else 2 * len(self.edits))


COST: Mapping[str, int] = {
    "multiplied": 0,
    "replaced": 6,
    "dropped": 6,
    "negated": 4,
    "exchanged": -6,
    "transposed": 2,
    "untransposed": 2,
    "operator": 2,
    "scaled": 8,
    "axis": 0,
    "reduced": 4,
    "unreduced": 4,
    "reduction": 2,
    "added": 6,
    "reshaped": 12,
    "power": 0,
    "rewritten": 30,
    "inserted": 10,
}


def _apart(old: str, new: str) -> int:
    """How many characters are gone and come between what both begin and end with."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return len(old) + len(new) - 2 * (start + end)


def grouped(text: str) -> str:
    """The text in parentheses where it is more than an atom."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return f"({text})"
    return text if isinstance(node, ATOM) else f"({text})"


def multiplied(text: str, factor: str) -> str:
    """The product; a matrix product or a sum is set off."""
    node = ast.parse(f"({text})", mode="eval").body
    plain = isinstance(node, ATOM) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult))
    inner = ast.parse(factor, mode="eval").body
    chain = isinstance(inner, ATOM) or (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult))
    return f"{text if plain else f'({text})'} * {factor if chain else f'({factor})'}"


class Changes:
    """All changes of an expression.

    Args:
        listing: the program.
        root: the expression.
        parts: pieces of the right equation, in the user's words.
        variables: the arrays in sight, by their spelling.
        counts: spellings of numbers that may be missing or too many, such as that of the samples.
    """

    def __init__(
        self,
        listing: Listing,
        root: ast.expr,
        parts: Iterable[Part],
        variables: Mapping[str, Array],
        counts: Iterable[str] = (),
    ) -> None:
        self.listing, self.root = listing, root
        self.parts = list(parts)
        self.variables, self.counts = variables, list(counts)

    def __iter__(self) -> Iterator[Change]:
        yield from self._whole()
        for node in self.operands():
            for change in self._of(node):
                if change.new != change.old:
                    yield change

    def pairs(self) -> Iterator[Change]:
        """Two small changes at once: of transposes, signs and the order of a product."""
        small = [c for c in self if c.how in ("transposed", "untransposed", "exchanged", "operator", "negated")]
        for k, first in enumerate(small):
            for second in small[k + 1 :]:
                if not _touching(first, second):
                    yield Change(first.edits + second.edits, first.how, first.new, first.old, first.part)

    def operands(self) -> list[ast.expr]:
        """The expressions in it that have a value of their own."""
        found: list[ast.expr] = []
        stack: list[ast.AST] = [self.root]
        while stack:
            node = stack.pop()
            match node:
                case ast.Call(func=ast.Attribute(value=value)):
                    found.append(node)
                    stack += [*node.args, *node.keywords]
                    if not (isinstance(value, ast.Name) and self.listing.spelt(value) not in self.variables):
                        stack.append(value)
                case ast.Call():
                    found.append(node)
                    stack += [*node.args, *node.keywords]
                case ast.keyword() | ast.Lambda() | ast.Slice():
                    pass
                case ast.Subscript(value=value):
                    found.append(node)
                    stack.append(value)
                case ast.Attribute(value=value):
                    found.append(node)
                    if node.attr == "T":
                        stack.append(value)
                case ast.expr():
                    found.append(node)
                    stack += list(ast.iter_child_nodes(node))
                case _:
                    pass
        return found

    def _put(self, node: ast.expr, new: str, how: str, part: Part | None = None) -> Change:
        start, end = self.listing.span(node)
        return Change((Edit(start, end, new),), how, new, self.listing.segment(node), part)

    def _bound(self, node: ast.expr) -> str:
        return grouped(self.listing.segment(node))

    def _whole(self) -> Iterator[Change]:
        text = self.listing.segment(self.root)
        for part in self.parts:
            if part.role == "term":
                yield self._put(self.root, f"{text} + {part.bound}", "added", part)
                yield self._put(self.root, f"{text} - {part.bound}", "added", part)
        for axis in (0, 1):
            reduced = f"np.sum({text}, axis={axis}, keepdims=True)"
            yield self._put(self.root, reduced, "reduced")
            yield self._put(self.root, f"np.sum({text}, axis={axis})", "reduced")

    def _of(self, node: ast.expr) -> Iterator[Change]:
        if isinstance(node, ast.Constant) and not self._numeric(node):
            return
        text, bound = self.listing.segment(node), self._bound(node)
        for part in self.parts:
            if part.role in ("derivative", "factor", "quantity") and not isinstance(node, ast.Constant):
                yield self._put(node, self._fitted(node, multiplied(text, part.text)), "multiplied", part)
            if part.text != text and not (isinstance(node, ast.Constant) and part.role == "quantity"):
                yield self._put(node, self._fitted(node, part.text), "replaced", part)
        if not isinstance(node, ast.Constant):
            yield self._put(node, f"{bound}.T", "transposed")
            yield self._put(node, self._fitted(node, f"-{bound}"), "negated")
            yield self._put(node, f"{bound}.reshape(-1, 1)", "reshaped")
            yield self._put(node, f"{bound}.reshape(1, -1)", "reshaped")
            if not isinstance(self.listing.parent[node], ast.Attribute | ast.Subscript | ast.UnaryOp):
                yield self._put(node, f"{bound} ** 2", "power")
        yield from self._scaled(node, text)
        match node:
            case ast.Attribute(value, "T"):
                yield self._put(node, self.listing.segment(value), "untransposed")
            case ast.UnaryOp(ast.USub(), operand):
                yield self._put(node, self._bound(operand), "negated")
            case ast.BinOp():
                yield from self._binary(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Compare(left, [op], [right]):
                sides = self.listing.segment(left), self.listing.segment(right)
                for reverse in REVERSED.get(type(op), ()):
                    yield self._put(node, f"{sides[0]} {reverse} {sides[1]}", "operator")
            case ast.Constant(value) if self._numeric(node):
                for number in ("1", "0", "2", "0.5"):
                    yield self._put(node, number, "scaled")

    @staticmethod
    def _numeric(node: ast.Constant) -> bool:
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)

    def _scaled(self, node: ast.expr, text: str) -> Iterator[Change]:
        if isinstance(node, ast.Constant):
            return
        bound = self._bound(node) if not isinstance(node, ast.BinOp) else f"({text})"
        for count in (*self.counts, "2"):
            yield self._put(node, self._fitted(node, f"{bound} / {grouped(count)}"), "scaled")
            yield self._put(node, self._fitted(node, f"{bound} * {grouped(count)}"), "scaled")
        for count in self.counts:
            yield self._put(node, self._fitted(node, f"2 * {bound} / {grouped(count)}"), "scaled")

    def _fitted(self, node: ast.expr, text: str) -> str:
        """In parentheses where the place needs them."""
        if node is self.root:
            return text
        above = self.listing.parent[node]
        tight = isinstance(above, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Compare | ast.Subscript)
        if not tight:
            return text
        start, end = self.listing.span(node)
        around = self.listing.text[:start].rstrip()[-1:], self.listing.text[end:].lstrip()[:1]
        return text if around == ("(", ")") else grouped(text)

    def _binary(self, node: ast.BinOp) -> Iterator[Change]:
        left, right = self._side(node.left), self._side(node.right)
        yield self._put(node, self._fitted(node, left), "dropped", Part(right, "dropped"))
        match node.op:
            case ast.Div():
                pass
            case ast.Sub():
                yield self._put(node, self._fitted(node, f"-{grouped(right)}"), "dropped", Part(left, "dropped"))
            case _:
                yield self._put(node, self._fitted(node, right), "dropped", Part(left, "dropped"))
        operator = {ast.Mult: "@", ast.MatMult: "*", ast.Add: "-", ast.Sub: "+", ast.Div: "*"}.get(type(node.op))
        if operator:
            both = f"{self._grouped_side(node.left)} {operator} {self._grouped_side(node.right)}"
            loose = operator in "+-"
            yield self._put(node, self._fitted(node, f"{left} {operator} {right}" if loose else both), "operator")
        sign = {ast.Sub: "-", ast.MatMult: "@", ast.Div: "/"}.get(type(node.op))
        if sign:
            exchanged = f"{self._grouped_side(node.right)} {sign} {self._grouped_side(node.left)}"
            yield self._put(node, self._fitted(node, exchanged), "exchanged")
            if sign == "@":
                for a, b in ((".T", ""), ("", ".T"), (".T", ".T")):
                    turned = f"{grouped(right)}{a} @ {grouped(left)}{b}"
                    yield self._put(node, self._fitted(node, turned), "exchanged")

    def _side(self, node: ast.expr) -> str:
        return self.listing.segment(node)

    def _grouped_side(self, node: ast.expr) -> str:
        return self._bound(node)

    def _call(self, node: ast.Call) -> Iterator[Change]:
        texts = [self.listing.segment(a) for a in node.args]
        match node.func:
            case ast.Attribute(ast.Name("np" | "numpy" | "torch") as module, name) if len(texts) == 2:
                a, b = texts
                called = f"{module.id}.{name}"
                yield self._put(node, f"{called}({b}, {a})", "exchanged")
                if name in (*PRODUCTS, "outer"):
                    yield self._put(node, self._fitted(node, f"{grouped(a)} * {grouped(b)}"), "operator")
                    other = "outer" if name in PRODUCTS else "dot"
                    yield self._put(node, f"{module.id}.{other}({a}, {b})", "operator")
                if name == "multiply":
                    yield self._put(node, f"{module.id}.dot({a}, {b})", "operator")
                yield from (self._put(node, self._fitted(node, t), "dropped") for t in texts)
            case ast.Attribute(value, "dot" | "mm" | "matmul") if len(texts) == 1:
                a, b = self.listing.segment(value), texts[0]
                yield self._put(node, f"{grouped(b)}.dot({a})", "exchanged")
                yield self._put(node, self._fitted(node, f"{grouped(a)} * {grouped(b)}"), "operator")
                yield self._put(node, self._fitted(node, a), "dropped")
                yield self._put(node, self._fitted(node, b), "dropped")
            case _:
                if len(texts) == 1:
                    yield self._put(node, self._fitted(node, texts[0]), "dropped")
        yield from self._reduction(node)

    def _reduction(self, node: ast.Call) -> Iterator[Change]:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name not in REDUCTIONS:
            return
        module = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        module = module and self.listing.spelt(node.func.value) in ("np", "numpy")  # type: ignore[attr-defined]
        inner = self.listing.segment(node.args[0] if module and node.args else node.func.value)  # type: ignore[attr-defined]
        text = self.listing.segment(node)
        other = re.sub(rf"\b{name}\b(?=\()", REDUCTIONS[name], text, count=1)
        if other != text:
            yield self._put(node, other, "reduction")
        yield self._put(node, self._fitted(node, inner), "unreduced")
        for axis in (0, 1):
            for keep in (", keepdims=True", ""):
                yield self._put(node, f"np.{name}({inner}, axis={axis}{keep})", "axis")


def _touching(first: Change, second: Change) -> bool:
    return any(a.start < b.end and b.start < a.end for a in first.edits for b in second.edits)
