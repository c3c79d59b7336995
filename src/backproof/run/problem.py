"""What is learnt in a run: the data, the network that fits them, and how it is trained."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from backproof.emit.data_section import SEED_DATA
from backproof.errors import DataError, SpecificationError
from backproof.ir.program import Program
from backproof.kernels.backends import AUTO
from backproof.models.network import NetworkSpecification, formulas_of
from backproof.run.fitted import FittedNumber
from backproof.run.memory import refuse_absurd_size
from backproof.run.prepare import Prepared, digits, prepare
from backproof.run.settings import Settings
from backproof.run.tables import Table, column_names, read_table
from backproof.run.wording import listed, plural, quoted_path

HIDDEN: tuple[int, ...] = (32,)
ACTIVATION = ("relu",)
TEST_SHARE = 0.25
OPTIMIZER, LEARNING_RATE, BATCH_SIZE, DTYPE = "adam", 0.003, 32, "float64"

FEWEST_EPOCHS, ENOUGH_STEPS = 40, 1_000
"""Small tables are seen more often than this, until enough updates are made."""
MANY_STEPS, FEWEST_EPOCHS_OF_LARGE_TABLES = 100_000, 5
"""Large tables are seen less often, so that a run ends."""

SEED_SIZES, SEED_EPOCHS, SEED_RATE = (3, 2, 1), 1_000, 0.5
"""The network, the iterations and alpha of the seed's listing."""

DIGIT_IMAGE = (8, 8)

_COPIES_OF_PARAMETERS = 9  # themselves, the gradients, what Adam remembers, each of them before and after a step
_COPIES_OF_UNITS = 4  # outputs and adjoints, with what is computed between


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the network is trained."""

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    backend: str = AUTO
    dtype: str = DTYPE


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Data, network and schedule.

    Args:
        title: what the data are, for people.
        prepared: the matrices of both parts; the held-out part may have no rows.
        network: what builds the program.
        program: the network.
        schedule: how it is trained.
        source: what finds the same data again, for JSON.
        image: rows and columns, where the features are the pixels of an image.
    """

    title: str
    prepared: Prepared
    network: NetworkSpecification
    program: Program
    schedule: Schedule
    source: Mapping[str, object]
    image: tuple[int, int] | None = None

    @property
    def specification(self) -> str:
        """The sizes of the network: ``64-32-10``."""
        return self.program.structure.specification if self.program.structure else ""

    @property
    def has_test_part(self) -> bool:
        """Whether rows are held out."""
        return len(self.prepared.X_test) > 0


def problem(settings: Settings) -> Problem:
    """The data read and prepared, with a network and a schedule for them.

    Raises:
        DataError: the table cannot be used, or memory does not suffice.
        SpecificationError: a setting that does not fit the data.

    Example:
        >>> made = problem(Settings())
        >>> made.specification, made.schedule.epochs, made.has_test_part
        ('64-32-10', 40, True)
    """
    if settings.example == "seed":
        return _seeds_example(settings)
    share, seed = settings.test if settings.test is not None else TEST_SHARE, settings.seed or 0
    if settings.data is None:
        made = digits(test_fraction=share, seed=seed)
        return fitted("Handwritten digits", made, settings, {"example": "digits"}, image=DIGIT_IMAGE)
    path = Path(settings.data)
    if settings.target is None:
        found = listed(column_names(path), most=30)
        raise DataError(f"{quoted_path(path)}: name the column to predict with --target; the columns are {found}")
    table = read_table(path, target=settings.target)
    made = prepare(table, task=settings.task or "auto", test_fraction=share, seed=seed)
    return fitted(f"{path.name}: {settings.target}", made, settings, source_of(path, table))


def resolved(settings: Settings, made: Problem) -> Settings:
    """The settings with every choice that was left to the run, so that they repeat it whatever the defaults become.

    Example:
        >>> resolved(Settings(), problem(Settings())).network
        (32,)
    """
    schedule, structure = made.schedule, made.program.structure
    assert structure is not None  # a run's program is a network
    free = Settings(
        epochs=schedule.epochs,
        learning_rate=schedule.learning_rate,
        seed=schedule.seed,
        backend=schedule.backend,
        dtype=schedule.dtype,
    )
    if settings.example == "seed":
        return settings.overridden(free)
    hidden = structure.layers[:-1]
    chosen = Settings(
        data=settings.data,
        example=None if settings.data is not None else "digits",
        target=settings.target,
        task=None if settings.data is None else made.prepared.task,
        network=tuple(layer.outputs for layer in hidden),
        activation=tuple(layer.activation for layer in hidden),
        test=settings.test if settings.test is not None else TEST_SHARE,
        batch_size=schedule.batch_size,
        optimizer=schedule.optimizer,
        penalty=settings.penalty,
    )
    return chosen.overridden(free)


