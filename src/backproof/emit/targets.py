"""Which languages a derivation can be emitted in: one row per target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backproof.backprop.trace import Trace
from backproof.emit.javascript_source import javascript_source
from backproof.emit.numpy_source import numpy_source
from backproof.errors import SpecificationError, UnsupportedError, suggestion

TARGETS: Mapping[str, Callable[..., str]] = {"numpy": numpy_source, "javascript": javascript_source}
PLANNED = ("c", "jax", "torch")


def source(trace: Trace, target: str = "numpy", **options: Any) -> str:
    """The derivation as a program in the target language.

    Args:
        trace: the derivation.
        target: ``"numpy"`` or ``"javascript"``.
        options: see the target's own function, ``numpy_source`` or ``javascript_source``.

    Raises:
        UnsupportedError: a target that is planned, but not built yet.
        SpecificationError: an unknown target; the nearest is suggested.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> "import numpy as np" in source(backpropagate(bp.mlp(3, 2, 1)), "numpy", epochs=10)
        True
    """
    if target in PLANNED:
        raise UnsupportedError(f"source for {target!r} is not built yet; choose from: {', '.join(TARGETS)}")
    emit = TARGETS.get(target)
    if emit is None:
        raise SpecificationError(f"unknown target {target!r}; {suggestion(str(target), TARGETS)}")
    return emit(trace, **options)
