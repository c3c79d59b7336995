"""Reports in writing: text for a terminal, JSON for programs, a page for a browser."""

from backproof.checking.writing.data import to_data
from backproof.checking.writing.html import to_fragment, to_html
from backproof.checking.writing.text import to_text

__all__ = ["to_data", "to_fragment", "to_html", "to_text"]