def fitted(
    title: str,
    made: Prepared,
    settings: Settings,
    source: Mapping[str, object],
    *,
    loss: str | None = None,
    image: tuple[int, int] | None = None,
) -> Problem:
    """Data with a network and a schedule for them.

    Args:
        title: what the data are, for people.
        made: the matrices.
        settings: what the user asked for.
        source: what finds the same data again.
        loss: of a regression; the mean squared error where None.
        image: rows and columns, where the features are the pixels of an image.

    Raises:
        DataError: memory does not suffice.
        SpecificationError: a setting that does not fit the data.
    """
    network = _network(made, settings, loss)
    _refuse_too_large(network.sizes, len(made.X_train))
    return Problem(title, made, network, network.program(), _schedule(settings, len(made.X_train)), source, image)


def _network(made: Prepared, settings: Settings, loss: str | None) -> NetworkSpecification:
    hidden = HIDDEN if settings.network is None else settings.network
    given = settings.activation or ACTIVATION
    activations = given * len(hidden) if len(given) == 1 else given
    if len(activations) != len(hidden):
        raise SpecificationError(
            f"{plural(len(activations), 'activation')} for {plural(len(hidden), 'hidden layer')}; "
            "give one for all, or one for each hidden layer"
        )
    classes = made.task == "classification"
    if classes and loss is not None and loss != "cross_entropy":
        raise SpecificationError(f"the loss {loss!r} is for numbers; classes are learnt by cross_entropy")
    activations = (*activations, "softmax" if classes else "identity")
    loss = "cross_entropy" if classes else loss or "mean_squared_error"
    formulas, loss_formula = formulas_of(activations, loss)
    return NetworkSpecification(
        (made.X_train.shape[1], *hidden, made.Y_train.shape[1]),
        activations,
        loss,
        penalty=settings.penalty or None,
        formulas=formulas,
        loss_formula=loss_formula,
    )


def _schedule(settings: Settings, rows: int) -> Schedule:
    batch_size = settings.batch_size or min(BATCH_SIZE, rows)
    if batch_size > rows:
        raise SpecificationError(
            f"the batch size {batch_size} is more than the {plural(rows, 'row')} of the training part; use at most that"
        )
    return Schedule(
        optimizer=settings.optimizer or OPTIMIZER,
        learning_rate=settings.learning_rate or LEARNING_RATE,
        batch_size=batch_size,
        epochs=settings.epochs or default_epochs(math.ceil(rows / batch_size)),
        seed=settings.seed or 0,
        backend=settings.backend or AUTO,
        dtype=settings.dtype or DTYPE,
    )


def default_epochs(steps_per_epoch: int) -> int:
    """How often the training part is seen: often enough for small tables, not too often for large ones.

    Example:
        >>> [default_epochs(steps) for steps in (1, 5, 43, 100_000)]
        [1000, 200, 40, 5]
    """
    wanted = max(FEWEST_EPOCHS, math.ceil(ENOUGH_STEPS / steps_per_epoch))
    return min(wanted, max(FEWEST_EPOCHS_OF_LARGE_TABLES, MANY_STEPS // steps_per_epoch))


def _seeds_example(settings: Settings) -> Problem:
    X, Y = (np.asarray(SEED_DATA[id], dtype=np.float64) for id in ("X", "y"))
    rows, names = np.arange(len(X)), tuple(f"x_{number}" for number in range(1, X.shape[1] + 1))
    made = Prepared(
        task="regression",
        X_train=X,
        Y_train=Y,
        X_test=X[:0],
        Y_test=Y[:0],
        feature_names=names,
        class_labels=None,
        target_name="y",
        target_mean=0.0,
        target_scale=1.0,
        train_rows=rows,
        test_rows=rows[:0],
        notes=("data: the one sample of the seed's listing, X = [0, 0, 1] and y = 0; nothing is held out",),
        preparation={"task": "regression"},
        columns=tuple(FittedNumber(name, "numeric", fill=0.0, mean=0.0, scale=1.0) for name in names),
        inputs=names,
    )
    schedule = Schedule(
        optimizer="sgd",
        learning_rate=settings.learning_rate or SEED_RATE,
        batch_size=len(X),
        epochs=settings.epochs or SEED_EPOCHS,
        seed=settings.seed or 0,
        backend=settings.backend or AUTO,
        dtype=settings.dtype or DTYPE,
    )
    network = NetworkSpecification(SEED_SIZES, ("sigmoid", "sigmoid"), "half_squared_error", bias=False)
    return Problem("The seed's example", made, network, network.program(), schedule, {"example": "seed"})


def _refuse_too_large(sizes: tuple[int, ...], rows: int) -> None:
    parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
    need = 8 * (_COPIES_OF_PARAMETERS * parameters + _COPIES_OF_UNITS * rows * sum(sizes))
    specification = "-".join(map(str, sizes))
    refuse_absurd_size(need, f"training the network {specification} on {rows} rows", "make its hidden layers smaller")


def source_of(path: Path, table: Table) -> dict[str, object]:
    """What finds the same table again."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": str(path), "sha256": digest, "target": table.target, "rows": table.rows}
