"""Scripts checked line by line: run in a child process, matched to the derivation by value, localised and mended."""

from backproof.checking.scripts.mended_text import unified_diff, write_fixed
from backproof.checking.scripts.script import check_script

__all__ = ["check_script", "unified_diff", "write_fixed"]
