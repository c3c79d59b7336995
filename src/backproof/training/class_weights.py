"""Weights of classes, as weights of the samples: each sample counts as its class does."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from backproof.errors import DataError, SpecificationError
from backproof.ir.arithmetic import Array

BALANCED = "balanced"


def class_weights(targets: Array, given: object) -> Array:
    """ω of each sample, from its class.

    Args:
        targets: samples in rows: one-hot or probabilities, of which the largest is the class, or one column of 0 and 1.
        given: for each class, counted from 0, its weight, 1 where it is left out; or ``"balanced"`` for n / (k n_c), so
            that each of the k classes counts as much as any other.

    Raises:
        SpecificationError: neither, or a class that there is not.
        DataError: targets that are not classes, or a class without samples.

    Source:
        King & Zeng, Logistic Regression in Rare Events Data (2001), as scikit-learn's ``class_weight`` has it.

    Example:
        >>> class_weights(np.array([[0.0], [0.0], [0.0], [1.0]]), "balanced").round(3).tolist()
        [0.667, 0.667, 0.667, 2.0]
        >>> class_weights(np.array([[1, 0, 0], [0, 0, 1]]), {2: 5}).tolist()
        [1.0, 5.0]
    """
    single = targets.shape[1] == 1
    if single and not np.isin(targets, (0, 1)).all():
        raise DataError("class weights need targets of classes: 0 and 1, or one-hot rows; give weights for others")
    classes = targets[:, 0].astype(int) if single else np.argmax(targets, axis=1)
    count = 2 if single else targets.shape[1]
    if isinstance(given, str) and given == BALANCED:
        sizes = np.bincount(classes, minlength=count)
        if not sizes.all():
            raise DataError(f"class {int(np.argmin(sizes))} has no samples to balance; give weights by class")
        factors = len(classes) / (count * sizes)
    elif isinstance(given, Mapping):
        factors = np.ones(count)
        for number, weight in given.items():
            factors[_checked_class(number, count)] = _checked_weight(number, weight)
    else:
        raise SpecificationError(f"class_weight must be 'balanced' or a weight for each class, got {given!r:.60}")
    return np.asarray(factors[classes], np.float64)


def _checked_class(number: Any, count: int) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or not 0 <= int(number) < count:
        raise SpecificationError(f"class_weight has class {number!r}, but the classes are 0 to {count - 1}")
    return int(number)


def _checked_weight(number: Any, weight: Any) -> float:
    if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= float(weight) < float("inf"):
        raise SpecificationError(f"the weight of class {number} must be a finite number of at least 0, got {weight!r}")
    return float(weight)
