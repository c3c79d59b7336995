"""Which of the derivation's quantities a user's name means: W1, dW_1, grads of weights[0] and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

LEARNING_RATES = frozenset({"lr", "eta", "η", "learningrate", "alpha", "α", "rate", "stepsize", "gamma"})
LOSSES = frozenset({"l", "loss", "cost", "j", "e", "error", "objective"})

_WORDS: Mapping[str, str] = {
    "weights": "W", "weight": "W", "kernel": "W", "theta": "W", "w": "W",
    "biases": "b", "bias": "b", "b": "b",
    "x": "X", "inputs": "X", "input": "X", "data": "X", "features": "X",
    "y": "y", "t": "y", "targets": "y", "target": "y", "labels": "y", "label": "y",
}  # fmt: skip
"""What the words before a number stand for in the networks of ``bp.mlp``."""

_PREFIXES = re.compile(r"^(?:dL_?/?_?d_?|∂L/∂|∂|∇|nabla_?|gradients?_?|grads?_?|g_|d_?)(?=.)", re.IGNORECASE)
_SUFFIXES = re.compile(r"(?:_?gradient|_?grads?|_g)$", re.IGNORECASE)


def squeezed(name: str) -> str:
    """The name without what people put between its letters and numbers.

    Example:
        >>> squeezed("learning_rate"), squeezed("W_1")
        ('learningrate', 'W1')
    """
    return re.sub(r"[\s_\[\]().'\"]", "", name)


def meant(written: Iterable[str], ids: Sequence[str], *, gradients: bool = False) -> dict[str, str]:
    """The quantity that each name means, where that is beyond doubt.

    Args:
        written: the user's names.
        ids: the identifiers of the derivation that they may mean.
        gradients: whether the names are of gradients, which people write as dW_1 or W1_grad.

    Returns:
        An identifier for each name that means one; no identifier twice.

    Example:
        >>> meant(["dW1", "db1", "dW2"], ["W_1", "b_1", "W_2"], gradients=True)
        {'dW1': 'W_1', 'db1': 'b_1', 'dW2': 'W_2'}
        >>> meant(["W0", "W1"], ["W_1", "W_2"])
        {'W0': 'W_1', 'W1': 'W_2'}
    """
    names = list(dict.fromkeys(written))
    bare = {name: _bare(name, ids) if gradients else name for name in names}
    from_zero = any(_number(text) == 0 for text in bare.values()) and not any(_number(id) == 0 for id in ids)
    found = {name: _one(bare[name], ids, int(from_zero)) for name in names}
    taken = [id for id in found.values() if id is not None]
    return {name: id for name, id in found.items() if id is not None and taken.count(id) == 1}


def _bare(name: str, ids: Sequence[str]) -> str:
    """The name of a gradient without its d or grad, unless it is a parameter's own name."""
    if name in ids or squeezed(name) in map(squeezed, ids):
        return name
    without = _SUFFIXES.sub("", name)
    return without if without != name else _PREFIXES.sub("", name)


def _number(name: str) -> int | None:
    found = re.search(r"(\d+)\D*$", name)
    return int(found[1]) if found else None


def _shifted(name: str, by: int) -> str:
    return re.sub(r"\d+(?=\D*$)", lambda m: str(int(m[0]) + by), name) if by else name


def _one(name: str, ids: Sequence[str], shift: int) -> str | None:
    """The only identifier that the name can mean: letter for letter, then whatever the case, then by common words."""
    wanted = squeezed(_shifted(name, shift))
    for alike in (_as_written, str.casefold, _in_words, _without_number):
        same = [id for id in ids if alike(squeezed(id)) == alike(wanted)]
        if len(same) == 1:
            return same[0]
    return None


def _as_written(name: str) -> str:
    return name


def _in_words(name: str) -> str:
    found = re.fullmatch(r"(\D+)(\d*)", name)
    return _WORDS.get(found[1].casefold(), found[1]) + found[2] if found else name


def _without_number(name: str) -> str:
    """W for W_1, where a network has one layer only."""
    return re.sub(r"\d+$", "", _in_words(name)) or name


def styled(key: str, ids: Sequence[str]) -> dict[str, str]:
    """The user's name for every quantity, from one of them: from ``W0``, that W_2 is W1 and b_1 is b0.

    Example:
        >>> styled("w1", ["W_1", "b_1", "W_2"])
        {'W_1': 'w1', 'b_1': 'b1', 'W_2': 'w2'}
    """
    found = meant([key], ids).get(key)
    parts, own = re.fullmatch(r"(.*?)(\d+)(\D*)", key), re.fullmatch(r"(\D+?)_?(\d+)", found or "")
    if parts is None or own is None:
        return {found: key} if found else {}
    prefix, number, end = parts.groups()
    letter = prefix.rstrip("_[('\" ")
    between, shift = prefix[len(letter) :], int(number) - int(own[2])

    def written(id: str) -> str:
        match = re.fullmatch(r"(\D+?)_?(\d+)", id)
        if match is None:
            return id
        same = letter if match[1] == own[1] else match[1].lower() if letter.islower() else match[1]
        if same == match[1].lower() and len(letter) > 1:
            same = {"b": "biases" if letter.endswith("s") else "bias"}.get(match[1], match[1])
        return f"{same}{between}{int(match[2]) + shift}{end}"

    return {id: written(id) for id in ids}
