"""Other people's gradients, judged and diagnosed against the derivation: which equation is wrong, and its repair."""

from backproof.checking.checker import check
from backproof.checking.report import Report

__all__ = ["Report", "check"]
