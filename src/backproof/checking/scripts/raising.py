"""Lines that raise: why, in terms of shapes and equations, and the changes that could let the program go on."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.precision import Array
from backproof.checking.scripts.assigning import assigned_value
from backproof.checking.scripts.dimensions import dimension_added, outer_differences
from backproof.checking.scripts.execution import Ending
from backproof.checking.scripts.interpreter import Interpreter, UnknownError
from backproof.checking.scripts.judging import Judge
from backproof.checking.scripts.listing import Edit, Listing
from backproof.checking.scripts.mending import Fault, value_goal
from backproof.checking.scripts.proposal import Proposal
from backproof.checking.scripts.roles import loose
from backproof.checking.scripts.spelling import Words, scope_at, spell
from backproof.checking.scripts.updates import Update
from backproof.checking.scripts.values import Run, Seen, Values, views
from backproof.dims import SCALAR
from backproof.ir.expr import Const, Expr, Name
from backproof.ir.traverse import walk

TAKES_TUPLE = frozenset({"random", "random_sample", "ranf", "zeros", "ones", "empty", "full", "standard_normal"})
TAKES_NUMBERS = frozenset({"rand", "randn"})
SHAPE_ERRORS = ("ValueError", "IndexError", "RuntimeError", "TypeError")


class Raised:
    """A program that ended in an exception."""

    def __init__(self, trace: Trace, values: Values, judge: Judge, ending: Ending) -> None:
        self.trace, self.values, self.judge, self.ending = trace, values, judge, ending
        self.listing: Listing = values.listing
        found = values.listing.nodes[ending.statement] if 0 <= ending.statement < len(values.listing.nodes) else None
        self.statement = found if isinstance(found, ast.stmt) else None
        self.run: Run | None = next((r for r in reversed(values.runs) if r.statement is self.statement), None)

    @property
    def line(self) -> int:
        return self.ending.line or (self.statement.lineno if self.statement is not None else 1)

    @property
    def sentence(self) -> str:
        """What happened, without a remedy."""
        message = " ".join(self.ending.message.split())[:300]
        shapes = self._shapes()
        return f"line {self.line} raises {self.ending.error}: {message}{f'; {shapes}' if shapes else ''}"

    def _shapes(self) -> str:
        if self.run is None or self.ending.error not in SHAPE_ERRORS:
            return ""
        arrays = {s.text: s.value.shape for s in self.run.seen if s.stored and s.value.ndim and s.type != "tuple"}
        return ", ".join(f"`{text}` has shape {shape}" for text, shape in list(arrays.items())[:4])

    def proposals(self) -> Iterator[Proposal]:
        """Changes that could let it go on, the likeliest first."""
        if self.statement is None or self.run is None:
            return
        if self.ending.error in ("TypeError", "ValueError"):
            yield from self._shape_arguments()
        if self.ending.error in ("NameError", "UnboundLocalError"):
            yield from self._misspelt()
        if self.ending.error in SHAPE_ERRORS:
            yield from outer_differences(self.values)
            yield from self._flat_inputs()
            yield from self._swapped()
            yield from self._lines()

    # --- arguments --------------------------------------------------------------------------------------------------

    def _culprits(self) -> Iterator[ast.Call]:
        """The calls of the statement that gave no value, the innermost first."""
        assert self.run is not None
        assert self.statement is not None
        valued = {id(s.node) for s in self.run.seen}
        calls = [n for n in ast.walk(self.statement) if isinstance(n, ast.Call) and id(n) not in valued]
        yield from reversed(calls)

    def _shape_arguments(self) -> Iterator[Proposal]:
        for call in self._culprits():
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            text = self.listing.segment(call.func)
            target = self._target()
            if len(call.args) >= 2 and not call.keywords and name in TAKES_TUPLE and _whole_numbers(call.args):
                first, last = self.listing.span(call.args[0])[0], self.listing.span(call.args[-1])[1]
                inner = self.listing.text[first:last]
                yield Proposal(
                    "shape-tuple",
                    f"line {call.lineno}: `{text}` takes the shape of `{target}` as one tuple: `{text}(({inner}))`, "
                    f"not `{text}({inner})`, which raises {self.ending.error}",
                    (Edit(first, first, "("), Edit(last, last, ")")),
                    call.lineno,
                    target,
                )
            if len(call.args) == 1 and isinstance(call.args[0], ast.Tuple) and name in TAKES_NUMBERS:
                start, end = self.listing.span(call.args[0])
                inner = self.listing.text[start:end].strip("()").rstrip(", ")
                yield Proposal(
                    "shape-tuple",
                    f"line {call.lineno}: `{text}` takes the shape of `{target}` as separate numbers: "
                    f"`{text}({inner})`, not as a tuple, which raises {self.ending.error}",
                    (Edit(start, end, inner),),
                    call.lineno,
                    target,
                )

    def _target(self) -> str:
        match self.statement:
            case ast.Assign([target]) | ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                return self.listing.segment(target)
            case _:
                return ""

    def _misspelt(self) -> Iterator[Proposal]:
        assert self.run is not None
        assert self.statement is not None
        found = re.search(r"'([^']+)'", self.ending.message)
        if found is None:
            return
        name = found.group(1)
        known = {s.text for s in self.values.seen if s.text.isidentifier()} | set(self.listing.functions)
        for near in difflib.get_close_matches(name, known - {name}, n=2, cutoff=0.6):
            edits = tuple(
                Edit(*self.listing.span(n), near)
                for n in ast.walk(self.statement)
                if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
            )
            yield Proposal(
                "unknown-name",
                f"line {self.line}: `{name}` is not defined; `{near}` is",
                edits,
                self.line,
                name,
            )

    # --- one-dimensional inputs -------------------------------------------------------------------------------------

    def _flat_inputs(self) -> Iterator[Proposal]:
        """An input without its second dimension, where the line transposes: that does nothing to one dimension."""
        assert self.run is not None
        assert self.statement is not None
        turned = [s for s in self.run.seen if _is_turned(s, self.listing) and s.value.ndim == 1]
        if not turned:
            return
        for name in self.trace.program.inputs:
            placed = self.judge.main.roles.placed.get(name.id)
            if placed is None or placed.seen is None or placed.seen.value.ndim != 1:
                continue
            size = placed.seen.value.size
            features = name.shape[1] if isinstance(name.shape[1], int) else None
            row = features == size and size > 1
            edits = dimension_added(self.values, placed.seen, row)
            if edits is None or not row:
                continue
            text = placed.seen.text
            yield Proposal(
                "one-dimensional",
                f"line {placed.seen.line}: `{text}` is one-dimensional, of shape ({size},), so `{text}.T` is no column "
                f"but `{text}` itself, and so is `{turned[0].text}`: line {self.line} cannot make the "
                f"{self._matrix(name)} gradient of them; it must be a row of shape (1, {size})",
                edits,
                placed.seen.line,
                text,
            )

    def _matrix(self, name: Name) -> str:
        for parameter in self.trace.program.parameters:
            if parameter.shape and parameter.shape[0] == name.shape[1]:
                return "×".join(map(str, parameter.shape))
        return "outer-product"

    # --- swapped updates ----------------------------------------------------------------------------------------------

    def _swapped(self) -> Iterator[Proposal]:
        """The line changes one parameter by the gradient of another, whose shape does not fit."""
        assert self.run is not None
        assert self.statement is not None
        own = self._updated(self.statement)
        if own is None:
            return
        for piece, other in self._gradients_in(self.statement, self.run):
            if other == own:
                continue
            partner = self._partner(other, own)
            placed = self.judge.main.roles.placed
            shapes = " and ".join("×".join(map(str, placed[p].array.shape)) for p in (own, other) if p in placed)
            mine = self._target()
            text = self.listing.segment(piece)
            both = ""
            if partner is not None:
                edits: tuple[Edit, ...] = (
                    Edit(*self.listing.span(piece), self.listing.segment(partner)),
                    Edit(*self.listing.span(partner), text),
                )
                both = f"; line {partner.lineno} changes the other one by this one's: the two updates are exchanged"
            else:
                spelt = self._spelt_gradient(own)
                if spelt is None:
                    continue
                edits = (Edit(*self.listing.span(piece), spelt),)
            yield Proposal(
                "gradients-swapped",
                f"line {self.line}: `{mine}` is changed by `{text}`, which is the gradient of "
                f"`{self._user_name(other)}`: shapes {shapes} do not agree{both}",
                edits,
                self.line,
                mine,
                self.trace.gradients[own],
                (self.trace.gradients[own], self.trace.gradients[other]) if partner is not None else (),
            )

    def _user_name(self, id: str) -> str:
        placed = self.judge.main.roles.placed.get(id)
        return placed.seen.text if placed is not None and placed.seen is not None else id

    def _updated(self, statement: ast.stmt) -> str | None:
        """The parameter that the statement gives a new value."""
        match statement:
            case ast.Assign([target]) | ast.AugAssign(target=target):
                text = self.listing.spelt(target)
            case _:
                return None
        assert self.run is not None
        now = self.values.latest(text, self.run.order + 10**6, self.run.frame)
        for id in self.judge.follower.parameters:
            placed = self.judge.main.roles.placed.get(id)
            held = placed.seen if placed is not None else None
            if held is not None and now is not None and np.array_equal(held.value, now.value):
                return id
        return None

    def _gradients_in(self, statement: ast.stmt, run: Run, static: bool = False) -> Iterator[tuple[ast.expr, str]]:
        """The expressions of the statement that are the gradient of a parameter, in any scale."""
        value = assigned_value(statement)
        if value is None:
            return
        recorded = scope_at(self.values, run).recorded
        for node in ast.walk(value):
            if not isinstance(node, ast.BinOp | ast.Call | ast.Name | ast.Attribute | ast.Subscript):
                continue
            try:
                found = np.asarray(Interpreter(recorded, {}, self.listing.functions)(node))
            except UnknownError:
                continue
            if found.dtype.kind not in "fiu" or found.size < 2:
                continue
            for id, gradient in self.trace.gradients.items():
                outcome = self.judge.main.outcomes.get(gradient)
                if outcome is not None and outcome.known is not None and _multiple(found, outcome.known.value):
                    yield node, id

    def _partner(self, other: str, own: str) -> ast.expr | None:
        """In the update of the other parameter, the expression that is this one's gradient."""
        assert self.run is not None
        assert self.statement is not None
        block = self.listing.block(self.statement)
        for statement in block[block.index(self.statement) + 1 :]:
            if self._updated(statement) == other:
                for piece, id in self._gradients_in(statement, self.run):
                    if id == own:
                        return piece
        return None

    def _spelt_gradient(self, id: str) -> str | None:
        assert self.run is not None
        words = Words(self.listing, self.judge.main.roles, scope_at(self.values, self.run))
        placed = self.judge.main.roles.placed.get(id)
        equation = self.trace.joint.definitions[self.trace.gradients[id]]
        return spell(equation.value, words, placed is not None and placed.how == "transposed")

    # --- the line itself --------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[Proposal]:
        """Changes of the line with which it gives something that the derivation has."""
        assert self.run is not None
        assert self.statement is not None
        mender = self.judge.mender
        found = [
            (mend.change.cost, k, mend, fault)
            for k, fault in enumerate(self._faults())
            for mend in mender.mends(fault)[:3]
        ]
        for _, _, mend, fault in sorted(found, key=lambda f: f[:2])[:6]:
            if mend.change.edits:
                old, new = mend.change.old, mend.change.new
                yield Proposal(
                    "shapes-disagree",
                    f"{self.sentence}: `{old}` should be `{new}`, so that it follows the equation of {fault.id}",
                    mend.change.edits,
                    mend.line,
                    self._target(),
                )

    def _faults(self) -> Iterator[Fault]:
        assert self.run is not None
        assert self.statement is not None
        value = assigned_value(self.statement)
        if value is None and isinstance(self.statement, ast.Return | ast.Expr):
            value = self.statement.value
        if value is None:
            return
        own = self._updated(self.statement)
        if own is not None:
            outcome = self.judge.main.outcomes.get(self.trace.gradients[own])
            placed = self.judge.main.roles.placed[own]
            for seen in self.run.seen if outcome is not None and outcome.known is not None else ():
                if seen.stored and seen.value.ndim and seen.text != self.listing.spelt(_targeted(self.statement)):
                    at = self.judge.fault_at(outcome, seen, (1.0, -1.0)) if outcome is not None else None
                    if at is not None and at.run is not self.run:
                        yield at
            if outcome is not None and outcome.known is not None and placed.seen is not None:
                blank = np.zeros(placed.array.shape)
                target = Seen(value, self._target(), placed.seen.value, self.run.order, self.run, True, "array")
                unit = np.finfo(np.float64).eps * 64
                update = Update(own, target, blank, unit * (np.abs(placed.array) + 1), placed.how)
                goal = self.judge.step_goal(update, outcome.known, value)
                yield Fault(outcome.id, outcome.known, self.run, value, goal, placed.how == "transposed")
            return
        roles = self.judge.main.roles
        for equation in self.trace.joint.equations:
            outcome = self.judge.main.outcomes.get(equation.name.id)
            if outcome is None or outcome.right or equation.name.id == self.trace.program.loss:
                continue
            for expr in _pieces(equation.value):
                wanted = self.judge.search.evaluated(expr, roles)
                if wanted is None or wanted.ndim != 2 or not np.any(wanted):
                    continue
                known = loose(wanted, self.judge.dtype)
                scales = (1.0, -1.0) if equation in self.trace.backward else (1.0,)
                goal = value_goal(known, scales, None, None)
                inputs = roles.placed.get("X")
                yield Fault(outcome.id, known, self.run, value, goal, inputs is not None and inputs.how == "transposed")


def _targeted(statement: ast.stmt) -> ast.expr:
    match statement:
        case ast.Assign([target, *_]) | ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return target
        case _:
            return ast.Constant(None)


def _pieces(value: Expr) -> Iterator[Expr]:
    for node in walk(value):
        if not isinstance(node, Name | Const) and node.shape != SCALAR:
            yield node


def _whole_numbers(nodes: list[ast.expr]) -> bool:
    return not any(isinstance(n, ast.Constant) and not isinstance(n.value, int) for n in nodes) and not any(
        isinstance(n, ast.Tuple | ast.List) for n in nodes
    )


def _is_turned(seen: Seen, listing: Listing) -> bool:
    return isinstance(seen.node, ast.Attribute) and seen.node.attr == "T"


def _multiple(found: Array, gradient: Array) -> bool:
    for view in views(found, gradient.shape):
        norm = float((gradient * gradient).sum())
        if norm > 0:
            eta = float((view.array * gradient).sum()) / norm
            if eta and np.allclose(
                view.array, eta * gradient, rtol=1e-9, atol=1e-12 * abs(eta) * np.abs(gradient).max()
            ):
                return True
    return False
