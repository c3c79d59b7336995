"""The pictures of a report: learning curve, predictions and residuals, first-layer weights, images told wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from backproof.run.curve import Curve, Point
from backproof.run.svg import FIRST, INK, QUIET, SECOND, drawing, label
from backproof.run.wording import plural

Matrix = NDArray[np.float64]

WIDE, HIGH = 7.6, 2.9
MOST_EPOCHS, MOST_POINTS = 400, 1_000
"""More than this is not seen in a drawing of this size."""
MOST_TILES = 64
LOGARITHMIC = 20
"""Losses that differ by this factor are drawn on a logarithmic scale."""
GAP = 1
"""Pixels between two tiles."""


def learning_curve(curve: Curve, score: str) -> Markup:
    """The loss of both parts and the held-out score, epoch by epoch.

    Args:
        curve: at least one epoch of it.
        score: what the score is called.
    """
    points = [curve.points[position] for position in thinned(len(curve.points), MOST_EPOCHS)]
    first, last = points[0], points[-1]
    said = (
        f"Loss of the training part: {first.train:.3g} in epoch {first.epoch}, {last.train:.3g} in epoch {last.epoch}."
    )
    if last.test is not None:
        said += f" Loss of the held-out part at the end: {last.test:.3g}."
    if last.score is not None:
        said += f" Held-out {score} at the end: {last.score:.3g}."

    def draw(figure: Figure) -> None:
        if not curve.has_test_part:
            _losses(figure.subplots(), points)
            return
        left, right = figure.subplots(1, 2)
        _losses(left, points)
        _scores(right, points, score)

    return drawing("curve", said, (WIDE, HIGH), draw)


def predictions(true: Matrix, predicted: Matrix, name: str) -> Markup:
    """Predicted against true values, and what is left over, both in the target's units."""
    shown = thinned(len(true), MOST_POINTS)
    y, y_hat = true.ravel()[shown], predicted.ravel()[shown]
    spread = "one point" if len(y) == 1 else f"{len(y)} points"
    said = f"Predicted against true {label(name)}, and the residuals against the predictions: {spread}."
    size = max(2.0, min(5.0, 80 / math.sqrt(len(y))))

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        low, high = min(y.min(), y_hat.min()), max(y.max(), y_hat.max())
        left.plot([low, high], [low, high], color=QUIET, linewidth=1)
        left.plot(y, y_hat, "o", color=FIRST, markersize=size, alpha=0.55, markeredgewidth=0)
        _named(left, "Predicted and true", f"true {label(name)}", "predicted")
        right.axhline(0, color=QUIET, linewidth=1)
        right.plot(y_hat, y - y_hat, "o", color=FIRST, markersize=size, alpha=0.55, markeredgewidth=0)
        _named(right, "Residuals", f"predicted {label(name)}", "true − predicted")

    return drawing("predictions", said, (WIDE, HIGH + 0.3), draw)


def weight_tiles(W: Matrix, image: tuple[int, int]) -> Markup:
    """The weights into each unit of the first layer as an image, red above and blue below zero."""
    tiles = [column.reshape(image) for column in W.T[:MOST_TILES]]
    units = plural(len(tiles), "hidden unit")
    said = f"The weights into the first {units}, each as an image of {image[0]} by {image[1]} pixels."
    largest = float(np.abs(W).max()) or 1.0

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        columns = min(16, len(tiles))
        axes.imshow(mosaic(tiles, columns), cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        axes.set_axis_off()

    rows = math.ceil(len(tiles) / 16)
    return drawing("weights", said, (WIDE, 0.15 + rows * WIDE / 16), draw)


def image_tiles(images: Sequence[Matrix], captions: Sequence[str], description: str) -> Markup:
    """Some examples that are images, dark on light, with a caption below each."""

    def draw(figure: Figure) -> None:
        grid = figure.subplots(-(-len(images) // 8), 8, squeeze=False)
        for axes in grid.ravel():
            axes.set_axis_off()
        for axes, image, caption in zip(grid.ravel(), images, captions, strict=False):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(label(caption), fontsize=9, fontweight="normal", loc="center", color=INK)

    rows = -(-len(images) // 8)
    return drawing("images", description, (WIDE, 1.15 * rows), draw)


def mosaic(tiles: Sequence[Matrix], columns: int) -> Matrix:
    """The tiles in rows, with gaps between that are not numbers.

    Example:
        >>> mosaic([np.zeros((2, 2))] * 3, columns=2).shape
        (5, 5)
    """
    height, width = tiles[0].shape
    rows = -(-len(tiles) // columns)
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * (height + GAP), (number % columns) * (width + GAP)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Positions of at most ``most`` of ``count`` points, evenly spread, the first and the last among them.

    Example:
        >>> thinned(9, 3).tolist(), thinned(2, 3).tolist()
        ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _losses(axes: Axes, points: Sequence[Point]) -> None:
    epochs = [point.epoch for point in points]
    train = [point.train for point in points]
    test = [math.nan if point.test is None else point.test for point in points]
    held_out = not all(map(math.isnan, test))
    axes.plot(epochs, train, color=FIRST, label="training part")
    if held_out:
        axes.plot(epochs, test, color=SECOND, label="held-out part")
        axes.legend()
    known = [loss for loss in (*train, *test) if not math.isnan(loss)]
    if min(known) > 0 and max(known) > LOGARITHMIC * min(known):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _named(axes, "Loss", "epoch", "")


def _scores(axes: Axes, points: Sequence[Point], score: str) -> None:
    known = [(point.epoch, point.score) for point in points if point.score is not None]
    axes.plot([epoch for epoch, _ in known], [value for _, value in known], color=SECOND)
    if (
        known and min(value for _, value in known) < -1
    ):  # the first epochs may be far off; what is below −1 says no more than that
        axes.set_ylim(bottom=-1)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _named(axes, f"Held-out {score}", "epoch", "")


def _named(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, pad=8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
