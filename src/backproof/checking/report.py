"""The report of a check: print it, show it in a notebook, save it as a page, read it as data, raise it in a test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from backproof.checking.checked import Checked, described
from backproof.checking.writing import to_data, to_fragment, to_html, to_text
from backproof.files import atomic_write_text

__all__ = ["Report", "described"]


@dataclass(frozen=True)
class Report(Checked):
    """What a check found. Made by ``bp.check``.

    Example:
        >>> import backproof as bp
        >>> report = bp.check("delta_2 = y_hat - y", bp.mlp(3, 2, 1))
        >>> report.ok, report.findings[0].kind
        (False, 'derivative-missing')
    """

    def text(self, *, width: int = 80, color: bool = False, ascii: bool = False) -> str:
        """The report as text of at most ``width`` columns; with signs of ASCII where a terminal lacks others."""
        return to_text(self, width=width, color=color, ascii=ascii)

    def json(self) -> str:
        """The report as JSON, with the keys of docs/checking.md."""
        return json.dumps(to_data(self), ensure_ascii=False, indent=2, allow_nan=False)

    def html(self) -> str:
        """The report as one HTML file that needs no network: the verdict, the faults, and the derivation."""
        return to_html(self)

    def save(self, path: str | Path) -> None:
        """Write the page whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        atomic_write_text(path, self.html())

    def _repr_html_(self) -> str:
        return to_fragment(self)

    def __str__(self) -> str:
        return self.text()
