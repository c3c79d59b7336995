"""Learning-rate schedules: η_t = η f(t), each f with its formula and its source.

t counts steps from 0, e = ⌊t / steps per epoch⌋ counts epochs, T is the number of all steps of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from backproof.errors import SpecificationError
from backproof.parsing.calls import read_call

Factors = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a run will be, in steps: what a schedule is stretched over."""

    steps: int
    steps_per_epoch: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """f in η_t = η f(t).

    Args:
        text: how an option calls it, with its parameters.
        formula: f(t) as people write it.
        function: f at an array of steps.
        source: where it comes from.
    """

    text: str
    formula: str
    function: Callable[[Factors, Horizon], Factors]
    source: str = ""

    def factors(self, first: int, count: int, horizon: Horizon) -> Factors:
        """f(first), …, f(first + count − 1).

        Example:
            >>> cosine().factors(0, 4, Horizon(steps=4, steps_per_epoch=2)).round(3).tolist()
            [1.0, 0.854, 0.5, 0.146]
        """
        return self.function(np.arange(first, first + count, dtype=np.float64), horizon)


def constant() -> Schedule:
    """f(t) = 1."""
    return Schedule("constant", "1", lambda t, _: np.ones_like(t))


def step(every: float = 10, factor: float = 0.1) -> Schedule:
    """f(t) = factor^⌊e / every⌋: smaller by a factor after every so many epochs."""
    _positive("step", every=every, factor=factor)
    return Schedule(
        f"step(every={every:g}, factor={factor:g})",
        f"{factor:g}^⌊e / {every:g}⌋",
        lambda t, horizon: factor ** np.floor(_epochs(t, horizon) / every),
    )


def exponential(factor: float = 0.95) -> Schedule:
    """f(t) = factor^e: smaller by a factor after every epoch."""
    _positive("exponential", factor=factor)
    return Schedule(
        f"exponential(factor={factor:g})", f"{factor:g}^e", lambda t, horizon: factor ** _epochs(t, horizon)
    )


def cosine(floor: float = 0.0) -> Schedule:
    """f(t) = floor + (1 − floor) (1 + cos(π t/T)) / 2."""
    _fraction("cosine", floor=floor)
    return Schedule(
        f"cosine(floor={floor:g})",
        f"{floor:g} + {1 - floor:g} (1 + cos(π t/T)) / 2",
        lambda t, horizon: _between(1.0, floor, t / horizon.steps),
        "Loshchilov & Hutter, SGDR: stochastic gradient descent with warm restarts (2017)",
    )


def one_cycle(rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> Schedule:
    """From ``start`` up to 1 in the first part ``rise`` of the run, then down to ``end``, along half cosines."""
    _fraction("one_cycle", rise=rise, start=start, end=end)

    def f(t: Factors, horizon: Horizon) -> Factors:
        top, last = max(rise * horizon.steps - 1, 0.0), max(horizon.steps - 1, 1)
        up = _between(start, 1.0, t / max(top, 1.0))
        return np.where(t < top, up, _between(1.0, end, (t - top) / max(last - top, 1.0)))

    return Schedule(
        f"one_cycle(rise={rise:g}, start={start:g}, end={end:g})",
        f"from {start:g} up to 1 until t = {rise:g} T − 1, then down to {end:g} at t = T − 1, along half cosines",
        f,
        "Smith & Topin, Super-convergence: very fast training of neural networks using large learning rates (2018)",
    )


def warmup(steps: float = 100, then: Schedule | None = None) -> Schedule:
    """f(t) = (t + 1) / steps for the first steps, then another schedule over the steps that are left."""
    _positive("warmup", steps=steps)
    following = constant() if then is None else then

    def f(t: Factors, horizon: Horizon) -> Factors:
        left = replace(horizon, steps=max(1, horizon.steps - int(steps)))
        return np.where(t < steps, (t + 1) / steps, following.function(np.maximum(t - steps, 0.0), left))

    return Schedule(
        f"warmup(steps={steps:g}) + {following.text}",
        f"(t + 1) / {steps:g} for t < {steps:g}, then {following.formula} over the rest",
        f,
        "Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1 hour (2017)",
    )


def _epochs(t: Factors, horizon: Horizon) -> Factors:
    return np.floor(t / horizon.steps_per_epoch)


def _between(first: float, second: float, part: Factors) -> Factors:
    """From one value to another along half a cosine."""
    return second + (first - second) * (1 + np.cos(np.pi * np.clip(part, 0.0, 1.0))) / 2


@dataclass(frozen=True, slots=True)
class Plateau:
    """f is multiplied by ``factor`` whenever ``patience`` epochs bring no lower loss: it depends on the run itself.

    Args:
        patience: epochs without a new best loss.
        factor: what f is multiplied by then.
        least: what f never falls below.
    """

    patience: int = 10
    factor: float = 0.1
    least: float = 1e-4

    @property
    def text(self) -> str:
        """How an option calls it."""
        return f"plateau(patience={self.patience}, factor={self.factor:g}, least={self.least:g})"

    @property
    def formula(self) -> str:
        """What it does, in one line."""
        worse = f"after each {self.patience} epochs in a row without a lower loss"
        return f"{self.factor:g} f, at least {self.least:g}, {worse}"


def plateau(patience: float = 10, factor: float = 0.1, least: float = 1e-4) -> Plateau:
    """f ← factor · f after ``patience`` epochs without a lower loss."""
    _positive("plateau", patience=patience, factor=factor)
    _fraction("plateau", factor=factor, least=least)
    return Plateau(int(patience), factor, least)


SCHEDULES: Mapping[str, Callable[..., Schedule | Plateau]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "plateau": plateau,
    "warmup": warmup,
}
"""The schedules that an option may name."""


def schedule_named(text: str | Schedule | Plateau) -> Schedule | Plateau:
    """The schedule that a text describes, or the schedule itself.

    Args:
        text: a name, perhaps with parameters; ``warmup(steps=500) + cosine`` puts a warm-up before another.

    Raises:
        SpecificationError: unknown names, or values that make no schedule.

    Example:
        >>> schedule_named("step(every=30)").text
        'step(every=30, factor=0.1)'
        >>> schedule_named("warmup(steps=5) + cosine").formula
        '(t + 1) / 5 for t < 5, then 0 + 1 (1 + cos(π t/T)) / 2 over the rest'
        >>> schedule_named("cosin")
        Traceback (most recent call last):
        backproof.errors.SpecificationError: unknown schedule 'cosin'; did you mean 'cosine'?
    """
    if isinstance(text, Schedule | Plateau):
        return text
    call = read_call(text, SCHEDULES, what="schedule")
    if call.rest is None:
        return SCHEDULES[call.name](**call.given)
    following = schedule_named(call.rest)
    if call.name != "warmup" or not isinstance(following, Schedule):
        raise SpecificationError(f"{text!r}: only a warm-up comes before another schedule, and not before plateau")
    return warmup(call.given.get("steps", 100.0), following)


def _positive(name: str, **values: float) -> None:
    for key, value in values.items():
        if not 0 < value < float("inf"):
            raise SpecificationError(f"{name}: {key} must be a positive number, got {value:g}")


def _fraction(name: str, **values: float) -> None:
    for key, value in values.items():
        if not 0 <= value <= 1:
            raise SpecificationError(f"{name}: {key} must be from 0 to 1, got {value:g}")
