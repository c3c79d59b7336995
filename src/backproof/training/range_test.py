"""The learning-rate range test: one short run whose rate grows from step to step.

Source:
    Smith, Cyclical learning rates for training neural networks (2017), section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError
from backproof.ir.arguments import positive_number, whole_number
from backproof.ir.program import Program
from backproof.optimizers import Optimizer
from backproof.training.beginning import LBFGS, begin
from backproof.training.history import write_figure
from backproof.training.run import Run
from backproof.training.steps import Diverged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

SMOOTHING = 0.9
"""What is kept of the average of the losses in each step."""
WORSE = 4.0
"""Times the lowest loss at which the test ends: beyond, only divergence is seen."""
FEWEST = 10
"""Steps from which something can be told."""


@dataclass(frozen=True, slots=True)
class RateTest:
    """What a range test saw.

    Args:
        rates: the learning rate of each step.
        losses: of its batch, before the update.
        smooth: the losses averaged over the steps before.
        suggestion: the rate at which the averaged loss fell most steeply; a good rate is near it or a little above.
        stopped: why the test ended: ``"highest rate"``, ``"loss grew"`` or ``"diverged"``.
    """

    rates: Floats
    losses: Floats
    smooth: Floats
    suggestion: float
    stopped: str

    def plot(self, path: str | Path | None = None) -> Figure:
        """The losses against the rate, and the suggestion.

        Args:
            path: a file to write the drawing to as well: .svg, .png or .pdf.

        Raises:
            SpecificationError: another kind of file is wanted.
            OutputError: the file cannot be written.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, alpha=0.35, linewidth=1, label="loss of a batch")
        axes.plot(self.rates, self.smooth, label="averaged")
        axes.axvline(self.suggestion, linestyle="--", color="tab:red", label=f"suggestion: {self.suggestion:.2g}")
        lowest, first = float(np.min(self.smooth)), float(self.smooth[0])
        room = max(first - lowest, 1e-12)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(lowest - 0.1 * room, first + 0.5 * room))
        axes.grid(visible=True, alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        if path is not None:
            write_figure(figure, path)
        return figure


def find_learning_rate(
    net: Program | Trace,
    X: Any = None,
    y: Any = None,
    params: Mapping[str, Any] | None = None,
    *,
    optimizer: str | Optimizer = "sgd",
    batch_size: int | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 200,
    seed: int = 0,
    backend: str = "auto",
    dtype: npt.DTypeLike = "float64",
    **options: Any,
) -> RateTest:
    """η grows from ``lowest`` to ``highest``, by the same factor in each step, until the loss does too.

    Nothing that is given is changed: the parameters of the test are its own.

    Args:
        net, X, y, params, optimizer, batch_size, seed, backend, dtype: as for ``train``.
        lowest, highest: the range of rates.
        steps: from the one to the other.
        options: further ones of ``train``: ``weights``, ``clip_norm``, ``clip_value``.

    Raises:
        SpecificationError, ShapeError, DataError: options or data that cannot be used.

    Example:
        >>> import backproof as bp
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> test = bp.find_learning_rate(net, [1, 2, 3], [2, 4, 6])
        >>> 0.005 < test.suggestion < 0.2
        True
    """
    low, high = positive_number("lowest", lowest), positive_number("highest", highest)
    count = whole_number("steps", steps, FEWEST)
    if low >= high:
        raise SpecificationError(f"the lowest rate must be below the highest, got {low:g} and {high:g}")
    if optimizer == LBFGS:
        raise SpecificationError("lbfgs chooses its own steps; there is no learning rate to find")
    refused = set(options) - {"weights", "clip_norm", "clip_value"}
    if refused:
        raise SpecificationError(f"find_learning_rate has no option {min(refused)!r}")
    training = begin(
        net, X, y, params, optimizer=optimizer, learning_rate=low, batch_size=batch_size, epochs=count, seed=seed,
        backend=backend, dtype=dtype, schedule="one_cycle", **options,
    )  # fmt: skip
    rates = np.geomspace(low, high, count)
    losses, stopped = _losses(training.run, rates)
    smooth = _averaged(losses)
    return RateTest(rates[: len(losses)], losses, smooth, _steepest(rates, smooth), stopped)


def _losses(run: Run, rates: Floats) -> tuple[Floats, str]:
    """The loss of each step, as far as they make sense."""
    batches, losses, order = run.batches, np.zeros(0), np.zeros(0, np.int64)
    average, lowest = 0.0, math.inf
    with np.errstate(all="ignore"):
        for step, rate in enumerate(rates):
            if len(order) < batches.size:
                order = np.asarray(batches.order(), np.int64)
            chosen, order = order[: batches.size], order[batches.size :]
            try:
                loss = float(run.steps.take(chosen, batches.size, np.array([rate]), step)[0])
            except Diverged:
                return losses, "diverged"
            losses = np.append(losses, loss)
            average = SMOOTHING * average + (1 - SMOOTHING) * loss
            smooth = average / (1 - SMOOTHING ** (step + 1))
            lowest = min(lowest, smooth)
            if step >= FEWEST and smooth > WORSE * lowest:
                return losses, "loss grew"
    return losses, "highest rate"


def _averaged(losses: Floats) -> Floats:
    """The exponential average, without the bias of its beginning."""
    average, found = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * float(loss)
        found.append(average / (1 - SMOOTHING**step))
    return np.array(found)


def _steepest(rates: Floats, smooth: Floats) -> float:
    """The rate at which the averaged loss falls most steeply against the logarithm of the rate.

    Raises:
        SpecificationError: too few steps were made to tell.
    """
    if len(smooth) < FEWEST:
        raise SpecificationError("training diverges at the lowest rates already; scale the data, or start lower")
    window = max(5, len(smooth) // 10)
    logarithms = np.log(rates[:window]) - np.mean(np.log(rates[:window]))
    # Least squares in a window: a single batch must not decide. The first few averages are of too few batches.
    spans = np.lib.stride_tricks.sliding_window_view(smooth, window)
    slopes = (spans - spans.mean(axis=1, keepdims=True)) @ logarithms
    first = min(window, len(slopes) - 1)
    steepest = first + int(np.argmin(slopes[first:]))
    return float(rates[steepest + window // 2])
