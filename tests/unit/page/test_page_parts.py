"""What the page is made of: modules in one script, links in formulas, where values are found, tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.cli import exit_code
from backproof.errors import BackproofError, DataError, SpecificationError, UnsupportedError
from backproof.ir.expr import Component, Name
from backproof.ir.program import Structure
from backproof.notation import Notation
from backproof.page.bundle import bundled
from backproof.page.figure import drawn, edges, nodes
from backproof.page.links import LinkedWriter, NumberWriter, References, takes_numbers
from backproof.page.table import LARGEST, table_text

W, l_1, y = Name("W_1", (3, 2)), Name("l_1", (1, 2)), Name("y", (1, 1))


def told(html: str) -> dict[str, dict[str, object]]:
    found = re.search(r'id="told">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, dict[str, object]] = json.loads(found[1])
    return data


def structure_of(*sizes: int, samples: str = "rows") -> Structure:
    structure = bp.mlp(*sizes, bias=True, samples=samples).structure  # type: ignore[arg-type]
    assert structure is not None
    return structure


# --- modules ------------------------------------------------------------------------------------------------------


def test_modules_come_in_the_order_in_which_they_need_each_other() -> None:
    files = {
        "a": 'import { b } from "./b.js";\nimport { c } from "./c.js";\nexport class A {}\n',
        "b": 'import {\n  c, d as e,\n} from "./c.js";\nexport const b = c;\n',
        "c": "export function c() {}\nexport async function d() {}\n",
    }
    text = bundled("a", files.__getitem__)
    assert text.index("const c_js") < text.index("const b_js") < text.index("const a_js")
    assert "const { c, d: e } = c_js;" in text
    assert "return { c, d };" in text
    assert "import" not in text
    assert "export" not in text


def test_a_circle_of_modules_is_refused() -> None:
    files = {"a": 'import { b } from "./b.js";\n', "b": 'import { a } from "./a.js";\n'}
    with pytest.raises(BackproofError, match="modules of the page import each other"):
        bundled("a", files.__getitem__)


# --- formulas -----------------------------------------------------------------------------------------------------


def test_every_quantity_carries_its_number() -> None:
    references = References({"W_1": (3, 2), "l_1": (1, 2)})
    write = LinkedWriter(Notation(), references)
    assert write(Component(W, 2, 1)).text == r"\htmlData{v=0}{w_1^{21}}"
    assert write(W).text == r"\htmlData{v=1}{W_1}"
    assert write(Name("other")).text == r"\mathrm{other}"
    assert references.rows() == [["W_1", 2], ["W_1", None]]
    assert NumberWriter(Notation(), references)(Component(W, 2, 1)).text == r"\htmlData{n=0}{0.0000}"


def test_where_numbers_show_something() -> None:
    assert takes_numbers(Component(W, 1, 1) * Component(l_1, 1, 1))
    assert takes_numbers(y * y)
    assert not takes_numbers(y)
    assert not takes_numbers(W * W)
    assert not takes_numbers(Component(W, "i", 1) * Component(l_1, 1, 1))


def test_what_the_picture_stands_for() -> None:
    rows, columns = structure_of(3, 2, 1), structure_of(3, 2, 1, samples="columns")
    assert edges(rows, Notation())["w_1^{31}"] == ("W_1", 4)
    assert edges(rows, Notation())["b_1^2"] == ("b_1", 1)
    turned = edges(columns, Notation(samples="columns"))
    assert turned["w_1^{13}"] == ("W_1", 2)
    assert nodes(rows, Notation())["l_1^2"] == ("l_1", 1)
    assert drawn(6) == [1, 2, 3, 4, 5, 6]
    assert drawn(64) == [1, 2, 3, 64]


def test_the_page_knows_where_every_value_is() -> None:
    data = told(bp.derive(bp.mlp(3, 2, 1)).page().html)
    sources = data["sources"]
    assert sources["scalar-29"] == {"id": "delta_1", "at": 0, "fn": None, "batch": False, "known": 6, "shape": []}
    assert sources["scalar-25"]["fn"] == "scalar-25"  # type: ignore[index]
    assert sources["summary-1"]["batch"] is True  # type: ignore[index]
    assert set(data["landmarks"]) == {"loss", "chain", "delta", "likewise", "assembled", "factored"}
    assert {slip["text"] for slip in data["slips"]["scalar-18"]} == {  # type: ignore[attr-defined]
        "The factor Δl_2 is left out.",
        "The factor l_1^1 is left out.",
    }


def test_nothing_of_a_label_becomes_markup() -> None:
    trace = backpropagate(bp.mlp(2, 2, 1))
    html = bp.derive(trace).page().html
    assert html.count("<script") == 3
    assert "</script" not in json.dumps(told(html))


# --- tables and options -------------------------------------------------------------------------------------------


def test_tables_that_fit_and_those_that_do_not(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n1,2,3\n", encoding="utf-8-sig")
    assert table_text(path, 2, 1) == "a,b,c\n1,2,3\n"
    assert table_text(path, 2, 5).startswith("a")
    with pytest.raises(DataError, match=r"has 3 columns, but the network takes 3 inputs and 1 target"):
        table_text(path, 3, 1)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="it is not UTF-8 text"):
        table_text(path, 2, 1)
    path.write_bytes(b"1" * (LARGEST + 1))
    with pytest.raises(DataError, match="so give it fewer rows"):
        table_text(path, 2, 1)
    with pytest.raises(DataError, match="cannot read"):
        table_text(tmp_path / "missing.csv", 2, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 4}, "leave the batch size out"),
        ({"dropout": 0.5}, "cannot show dropout"),
        ({"weighted": True}, "weighted examples yet"),
    ],
)
def test_networks_that_cannot_be_shown_yet(options: dict[str, object], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        bp.derive(bp.mlp(3, 2, 1, **options)).page()  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="programs of equations not yet"):
        bp.derive(bp.parse("L = sum((X @ w)^2)", shapes={"X": "n,d", "w": "d"}, parameters=["w"])).page()
    with pytest.raises(UnsupportedError, match="up to 20,000 weights"):
        bp.derive(bp.mlp(300, 300, 1)).page()
    with pytest.raises(SpecificationError, match="the learning rate"):
        bp.derive(bp.mlp(3, 2, 1)).page(learning_rate=0)


def test_a_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    html = bp.derive(bp.mlp(1, 1)).page()._repr_html_()
    assert html.startswith('<iframe sandbox="allow-scripts" srcdoc="&lt;!DOCTYPE html&gt;')
    assert html.count("<") == 2


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "seed.html"
    assert exit_code(["page", "3-2-1", "-o", str(path)]) == 0
    assert f"wrote {path} (0." in capsys.readouterr().out
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert exit_code(["page", "3-2-1", "--data", str(tmp_path / "none.csv")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_an_update_rule_with_parameters_stands_beside_the_plain_one() -> None:
    data = told(bp.derive(bp.mlp(3, 2, 1)).page(optimizer="adam(beta_1=0.5)").html)
    assert data["optimizers"][:2] == ["adam(beta_1=0.5)", "sgd"]  # type: ignore[index]
    module = str(data["scripts"]["derivation.mjs"])
    assert '"adam(beta_1=0.5)": {' in module
    assert "0.5 * mean[i]" in module
    assert "0.9 * mean[i]" in module
