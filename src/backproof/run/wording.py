"""Names and values of the user's data inside a one-line message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LONGEST = 60


def quoted(text: object) -> str:
    r"""The text in quotes, on one line, cut when long, with control characters made visible.

    Example:
        >>> print(quoted("a\nb"), quoted("x" * 100))
        'a\nb' 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'
    """
    words = str(text)
    return repr(words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…")


def quoted_path(path: object) -> str:
    """The whole path in quotes, on one line; its end matters most, so it is never cut.

    Example:
        >>> quoted_path("some/folder/data.csv")
        "'some/folder/data.csv'"
    """
    return repr(str(path))


def listed(names: Iterable[object], most: int = 8) -> str:
    """The names in quotes, the first few when there are many.

    Example:
        >>> listed(["a", "b"]), listed(range(5), most=2)
        ("'a', 'b'", "'0', '1' and 3 more")
    """
    return first_few([quoted(name) for name in names], most)


def first_few(phrases: Sequence[str], most: int = 8) -> str:
    """The phrases with commas between, the first few when there are many.

    Example:
        >>> first_few(["a (1)", "b (2)"]), first_few(["a", "b", "c"], most=2)
        ('a (1), b (2)', 'a, b and 1 more')
    """
    shown = ", ".join(phrases[:most])
    return shown if len(phrases) <= most else f"{shown} and {len(phrases) - most} more"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """The count and its noun.

    Example:
        >>> plural(1, "row"), plural(2, "class", "classes")
        ('1 row', '2 classes')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {many or noun + 's'}"


def columns_text(names: Sequence[str]) -> str:
    """A list of columns with the noun that fits.

    Example:
        >>> columns_text(["a"]), columns_text(["a", "b"])
        ("column 'a'", "columns 'a', 'b'")
    """
    return f"column{'' if len(names) == 1 else 's'} {listed(names)}"
