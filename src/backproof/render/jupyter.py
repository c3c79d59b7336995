"""Documents in notebooks: Markdown with formulas between dollars, the one form that every notebook sets as mathematics.

A front end shows the richest form that it is given, so what must be left out matters as much as what is given:

* ``text/html`` would come first everywhere, but formulas in it are set by JupyterLab alone; VS Code shows their source,
  and scripts that could set them do not run in notebooks that are not trusted.
* ``text/latex`` comes before Markdown in VS Code, and is set as one formula there, not as a document.
* ``text/markdown`` is set with its formulas by JupyterLab and Notebook (MathJax), VS Code (KaTeX), Colab and
  ``nbconvert``, for LaTeX too. GitHub's own delimiters, which ``render.markdown`` writes, are known to GitHub alone.
* ``text/plain`` is what a terminal shows.
"""

from __future__ import annotations

import re

from backproof.render.document import Document
from backproof.render.markdown import to_markdown
from backproof.render.text import to_text

# Neither can be met outside of a formula, where dollars and backticks are escaped; and none has a backtick inside.
_INLINE = re.compile(r"\$`([^`]*)`\$")
_DISPLAYED = re.compile(r"^```math\n([^`]*)\n```$", re.MULTILINE)


def mimebundle(document: Document) -> dict[str, str]:
    """What ``_repr_mimebundle_`` returns: the document as Markdown for notebooks and as text for terminals.

    Example:
        >>> from backproof.ir.expr import Name
        >>> from backproof.notation import Notation
        >>> document = Document(("The loss ", Name("L")), Notation(), ())
        >>> bundle = mimebundle(document)
        >>> sorted(bundle)
        ['text/markdown', 'text/plain']
        >>> print(bundle["text/markdown"], end="")
        # The loss $L$
    """
    markdown = to_markdown(document)
    displayed = _DISPLAYED.sub(lambda block: f"$$\n{block[1]}\n$$", markdown)
    return {
        "text/plain": to_text(document),
        "text/markdown": _INLINE.sub(lambda formula: f"${formula[1]}$", displayed),
    }
