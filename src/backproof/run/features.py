"""The columns of a table as one matrix of numbers, learnt on the training part only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from backproof.errors import DataError
from backproof.run.columns import Kind
from backproof.run.fitted import (
    DATE_PARTS,
    FittedCategories,
    FittedColumn,
    FittedDate,
    FittedNumber,
    Matrix,
    matrix_of,
)
from backproof.run.memory import refuse_absurd_size
from backproof.run.split import Split
from backproof.run.tables import Table
from backproof.run.wording import columns_text, first_few, plural, quoted, quoted_path

MOST_CATEGORIES = 50
MISSING_CATEGORY = "missing"

_UNIT_TOLERANCE = 1e-6
_COPIES = 3  # both parts, and what scikit-learn stacks them from


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The matrices ``(rows, features)`` of both parts, and the columns that their features come from."""

    X_train: Matrix
    X_test: Matrix
    columns: tuple[FittedColumn, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the matrices."""
        return tuple(name for column in self.columns for name in column.outputs)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The names of the columns that are treated alike."""

    numbers: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)


def fit_features(table: Table, split: Split) -> Features:
    """(x − mean) / scale of numbers and of the parts of dates, 0 or 1 for truth values, one indicator per category.

    Raises:
        DataError: no feature varies in the training part, a column overflows, or memory does not suffice.
    """
    frame, notes = _varying(table, split)
    groups = _groups(table, frame)
    names = [*groups.numbers, *groups.dates, *groups.truths, *groups.categories]
    missing = {name: frame[name].null_count() for name in names if frame[name].null_count()}
    frame = frame.with_columns(
        pl.col(groups.truths).cast(pl.Float64), pl.col(groups.categories).fill_null(MISSING_CATEGORY)
    )
    _refuse_too_wide(frame, groups, split)
    _refuse_overflow(table, groups.numbers)
    train = frame[split.train]
    with np.errstate(all="ignore"):  # overflow is refused below, by name
        columns = _fitted_columns(train, groups)
        X_train, X_test = matrix_of(columns, train), matrix_of(columns, frame[split.test])
    _refuse_unscaled(table, columns, X_train, X_test)
    notes += _date_notes(columns)
    notes += _missing_notes(groups, missing)
    notes += _category_notes(columns, frame[split.test])
    return Features(X_train, X_test, columns, tuple(notes))


def _varying(table: Table, split: Split) -> tuple[pl.DataFrame, list[str]]:
    """The features that take at least two values in the training part."""
    train = table.frame[split.train]
    same = [name for name in table.features if _is_flat(train[name], table.kinds[name])]
    kept = [name for name in table.features if name not in same]
    if not kept:
        raise DataError(
            f"{quoted_path(table.source)}: no column varies in the training part, so there is nothing to learn; "
            "add rows"
        )
    notes = [f"{columns_text(same)} dropped: the same value in every row of the training part"] if same else []
    return table.frame.select(kept), notes


def _is_flat(train: pl.Series, kind: Kind) -> bool:
    """Whether there is one value only; numbers that differ by rounding are one, as StandardScaler sees them."""
    present = train.drop_nulls()
    if kind == "categorical" and train.null_count():
        return present.is_empty()
    if present.n_unique() < 2 or kind in ("categorical", "boolean"):
        return present.n_unique() < 2
    x = present.to_numpy()
    with np.errstate(all="ignore"):
        mean, spread = x.mean(), x.std()
    return bool(np.isfinite(mean) and 0.0 < spread <= train.len() * np.finfo(np.float64).eps * abs(mean))


def _groups(table: Table, frame: pl.DataFrame) -> _Groups:
    groups = _Groups()
    for name in frame.columns:
        match table.kinds[name]:
            case "numeric":
                groups.numbers.append(name)
            case "date":
                groups.dates.append(name)
            case "boolean":
                groups.truths.append(name)
            case "categorical":
                groups.categories.append(name)
    return groups


def _refuse_too_wide(frame: pl.DataFrame, groups: _Groups, split: Split) -> None:
    train = frame[split.train]
    width = len(groups.numbers) + len(groups.truths) + len(DATE_PARTS) * len(groups.dates)
    width += sum(min(MOST_CATEGORIES, train[name].n_unique()) for name in groups.categories)
    refuse_absurd_size(
        8 * _COPIES * width * frame.height,
        f"preparing {frame.height} rows of {width} features",
        "use fewer rows, or leave out columns with many categories",
    )


def _fitted_columns(train: pl.DataFrame, groups: _Groups) -> tuple[FittedColumn, ...]:
    """Each column with what is learnt on it, in the order of the matrix."""
    return (
        *_fitted_numbers(train, groups.numbers),
        *(_fitted_date(train[name]) for name in groups.dates),
        *_fitted_truths(train, groups.truths),
        *_fitted_categories(train, groups.categories),
    )


