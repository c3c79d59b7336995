"""The public names are pinned here: adding or losing one is a decision, not an accident."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import backproof

PUBLIC = {
    "Checkpoints",
    "Stream",
    "Derivation",
    "MLPClassifier",
    "MLPRegressor",
    "Notation",
    "__version__",
    "activation",
    "check",
    "derive",
    "find_learning_rate",
    "load_model",
    "loss",
    "mlp",
    "optimizer",
    "parse",
    "train",
    "train_many",
}


def test_the_public_names() -> None:
    assert set(backproof.__all__) == PUBLIC
    assert set(dir(backproof)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC - {"__version__"}))
def test_a_public_name_is_what_it_says_and_has_a_docstring(name: str) -> None:
    value = getattr(backproof, name)
    assert callable(value)
    assert not isinstance(value, ModuleType)
    assert value.__name__ == name
    assert value.__doc__
    assert getattr(backproof, name) is value


def test_what_a_report_of_a_check_offers() -> None:
    from backproof.checking import Report

    fields = {
        "verdict", "judged", "findings", "conventions", "trace", "subject", "dtype", "points", "source", "mended",
        "notes", "allow_uninformative",
    }  # fmt: skip
    offered = {"ok", "passes", "sentence", "raise_if_wrong", "text", "json", "html", "save"}
    report = backproof.check("delta_2 = y_hat - y", "3-2-1")
    assert {name for name in dir(report) if not name.startswith("_")} == fields | offered
    assert isinstance(report, Report)
    assert callable(report._repr_html_)


def test_no_public_name_is_the_name_of_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(backproof.__path__)}
    assert modules & PUBLIC == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'backproof' has no attribute 'sigmiod'"):
        backproof.sigmiod  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_the_names_where_they_are_loaded_from() -> None:
    tree = ast.parse(Path(backproof.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: (f"backproof.{module}", name) for name, module in backproof._MODULE_OF.items()}


def test_the_version_is_said_once() -> None:
    from backproof.version import __version__

    assert backproof.__version__ == __version__


def test_submodules_load_beside_the_names() -> None:
    """A submodule that was imported first must not hide a public name, nor the reverse."""
    code = "import backproof.derivation, backproof.errors; import backproof; assert callable(backproof.derive)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
