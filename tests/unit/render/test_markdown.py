"""Documents as Markdown: formulas that KaTeX accepts, links that lead somewhere, nothing that breaks out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Name
from backproof.notation import Notation
from backproof.render.document import Badge, Certified, Display, Document, Paragraph, Reference
from backproof.render.markdown import escaped, to_markdown
from backproof.render.outline import View, outline
from documents import GOLDEN, NASTY, NETWORKS, VIEWS, document_of, katex_refuses, nasty_network, nasty_program

FENCE = re.compile(r"^```math\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$`(.*?)`\$")


def formulas_of(markdown: str) -> list[str]:
    return [*FENCE.findall(markdown), *INLINE.findall(markdown)]


def outside_of_formulas(markdown: str) -> str:
    """The text that Markdown reads: without formulas, pictures and our own anchors."""
    text = re.sub(r"^```text\n.*?\n```$", "", FENCE.sub("", markdown), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r'<a id="eq-\d+"></a>', "", INLINE.sub("", text))


def test_katex_accepts_every_formula(node: str) -> None:
    documents = [document_of(network, view, numbers=True) for network in NETWORKS for view in VIEWS]
    for make in (nasty_program, nasty_network):
        documents += [outline(backpropagate(make(name))) for name in NASTY]
    formulas = {formula for document in documents for formula in formulas_of(to_markdown(document))}
    assert len(formulas) > 1000
    assert katex_refuses(node, sorted(formulas)) == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("network", NETWORKS)
def test_links_lead_to_equations(network: str, view: View) -> None:
    text = to_markdown(document_of(network, view))
    anchors = re.findall(r'<a id="(eq-\d+)"></a>', text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#(eq-\d+)\)", text)) <= set(anchors)


@pytest.mark.parametrize("name", NASTY)
def test_names_that_mean_harm(name: str) -> None:
    for program in (nasty_program(name), nasty_network(name)):
        for view in VIEWS:
            markdown = to_markdown(outline(backpropagate(program), view=view, facts={"made by": name}))
            text = outside_of_formulas(markdown)
            assert "<" not in text
            assert "`" not in text.replace("\\`", "")
            assert "$" not in text
            assert "@" not in text
            assert "\x1b" not in markdown
            assert markdown.count("```") == 2 * len(re.findall("^```(?:math|text)$", markdown, re.MULTILINE))
            assert set(re.findall(r"(?<!\\)\]\((.*?)\)", text)) <= {f"#eq-{number}" for number in range(1, 99)}


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("*a* _b_ [c] #d |e| ~f~ `g` \\h", r"\*a\* \_b\_ \[c\] \#d \|e\| \~f\~ \`g\` \\h"),
        ("<b> & $x$ @you", "&lt;b&gt; &amp; &#36;x&#36; &#64;you"),
        ("1. first", "1\\. first"),
        ("- item", "\\- item"),
        ("3-2-1", "3-2-1"),
        ("two\nlines", "two lines"),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_escaping(text: str, safe: str) -> None:
    assert escaped(text) == safe


x, y = Name("x"), Name("y")


def body(*blocks: object) -> str:
    document = Document(("T",), Notation(), blocks)  # type: ignore[arg-type]  # blocks, as every caller gives
    return to_markdown(document).split("\n\n", 1)[1].strip()


def test_an_equation_stands_in_a_block_of_its_own() -> None:
    assert body(Display(3, y, (x, x + 1), note=("using ", Reference(2)))) == "\n".join(
        [
            '<a id="eq-3"></a>',
            "",
            "```math",
            r"\begin{aligned} y &= x \\",
            r"&= x + 1 \end{aligned} \qquad \text{using (2)} \tag{3}",
            "```",
        ]
    )


def test_restated_equations_have_no_anchor() -> None:
    assert "<a" not in body(Display(3, y, (x,), restated=True))


def test_a_step_that_does_not_hold_says_so() -> None:
    refuted = Display(3, y, (x,), badge=Badge(False, "does not hold", "at 3 of 3 points"))
    assert body(refuted).endswith("**does not hold**: at 3 of 3 points")
    assert body(Certified(False, ("Step 3 fails.", "2 of 3 hold."))) == "**Step 3 fails.** 2 of 3 hold."


def test_links_only_to_what_is_shown() -> None:
    text = body(Paragraph(("by ", Reference(3), " and ", Reference(9))), Display(3, y, (x,)))
    assert text.startswith("by [(3)](#eq-3) and (9)")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"documents/{name}.md", to_markdown(GOLDEN[name]()))
