"""The tree of errors: one base, the built-in parents that people catch, and messages of one line."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import backproof
from backproof import errors
from backproof.errors import BackproofError, FormulaError, NonFiniteError, suggestion

ERRORS = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, BackproofError)]
PARENTS = {
    "SpecificationError": ValueError,
    "FormulaError": ValueError,
    "ShapeError": ValueError,
    "UnsupportedError": ValueError,
    "DataError": ValueError,
    "NonFiniteError": ArithmeticError,
    "DivergenceError": ArithmeticError,
    "OutputError": OSError,
    "CallbackError": Exception,
    "NotProvedError": Exception,
    "WrongGradientError": AssertionError,
}
SOURCES = sorted(Path(backproof.__file__).parent.rglob("*.py"))


def test_every_error_has_the_parent_that_people_catch() -> None:
    names = {error.__name__ for error in ERRORS} - {"BackproofError"}
    assert names == set(PARENTS)
    assert all(issubclass(error, PARENTS[error.__name__]) for error in ERRORS if error is not BackproofError)


def test_the_docstring_draws_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert drawn == [error.__name__ for error in ERRORS if error is not BackproofError]
    for error in ERRORS:
        built_in = [base.__name__ for base in error.__bases__ if base.__module__ == "builtins"]
        if error is not BackproofError:
            assert all(f"{error.__name__} ({name})" in (errors.__doc__ or "") for name in built_in)


def test_errors_carry_what_they_know() -> None:
    formula = FormulaError("unexpected ')'", formula="x*)", column=3)
    assert (str(formula), formula.formula, formula.column) == ("unexpected ')'", "x*)", 3)
    assert FormulaError("too long").column is None
    assert NonFiniteError("l_1 became NaN", quantity="l_1").quantity == "l_1"


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("sigmiod", "did you mean 'sigmoid'?"),
        ("tahn", "did you mean 'tanh'?"),
        ("zzz", "choose one of: relu, sigmoid, tanh"),
        ("", "choose one of: relu, sigmoid, tanh"),
    ],
)
def test_the_nearest_known_word_is_suggested(word: str, end: str) -> None:
    assert suggestion(word, ["tanh", "sigmoid", "relu"]) == end


def test_a_suggestion_among_nothing() -> None:
    assert suggestion("x", []) == "choose one of: "


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_messages_are_one_line(source: Path) -> None:
    """What is raised on purpose is written without a line break, and without a full stop at its end."""
    own = {error.__name__ for error in ERRORS}
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)):
            continue
        if node.exc.func.id not in own or not node.exc.args:
            continue
        parts = [part.value for part in ast.walk(node.exc.args[0]) if isinstance(part, ast.Constant)]
        text = "".join(part for part in parts if isinstance(part, str))
        assert "\n" not in text, f"{source.name}:{node.lineno}"
        assert not text.endswith("."), f"{source.name}:{node.lineno}"


def test_the_base_class_is_documented() -> None:
    assert all(inspect.getdoc(error) for error in ERRORS)
