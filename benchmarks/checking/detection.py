"""Detection: mistakes made one at a time in gradient functions and training steps, and whether a check sees each.

    python benchmarks/checking/detection.py              every mutant of every program, in float64 and float32
    python benchmarks/checking/detection.py --quick      one mutant in twenty

A mutant is a program with one edit of its text: a sign, an operator, a factor, a transpose, an axis, a number, a
function or a name. Mutants that give the same gradients as the program itself are no mistakes and left out; those that
raise are counted apart. The other rows: one entry of one gradient off by one per cent, each in turn; all gradients
times n or 1/n; and weights updated before they are used. The points are drawn by the tool, at most five.

    --scale 20           points of the user's instead, with weights of that scale: what cannot be decided must not pass
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import inspect
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

import backproof as bp
from backproof.checking.points import draw_points
from backproof.checking.report import Report
from backproof.ir.program import Program

Array = npt.NDArray[Any]
Function = Callable[..., Any]
SAME = 1e-9
"""Gradients that differ by less than this share of their size at every point are the same."""


@dataclass(frozen=True, slots=True)
class Case:
    """A program: the network, and the text of a function that gives its gradients."""

    name: str
    net: Program
    text: str


CASES = (
    Case(
        "4-3-2-1 sigmoid, three layers",
        bp.mlp(4, 3, 2, 1),
        """
        def gradients(W1, W2, W3, X, y):
            l1 = 1 / (1 + np.exp(-(X @ W1)))
            l2 = 1 / (1 + np.exp(-(l1 @ W2)))
            l3 = 1 / (1 + np.exp(-(l2 @ W3)))
            d3 = (l3 - y) * l3 * (1 - l3)
            d2 = d3 @ W3.T * l2 * (1 - l2)
            d1 = d2 @ W2.T * l1 * (1 - l1)
            return {"W1": X.T @ d1, "W2": l1.T @ d2, "W3": l2.T @ d3}
        """,
    ),
    Case(
        "3-4-2 tanh, bias, mean squared error",
        bp.mlp(3, 4, 2, activation="tanh", bias=True, loss="mean_squared_error"),
        """
        def gradients(W1, b1, W2, b2, X, y):
            a1 = np.tanh(X @ W1 + b1)
            a2 = np.tanh(a1 @ W2 + b2)
            d2 = 2 * (a2 - y) / y.size * (1 - a2**2)
            d1 = d2 @ W2.T * (1 - a1**2)
            return {
                "W1": X.T @ d1, "b1": d1.sum(axis=0, keepdims=True),
                "W2": a1.T @ d2, "b2": d2.sum(axis=0, keepdims=True),
            }
        """,
    ),
    Case(
        "5-6-3 ReLU, bias, softmax and cross-entropy",
        bp.mlp(5, 6, 3, activation="relu", bias=True, loss="cross_entropy"),
        """
        def gradients(W1, b1, W2, b2, X, y):
            z = X @ W1 + b1
            h = np.maximum(z, 0)
            s = h @ W2 + b2
            e = np.exp(s - s.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            d2 = (p - y) / len(X)
            d1 = d2 @ W2.T * (z > 0)
            return {
                "W1": X.T @ d1, "b1": d1.sum(axis=0, keepdims=True),
                "W2": h.T @ d2, "b2": d2.sum(axis=0, keepdims=True),
            }
        """,
    ),
    Case(
        "4-3-1 sigmoid, bias, binary cross-entropy, samples in columns",
        bp.mlp(4, 3, 1, bias=True, loss="binary_cross_entropy", samples="columns"),
        """
        def gradients(W1, b1, W2, b2, X, y):
            A1 = 1 / (1 + np.exp(-(W1 @ X + b1)))
            A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
            m = X.shape[1]
            dZ2 = A2 - y
            dW2 = 1 / m * dZ2 @ A1.T
            db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
            dZ1 = W2.T @ dZ2 * A1 * (1 - A1)
            dW1 = 1 / m * dZ1 @ X.T
            db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
            return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
        """,
    ),
    Case(
        "3-3-3 tanh, L2 penalty",
        bp.mlp(3, 3, 3, activation="tanh", penalty=0.1),
        """
        def gradients(W1, W2, X, y):
            h = np.tanh(X @ W1)
            o = np.tanh(h @ W2)
            d2 = (o - y) * (1 - o * o)
            d1 = d2 @ W2.T * (1 - h * h)
            return {"W1": X.T @ d1 + 0.1 * W1, "W2": h.T @ d2 + 0.1 * W2}
        """,
    ),
)

STALE = (
    "W_2 before delta_1",
    bp.mlp(3, 3, 1),
    """
    def step(params, X, y, lr):
        l1 = 1 / (1 + np.exp(-(X @ params["W_1"])))
        l2 = 1 / (1 + np.exp(-(l1 @ params["W_2"])))
        d2 = (l2 - y) * l2 * (1 - l2)
        params["W_2"] = params["W_2"] - lr * l1.T @ d2
        d1 = d2 @ params["W_2"].T * l1 * (1 - l1)
        params["W_1"] = params["W_1"] - lr * X.T @ d1
    """,
)


# --- mutants ------------------------------------------------------------------------------------------------------


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """Every text with one edit, and what the edit is."""
    tree = ast.parse(text)
    for number, node in enumerate(ast.walk(tree)):
        for index in range(len(_edits(node, tree))):
            changed = copy.deepcopy(tree)
            target = next(n for k, n in enumerate(ast.walk(changed)) if k == number)
            before = ast.unparse(target) if isinstance(target, ast.expr) else ast.dump(target)
            replacement = _edits(target, changed)[index]
            result = ast.unparse(_Replacing(target, replacement).visit(changed))
            after = ast.unparse(replacement) if isinstance(replacement, ast.expr) else ""
            if result != ast.unparse(tree):
                yield f"{before} -> {after}", result


class _Replacing(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.AST) -> None:
        self.target, self.replacement = target, replacement

    def visit(self, node: ast.AST) -> Any:
        return self.replacement if node is self.target else super().generic_visit(node)


def _edits(node: ast.AST, tree: ast.AST) -> list[ast.AST]:
    """What one expression may be mistaken for."""
    match node:
        case ast.BinOp(left, operator, right):
            return [*_operators(left, operator, right)]
        case ast.UnaryOp(ast.USub(), operand):
            return [operand]
        case ast.Attribute(value, "T"):
            return [value]
        case ast.Call(ast.Attribute(ast.Name("np"), name), [argument, *_]) if name not in ("sum", "maximum"):
            return [argument]
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            return [ast.Constant(value * 2), ast.Constant(value + 1)]
        case ast.keyword("axis", ast.Constant(axis)) if isinstance(axis, int):
            return [ast.keyword("axis", ast.Constant(1 - axis)), ast.keyword("axis", ast.Constant(None))]
        case ast.Name(id, ast.Load()) if id != "np":
            return [ast.Name(other, ast.Load()) for other in _names(tree) if other != id]
        case _:
            return []


def _operators(a: ast.expr, operator: ast.operator, b: ast.expr) -> Iterator[ast.expr]:
    match operator:
        case ast.Add() | ast.Sub():
            yield ast.BinOp(a, ast.Sub() if isinstance(operator, ast.Add) else ast.Add(), b)
            yield a
            yield b
        case ast.Mult():
            yield from (a, b, ast.BinOp(a, ast.Add(), b), ast.BinOp(a, ast.Div(), b))
        case ast.Div():
            yield from (a, ast.BinOp(a, ast.Mult(), b))
        case ast.MatMult():
            yield from (ast.BinOp(b, ast.MatMult(), a), ast.BinOp(a, ast.Mult(), b))
        case ast.Pow():
            yield from (a, ast.BinOp(a, ast.Pow(), ast.Constant(3)))
        case _:
            return


def _names(tree: ast.AST) -> list[str]:
    """The arrays that the function has."""
    arguments = [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    assigned = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys([*arguments, *assigned]))


class Texts:
    """Functions from their texts: each is imported from a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def function(self, text: str, name: str) -> Function:
        """The function of that name."""
        self.count += 1
        path = self.folder / f"mutant_{self.count}.py"
        path.write_text(f"import numpy as np\n\n\n{textwrap.dedent(text)}", encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        path.unlink()
        return getattr(module, name)  # type: ignore[no-any-return]


def in_dtype(function: Function, dtype: str, arguments: tuple[str, ...]) -> Function:
    """The function computing in a precision, with the arguments that its text has."""

    def computed(**given: Array) -> Any:
        return function(**{name: np.asarray(array, dtype) for name, array in given.items()})

    def positional(*values: Array) -> Any:
        return computed(**dict(zip(arguments, values, strict=True)))

    # The signature is what a check reads; it must be that of the function itself.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    positional.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in arguments]
    )
    return positional


# --- judging ------------------------------------------------------------------------------------------------------


def values_at(function: Function, points: list[Mapping[str, Array]]) -> list[dict[str, Array]] | None:
    """The gradients at the points; None where the function raises."""
    try:
        with np.errstate(all="ignore"):
            return [{id: np.asarray(a) for id, a in function(*point.values()).items()} for point in points]
    except Exception:
        return None


def same(first: list[dict[str, Array]], second: list[dict[str, Array]]) -> bool:
    """Whether both give the same gradients."""
    for a, b in zip(first, second, strict=True):
        for id in a:
            if a[id].shape != b[id].shape or not np.all(np.abs(a[id] - b[id]) <= SAME * np.abs(b[id]).max()):
                return False
    return True


def own_points(case: Case, scale: float, seed: int) -> list[Mapping[str, Array]]:
    """Points of a user's: arrays in the order of the function's arguments."""
    rng = np.random.default_rng(seed)
    found: list[Mapping[str, Array]] = []
    for drawn in draw_points(bp.derive(case.net).trace, seed=seed + 1000):
        weights = {p.id: drawn[p.id] * scale + 0 * rng.normal() for p in case.net.parameters}
        found.append({**weights, "X": drawn["X"], "y": drawn["y"]})
    return found


def verdict_of(function: Function, case: Case, points: list[Mapping[str, Array]] | None, seed: int) -> Report:
    """The opinion on a function, at given points or at those that the tool draws."""
    return bp.check(function, case.net, points=points, seed=seed)


class Run:
    """All rows of one precision."""

    def __init__(self, texts: Texts, dtype: str, every: int, scale: float | None) -> None:
        self.texts, self.dtype, self.every, self.scale = texts, dtype, every, scale
        self.counts: Counter[tuple[str, str]] = Counter()

    def record(self, row: str, report: Report, what: str) -> None:
        """Count one opinion, and print what was missed."""
        verdict = str(report.verdict)
        self.counts[row, "mistakes"] += 1
        self.counts[row, verdict] += 1
        if verdict == "right" or (verdict != "wrong" and self.scale is None):
            print(f"MISSED ({self.dtype}, {verdict}) {row}: {what}")

    def mutants_of(self, case: Case) -> None:
        """Every edit of the text."""
        original = self.texts.function(case.text, "gradients")
        text = textwrap.dedent(case.text).strip()
        arguments = original.__code__.co_varnames[: original.__code__.co_argcount]
        probes = [point for seed in (1, 2) for point in own_points(case, 1.0, seed)]
        right = values_at(original, probes)
        given = None if self.scale is None else own_points(case, self.scale, 3)[:2]
        for number, (what, mutant) in enumerate(mutants(text)):
            if number % self.every:
                continue
            function = self.texts.function(mutant, "gradients")
            found = values_at(function, probes)
            if found is None:
                self.counts[case.name, "raise"] += 1
                continue
            if right is not None and same(found, right):
                self.counts[case.name, "the same"] += 1
                continue
            checked = in_dtype(function, self.dtype, arguments)
            self.record(case.name, verdict_of(checked, case, given, number), what)

    def entries_of(self, case: Case) -> None:
        """Each entry of each gradient off by one per cent; then all of them times n, and 1/n."""
        original = self.texts.function(case.text, "gradients")
        arguments = original.__code__.co_varnames[: original.__code__.co_argcount]
        right = in_dtype(original, self.dtype, arguments)
        places = [(p.id.replace("_", ""), i) for p in case.net.parameters for i in range(int(np.prod(p.shape)))]
        for number, (key, entry) in enumerate(places):
            if number % self.every == 0:
                report = verdict_of(_off(right, key, entry), case, None, number)
                self.record("one entry off by 1 %", report, f"{case.name}: {key} entry {entry}")
        for power in (1, -1):
            report = verdict_of(_averaged(right, power, case), case, None, power + 1)
            self.record("all times n or 1/n", report, f"{case.name}: n^{power}")

    def stale(self) -> None:
        """Weights updated before they are used."""
        name, net, text = STALE
        function = self.texts.function(text, "step")
        for seed in range(5 if self.every == 1 else 1):

            def step(params: dict[str, Array], X: Array, y: Array, lr: float) -> dict[str, Array]:
                own = {id: np.asarray(array, self.dtype) for id, array in params.items()}
                function(own, np.asarray(X, self.dtype), np.asarray(y, self.dtype), np.dtype(self.dtype).type(lr))
                return own

            self.record("stale weights, lr about 0.01", bp.check(step, net, seed=seed), f"{name}, seed {seed}")


def _off(right: Function, key: str, entry: int) -> Function:
    def gradients(*values: Array) -> Any:
        found = {id: array.copy() for id, array in right(*values).items()}
        found[key].reshape(-1)[entry] *= found[key].dtype.type(1.01)
        return found

    gradients.__signature__ = right.__signature__  # type: ignore[attr-defined]
    return gradients


def _averaged(right: Function, power: int, case: Case) -> Function:
    columns = case.net.structure is not None and case.net.structure.samples == "columns"

    def gradients(*values: Array) -> Any:
        n = values[-2].shape[1 if columns else 0]
        return {id: array * array.dtype.type(n**power) for id, array in right(*values).items()}

    gradients.__signature__ = right.__signature__  # type: ignore[attr-defined]
    return gradients


def main() -> None:
    """Run, and print a table for each precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one mutant in twenty")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one mutant in N")
    parser.add_argument("--scale", type=float, default=None, help="the user's points, with weights of this scale")
    arguments = parser.parse_args()
    missed = 0
    started = time.perf_counter()
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float64", "float32"):
            run = Run(Texts(Path(folder)), dtype, 20 if arguments.quick else arguments.every, arguments.scale)
            for case in CASES:
                run.mutants_of(case)
                if arguments.scale is None:
                    run.entries_of(case)
            if arguments.scale is None:
                run.stale()
            missed += _table(run)
    print(f"{missed} missed; {time.perf_counter() - started:.0f} s")


def _table(run: Run) -> int:
    columns = ("mistakes", "wrong", "not informative here", "right", "raise", "the same")
    rows = list(dict.fromkeys(row for row, _ in run.counts))
    print(f"\n{run.dtype:64}" + "".join(f"{column:>22}" for column in columns))
    for row in rows:
        print(f"{row:64}" + "".join(f"{run.counts[row, column]:>22}" for column in columns))
    total = {column: sum(run.counts[row, column] for row in rows) for column in columns}
    print(f"{'all':64}" + "".join(f"{total[column]:>22}" for column in columns))
    return total["right"] + (total["not informative here"] if run.scale is None else 0)


if __name__ == "__main__":
    main()
