"""Divergence: where a run stopped being finite, why it usually does, and the last parameters that were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backproof.errors import DivergenceError, NonFiniteError
from backproof.ir.arguments import place, worst_value
from backproof.ir.arithmetic import Array


def divergence(
    error: NonFiniteError,
    epoch: int,
    step: int,
    rate: float,
    parameters: Mapping[str, Array],
    previous: Mapping[str, Array],
) -> DivergenceError:
    """The error with where it happened, why it usually does, and the last finite parameters.

    Args:
        error: names the first equation that became non-finite.
        epoch, step: where, counted from 1.
        rate: the learning rate.
        parameters: of the step that failed.
        previous: of the step before.
    """
    what, quantity = str(error).partition(";")[0], error.quantity
    finite = parameters
    for id, array in parameters.items():
        if not np.isfinite(array).all():
            what = f"{id} became {worst_value(array)}{place(array)} in the update before"
            quantity, finite = id, previous
            break
    return DivergenceError(
        f"training stopped in epoch {epoch}, step {step}: {what}; the learning rate {rate:g} is probably too large, "
        "or the data are not scaled",
        quantity=quantity,
        epoch=epoch,
        step=step,
        params=dict(finite),
    )
