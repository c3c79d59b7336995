"""An equation with the part marked that the user's program lacks or has something else for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy
from backproof.checking.findings import Finding
from backproof.checking.kinds import KINDS
from backproof.checking.mutants import Mutants
from backproof.ir.expr import Broadcast, Expr, Mul, Name
from backproof.ir.traverse import children, rebuilt
from backproof.notation import Notation
from backproof.render.dialects import LATEX, UNICODE
from backproof.render.html_equation import LINE_WIDTH, NEWLINE, screen_size
from backproof.render.layout import latex_lines, text_lines
from backproof.render.text_equation import cut
from backproof.render.typeset import RULES, typeset
from backproof.render.widths import columns
from backproof.render.writer import Fragment, Rule, Writer

BEGIN, END = "\ue000", "\ue001"
"""Around a marked part, until it is known how that shows; names never hold them, for they do not print."""

MARK_COLOUR = "#d1443a"
"""The colour of a mark in a formula: as far from light paper as from dark."""

DIFFERS, MISSING = "differs", "missing"
SAMPLES = 5
"""Any number of samples: what is wrong with an equation does not depend on it."""

MISSING_KINDS = frozenset({"bias-left-out", "activation-left-out"})


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line of text, and for each of its characters whether it is marked."""

    text: str
    marks: tuple[bool, ...]

    @property
    def underline(self) -> str:
        """Tildes under what is marked; empty where nothing is."""
        widths = map(columns, self.text)
        return "".join(("~" if mark else " ") * width for mark, width in zip(self.marks, widths, strict=True)).rstrip()


class _Marker(Writer):
    """A writer that leaves signs around some nodes of the expression."""

    def __init__(self, dialect: object, notation: Notation, rules: Mapping[type[Expr], Rule], marked: set[int]) -> None:
        super().__init__(dialect, notation, rules)  # type: ignore[arg-type]  # handed on
        self.marked = marked

    def __call__(self, expr: Expr) -> Fragment:
        fragment = super().__call__(expr)
        if id(expr) not in self.marked:
            return fragment
        text = f"{BEGIN}{fragment.text}{END}"
        # Braces keep the part on one line, and what is raised after it outside of the mark.
        return fragment._replace(text=f"{{{text}}}" if self.dialect.stacked else text)


def notation_of(trace: Trace) -> Notation:
    """The notation that a derivation is read in."""
    structure = trace.source.structure
    chosen = replace(Notation(), loss=trace.loss.id)
    return chosen if structure is None else replace(chosen, samples=structure.samples)


def part_label(finding: Finding) -> str:
    """What is wrong with the marked part, in a word."""
    return MISSING if finding.kind.endswith(MISSING) or finding.kind in MISSING_KINDS else DIFFERS


def part_of(trace: Trace, finding: Finding) -> Expr | None:
    """The part that a finding is about: its own, or the one that every fault of its kind is about in this equation."""
    if finding.part is not None or finding.equation not in trace.joint.definitions or finding.kind not in KINDS:
        return finding.part
    made = Mutants(Anatomy(trace), dict.fromkeys(trace.source.symbols, SAMPLES)).of(finding.equation)
    parts = {mutant.part for mutant in made if mutant.kind == finding.kind}
    return parts.pop() if len(parts) == 1 else None


# --- which nodes ----------------------------------------------------------------------------------------------------


Path = tuple[int, ...]
"""Which operand to take at each node on the way from the root."""


def marked_paths(right: Expr, part: Expr | None) -> list[Path]:
    """Where the part stands in the right-hand side: one node that equals it, or the factors that it consists of.

    Nowhere, if it is all of the right-hand side: that would tell nothing.

    Example:
        >>> a, b, c = Name("a"), Name("b"), Name("c")
        >>> marked_paths(a * b * c, b * c)
        [(0, 1), (1,)]
    """
    if part is None or part == right:
        return []
    whole = _find(right, part)
    if whole is not None:
        return [whole]
    found = [_find(right, factor) for factor in _factors(part)]
    return [] if None in found else [path for path in found if path is not None]


def _find(expr: Expr, wanted: Expr) -> Path | None:
    """The way to the node nearest to the root that equals the wanted one."""
    queue: deque[tuple[Expr, Path]] = deque([(expr, ())])
    while queue:
        node, path = queue.popleft()
        if node == wanted:
            return path
        queue += [(child, (*path, place)) for place, child in enumerate(children(node))]
    return None