def _fitted_numbers(train: pl.DataFrame, names: list[str]) -> list[FittedColumn]:
    if not names:
        return []
    imputer, scaler = SimpleImputer(strategy="median"), StandardScaler()
    scaler.fit(imputer.fit_transform(train.select(names).to_numpy()))
    learnt = zip(names, imputer.statistics_, scaler.mean_, scaler.scale_, strict=True)
    return [FittedNumber(name, "numeric", float(fill), float(mean), float(scale)) for name, fill, mean, scale in learnt]


def _fitted_date(train: pl.Series) -> FittedDate:
    """The parts that vary; the days do, or the column would have been dropped."""
    fill = float(np.median(train.drop_nulls().to_numpy()))
    days = train.fill_null(fill).to_numpy()
    parts = {name: part(days) for name, part in DATE_PARTS.items()}
    varying = {name: values for name, values in parts.items() if not _is_flat(pl.Series(values), "date")}
    means, scales = ([float(f(values)) for values in varying.values()] for f in (np.mean, np.std))
    return FittedDate(train.name, "date", fill, tuple(varying), tuple(means), tuple(scales))


def _fitted_truths(train: pl.DataFrame, names: list[str]) -> list[FittedColumn]:
    if not names:
        return []
    fills = SimpleImputer(strategy="most_frequent").fit(train.select(names).to_numpy()).statistics_
    return [FittedNumber(name, "boolean", float(fill), 0.0, 1.0) for name, fill in zip(names, fills, strict=True)]


def _fitted_categories(train: pl.DataFrame, names: list[str]) -> list[FittedColumn]:
    if not names:
        return []
    encoder = OneHotEncoder(handle_unknown="ignore", max_categories=MOST_CATEGORIES).fit(train.select(names).to_numpy())
    found: list[FittedColumn] = []
    for name, every, infrequent in zip(names, encoder.categories_, encoder.infrequent_categories_, strict=True):
        rare = () if infrequent is None else tuple(map(str, infrequent))
        alone = tuple(str(category) for category in every if category not in set(rare))
        found.append(FittedCategories(name, "categorical", MISSING_CATEGORY, alone, rare))
    return found


def _refuse_overflow(table: Table, names: list[str]) -> None:
    """Refuse columns whose variance is beyond float64, before medians and means of them are taken."""
    for name in names:
        with np.errstate(all="ignore"):
            variance = table.frame[name].drop_nulls().to_numpy().var()
        if not np.isfinite(variance):
            raise _unscalable(table, name)


def _refuse_unscaled(table: Table, columns: tuple[FittedColumn, ...], X_train: Matrix, X_test: Matrix) -> None:
    """Refuse a column of numbers that scaling did not bring to unit variance, as where it underflows."""
    position = 0
    for column in columns:
        end = position + len(column.outputs)
        if isinstance(column, FittedDate) or (isinstance(column, FittedNumber) and column.kind != "boolean"):
            spread = X_train[:, position:end].std(axis=0)
            if not ((abs(spread - 1.0) < _UNIT_TOLERANCE).all() and np.isfinite(X_test[:, position:end]).all()):
                raise _unscalable(table, column.name)
        position = end


def _unscalable(table: Table, name: str) -> DataError:
    return DataError(
        f"{quoted_path(table.source)}, column {quoted(name)}: its values are too large, or too near to each other, "
        "to be scaled in float64; give them in another unit"
    )


def _date_notes(columns: tuple[FittedColumn, ...]) -> list[str]:
    return [
        f"column {quoted(column.name)}: dates, taken apart into {', '.join(column.parts)} (days since 1970-01-01)"
        for column in columns
        if isinstance(column, FittedDate)
    ]


def _missing_notes(groups: _Groups, missing: dict[str, int]) -> list[str]:
    ways = (
        ([*groups.numbers, *groups.dates], "imputed with the median of the training part"),
        (groups.truths, "imputed with the more frequent truth value of the training part"),
        (groups.categories, f"taken as a category of their own, {quoted(MISSING_CATEGORY)}"),
    )
    notes = []
    for names, how in ways:
        counts = [f"{quoted(name)} ({missing[name]})" for name in names if name in missing]
        if counts:
            total = sum(missing.get(name, 0) for name in names)
            notes.append(f"{plural(total, 'missing value')} {how}: {first_few(counts)}")
    return notes


def _category_notes(columns: tuple[FittedColumn, ...], test: pl.DataFrame) -> list[str]:
    notes = []
    for column in columns:
        if not isinstance(column, FittedCategories):
            continue
        known = [*column.categories, *column.rare]
        if column.rare:
            notes.append(
                f"column {quoted(column.name)}: {len(known)} categories, the {len(column.rare)} rarest share "
                f"the feature {quoted(column.outputs[-1])}"
            )
        if new := test.height - int(test[column.name].is_in(known).sum()):
            notes.append(
                f"column {quoted(column.name)}: {plural(new, 'held-out row')} with a category that the "
                "training part lacks; all its indicators are 0 there"
            )
    return notes
