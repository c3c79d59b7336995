"""Does the suite notice? Every row of the rule tables is broken in turn, and the tests must go red every time.

    python benchmarks/mutate.py                     every edit of every table, two at a time
    python benchmarks/mutate.py --table vjp jvp     some tables
    python benchmarks/mutate.py --list              what would be broken, without running

An edit is one change to one row: a sign turned, a factor dropped, operands exchanged, a transpose lost, a number
changed. Each is made in a copy of the source tree, and the tests of its table run there until one fails. Results are
kept in --state, so that a run that was stopped goes on; they are forgotten where sources or tests have changed.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parent.parent
COPIED = ("src", "tests", "pyproject.toml")
SHARED = ("tests/cases.py", "tests/oracles.py", "tests/programs.py")
TIMEOUT = 300


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rules: its file and the tests that hold it to account."""

    file: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        return Path("src/backproof") / self.file


TABLES: Mapping[str, Table] = {
    "vjp": Table("rules/vjp.py", ("tests/unit/rules/test_vjp.py",)),
    "jvp": Table("rules/jvp.py", ("tests/unit/rules/test_jvp.py",)),
    "elementwise": Table(
        "rules/elementwise.py", ("tests/unit/rules/test_elementwise.py", "tests/unit/backprop/test_sweep.py")
    ),
    "rewrites": Table(
        "rules/rewrites.py", ("tests/unit/rules/test_rewrites.py", "tests/unit/backprop/test_stabilise.py")
    ),
    "losses": Table("rules/losses.py", ("tests/unit/rules/test_losses.py", "tests/unit/backprop/test_sweep.py")),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit: bytes ``start`` to ``end`` of the table's file replaced by ``after``."""

    table: str
    row: str
    before: str
    after: str
    start: int
    end: int

    @property
    def id(self) -> str:
        return f"{self.table}:{self.start}:{self.end}:{self.after}"


# --- which rows there are -----------------------------------------------------------------------------------------


def rows(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The rows of a table and the code of each."""
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys, values=values)) if name.isupper():
                yield from ((ast.unparse(k), v) for k, v in zip(keys, values, strict=True) if k is not None)
            case ast.AnnAssign(target=ast.Name("LOSSES"), value=ast.DictComp() as made):
                for loss in ast.walk(made.generators[0].iter):
                    if isinstance(loss, ast.Call) and _is_call(loss, "Loss"):
                        yield ast.unparse(loss.args[0]), loss
            case ast.Assign(targets=[ast.Name(name)], value=ast.Call() as call) if _is_call(call, "Function"):
                yield name, call
            case ast.FunctionDef(name=name, body=body) if name not in MACHINERY:
                for node in body:
                    if not _is_docstring(node):
                        yield name, node


MACHINERY = {
    "constant", "register", "known_functions", "activation_named", "derivative", "derivative_formula",
    "known_losses", "loss_named", "_at_least_zero", "tangent_of", "tangent_program",
}  # fmt: skip
"""Functions beside the tables that are no rows."""


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


# --- how a row can be broken --------------------------------------------------------------------------------------

OTHER_NUMBER = {"ONE": "TWO", "TWO": "ONE", "HALF": "ONE", "ZERO": "ONE"}
OTHER_OPERAND = {"a": "b", "b": "a"}


def edits(node: ast.AST, table: str, parameters: Sequence[str]) -> Iterator[str]:
    """What may stand in the place of the node."""
    t = ast.unparse
    match node:
        case ast.BinOp(left, ast.Add(), right):
            yield f"{t(left)} - ({t(right)})"
        case ast.BinOp(left, ast.Sub(), right):
            yield f"{t(left)} + {t(right)}"
        case ast.BinOp(left, ast.Mult(), right):
            yield from (t(left), t(right))
        case ast.BinOp(left, ast.Div(), right):
            yield from (t(left), f"({t(left)}) * ({t(right)})")
        case ast.BinOp(left, ast.MatMult(), right):
            yield f"({t(right)}) @ ({t(left)})"
        case ast.BinOp(left, ast.Pow(), _):
            yield t(left)
        case ast.UnaryOp(ast.USub(), operand):
            yield t(operand)
        case ast.Tuple(parts) if table == "vjp":
            yield ", ".join(t(part) for part in reversed(parts)) + ","
            for k in [k for k, part in enumerate(parts) if not isinstance(part, ast.Constant)]:
                yield ", ".join([*map(t, parts[:k]), f"-({t(parts[k])})", *map(t, parts[k + 1 :])]) + ","
        case ast.Attribute(value, "T"):
            yield t(value)
        case ast.Attribute(value, ("a" | "b") as operand):
            yield f"{t(value)}.{OTHER_OPERAND[operand]}"
        case ast.Attribute(value, "axis"):
            yield f"1 - {t(value)}.axis"
        case ast.Compare(left, [ast.Gt()], [right]):
            yield f"{t(right)} > {t(left)}"
        case ast.Compare(left, [ast.Eq()], [right]):
            yield f"{t(left)} != {t(right)}"
        case ast.BoolOp(ast.And(), [first, *_]):
            yield t(first)
        case ast.Call(ast.Name("Where" | "where" as name), [condition, a, b]):
            yield f"{name}({t(condition)}, {t(b)}, {t(a)})"
        case ast.Call(ast.Name("Elementwise"), [_, x]):
            yield t(x)
        case ast.Call(ast.Name("_plus"), [a, b]):
            yield from (t(a), t(b))
        case ast.Call(ast.Name("_where"), [condition, a, b, like]):
            yield f"_where({t(condition)}, {t(b)}, {t(a)}, {t(like)})"
        case ast.Call(ast.Name("mean"), [x]) | ast.Call(ast.Name("_over"), [_, x]):
            yield f"total({t(x)})"
        case ast.Call(ast.Name("total" | "broadcast" | "unbroadcast"), [x, *_]):
            yield t(x)
        case ast.Call(ast.Name("Softmax" | "LogSumExp" as name), [x, _]):
            yield f"{ {'Softmax': 'LogSumExp', 'LogSumExp': 'Softmax'}[name] }({t(x)}, 0)"
        case ast.Constant(None) if parameters:
            yield parameters[-1] if table == "jvp" else "g"
        case ast.Constant(int() as number) if not isinstance(number, bool):
            yield str(number + 1)
        case ast.Name(name) if name in OTHER_NUMBER:
            yield OTHER_NUMBER[name]
        case ast.Name("x" | "y" as name) if table == "elementwise":
            yield "y" if name == "x" else "x"


def mutants(table: str) -> list[Mutant]:
    """Every edit of every row of a table, in the order of its file."""
    source = (ROOT / TABLES[table].path).read_bytes()
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:k])) for k in range(len(lines))]
    found: dict[tuple[int, int, str], Mutant] = {}
    for row, code in rows(ast.parse(source)):
        for node, parameters in _expressions(code):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
            before = " ".join(source[start:end].decode().split())
            for after in edits(node, table, parameters):
                if not _same(before, after):
                    found.setdefault((start, end, after), Mutant(table, row, before, f"({after})", start, end))
    return list(found.values())


def _same(before: str, after: str) -> bool:
    return ast.dump(ast.parse(f"({before})")) == ast.dump(ast.parse(f"({after})"))


def _expressions(code: ast.AST) -> Iterator[tuple[ast.expr, Sequence[str]]]:
    """The nodes that compute something, with the parameters of the lambda around them."""
    waiting: list[tuple[ast.AST, Sequence[str]]] = [(code, ())]
    while waiting:
        node, parameters = waiting.pop()
        if isinstance(node, ast.Lambda):
            inner = [argument.arg for argument in node.args.args]
            waiting.append((node.body, inner))
            continue
        if isinstance(node, ast.pattern | ast.arguments | ast.keyword) and not _is_formula(node):
            continue
        if isinstance(node, ast.IfExp):  # None if a is None else …: what is not there stays away
            waiting.append((node.orelse, parameters))
            continue
        if isinstance(node, ast.expr):
            yield node, parameters
        waiting += [(child, parameters) for child in reversed(list(ast.iter_child_nodes(node)))]


def _is_formula(node: ast.AST) -> bool:
    """Whether a keyword argument holds a formula; names, conventions and sources are text."""
    return isinstance(node, ast.keyword) and node.arg in ("derivative", "stable", "definition")


# --- running the tests --------------------------------------------------------------------------------------------


class Workshop:
    """Copies of the tree, one for each of the runs that go on at once."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.free: Queue[Path] = Queue()
        for number in range(jobs):
            copy = folder / f"copy-{number}"
            for name in COPIED:
                _copy(ROOT / name, copy / name)
            self.free.put(copy)

    def run(self, mutant: Mutant) -> str:
        """``red``, ``red on import``, ``red by time`` or ``SURVIVED``."""
        copy = self.free.get()
        table = TABLES[mutant.table]
        original = (ROOT / table.path).read_bytes()
        try:
            changed = original[: mutant.start] + mutant.after.encode() + original[mutant.end :]
            (copy / table.path).write_bytes(changed)
            return verdict(copy, table.tests)
        finally:
            (copy / table.path).write_bytes(original)
            self.free.put(copy)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache", "golden"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def verdict(copy: Path, tests: Sequence[str]) -> str:
    """What the tests say in a copy of the tree."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "red by time"
    return {0: "SURVIVED", 1: "red"}.get(done.returncode, "red on import")


def fingerprint(table: str) -> str:
    """Changes when the table, its tests or what these import from the tests has changed."""
    digest = hashlib.sha256()
    for path in (TABLES[table].path, *TABLES[table].tests, *SHARED):
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()[:16]


def judged(wanted: Sequence[Mutant], jobs: int, state: Path) -> dict[str, str]:
    """The verdict on every mutant; what is known already is not run again."""
    known: dict[str, str] = json.loads(state.read_text()) if state.exists() else {}
    keys = {mutant.id: f"{fingerprint(mutant.table)}:{mutant.id}" for mutant in wanted}
    left = [mutant for mutant in wanted if keys[mutant.id] not in known]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        workshop = Workshop(Path(folder), jobs)
        for number, (mutant, found) in enumerate(zip(left, pool.map(workshop.run, left), strict=True), start=1):
            known[keys[mutant.id]] = found
            state.write_text(json.dumps(known, indent=0))
            print(f"\r{number} of {len(left)}", end="", file=sys.stderr, flush=True)
    return {mutant.id: known[keys[mutant.id]] for mutant in wanted}


# --- the table of results -----------------------------------------------------------------------------------------


def report(wanted: Sequence[Mutant], verdicts: Mapping[str, str]) -> str:
    """Red N of N for each table and for all, and every survivor."""
    lines = []
    for table in dict.fromkeys(mutant.table for mutant in wanted):
        of_table = [mutant for mutant in wanted if mutant.table == table]
        counts = Counter(verdicts[mutant.id] for mutant in of_table)
        red = len(of_table) - counts["SURVIVED"]
        rows = len({mutant.row for mutant in of_table})
        how = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        lines.append(f"{table:12} {rows:3} rows  red {red:3} of {len(of_table):3}  ({how})")
    survivors = [mutant for mutant in wanted if verdicts[mutant.id] == "SURVIVED"]
    lines.append(f"{'all':12} red {len(wanted) - len(survivors)} of {len(wanted)}")
    lines += [f"  survived: {m.table} {m.row}: {m.before} -> {m.after}" for m in survivors]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", nargs="+", choices=TABLES, default=list(TABLES), help="which tables")
    parser.add_argument("--jobs", type=int, default=2, help="how many runs at once")
    parser.add_argument("--list", action="store_true", help="print the edits and run nothing")
    parser.add_argument(
        "--state", type=Path, default=Path(tempfile.gettempdir()) / "backproof-mutants.json", help="known results"
    )
    arguments = parser.parse_args()
    wanted = [mutant for table in arguments.table for mutant in mutants(table)]
    if arguments.list:
        for mutant in wanted:
            print(f"{mutant.table} {mutant.row}: {mutant.before} -> {mutant.after}")
        return 0
    for table in arguments.table:
        if verdict(ROOT, TABLES[table].tests) != "SURVIVED":
            print(f"the tests of {table} are red before anything is broken", file=sys.stderr)
            return 2
    verdicts = judged(wanted, arguments.jobs, arguments.state)
    print(file=sys.stderr)
    print(report(wanted, verdicts))
    return 1 if "SURVIVED" in verdicts.values() else 0


if __name__ == "__main__":
    sys.exit(main())
