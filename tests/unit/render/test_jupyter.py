"""Notebooks: the forms that are offered, and that every formula stands between dollars."""

from __future__ import annotations

import re

import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Name
from backproof.notation import Notation
from backproof.render.document import Display, Document, Paragraph
from backproof.render.jupyter import mimebundle
from backproof.render.markdown import to_markdown
from backproof.render.outline import View, outline
from backproof.render.text import to_text


def documents(view: View = "scalar") -> Document:
    return outline(backpropagate(bp.mlp(3, 2, 1, bias=True)), view=view)


def test_notebooks_get_markdown_and_terminals_text() -> None:
    bundle = mimebundle(documents())
    assert list(bundle) == ["text/plain", "text/markdown"]
    assert bundle["text/plain"] == to_text(documents())


@pytest.mark.parametrize("view", ["scalar", "matrix", "summary"])
def test_every_formula_stands_between_dollars(view: View) -> None:
    document = documents(view)
    markdown = mimebundle(document)["text/markdown"]
    shown = [block for block in document.blocks if isinstance(block, Display)]
    github = to_markdown(document)
    assert markdown.count("\n$$\n") == 2 * len(shown)
    assert "```math" not in markdown
    assert "`$" not in markdown
    assert len(re.findall(r"(?<!\$)\$[^$\n]+\$", markdown)) == github.count("$`") > 5
    for block in shown:
        assert f"\\tag{{{block.number}}}\n$$\n" in markdown


def test_no_formula_is_cut_by_a_blank_line_or_begins_with_a_space() -> None:
    """MathJax in JupyterLab ends a formula at a blank line; VS Code wants no space after the first dollar."""
    markdown = mimebundle(documents())["text/markdown"]
    for formula in re.findall(r"\$\$\n(.*?)\n\$\$", markdown, re.DOTALL):
        assert all(line.strip() for line in formula.split("\n"))
    for formula in re.findall(r"(?<!\$)\$([^$\n]+)\$", markdown):
        assert formula == formula.strip()


def test_labels_stay_labels() -> None:
    evil = "$`x`$ ```math\n<script>alert(1)</script>"
    document = Document((evil,), Notation(), (Paragraph((evil, Name("x"), evil)), Display(1, Name(evil), (Name("x"),))))
    markdown = mimebundle(document)["text/markdown"]
    assert "<script" not in markdown
    title = markdown.splitlines()[0]
    assert "$" not in title.replace("\\$", "")
    assert markdown.count("\n$$\n") == 2
