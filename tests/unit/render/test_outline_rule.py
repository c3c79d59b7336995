"""Update rules in documents: every equation in order, in the letters of the literature, with its source."""

from __future__ import annotations

import pytest

import backproof as bp
from backproof.derivation import Derivation
from backproof.optimizers import OPTIMIZERS
from backproof.render.document import Display

VIEWS = ("scalar", "matrix", "summary")
PLAIN = bp.derive(bp.mlp(3, 2, 1))

EQUATIONS = {
    "sgd": ["θ ← θ − ηg"],
    "momentum": ["v ← 0.9 v + g", "θ ← θ − ηv"],
    "nesterov": ["v ← 0.9 v + g", "θ ← θ − η × (g + 0.9 v)"],
    "adam": [
        "m ← 0.9 m + 0.1 g",
        "v ← 0.999 v + 0.001 g²",
        "p_1 ← 0.9 p_1",
        "p_2 ← 0.999 p_2",
        "θ ← θ − (η × m/(1 − p_1))/(√(v/(1 − p_2)) + 1e-8)",
    ],
    "lion": ["θ ← θ − η × sign(0.9 m + 0.1 g)", "m ← 0.99 m + 0.01 g"],
}


def update_lines(derivation: Derivation) -> list[str]:
    text = derivation.text()
    lines = [line.strip() for line in text[text.index("The update: ") :].splitlines()]
    return [line.rsplit("  ", 1)[0].rstrip() for line in lines if "←" in line]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", EQUATIONS)
def test_the_equations_as_people_write_them(name: str, view: str) -> None:
    expected = [line.replace("ηg", "η × g").replace("ηv", "η × v") for line in EQUATIONS[name]]
    found = [
        line.replace("ηg", "η × g").replace("ηv", "η × v")
        for line in update_lines(PLAIN.view(view).with_optimizer(name))
    ]
    assert found == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_rule_can_be_shown_in_every_format(name: str) -> None:
    derivation = PLAIN.view("summary").with_optimizer(name)
    source = OPTIMIZERS[name]().source.split(",")[0].split(" (")[0]
    for text in (derivation.text(), derivation.markdown(), derivation.html()):
        assert f"The update: {name}" in text
        assert source.split(" & ")[0] in text
    assert r"\theta" in derivation.latex()


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("view", VIEWS)
def test_the_numbers_go_on(view: str, numbers: bool) -> None:
    derivation = PLAIN.view(view).with_optimizer("adam")
    document = (derivation.with_numbers() if numbers else derivation).document()
    shown = [block for block in document.blocks if isinstance(block, Display) and block.number and not block.restated]
    own = [block.number for block in shown]
    assert own == sorted(set(own))
    assert own[-5:] == list(range(own[-1] - 4, own[-1] + 1))


def test_a_rule_by_formula_is_shown_as_it_was_written() -> None:
    bp.optimizer("decaying", "speed = 0.7*speed + gradient; theta = theta - rate*speed")
    assert update_lines(PLAIN.view("summary").with_optimizer("decaying"))[0] == "speed ← 0.7 speed + g"


def test_without_a_rule_there_is_no_such_section() -> None:
    assert "The update" not in PLAIN.text()
