"""The table of kinds of fault."""

from __future__ import annotations

import string

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
