"""The table of kinds of fault."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.kinds import KINDS, rank_of, sentence_of
from backproof.checking.mutants import mutants

PIECES = {"target": "Δl_1", "part": "l_1", "instead": "X", "function": "tanh", "value": "2"}


def test_ranks_are_the_order_of_the_table() -> None:
    assert [kind.rank for kind in KINDS.values()] == list(range(1, len(KINDS) + 1))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_sentence_can_be_said(kind: str) -> None:
    fields = {field for _, field, _, _ in string.Formatter().parse(KINDS[kind].sentence) if field}
    assert "target" in fields
    assert fields <= PIECES.keys()
    assert "{" not in sentence_of(kind, **PIECES)


def test_a_name_is_never_read_as_a_template() -> None:
    assert sentence_of("sign", target="{part}") == "{part} has the wrong sign"


def test_common_kinds_stand_before_rare_ones() -> None:
    order = ["derivative-missing", "transposed", "stray-factor", "penalty-missing", "wrong-operand", "not-followed"]
    assert sorted(order, key=rank_of) == order


def test_a_network_with_everything_has_mutants_of_most_kinds() -> None:
    net = bp.mlp(3, 3, 3, activation="tanh", bias=True, loss="mean_squared_error", penalty=0.1)
    found = {m.kind for m in mutants(backpropagate(net), {"n": 3}, learning_rate=0.1)}
    assert found <= KINDS.keys()
    assert len(found) > 30


def emitted() -> Iterator[tuple[str, str]]:
    """Every kind that is written out where a finding, an edit, a proposal or a trouble is made, with its file."""
    for path in Path(bp.__file__).parent.joinpath("checking").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("Finding", "Edit", "Proposal"):
                named = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
                for argument in [*node.args[:1], *named]:
                    for part in ast.walk(argument):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield part.value, path.name


def test_every_kind_that_is_emitted_anywhere_has_its_row() -> None:
    found = dict(emitted())
    assert len(found) > 50
    assert {kind: file for kind, file in found.items() if kind not in KINDS} == {}
