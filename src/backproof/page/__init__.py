"""The interactive page: one self-contained HTML file in which a network learns and every equation shows its numbers."""

from backproof.page.build import Page, build_page, shown_structure

__all__ = ["Page", "build_page", "shown_structure"]
