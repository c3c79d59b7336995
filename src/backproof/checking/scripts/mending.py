"""The change of the user's own lines with which an equation is followed: found by trying, on the recorded values."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.edits import factors, product, sites
from backproof.checking.precision import Array
from backproof.checking.scripts.assigning import assign, assigned_value, set_within
from backproof.checking.scripts.changes import Change, Changes, Part
from backproof.checking.scripts.following import Followed
from backproof.checking.scripts.interpreter import Interpreter, UnknownError
from backproof.checking.scripts.listing import Edit, Listing, edited
from backproof.checking.scripts.spelling import Scope, Words, scope_at, spell
from backproof.checking.scripts.values import Run, Values, views
from backproof.checking.truth import Known
from backproof.dims import SCALAR
from backproof.ir.expr import Add, Broadcast, Const, Expr, MatMul, Name, Size, Sub
from backproof.ir.traverse import names, walk

MOST_STATEMENTS = 6
MOST_FOUND = 12
MOST_TRIED = 6000
"""Changes tried for one recording: what is not found by then is reported without a repair."""
INDICATOR = re.compile(r"np\.where\(([^(),]+ > [^(),]+), 1\.0, 0\.0\)")
"""People multiply by the truth values themselves."""

FAILED = (UnknownError, ArithmeticError, LookupError, TypeError, ValueError)
"""What trying a change may raise: then it is no mend."""

Goal = Callable[[Array], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in the program that does not follow an equation.

    Args:
        id: of the quantity.
        known: what it must be, given the user's values of what it uses.
        run: the execution of the statement.
        node: the expression in it whose value is to be right.
        goal: whether a value of the expression would do.
        transposed: whether the user's array is the transpose of the derivation's.
    """

    id: str
    known: Known
    run: Run
    node: ast.expr
    goal: Goal
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Mend:
    """A change that makes the quantity right, and the statement in which it is made."""

    change: Change
    statement: ast.stmt
    run: Run
    node: ast.expr

    @property
    def line(self) -> int:
        return self.node.lineno if self.change.edits else self.statement.lineno


def value_goal(known: Known, scales: tuple[float, ...], shape: tuple[int, ...] | None, how: str | None) -> Goal:
    """The value is the quantity, times one of the scales, in the wanted shape and orientation."""

    def reached(value: Array) -> bool:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or (shape is not None and array.shape != shape):
            return False
        for view in views(array, known.value.shape):
            if how is not None and view.how != how:
                continue
            with np.errstate(all="ignore"):
                if any((np.abs(view.array - s * known.value) <= abs(s) * known.bound).all() for s in scales):
                    return True
        return False

    return reached


