"""Documents as LaTeX: they compile, fit the page, link to what is there, and are harmless with any names."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Name
from backproof.notation import Notation
from backproof.render.document import (
    Badge,
    Certified,
    Conventions,
    Display,
    Document,
    Heading,
    Paragraph,
    Reference,
)
from backproof.render.latex import to_latex
from backproof.render.outline import View, outline
from documents import (
    GOLDEN,
    NASTY,
    NETWORKS,
    VIEWS,
    document_of,
    nasty_network,
    nasty_program,
    numbers_for,
)
from programs import PROGRAMS

OVERFULL = re.compile(r"Overfull \\hbox \((\d+(?:\.\d+)?)pt too wide\)")
WIDEST_OVERFULL = 10.0
"""Points by which a line may stick out: nobody sees more than that."""


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[str], str]:
    """Compiles a LaTeX document and gives the log; fails where pdflatex does."""
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("needs pdflatex: install it (Debian: apt-get install texlive-latex-recommended texlive-pictures)")

    def log_of(text: str) -> str:
        (tmp_path / "document.tex").write_text(text, encoding="utf-8")
        for _ in range(2):  # the second run knows the labels
            done = subprocess.run(
                [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-draftmode", "document"],
                cwd=tmp_path,
                capture_output=True,
                check=False,
                timeout=120,
            )
            log = (tmp_path / "document.log").read_text(encoding="utf-8", errors="replace")
            assert done.returncode == 0, log[-3000:]
        return log

    return log_of


def overfull(log: str) -> list[float]:
    return [float(points) for points in OVERFULL.findall(log) if float(points) > WIDEST_OVERFULL]


# --- pdflatex -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["the seed's", "classifier", "in columns", "penalised", "with kinks", "mixed"])
def test_documents_compile_and_fit_the_page(network: str, compiled: Callable[[str], str]) -> None:
    log = compiled(to_latex(document_of(network, numbers=True)))
    assert overfull(log) == []
    assert "undefined" not in log
    assert "multiply defined" not in log


@pytest.mark.parametrize("view", VIEWS)
def test_the_views_of_a_deep_network_compile(view: View, compiled: Callable[[str], str]) -> None:
    log = compiled(to_latex(document_of("deep and penalised", view)))
    assert overfull(log) == []
    assert "undefined" not in log


@pytest.mark.parametrize("name", ["ridge_regression", "attention", "layer_normalisation", "mixture_of_functions"])
def test_programs_that_are_no_networks_compile(name: str, compiled: Callable[[str], str]) -> None:
    trace = backpropagate(PROGRAMS[name]())
    assert overfull(compiled(to_latex(outline(trace, numbers=numbers_for(trace))))) == []


def test_names_that_mean_harm_compile(compiled: Callable[[str], str]) -> None:
    fragments = []
    for name in NASTY:
        for program in (nasty_program(name), nasty_network(name)):
            trace = backpropagate(program)
            fragments += [to_latex(outline(trace, view=v, facts={"by": name}), standalone=False) for v in VIEWS]
    text = "\n".join(fragments)
    assert r"\input" not in text
    assert text.isascii()
    compiled(to_latex(Document(("T",), Notation(), ())).replace(r"\end{document}", text + r"\end{document}"))


def test_a_fragment_is_included_in_any_document(compiled: Callable[[str], str]) -> None:
    fragment = to_latex(document_of("the seed's", numbers=True), standalone=False)
    assert r"\documentclass" not in fragment
    assert r"\usepackage" not in fragment.split("\n", 1)[1]
    needed = re.match(r"% needs (.*)\n", fragment)
    assert needed is not None
    log = compiled(rf"\documentclass{{article}}{needed[1]}\begin{{document}}{fragment}\end{{document}}")
    assert "undefined" not in log


# --- what is in it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_link_has_its_label_and_every_label_is_unique(network: str, view: View) -> None:
    text = to_latex(document_of(network, view))
    labels = re.findall(r"\\label\{([^}]*)\}", text)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\\eqref\{([^}]*)\}", text)) <= set(labels)
    assert text.isascii()


def test_a_link_to_an_equation_that_is_left_out_is_plain() -> None:
    text = to_latex(
        Document(
            ("T",),
            Notation(),
            (
                Paragraph(
                    ("by ", Reference(5), "."),
                ),
            ),
        ),
        standalone=False,
    )
    assert "by (5)." in text


x, y = Name("x"), Name("y")


def body(*blocks: object) -> str:
    document = Document(("T",), Notation(), blocks)  # type: ignore[arg-type]  # blocks, as every caller gives
    return to_latex(document, standalone=False).split("\\section*{T}", 1)[1].strip()


def test_equations_that_follow_each_other_are_aligned() -> None:
    assert body(Display(1, y, (x + 1, x + 2)), Display(2, x, (y,), note=("using ", Reference(1)))) == "\n".join(
        [
            r"\begin{align*}",
            r"y &= x + 1 \\*",
            r"&= x + 2 \tag{1}\label{backproof:1} \\",
            r"x &= y \qquad \text{using \eqref{backproof:1}} \tag{2}\label{backproof:2}",
            r"\end{align*}",
        ]
    )


def test_an_equation_belongs_to_its_sentence() -> None:
    assert body(Paragraph(("Let",)), Display(1, y, (x,))).startswith("Let\n\\begin{align*}\n")


def test_restated_equations_have_no_label() -> None:
    assert r"\label" not in body(Display(1, y, (x,), restated=True))
    assert r"\tag" not in body(Display(0, y, (x,)))


def test_shapes_stand_beside_matrices() -> None:
    A = Name("A", (2, 3))
    assert r"[A]_{\scriptscriptstyle 2 \times 3} &= A + 1" in body(Display(1, A, (A + 1,), shape=(2, 3)))


def test_an_update_has_an_arrow() -> None:
    assert r"y &\leftarrow x \tag{1}" in body(Display(1, y, (x,), relation="←"))


def test_a_step_that_does_not_hold_says_so() -> None:
    assert r"\tag{false: 1}" in body(Display(1, y, (x,), badge=Badge(False, "does not hold", "")))
    assert body(Certified(False, ("Step 3 fails.", "2 of 3 hold."))) == r"\textbf{Step 3 fails.} 2 of 3 hold."


def test_prose_is_escaped() -> None:
    blocks = (Heading(1, ("100% & $5",), "a"), Conventions((((x,), ("a_b × c",)),)))
    text = body(*blocks)
    assert r"\subsection*{100\% \& \$5}" in text
    assert r"a\_b $\times$ c" in text


def test_what_cannot_be_broken_is_set_smaller() -> None:
    wide = Name("w" * 120)
    assert r"\resizebox{" in body(Display(1, y, (wide,)))
    assert r"\resizebox{" not in body(Display(1, y, (Name("w" * 60),)))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"documents/{name}.tex", to_latex(GOLDEN[name]()))
