"""The handwritten digits that scikit-learn ships, small enough to be part of a page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sklearn.datasets import load_digits


@cache
def digits() -> Mapping[str, str]:
    """The pixels, 64 letters from a (0) to q (16) for each digit, and the labels.

    Example:
        >>> found = digits()
        >>> len(found["labels"]), len(found["pixels"]) == 64 * len(found["labels"]), found["labels"][:5]
        (1797, True, '01234')
    """
    images, labels = load_digits(return_X_y=True)
    pixels = "".join(chr(ord("a") + int(value)) for value in images.ravel())
    return {"pixels": pixels, "labels": "".join(str(label) for label in labels)}
