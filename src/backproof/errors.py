"""Every error that Backproof raises on purpose.

    BackproofError
    ├── SpecificationError (ValueError)   a network specification, option or name that means nothing
    │   └── FormulaError                  a formula that the grammar refuses; knows the column
    ├── ShapeError (ValueError)           two shapes that do not fit; names both operands
    ├── UnsupportedError (ValueError)     meaningful, but not built yet
    ├── DataError (ValueError)            a table or array that cannot be used
    ├── NonFiniteError (ArithmeticError)  a quantity became NaN or infinite; names the equation
    │   └── DivergenceError               it happened in training; knows the epoch, the step and the last finite weights
    ├── CallbackError                     a callback of a training failed; has the weights and the history
    ├── NotProvedError                    a step of a derivation does not hold, so nothing is made with it
    ├── WrongGradientError (AssertionError)  a check found something wrong, or could not decide
    └── OutputError (OSError)             a file that could not be written; nothing half-written is left

and a warning, CheckpointWarning: a checkpoint could not be written or used; the training goes on.

Each message is one line: what happened, where, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class BackproofError(Exception):
    """The base class: `except BackproofError` catches everything raised here on purpose."""


class SpecificationError(BackproofError, ValueError):
    """A network specification, option or name that means nothing."""


class FormulaError(SpecificationError):
    """A formula that the grammar refuses."""

    def __init__(self, message: str, *, formula: str = "", column: int | None = None) -> None:
        super().__init__(message)
        self.formula = formula
        self.column = column


class ShapeError(BackproofError, ValueError):
    """Two shapes that do not fit together."""


class UnsupportedError(BackproofError, ValueError):
    """Something meaningful that Backproof does not do yet."""


class DataError(BackproofError, ValueError):
    """A table or an array that cannot be used as it is."""


class NonFiniteError(BackproofError, ArithmeticError):
    """A quantity became NaN or infinite."""

    def __init__(self, message: str, *, quantity: str) -> None:
        super().__init__(message)
        self.quantity = quantity


class DivergenceError(NonFiniteError):
    """Training met a quantity that became NaN or infinite.

    Attributes:
        quantity: the first quantity that was.
        epoch, step: where, counted from 1; the step within the whole run.
        params: the last weights that were finite.
    """

    def __init__(self, message: str, *, quantity: str, epoch: int, step: int, params: Mapping[str, Any]) -> None:
        super().__init__(message, quantity=quantity)
        self.epoch = epoch
        self.step = step
        self.params = params


class CallbackError(BackproofError):
    """A callback of a training failed.

    Attributes:
        params: the weights after the epoch.
        history: the records of all epochs so far.
    """

    def __init__(self, message: str, *, params: Mapping[str, Any], history: tuple[Any, ...]) -> None:
        super().__init__(message)
        self.params = params
        self.history = history


class NotProvedError(BackproofError):
    """A step of a derivation does not hold, so nothing is made with it."""


class WrongGradientError(BackproofError, AssertionError):
    """A check found a gradient wrong, or could not decide whether it is right."""


class OutputError(BackproofError, OSError):
    """A file or folder that could not be written."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written or used; the training goes on."""


def suggestion(word: str, choices: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, or all of them.

    Example:
        >>> suggestion("sigmiod", ["sigmoid", "tanh"])
        "did you mean 'sigmoid'?"
        >>> suggestion("foo", ["sigmoid", "tanh"])
        'choose one of: sigmoid, tanh'
    """
    known = sorted(choices)
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}"
