"""What a run was asked for: everything that its figures depend on, checked, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from backproof.errors import DataError, SpecificationError, suggestion
from backproof.ir.arguments import FLOATS, positive_number, whole_number
from backproof.kernels.backends import backend_named
from backproof.optimizers import optimizer_named
from backproof.rules.elementwise import activation_named
from backproof.run.wording import quoted

Example = Literal["digits", "seed"]
EXAMPLES: tuple[Example, ...] = get_args(Example)
TASKS = ("auto", "classification", "regression")
NO_HIDDEN_LAYER = "none"

FREE_IN_THE_SEEDS_EXAMPLE = frozenset({"example", "epochs", "learning_rate", "seed", "backend", "dtype"})
"""All else is given by the seed's own listing."""

SOURCE = frozenset({"data", "example", "target", "task"})
"""What says where the data come from."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for; None where the choice was left to the run.

    Args:
        data: a table, ``.csv``, ``.tsv`` or ``.parquet``.
        target: the column to predict.
        example: data that need no file: ``"digits"`` (the default) or ``"seed"``.
        network: the sizes of the hidden layers; what comes in and out follows from the data.
        activation: of the hidden layers: one for all, or one each.
        task: ``"auto"``, ``"classification"`` or ``"regression"``.
        test: the share of the rows to hold out.
        epochs: passes over the training part.
        learning_rate: η.
        batch_size: rows per update.
        optimizer: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        penalty: λ of an L2 penalty λ/2 · Σ w².
        seed: of the split, of the initial weights and of the order of the batches.
        backend: what computes the training, ``"auto"``, ``"numpy"`` or ``"llvm"`` (machine code).
        dtype: of its numbers, ``"float64"`` or ``"float32"``.

    Raises:
        SpecificationError: a value or a combination that means nothing.

    Example:
        >>> Settings(epochs=0)
        Traceback (most recent call last):
        backproof.errors.SpecificationError: the number of epochs must be at least 1, got 0
    """

    data: str | None = None
    target: str | None = None
    example: str | None = None
    network: tuple[int, ...] | None = None
    activation: tuple[str, ...] | None = None
    task: str | None = None
    test: float | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    penalty: float | None = None
    seed: int | None = None
    backend: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        _check_numbers(self)
        _check_words(self)
        _check_source(self)

    def given(self) -> dict[str, Any]:
        """What was asked for, without what was left to the run."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def overridden(self, other: Settings) -> Settings:
        """These settings, with those that were given in the other; other data replace these."""
        own, new = self.given(), other.given()
        replaced = SOURCE if new.keys() & {"data", "example"} else frozenset()
        kept = {name: value for name, value in own.items() if name not in replaced}
        return Settings(**{**kept, **new})


def hidden_sizes(text: str) -> tuple[int, ...]:
    """The hidden layers of ``--network``: sizes with commas between, or ``none``.

    Raises:
        SpecificationError: anything else; the message says which part is wrong.

    Example:
        >>> hidden_sizes("16,8"), hidden_sizes("none")
        ((16, 8), ())
    """
    if text.strip().lower() == NO_HIDDEN_LAYER:
        return ()
    if re.fullmatch(r"\s*\d+(\s*-\s*\d+)+\s*", text):
        raise SpecificationError(
            f"network {quoted(text)}: give the hidden layers only, with commas between, such as 16,8; "
            "the first and the last layer follow from the data"
        )
    return tuple(_size(text, number, part) for number, part in enumerate(text.split(","), start=1))


def settings_from_json(data: object) -> Settings:
    """The settings that ``run.json`` holds.

    Raises:
        DataError: it is no such object.
        SpecificationError: a value in it means nothing.
    """
    if not isinstance(data, Mapping):
        raise DataError("its settings are no JSON object; give a run.json that backproof run wrote")
    known = {field.name for field in fields(Settings)}
    for name in data:
        if name not in known:
            raise DataError(f"it has a setting {quoted(name)}, which is not known; {suggestion(str(name), known)}")
    values: dict[str, Any] = {
        str(name): tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    return Settings(**values)


def _size(text: str, number: int, part: str) -> int:
    digits = part.strip()
    if not re.fullmatch(r"[0-9]{1,9}", digits) or int(digits) == 0:
        found = quoted(digits) if digits else "nothing"
        raise SpecificationError(
            f"network {quoted(text)}: hidden layer {number} must be a number of units, found {found}; "
            f"write sizes with commas between, such as 16,8, or {NO_HIDDEN_LAYER}"
        )
    return int(digits)


def _check_types(settings: Settings) -> None:
    """Texts are texts and lists are lists: settings may come out of a file."""
    for name in ("data", "target", "example", "task", "optimizer", "backend", "dtype"):
        value = getattr(settings, name)
        if value is not None and not isinstance(value, str):
            raise SpecificationError(f"the setting {name} must be text, got {value!r}")
    for name in ("network", "activation"):
        value = getattr(settings, name)
        if value is not None and not isinstance(value, tuple):
            raise SpecificationError(f"the setting {name} must be a list, got {value!r}")


def _check_numbers(settings: Settings) -> None:
    if settings.epochs is not None:
        whole_number("the number of epochs", settings.epochs, 1)
    if settings.batch_size is not None:
        whole_number("the batch size", settings.batch_size, 1)
    if settings.seed is not None:
        whole_number("the seed", settings.seed, 0)
    if settings.learning_rate is not None:
        positive_number("the learning rate", settings.learning_rate)
    if settings.penalty is not None and settings.penalty != 0:
        positive_number("the penalty", settings.penalty)
    if settings.test is not None and not 0 < positive_number("the held-out share", settings.test) < 1:
        raise SpecificationError(f"the held-out share must be between 0 and 1, got {settings.test}; try 0.25")
    for number, size in enumerate(settings.network or (), start=1):
        whole_number(f"the size of hidden layer {number}", size, 1)


def _check_words(settings: Settings) -> None:
    if settings.optimizer is not None:
        optimizer_named(settings.optimizer)
    for activation in settings.activation or ():
        if not isinstance(activation, str):
            raise SpecificationError(f"an activation is a name, got {activation!r}")
        if activation != "softmax":
            activation_named(activation)
    if settings.backend is not None:
        backend_named(settings.backend)
    known_words = (
        ("task", settings.task, TASKS),
        ("example", settings.example, EXAMPLES),
        ("dtype", settings.dtype, FLOATS),
    )
    for what, value, known in known_words:
        if value is not None and value not in known:
            raise SpecificationError(f"unknown {what} {quoted(value)}; {suggestion(value, known)}")


def _check_source(settings: Settings) -> None:
    if settings.data is not None and settings.example is not None:
        raise SpecificationError(f"give data or the example {settings.example}, not both")
    if settings.data is None:
        for name in ("target", "task"):
            if getattr(settings, name) is not None:
                raise SpecificationError(f"--{name} says how to read a table; name the table with --data FILE")
    if settings.example == "seed":
        for name in settings.given():
            if name not in FREE_IN_THE_SEEDS_EXAMPLE:
                option = name.replace("_", "-")
                raise SpecificationError(f"the seed's example has its own network and data; leave --{option} out")
