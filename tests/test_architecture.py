"""The floors of the house: imports go down only, never round, and never hide inside a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = "backproof"

FLOORS = (
    ("errors", "dims", "files", "version"),
    ("ir",),
    ("rules",),
    ("backprop", "networks", "parsing", "definitions", "notation", "optimizers"),
    ("proof", "emit", "render", "kernels"),
    ("derivation", "page", "training", "checking"),
    ("bench", "run", "estimators", "models"),
    ("cli", "pytest_plugin", "__init__", "__main__"),
)
FLOOR_OF = {part: number for number, parts in enumerate(FLOORS) for part in parts}

# None of a group imports another of it: what they share moves down a floor.
STRANGERS = (
    frozenset({"proof", "emit", "render", "kernels"}),
    frozenset({"proof", "checking"}),
    frozenset({"kernels", "checking"}),
    frozenset({"training", "checking"}),
)

LAZY = (PACKAGE, f"{PACKAGE}.cli")
"""The package itself and its commands load what they need when it is asked for."""
OPTIONAL = {"IPython", "jax", "pandas", "tensorboard", "torch"}
"""Libraries that may be missing."""
HEAVY = {"matplotlib", "polars"}
"""Libraries that take longer to load than most trainings take: drawings and tables load them when asked for."""

LONGEST_FILE = 400
TABLES: frozenset[str] = frozenset({"backproof.ir.expr"})
"""Modules that are one table each and may be longer."""


@dataclass(frozen=True, slots=True)
class Import:
    """What an import statement names, where it stands, and whether it waits for a call."""

    target: str
    line: int
    inside_function: bool


@dataclass(frozen=True, slots=True)
class Module:
    """What the checks need to know of one source file."""

    name: str
    lines: int
    imports: tuple[Import, ...]

    def own_imports(self) -> Iterator[Import]:
        """The imports of other modules of the package."""
        return (i for i in self.imports if i.target.split(".")[0] == PACKAGE and i.target != self.name)


def part_of(module: str) -> str:
    """The name on the floor plan of the part that a module belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def read_modules(source: Path) -> list[Module]:
    paths = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    modules = []
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imports = tuple(find_imports(ast.parse(text), package, paths))
        modules.append(Module(name, len(text.splitlines()), imports))
    return modules


