"""Every table covers every class of expression, or the class stands on a list of symbols that need no row there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backproof.backprop.simplify import NORMAL
from backproof.ir import expr
from backproof.ir.evaluate import VALUE
from backproof.ir.expr import (
    Assembled,
    Component,
    Const,
    Elementwise,
    Expr,
    Greater,
    LogSumExp,
    Name,
    Partial,
    Pi,
    Size,
    Softmax,
    SumOver,
)
from backproof.render.typeset import RULES
from backproof.rules.jvp import JVP
from backproof.rules.vjp import VJP
from cases import OP_CASES

# Not Expr.__subclasses__(), which also has the classes that dataclass(slots=True) replaced.
CLASSES = frozenset(c for c in vars(expr).values() if isinstance(c, type) and issubclass(c, Expr) and c is not Expr)
LEAVES = frozenset({Const, Pi, Size, Name, Component, Partial})
INDEX_NOTATION = frozenset({SumOver, Assembled})

WITHOUT: Mapping[str, tuple[Mapping[type[Expr], object], frozenset[type[Expr]]]] = {
    "value": (VALUE, frozenset({Partial})),  # a symbol for what is not known yet
    "vjp": (VJP, LEAVES | {Assembled}),  # the scalar view differentiates a SumOver, and entries of an Assembled
    "jvp": (JVP, LEAVES | INDEX_NOTATION),
    "typesetting": (RULES, frozenset()),
    "simplification": (
        NORMAL,
        LEAVES | INDEX_NOTATION | {Greater, Elementwise, Softmax, LogSumExp},
    ),  # left as they are
}


@pytest.mark.parametrize("table", WITHOUT)
def test_the_table_covers_every_class(table: str) -> None:
    rows, without = WITHOUT[table]
    missing = CLASSES - without - set(rows)
    assert not missing, f"the {table} table has no row for {sorted(c.__name__ for c in missing)}"
    assert set(rows) == CLASSES - without, "a class is on the list of those without a row, and has one"


def test_the_cases_cover_every_class() -> None:
    assert {type(case.expr) for case in OP_CASES} == CLASSES - {Partial}
    assert len({case.id for case in OP_CASES}) == len(OP_CASES)


def test_the_hierarchy_is_one_class_deep() -> None:
    assert len(CLASSES) >= 20
    assert all(cls.__bases__ == (Expr,) for cls in CLASSES)
