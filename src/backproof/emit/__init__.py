"""Programs as source text in other languages; every backward equation comes from the trace."""

from backproof.emit.targets import TARGETS, source

__all__ = ["TARGETS", "source"]
