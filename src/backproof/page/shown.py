"""The equations of a document for the page: formulas with links, and where the value of each is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.errors import UnsupportedError
from backproof.ir.expr import Assembled, Component, Expr, MatMul, Mul, Name, Partial, Sum
from backproof.ir.lowering import lower
from backproof.ir.traverse import names, walk
from backproof.notation import Notation
from backproof.page.links import LinkedWriter, NumberWriter, References, entry_of, takes_numbers
from backproof.render.document import Conventions, Display, Document, Heading, Paragraph
from backproof.render.html_blocks import HtmlWriter, clean
from backproof.render.html_equation import equation_text, screen_size
from backproof.render.latex_equation import formula
from backproof.render.typeset import typeset

OF_A_BATCH = frozenset({"batch", "take-home"})
"""From these headings on, the view of single weights speaks of all examples."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of an equation is found.

    Args:
        id: a quantity, and ``at`` which entry of it; or ``function``, which of the module's further values.
        batch: of all examples, or of the one that is looked at.
        known: after how many equations of the derivation it is known.
    """

    id: str | None
    at: int | None
    function: str | None
    batch: bool
    known: int
    shape: list[int | str]

    def row(self) -> dict[str, Any]:
        """For the page."""
        value = {"id": self.id, "at": self.at, "fn": self.function, "batch": self.batch}
        return {**value, "known": self.known, "shape": self.shape}


@dataclass(slots=True)
class Views:
    """Gathers what all views of a derivation need together: references, sources and further values."""

    trace: Trace
    references: References
    sources: dict[str, Source] = field(default_factory=dict)
    values: dict[str, Expr] = field(default_factory=dict)
    slips: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    landmarks: dict[str, str] = field(default_factory=dict)

    @property
    def order(self) -> Mapping[str, int]:
        """After how many equations each quantity is known."""
        joint = self.trace.joint.equations
        return {equation.name.id: number for number, equation in enumerate(joint, start=1)}

    def blocks(self, view: str, document: Document) -> list[tuple[str, dict[str, Any]]]:
        """The blocks of one view for the template."""
        writer = HtmlWriter(document)
        linked = LinkedWriter(document.notation, self.references)
        numbers = NumberWriter(document.notation, self.references)
        batch, found = view != "scalar", list[tuple[str, dict[str, Any]]]()
        for block in document.blocks:
            match block:
                case Heading(level, text, anchor):
                    batch = batch or anchor in OF_A_BATCH
                    found.append(
                        (
                            "heading",
                            {"level": min(level + 1, 6), "text": writer.prose(text), "plain": writer.plain(text)},
                        )
                    )
                case Paragraph(text):
                    found.append(("paragraph", {"text": writer.prose(text)}))
                case Display():
                    key = f"{view}-{block.number}"
                    source = self._source(key, block, batch)
                    if source is not None:
                        self.sources[key] = source
                    found.append(("equation", _equation(key, block, document, linked, numbers, batch)))
                    if view == "scalar" and not batch:
                        self._remark(key, block, document.notation)
                case Conventions(rows):
                    signs = [(writer.prose(sign), writer.prose(meaning)) for sign, meaning in rows]
                    found.append(("conventions", {"rows": signs}))
                case _:
                    pass  # the picture stands above, and what was proved below
        return found

    def _remark(self, key: str, display: Display, notation: Notation) -> None:
        """What the tour stops at, and what comes out where a factor is forgotten, for the quiz."""
        kind = landmark(display, self.trace.program.loss)
        if kind is not None and (kind in LAST_COUNTS or kind not in self.landmarks):
            self.landmarks[kind] = key
        last = display.lines[-1] if display.lines else None
        if last is None or not takes_numbers(last) or not names(last) <= set(self.references.shapes):
            return
        if any(isinstance(node, Sum) for node in walk(last)):
            return
        factors = factors_of(last)
        for number, factor in enumerate(factors if len(factors) > 1 else ()):
            rest = [other for at, other in enumerate(factors) if at != number]
            name = f"{key}-without-{number}"
            self.values[name] = reduce(lambda a, b: a * b, rest)
            said = f"The factor {typeset(factor, notation=notation)} is left out."
            self.slips.setdefault(key, []).append({"fn": name, "text": said})

    def _source(self, key: str, display: Display, batch: bool) -> Source | None:
        gradients = self.trace.gradients
        if any(isinstance(node, Component) and isinstance(node.row, str) for node in walk(display.target)):
            return None  # it holds for every index
        match display.target:
            case Name(id) if id in self.references.shapes:
                return self._of(id, None, display.target, batch)
            case Component(Name(id), row, column) if id in self.references.shapes:
                return self._of(id, entry_of(display.target.base.shape, row, column), display.target, batch)
            case Partial(Name(loss), Name(id)) if loss == self.trace.program.loss and id in gradients:
                return self._of(gradients[id], None, display.target, batch)
            case Partial(Name(loss), Component(Name(id) as base, row, column)) if (
                loss == self.trace.program.loss and id in gradients
            ):
                return self._of(gradients[id], entry_of(base.shape, row, column), display.target, batch)
            case _:
                return self._computed(key, display, batch)

    def _of(self, id: str, at: int | None, target: Expr, batch: bool) -> Source:
        return Source(id, at, None, batch, self.order.get(id, 0), _shape(target))

    def _computed(self, key: str, display: Display, batch: bool) -> Source | None:
        """The value of a right-hand side that is no quantity of the program."""
        for line in reversed(display.lines):
            used = names(line)
            if isinstance(line, Assembled) or not used <= set(self.references.shapes):
                continue
            try:
                lower(line)
            except UnsupportedError:
                continue
            self.values[key] = line
            known = max((self.order.get(id, 0) for id in used), default=0)
            return Source(None, None, key, batch, known, _shape(line))
        return None


LAST_COUNTS = frozenset({"chain", "delta", "likewise", "assembled", "factored"})
"""Landmarks of which the last layer that is derived, the first of the network, has the best."""


def landmark(display: Display, loss: str) -> str | None:
    """Which part of the story an equation is: the loss, the chain rule, Δ, likewise, assembled, factored."""
    last = display.lines[-1] if display.lines else None
    match display.target, last:
        case Name(id), _ if id == loss:
            return "loss"
        case Partial(Name(), Component(_, 1, 1)), Mul() if any(isinstance(node, Partial) for node in walk(last)):
            return "chain"
        case Component(Name(id), 1, 1), _ if id.startswith("delta_"):
            return "delta"
        case Partial(Name(), Component(_, 2, 1)), Mul():
            return "likewise"
        case Partial(Name(), Name()), Assembled():
            return "assembled"
        case Partial(Name(), Name()), MatMul():
            return "factored"
        case _:
            return None


def factors_of(expr: Expr) -> list[Expr]:
    """The factors of a product, in their order."""
    return [*factors_of(expr.a), *factors_of(expr.b)] if isinstance(expr, Mul) else [expr]


def _shape(expr: Expr) -> list[int | str]:
    return [dim.name if isinstance(dim, Symbol) else dim for dim in expr.shape]


def _equation(
    key: str, display: Display, document: Document, linked: LinkedWriter, numbers: NumberWriter, batch: bool
) -> dict[str, Any]:
    sides = [screen_size(linked(line).text) for line in display.lines]
    last = display.lines[-1] if display.lines else None
    filled = last is not None and not batch and takes_numbers(last)
    badge = display.badge
    return {
        "key": key,
        "number": display.number,
        "target": screen_size(linked(display.target).text),
        "relation": display.relation,
        "sides": sides,
        "numbers": numbers(last).text if last is not None and filled else None,
        "text": clean(equation_text(display, document.notation)),
        "latex": formula(display, document.notation),
        "shape": "×".join(clean(str(dim)) for dim in display.shape),
        "reason": clean(display.reason),
        "badge": badge and {"holds": badge.holds, "summary": clean(badge.summary), "detail": clean(badge.detail)},
    }