def find_imports(
    tree: ast.AST, package: str, modules: Collection[str], inside_function: bool = False
) -> Iterator[Import]:
    """Every import below a node; one under TYPE_CHECKING counts, for it ties the modules together as well."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import(names=aliases):
                targets = [alias.name for alias in aliases]
            case ast.ImportFrom(names=aliases):
                origin = origin_of(node, package)
                targets = [f"{origin}.{alias.name}" for alias in aliases]
                targets = [target if target in modules else origin for target in targets]
            case _:
                targets = []
        yield from (Import(target, getattr(node, "lineno", 0), inside_function) for target in targets)
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from find_imports(node, package, modules, inside_function or function)


def origin_of(node: ast.ImportFrom, package: str) -> str:
    """The X of ``from X import ...``, its leading dots resolved."""
    parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
    return ".".join([*parents, *filter(None, [node.module])])


def homeless(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if part_of(module.name) not in FLOOR_OF:
            yield f"{module.name} has no floor: give {part_of(module.name)!r} a place in FLOORS"


def upward(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for found in module.own_imports():
            here, there = (FLOOR_OF.get(part_of(name), -1) for name in (module.name, found.target))
            if there > here:
                yield f"{module.name}:{found.line} (floor {here}) imports {found.target} (floor {there})"


def strangers(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for found in module.own_imports():
            pair = {part_of(module.name), part_of(found.target)}
            if len(pair) == 2 and any(pair <= group for group in STRANGERS):
                yield f"{module.name}:{found.line} imports {found.target}: these never import each other"


def circular(modules: list[Module]) -> Iterator[str]:
    graph = {module.name: {found.target for found in module.own_imports()} for module in modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"import cycle: {' <- '.join(error.args[1])}"


def lazy(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for found in module.imports:
            lazy = module.name == LAZY[0] or module.name.startswith(LAZY[1])
            excused = lazy or found.target.split(".")[0] in OPTIONAL | HEAVY
            if found.inside_function and not excused:
                yield f"{module.name}:{found.line} imports {found.target} inside a function"


def long(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if module.lines > LONGEST_FILE and module.name not in TABLES:
            yield f"{module.name} has {module.lines} lines (at most {LONGEST_FILE}): give it one subject"


Check = Callable[[list[Module]], Iterator[str]]


@pytest.mark.parametrize("check", [homeless, upward, strangers, circular, lazy, long])
def test_the_house_stands(check: Check) -> None:
    assert list(check(read_modules(SOURCE))) == []


def test_the_house_is_read_whole() -> None:
    names = {module.name for module in read_modules(SOURCE)}
    assert {PACKAGE, f"{PACKAGE}.errors", f"{PACKAGE}.ir", f"{PACKAGE}.ir.expr"} <= names


def build(source: Path, files: dict[str, str]) -> list[Module]:
    for name, text in files.items():
        path = source / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_modules(source)


@pytest.mark.parametrize(
    ("check", "files", "finding"),
    [
        (homeless, {"utils.py": ""}, "backproof.utils has no floor"),
        (
            upward,
            {"dims.py": "\nimport backproof.ir.expr", "ir/expr.py": ""},
            "backproof.dims:2 (floor 0) imports backproof.ir.expr (floor 1)",
        ),
        (
            upward,
            {"ir/expr.py": "from backproof.rules import vjp", "rules/vjp.py": ""},
            "backproof.rules.vjp",
        ),
        (upward, {"ir/expr.py": "from backproof import rules", "rules/__init__.py": ""}, "backproof.rules"),
        (upward, {"ir/expr.py": "from backproof import __version__"}, "imports backproof (floor 7)"),
        (upward, {"ir/expr.py": "from ..rules import vjp", "rules/vjp.py": ""}, "backproof.rules.vjp"),
        (upward, {"ir/__init__.py": "from ..rules import vjp", "rules/vjp.py": ""}, "backproof.rules.vjp"),
        (upward, {"dims.py": "from . import ir", "ir/__init__.py": ""}, "backproof.ir"),
        (
            upward,
            {"dims.py": "if TYPE_CHECKING:\n  from backproof.ir import expr", "ir/expr.py": ""},
            "backproof.dims:2",
        ),
        (upward, {"dims.py": "def f():\n  import backproof.ir", "ir/__init__.py": ""}, "backproof.dims:2"),
        (strangers, {"emit/c.py": "import backproof.render", "render/__init__.py": ""}, "backproof.emit.c:1"),
        (strangers, {"checking/a.py": "import backproof.proof", "proof/__init__.py": ""}, "backproof.proof"),
        (strangers, {"training/a.py": "import backproof.checking.b", "checking/b.py": ""}, "never import"),
        (
            circular,
            {"ir/a.py": "from backproof.ir import b", "ir/b.py": "import backproof.ir.a"},
            "import cycle: backproof.ir",
        ),
        (
            circular,
            {"ir/__init__.py": "from backproof.ir.a import A", "ir/a.py": "from backproof.ir import A"},
            "import cycle: backproof.ir",
        ),
        (
            lazy,
            {"emit/c.py": "class C:\n  def f(self):\n    if True:\n      import sympy"},
            "backproof.emit.c:4 imports sympy inside a function",
        ),
        (lazy, {"emit/c.py": "async def f():\n  from json import dumps"}, "backproof.emit.c:2 imports json"),
        (long, {"ir/a.py": "x = 1\n" * (LONGEST_FILE + 1)}, "backproof.ir.a has 401 lines"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, check: Check, files: dict[str, str], finding: str) -> None:
    found = list(check(build(tmp_path, files)))
    assert len(found) == 1
    assert finding in found[0]


def test_sound_imports_pass(tmp_path: Path) -> None:
    modules = build(
        tmp_path,
        {
            "__init__.py": "def __getattr__(name):\n  import backproof.networks",
            "cli.py": "def main():\n  import sympy, backproof.run",
            "ir/__init__.py": "from backproof.ir.a import A",
            "ir/a.py": "import numpy\nfrom backproof.ir.b import B\nfrom backproof.errors import E",
            "ir/b.py": "x = 1\n" * LONGEST_FILE,
            "errors.py": "",
            "networks.py": "from . import notation\nfrom .ir import a",
            "notation.py": "from backproof.ir import A",
            "emit/jax.py": "from backproof.emit import names\ndef f():\n  import jax.numpy",
            "emit/names.py": "",
            "run/__init__.py": "import backproof.emit.jax, backproof.render",
            "render/__init__.py": "",
        },
    )
    for check in (homeless, upward, strangers, circular, lazy, long):
        assert list(check(modules)) == []