def _apart(expr: Expr, paths: Sequence[Path]) -> tuple[Expr, set[int]]:
    """The expression with the nodes at the paths as objects of their own, and what identifies these."""
    for path in paths:
        expr = _copied(expr, path)
    return expr, {id(_at(expr, path)) for path in paths}


def _at(expr: Expr, path: Path) -> Expr:
    for place in path:
        expr = children(expr)[place]
    return expr


def _copied(expr: Expr, path: Path) -> Expr:
    if not path:
        return replace(expr)
    first, *rest = path
    operands = list(children(expr))
    operands[first] = _copied(operands[first], tuple(rest))
    return rebuilt(expr, tuple(operands))


def _factors(expr: Expr) -> list[Expr]:
    match expr:
        case Mul(a, b):
            return [*_factors(a), *_factors(b)]
        case Broadcast(Mul(a, b)):
            return [*_factors(a), *_factors(b)]
        case _:
            return [expr]


# --- as text --------------------------------------------------------------------------------------------------------


def marked_lines(target: str, right: Expr, part: Expr | None, notation: Notation, width: int) -> tuple[MarkedLine, ...]:
    """The equation in lines of at most ``width`` columns, with what is marked in each.

    Example:
        >>> W, d, l = Name("W", (2, 2)), Name("delta_2", (2, 2)), Name("l_1", (2, 2))
        >>> [line] = marked_lines("delta_1", (d @ W) * l, l, Notation(), 60)
        >>> print(line.text, line.underline, sep="\\n")
        Δl_1 = (Δl_2 . W) ∘ l_1
                            ~~~
    """
    own, marked = _apart(right, marked_paths(right, part))
    text = _Marker(UNICODE, notation, RULES, marked)(own).text
    left = typeset(Name(target), UNICODE, notation)
    plain, marks = _unmarked(text)
    lines = [piece for line in text_lines(left, [("=", plain)], width) for piece in cut(line, width)]
    return tuple(_marked_again(lines, plain, marks))


def _unmarked(text: str) -> tuple[str, list[bool]]:
    plain, marks, depth = "", [], 0
    for character in text:
        if character in (BEGIN, END):
            depth += 1 if character == BEGIN else -1
        else:
            plain += character
            marks.append(depth > 0)
    return plain, marks


def _marked_again(lines: Sequence[str], plain: str, marks: Sequence[bool]) -> Iterator[MarkedLine]:
    """The marks of the right-hand side, carried over to lines that were broken at spaces."""
    letters = [place for place, character in enumerate(plain) if not character.isspace()]
    left_hand = sum(not c.isspace() for line in lines for c in line) - len(letters)
    seen = 0
    for line in lines:
        found: list[bool] = []
        for character in line:
            place = seen - left_hand
            if character.isspace():
                # A space is marked within the part, not beside it.
                inside = 0 < place < len(letters) and marks[letters[place - 1]] and marks[letters[place] - 1]
                found.append(inside and found != [])
            else:
                found.append(0 <= place < len(letters) and marks[letters[place]])
                seen += 1
        yield MarkedLine(line, tuple(found))


# --- as LaTeX -------------------------------------------------------------------------------------------------------


def marked_tex(target: str, right: Expr, part: Expr | None, notation: Notation, label: str) -> str:
    """The equation as a formula for KaTeX, the part in colour with a brace and a word under it."""
    own, marked = _apart(right, marked_paths(right, part))
    text = _Marker(LATEX, notation, RULES, marked)(own).text
    rows = [screen_size(row) for row in latex_lines(typeset(Name(target), LATEX, notation), [("=", text)], LINE_WIDTH)]
    one = rows[0].replace(" &", " ", 1) if len(rows) == 1 else ""
    formula = one or rf"\begin{{aligned}} {NEWLINE.join(rows)} \end{{aligned}}"
    opening, closing = rf"\textcolor{{{MARK_COLOUR}}}{{\underbrace{{", rf"}}_{{\text{{{label}}}}}}}"
    return formula.replace(BEGIN, opening).replace(END, closing)


def marked_text(target: str, right: Expr, part: Expr | None, notation: Notation, width: int) -> str:
    """The equation as plain text, what is marked underlined on the next line."""
    lines = marked_lines(target, right, part, notation, width)
    return "\n".join(piece for line in lines for piece in (line.text, line.underline) if piece)
