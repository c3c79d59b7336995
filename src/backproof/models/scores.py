"""Scores for people, in at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from backproof.models.contents import Target
from backproof.run.evaluation import ClassScores, NumberScores, Scores
from backproof.run.outcome import fixed
from backproof.run.wording import plural, quoted

MOST_CLASSES = 8
"""Larger confusion matrices are not read in a terminal; --json has them."""
LONGEST_LABEL = 16
WIDTH = 80


def scores_text(scores: Scores, target: Target) -> str:
    """The scores, and of classes what is taken for what.

    Example:
        >>> print(scores_text(NumberScores(10, 0.5, 2.0, 1.25), Target("price")))
        10 rows: R² 0.500, RMSE 2, mean absolute error 1.25
    """
    match scores:
        case NumberScores(r2=r2):
            share = "" if r2 is None else f"R² {fixed(r2)}, "
            return f"{plural(scores.rows, 'row')}: {share}RMSE {scores.rmse:.4g}, mean absolute error {scores.mae:.4g}"
        case ClassScores():
            return "\n".join(_classes(scores, target.labels or ()))


def _classes(scores: ClassScores, labels: tuple[str, ...]) -> Iterator[str]:
    low, high = scores.accuracy_low, scores.accuracy_high
    yield f"{plural(scores.rows, 'row')}: accuracy {scores.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f})"
    loss = "infinite" if scores.log_loss is None else f"{scores.log_loss:.4g}"
    yield f"balanced accuracy {scores.balanced_accuracy:.3f}, log loss {loss}"
    if len(labels) > MOST_CLASSES:
        return
    yield ""
    cell = min(LONGEST_LABEL, (WIDTH - LONGEST_LABEL) // len(labels))
    yield f"{'true, by row':<{LONGEST_LABEL}}" + "".join(f"{_short(label, cell - 2):>{cell}}" for label in labels)
    for label, counts in zip(labels, scores.confusion, strict=True):
        name = _short(label, LONGEST_LABEL - 1)
        yield f"{name:<{LONGEST_LABEL}}" + "".join(f"{count:>{cell}}" for count in counts)


def _short(label: str, most: int) -> str:
    clean = quoted(label)[1:-1]
    return clean if len(clean) <= most else clean[: most - 1] + "…"
