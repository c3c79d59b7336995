"""The mended program as text: written beside the original, compared with it line by line."""

from __future__ import annotations

import difflib
from pathlib import Path

from backproof.checking.scripts.listing import Edit, edited
from backproof.errors import OutputError
from backproof.files import atomic_write_text


def write_fixed(path: Path, mended: str) -> Path:
    """The mended program written beside the original, under a name that no file has yet."""
    for number in range(1, 1000):
        suffix = ".fixed" if number == 1 else f".fixed{number}"
        target = path.with_name(f"{path.stem}{suffix}{path.suffix}")
        if not target.exists():
            atomic_write_text(target, mended)
            return target
    raise OutputError(f"every name from {path.stem}.fixed{path.suffix} on is taken; remove some of them")


def unified_diff(source: str, mended: str, name: str) -> str:
    """What was changed, as a unified diff.

    Example:
        >>> print(unified_diff("a = 1\\n", "a = 2\\n", "script.py"), end="")
        --- script.py
        +++ script.fixed.py
        @@ -1 +1 @@
        -a = 1
        +a = 2
    """
    stem, dot, suffix = name.rpartition(".")
    fixed = f"{stem}.fixed.{suffix}" if dot else f"{name}.fixed"
    lines = difflib.unified_diff(source.splitlines(keepends=True), mended.splitlines(keepends=True), name, fixed, n=1)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def lines_changed(before: str, edits: tuple[Edit, ...]) -> tuple[str, str]:
    """The lines that a change touches, as they were and as they are."""
    new = edited(before, edits)
    old_lines, new_lines = before.splitlines(), new.splitlines()
    codes = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes()
    changed = [code for code in codes if code[0] != "equal"]
    if any(tag != "replace" for tag, *_ in changed):
        # Lines were moved: what lies between is shown too.
        changed = [("replace", changed[0][1], changed[-1][2], changed[0][3], changed[-1][4])]
    gone = [line for _, a, b, _, _ in changed for line in old_lines[a:b]]
    come = [line for _, _, _, c, d in changed for line in new_lines[c:d]]
    return "\n".join(line.strip() for line in gone), "\n".join(line.strip() for line in come)


def original_line(original: str, current: str, line: int) -> int:
    """The line of the original text from which a line of the mended text comes; the line itself where unclear.

    Example:
        >>> original_line("a\\nb\\nc", "b\\na\\nc", 3)
        3
    """
    if original == current or line < 1:
        return line
    old, new = original.splitlines(), current.splitlines()
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if c <= line - 1 < d:
            if tag == "insert":
                return old.index(new[line - 1]) + 1 if new[line - 1] in old else line
            return min(a + (line - 1 - c), max(b - 1, a)) + 1
    return line
