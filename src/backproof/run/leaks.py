"""Features that give the target away: a network that scores well on them has learnt nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from backproof.run.wording import quoted


def leak_notes(frame: pl.DataFrame, features: Sequence[str], target: str) -> list[str]:
    """One warning for each feature that equals the target, or the target under another name or scale.

    Example:
        >>> frame = pl.DataFrame({"code": [0.0, 1.0] * 5, "name": ["cat", "dog"] * 5})
        >>> print(*leak_notes(frame, ["code"], "name"))
        warning: column 'code' tells the target 'name' exactly, value for value; remove it if ...
    """
    found: list[str] = []
    for name in features:
        if (how := _how_it_leaks(frame[name], frame[target])) is not None:
            found.append(f"warning: column {quoted(name)} {how}; remove it if it is not known before the target is")
    return found


def _how_it_leaks(feature: pl.Series, target: pl.Series) -> str | None:
    goal = quoted(target.name)
    if feature.null_count():
        return None
    if feature.dtype == target.dtype and feature.equals(target):
        return f"is identical to the target {goal}"
    if _is_affine(feature, target):
        return f"is the target {goal} on another scale"
    if _is_renaming(feature, target):
        return f"tells the target {goal} exactly, value for value"
    return None


def _is_affine(feature: pl.Series, target: pl.Series) -> bool:
    """Whether two columns of numbers are one up to scale and offset."""
    if feature.dtype != pl.Float64 or target.dtype != pl.Float64 or target.n_unique() < 3:
        return False
    x, y = feature.to_numpy(), target.to_numpy()
    with np.errstate(all="ignore"):
        x, y = (v / np.abs(v).max() for v in (x - x.mean(), y - y.mean()))
        residual = y - x * (x @ y) / (x @ x)
    return bool(np.all(np.isfinite(residual)) and np.abs(residual).max() < 1e-9)


def _is_renaming(feature: pl.Series, target: pl.Series) -> bool:
    """Whether each value of one column goes with one of the other; only repeated values can tell."""
    distinct = target.n_unique()
    if 2 * distinct > target.len() or feature.n_unique() != distinct:
        return False
    return pl.DataFrame({"feature": feature, "target": target}).n_unique() == distinct
