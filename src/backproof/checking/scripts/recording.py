"""Runs a program with every value of its own lines recorded. Loaded by path in the child process; needs no backproof.

The syntax tree is numbered in the order of ``ast.walk``, so that the parent, which parses the same text, knows which
node a number means. Every expression is wrapped in a call that records its value and returns it unchanged.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np

RECORD, LINE, TAKE = "_backproof_record_", "_backproof_line_", "_backproof_take_"
ARRAY, SCALARS = np.ndarray, (int, float, np.generic)
AS_ARRAY, CONTIGUOUS = np.asarray, np.ascontiguousarray
RECORDED_RUNS = 40
"""So many runs of each statement are recorded: a training loop repeats itself."""
RECORDED_VALUES = 200
"""So many values of each expression."""
LARGEST_ARRAY = 4_000_000
"""In entries; of larger arrays only the shape is told."""
QUIET_SECONDS, QUIET_LINES = 2.0, 300
"""When so many lines over so long a time gave nothing new, the program only repeats itself."""


class Enough(BaseException):
    """Everything that is wanted was recorded."""


def numbered(tree: ast.Module) -> list[ast.AST]:
    """Every node of the tree; its number is its place in the list."""
    return list(ast.walk(tree))


class Instrument(ast.NodeTransformer):
    """Puts the recording calls into a tree."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.number = {node: k for k, node in enumerate(nodes)}
        self.statement_of: dict[int, int] = {}
        self._statement = -1

    def visit(self, node: ast.AST) -> Any:
        number = self.number.get(node, -1)
        if isinstance(node, ast.stmt):
            return self._statement_visited(node, number)
        self.statement_of[number] = self._statement
        match node:
            case ast.Call(func=ast.Attribute() as func):
                func.value = self.visit(func.value)
                node.args = [self.visit(a) for a in node.args]
                node.keywords = [self.visit(k) for k in node.keywords]
            case ast.Call():
                node.args = [self.visit(a) for a in node.args]
                node.keywords = [self.visit(k) for k in node.keywords]
            case ast.JoinedStr() | ast.Constant():
                return node
            case ast.NamedExpr():
                node.value = self.visit(node.value)
            case _:
                self.generic_visit(node)
        loaded = isinstance(getattr(node, "ctx", None), ast.Load) and not isinstance(node, ast.Starred)
        computed = isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call | ast.IfExp)
        return _call(RECORD, number, node) if loaded or computed else node

    def _statement_visited(self, node: ast.stmt, number: int) -> Any:
        outer, self._statement = self._statement, number
        after: list[ast.stmt] = []
        before: list[ast.stmt] = [_expression(_call(LINE, number))]
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                node.body = self._body(node.body)
            case ast.Assign(targets=targets):
                after = [s for target in targets for s in self._taken(target)]
                node.value = self.visit(node.value)
            case ast.AugAssign(target=target):
                before += [_expression(_call(RECORD, k, n)) for k, n in self._loads(target)]
                after = self._taken(target)
                node.value = self.visit(node.value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                after = self._taken(target)
                node.value = self.visit(value)
            case ast.For(target=target) | ast.AsyncFor(target=target):
                node.iter = self.visit(node.iter)
                node.body = self._taken(target) + self._body(node.body)
                node.orelse = self._body(node.orelse)
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.AnnAssign() | ast.Delete():
                pass
            case ast.Match():
                node.subject = self.visit(node.subject)
                for case in node.cases:
                    case.body = self._body(case.body)
            case _:
                self.generic_visit(node)
        self._statement = outer
        return [*before, node, *after]

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [s for statement in body for s in self.visit(statement)]

    def _loads(self, target: ast.AST) -> Iterator[tuple[int, ast.expr]]:
        """The target's own nodes as they are read; what stands in the index is not evaluated twice if it calls."""
        match target:
            case ast.Name() | ast.Attribute():
                yield self.number[target], _as_load(target)
            case ast.Subscript(slice=index) if not any(isinstance(n, ast.Call) for n in ast.walk(index)):
                yield self.number[target], _as_load(target)
                if isinstance(target.value, ast.Name | ast.Attribute):
                    # The whole array is told as well: an entry that is set changes it.
                    yield self.number[target.value], _as_load(target.value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    yield from self._loads(element)
            case _:
                pass

    def _taken(self, target: ast.AST) -> list[ast.stmt]:
        loads = list(self._loads(target))
        for number, _ in loads:
            self.statement_of[number] = self._statement
        return [_expression(_call(TAKE, number, load)) for number, load in loads]


def _as_load(node: ast.expr) -> ast.expr:
    parsed = ast.parse(ast.unparse(node), mode="eval").body
    return parsed


def _call(function: str, number: int, *values: Any) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [ast.Constant(number), *values], [])


def _expression(value: ast.expr) -> ast.stmt:
    return ast.Expr(value)


class Recorder:
    """Sends every recorded value through the pipe: the length of a JSON header, the header, the raw bytes."""

    def __init__(self, pipe: int, nodes: list[ast.AST], statement_of: dict[int, int], budget: int) -> None:
        self.pipe, self.budget, self.owner = pipe, budget, os.getpid()
        self.statement_of = statement_of
        self.runs = [0] * len(nodes)
        self.values = [0] * len(nodes)
        self.lines, self.last_line, self.last_time = 0, 0, time.monotonic()
        self.current: dict[int, int] = {}
        self.active = -1
        self.buffer: list[bytes] = []
        self.size = 0

    def line(self, number: int) -> None:
        self.runs[number] += 1
        frame = id(sys._getframe(1))
        self.current[frame] = number
        self.lines += 1
        if self.runs[number] <= RECORDED_RUNS:
            self.send({"line": number, "frame": frame})
            if number != self.active:
                self.active = number
                self.flush()
        elif (
            self.lines - self.last_line > QUIET_LINES
            and time.monotonic() - self.last_time > QUIET_SECONDS
            and os.getpid() == self.owner
        ):
            raise Enough

    def record(self, number: int, value: Any) -> Any:
        self._keep("node", number, value, id(sys._getframe(1)))
        return value

    def take(self, number: int, value: Any) -> None:
        self._keep("take", number, value, id(sys._getframe(1)))

    def _keep(self, what: str, number: int, value: Any, frame: int) -> None:
        if self.runs[self.statement_of.get(number, -1)] > RECORDED_RUNS:
            return
        # The head of a loop and a comprehension are valued many times in one run of their statement.
        self.values[number] += 1
        if self.values[number] > RECORDED_VALUES:
            return
        array = plain_array(value)
        if array is None:
            return
        head = {what: number, "frame": frame, "shape": array.shape, "dtype": array.dtype.str, "type": kind_of(value)}
        if array.size > LARGEST_ARRAY or self.budget < array.nbytes:
            self.send({**head, "left_out": True})
        else:
            self.budget -= array.nbytes
            self.send(head, array.tobytes())

    def send(self, head: dict[str, Any], data: bytes = b"") -> None:
        if self.pipe < 0 or os.getpid() != self.owner:
            return
        self.last_line, self.last_time = self.lines, time.monotonic()
        text = json.dumps({**head, "bytes": len(data)}).encode()
        self.buffer += (struct.pack("<I", len(text)), text, data)
        self.size += len(text) + len(data)
        if self.size > 65536:
            self.flush()

    def flush(self) -> None:
        data, self.buffer, self.size = b"".join(self.buffer), [], 0
        try:
            while data:
                data = data[os.write(self.pipe, data) :]
        except OSError:
            self.pipe = -1  # The program closed it; what it does to itself is its own affair.


def kind_of(value: Any) -> str:
    if isinstance(value, ARRAY):
        return "array"
    return "tensor" if type(value).__module__.startswith("torch") else type(value).__name__


def plain_array(value: Any) -> Any:
    """The value as an array of numbers; None for anything else."""
    try:
        if isinstance(value, ARRAY):
            return CONTIGUOUS(value).reshape(value.shape) if value.dtype.kind in "fiub" else None
        if isinstance(value, SCALARS):
            number = AS_ARRAY(value)
            return number if number.dtype.kind in "fiu" else None
        if isinstance(value, list | tuple):
            return _from_list(value)
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            detached = value.detach().cpu()
            return (detached.float() if detached.dtype == torch.bfloat16 else detached).numpy().copy()
    except Exception:
        return None
    return None


def _from_list(value: Any) -> Any:
    first = value[0] if value else None
    while isinstance(first, list | tuple) and first:
        first = first[0]
    if not isinstance(first, SCALARS) or isinstance(first, bool) or len(value) > 10_000:
        return None
    try:
        array = AS_ARRAY(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "fiu" else None


def run(text: str, path: str, pipe: int, budget: int) -> None:
    """Run the program and tell through the pipe what it computed and how it ended."""
    tree = ast.parse(text, path)
    nodes = numbered(tree)
    instrument = Instrument(nodes)
    tree.body = _instrumented(instrument, tree)
    ast.fix_missing_locations(tree)
    recorder = Recorder(pipe, nodes, instrument.statement_of, budget)
    for name, function in ((RECORD, recorder.record), (LINE, recorder.line), (TAKE, recorder.take)):
        setattr(builtins, name, function)
    module = type(sys)("__main__")
    module.__dict__.update(__file__=path, __builtins__=builtins)
    sys.modules["__main__"] = module
    write, dumps, lines = recorder.send, json.dumps, recorder.current
    try:
        exec(compile(tree, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the user's own program
        write({"end": "finished"})
    except Enough:
        write({"end": "enough"})
    except SystemExit as error:
        write({"end": "exit", "message": str(error.code)[:500], **_place(error, path, lines)})
    except BaseException as error:
        assert dumps is not None
        message = str(error)[:2000]
        write({"end": "raise", "error": type(error).__name__, "message": message, **_place(error, path, lines)})
    finally:
        recorder.flush()


def _instrumented(instrument: Instrument, tree: ast.Module) -> list[ast.stmt]:
    # The docstring and the imports from __future__ must stay first.
    body: list[ast.stmt] = []
    for k, statement in enumerate(tree.body):
        docstring = k == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        body += [statement] if docstring or future else instrument.visit(statement)
    return body


def _place(error: BaseException, path: str, lines: dict[int, int]) -> dict[str, Any]:
    """The innermost line of the program's own file, and the statement that was being run there."""
    found: dict[str, Any] = {}
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == path:
            found = {"at": number, "statement": lines.get(id(frame), -1), "frame": id(frame)}
    return found