class Mender:
    """Looks for the change that mends a fault."""

    def __init__(self, trace: Trace, values: Values, followed: Followed) -> None:
        self.trace, self.values, self.followed = trace, values, followed
        self.listing: Listing = values.listing
        self._scopes: dict[int, Scope] = {}
        self.tried = 0

    def mends(self, fault: Fault) -> list[Mend]:
        """The changes that reach the goal, the smallest first; the equation written out where nothing smaller does."""
        found: list[Mend] = []
        for run, node in self._places(fault):
            for change in self._changes(fault, run, node):
                if self._reaches(fault, run, node, change):
                    found.append(Mend(change, run.statement, run, node))
            if len(found) >= MOST_FOUND:
                break
        found += [] if found else list(self._in_functions(fault))
        if not found:
            found = list(self._pairs(fault)) or list(self._rewritten(fault))
        if isinstance(fault.node, ast.Name) and all(m.node is fault.node for m in found):
            found = [*self._inserted(fault), *found]
        name = isinstance(fault.node, ast.Name)
        # What a variable holds is better mended where it is made than in one of the places that read it.
        return sorted(found, key=lambda m: (name and m.node is fault.node, m.change.cost, m.run is not fault.run))

    # --- where ----------------------------------------------------------------------------------------------------

    def _places(self, fault: Fault) -> Iterator[tuple[Run, ast.expr]]:
        """The expression itself, then what its variables were assigned in the same call, nearest first."""
        yield fault.run, fault.node
        met = {fault.run.order}
        frontier = [(fault.run, fault.node)]
        while frontier and len(met) < MOST_STATEMENTS:
            run, node = frontier.pop(0)
            for earlier in self._made_by(run, node):
                value = assigned_value(earlier.statement)
                if earlier.order not in met and value is not None:
                    met.add(earlier.order)
                    within = set_within(earlier.statement)
                    if within is not None:
                        yield earlier, within.slice
                    yield earlier, value
                    frontier.append((earlier, value))

    def _made_by(self, run: Run, node: ast.expr) -> Iterator[Run]:
        """The runs that assigned what the expression reads, where the value is no quantity that is right."""
        right = {
            o.placed.seen.value.tobytes()
            for o in self.followed.outcomes.values()
            if o.right and o.placed is not None and o.placed.seen is not None and o.placed.scale == 1
        }
        inputs = {p.seen.value.tobytes() for i, p in self.followed.roles.placed.items() if p.seen and i in self._given}
        read = {
            self.listing.spelt(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)
        }
        for earlier in reversed(self.values.runs):
            within = set_within(earlier.statement) if earlier.frame == run.frame else None
            inside = self.followed.window.start <= earlier.order < run.order
            if within is not None and inside and self.listing.spelt(within.value) in read:
                yield earlier
        for seen in reversed(self.values.seen):
            if seen.order >= run.order or not seen.assigned or seen.text not in read:
                continue
            if seen.run.frame != run.frame or seen.order < self.followed.window.start:
                continue
            read.discard(seen.text)
            telling = seen.value.size > 1 or not float(seen.value.reshape(())).is_integer()
            if telling and seen.value.tobytes() in (right | inputs):
                continue
            yield seen.run

    @property
    def _given(self) -> set[str]:
        return {n.id for n in (*self.trace.program.inputs, *self.trace.program.parameters)}

    # --- what -----------------------------------------------------------------------------------------------------

    def _changes(self, fault: Fault, run: Run, node: ast.expr) -> Iterator[Change]:
        scope = self._scope(run)
        yield from Changes(self.listing, node, self.parts(fault, scope), scope.variables, self._counts(scope))

    def parts(self, fault: Fault, scope: Scope) -> list[Part]:
        """Pieces of the right equation, and every quantity that is in sight, in the user's words."""
        words = Words(self.listing, self.followed.roles, scope)
        equation = self.trace.joint.definitions[fault.id].value
        found: dict[str, Part] = {}

        def add(expr: Expr, role: str, id: str = "") -> None:
            for transposed in {fault.transposed, False}:
                text = spell(expr, words, transposed and expr.shape != SCALAR)
                text = None if text is None else INDICATOR.sub(r"(\1)", text)
                if text is not None and (id or not text.isidentifier()):
                    found.setdefault(text, Part(text, role, id))

        chain = factors(equation)
        loose = [f for f in chain if not any(isinstance(n, MatMul) for n in walk(f)) and f.shape == equation.shape]
        for count in (2, 3, 1):
            for chosen in combinations(loose, count):
                derivative = not any(self._carries(f) for f in chosen)
                add(product(chosen), "derivative" if derivative and count > 1 else "factor")
        if isinstance(equation, Add | Sub):
            add(equation.b, "term")
        for _, node in sites(equation):
            if not isinstance(node, Name | Const | Broadcast | Size):
                add(node, "product" if any(isinstance(n, MatMul) for n in walk(node)) else "factor")
        for id, placed in self.followed.roles.placed.items():
            if placed.seen is not None:
                add(self.trace.joint.names[id], "quantity", id)
        return list(found.values())

    def _carries(self, factor: Expr) -> bool:
        """Whether a factor brings the error: it has the targets or a Δ in it."""
        inputs = {n.id for n in self.trace.program.inputs}
        backward = {e.name.id for e in self.trace.backward}
        return bool(names(factor) & (inputs | backward))

    def _counts(self, scope: Scope) -> list[str]:
        """Spellings of the number of samples, and of that of all outputs where it is another."""
        sizes = {float(v) for v in self.followed.roles.sizes.values()} - {1.0}
        named = [t for t, v in scope.variables.items() if v.shape == () and float(v) in sizes and t.isidentifier()][:1]
        words = Words(self.listing, self.followed.roles, scope)
        if not named and sizes:
            named = [text for name in self.followed.roles.sizes if (text := words.known_size(name)) is not None][:1]
        outputs = self.followed.roles.placed.get("y_hat")
        if outputs is not None and float(outputs.array.size) not in sizes | {1.0}:
            text = words.known("y_hat")
            named += [f"{text}.size"] if text is not None else []
        return named

    # --- trying ---------------------------------------------------------------------------------------------------

    def _reaches(self, fault: Fault, run: Run, node: ast.expr, change: Change) -> bool:
        self.tried += 1
        new = self.changed(node, change) if self.tried <= MOST_TRIED else None
        if new is None:
            return False
        try:
            if run is fault.run and node is fault.node:
                return fault.goal(self._interpreter(run)(new))
            return fault.goal(self._replayed(fault, run, node, new))
        except FAILED:
            return False

    def changed(self, node: ast.expr, change: Change) -> ast.expr | None:
        """The expression with the change made; None where that is no expression."""
        start, end = self.listing.span(node)
        edits = [Edit(e.start - start, e.end - start, e.new) for e in change.edits]
        if any(e.start < 0 or e.end > end - start for e in edits):
            return None
        try:
            return ast.parse(f"({edited(self.listing.text[start:end], edits)})", mode="eval").body
        except SyntaxError:
            return None

    def _interpreter(self, run: Run, fresh: Mapping[str, Array] | None = None) -> Interpreter:
        return Interpreter(self._scope(run).recorded, fresh, self.listing.functions)

    def _scope(self, run: Run) -> Scope:
        if run.order not in self._scopes:
            self._scopes[run.order] = scope_at(self.values, run)
        return self._scopes[run.order]

    def _replayed(self, fault: Fault, run: Run, node: ast.expr, new: ast.expr) -> Array:
        """The faulty expression's value after an earlier statement gave its target another value."""
        fresh: dict[str, Array] = {}
        within = set_within(run.statement)
        value = assigned_value(run.statement)
        if within is not None and node is within.slice and value is not None:
            assign(fresh, run.statement, self._interpreter(run), value, new)
        else:
            assign(fresh, run.statement, self._interpreter(run), new)
        for later in self.values.runs:
            if run.order < later.order < fault.run.order and later.frame == run.frame:
                value = assigned_value(later.statement)
                if value is not None:
                    interpreter = self._interpreter(later, fresh)
                    if interpreter.touched(value) or self._changes_fresh(later.statement, fresh):
                        assign(fresh, later.statement, interpreter, value)
        return np.asarray(self._interpreter(fault.run, fresh)(fault.node))

    def _changes_fresh(self, statement: ast.stmt, fresh: Mapping[str, Array]) -> bool:
        within = set_within(statement)
        target = within.value if within is not None else getattr(statement, "target", None)
        return target is not None and ast.unparse(target) in fresh

    def _in_functions(self, fault: Fault) -> Iterator[Mend]:
        """Changes of what a function that the expression calls gives back."""
        for call in (n for n in ast.walk(fault.node) if isinstance(n, ast.Call)):
            name = called_name(call)
            function = self.listing.functions.get(name or "")
            if function is None or name is None:
                continue
            for returned in (n for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None):
                value = returned.value
                run = next((r for r in reversed(self.values.runs) if r.statement is returned), None)
                if value is None or run is None:
                    continue
                marker = {self.listing.spelt(call.func): np.zeros(())}
                for change in Changes(self.listing, value, self._local_parts(value), {}):
                    self.tried += 1
                    functions = self._with(function, change) if self.tried <= MOST_TRIED else None
                    if functions is None:
                        continue
                    recorded = self._scope(fault.run).recorded
                    try:
                        if fault.goal(Interpreter(recorded, marker, functions)(fault.node)):
                            yield Mend(change, returned, run, value)
                    except FAILED:
                        continue

    def _local_parts(self, value: ast.expr) -> list[Part]:
        """Inside a function only its own names can be used: of each the usual derivatives."""
        read = [n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n.id not in ("np", "numpy", "torch")]
        found = [
            Part(t, "derivative") for x in dict.fromkeys(read) for t in (f"{x} * (1 - {x})", f"1 - {x}", f"1 - {x}**2")
        ]
        return found + [Part(x, "quantity") for x in dict.fromkeys(read)]

    def _with(self, function: ast.FunctionDef, change: Change) -> dict[str, ast.FunctionDef] | None:
        start, end = self.listing.span(function)
        column = function.col_offset
        text = " " * column + self.listing.text[start:end]
        edits = [Edit(e.start - start + column, e.end - start + column, e.new) for e in change.edits]
        try:
            tree = ast.parse("if True:\n" + edited(text, edits) if column else edited(text, edits))
        except SyntaxError:
            return None
        made = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function.name)
        return {**self.listing.functions, function.name: made}

    def _inserted(self, fault: Fault) -> Iterator[Mend]:
        """A line of its own that scales what a variable holds before it is read."""
        scope, text = self._scope(fault.run), self.listing.segment(fault.node)
        start, _ = self.listing.span(fault.run.statement)
        begin = self.listing.text.rfind("\n", 0, start) + 1
        indent = self.listing.text[begin:start]
        value = scope.recorded.get(text)
        if value is None or indent.strip():
            return
        for operator in ("/", "*"):
            for count in (*self._counts(scope), "2", "-1"):
                try:
                    new = ast.parse(f"{text} {operator} {count}", mode="eval").body
                    reached = fault.goal(self._interpreter(fault.run)(new))
                except FAILED:
                    continue
                if reached:
                    line = f"{text} {operator}= {count}"
                    change = Change((Edit(begin, begin, f"{indent}{line}\n"),), "inserted", line, text)
                    yield Mend(change, fault.run.statement, fault.run, fault.node)

    def _pairs(self, fault: Fault) -> Iterator[Mend]:
        scope = self._scope(fault.run)
        changes = Changes(self.listing, fault.node, [], scope.variables)
        for change in changes.pairs():
            if self._reaches(fault, fault.run, fault.node, change):
                yield Mend(change, fault.run.statement, fault.run, fault.node)

    def _rewritten(self, fault: Fault) -> Iterator[Mend]:
        """The whole right-hand side in the user's variables."""
        words = Words(self.listing, self.followed.roles, self._scope(fault.run))
        equation = self.trace.joint.definitions[fault.id].value
        for transposed in (fault.transposed, not fault.transposed):
            text = spell(equation, words, transposed)
            if text is None:
                continue
            start, end = self.listing.span(fault.node)
            old = self.listing.segment(fault.node)
            change = Change((Edit(start, end, text),), "rewritten", text, old, Part(text, "whole"))
            if self._reaches(fault, fault.run, fault.node, change):
                yield Mend(change, fault.run.statement, fault.run, fault.node)
                return


def called_name(call: ast.Call) -> str | None:
    """The name of the function or method that is called."""
    match call.func:
        case ast.Name(name) | ast.Attribute(ast.Name("self"), name):
            return name
        case _:
            return None
