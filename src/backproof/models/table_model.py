"""A trained network with all that it takes to use it on tables like the one that it learnt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.derivation import Derivation, derive
from backproof.errors import DataError, SpecificationError
from backproof.files import atomic_write_bytes
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.models.contents import Contents
from backproof.models.file import decoded, encoded
from backproof.models.given import frame_of
from backproof.run.columns import values_as
from backproof.run.fitted import Matrix, matrix_of
from backproof.run.memory import refuse_absurd_size
from backproof.run.sources import Part, Parts, named, parts_of, refuse_no_file
from backproof.run.wording import columns_text, listed, plural, quoted
from backproof.training.predict import predict


class TableModel:
    """ŷ of the rows of a table: what it learnt of their columns, then the network. ``bp.load_model`` reads one.

    Args:
        contents: of its file.

    Example:
        >>> import backproof as bp
        >>> from backproof.models.examples import small_model
        >>> model = small_model()
        >>> model
        <TableModel classification of 'kind': 3-4-2 network, 2 columns>
        >>> model.predict({"size": [1.0, 9.0], "colour": ["red", "blue"]}).tolist()
        ['small', 'large']
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents

    def __repr__(self) -> str:
        contents = self.contents
        columns, sizes = plural(len(contents.columns), "column"), "-".join(map(str, contents.network.sizes))
        return f"<TableModel {contents.task} of {quoted(contents.target.name)}: {sizes} network, {columns}>"

    # --- the network --------------------------------------------------------------------------------------------------

    @cached_property
    def program(self) -> Program:
        """The network's equations."""
        return self.contents.network.program()

    @cached_property
    def derivation(self) -> Derivation:
        """The derivation of its gradients, made again."""
        return derive(self.program)

    # --- predictions --------------------------------------------------------------------------------------------------

    def predict(self, data: Any) -> NDArray[Any]:
        """The class of each row, or its number in the target's units, ``(rows,)``.

        Args:
            data: a DataFrame of polars or pandas, a mapping of columns, a matrix with the columns ``contents.inputs``,
                or the path of a file that ``backproof predict`` reads.

        Raises:
            DataError: a column is missing, or a value is not of the kind of its column.
        """
        found = [self.told(y_hat) for _, y_hat in self._parts(data)]
        return np.concatenate(found) if found else self.told(np.empty((0, self.contents.network.sizes[-1])))

    def predict_proba(self, data: Any) -> Array:
        """The probability of each class, ``(rows, classes)``; arguments as for ``predict``.

        Raises:
            SpecificationError: the model tells numbers.
        """
        if self.contents.target.labels is None:
            raise SpecificationError("this model predicts numbers, which have no probabilities; call predict")
        found = [y_hat for _, y_hat in self._parts(data)]
        return np.concatenate(found) if found else np.empty((0, self.contents.network.sizes[-1]))

    def told(self, y_hat: Array) -> NDArray[Any]:
        """What the network's outputs mean: labels, or numbers in the target's units."""
        target = self.contents.target
        if target.labels is None:
            return np.asarray(target.mean + target.scale * y_hat[:, 0].astype(np.float64))
        labels: NDArray[Any] = np.array(target.labels, dtype=object)
        return np.asarray(labels[y_hat.argmax(axis=1)])

    def outputs(self, part: Part, *, decimal_comma: bool = False) -> Array:
        """The network's outputs for some rows, ``(rows, outputs)``.

        Raises:
            DataError: a value is not of the kind of its column, or too large; says where.
        """
        X = self._features(part, decimal_comma)
        if len(X) == 0:
            return np.empty((0, self.contents.network.sizes[-1]))
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused by its name
                return self._predicted(X)
        except ArithmeticError as error:
            raise DataError(f"{part.place(0)} and following: {error}; look for values far beyond the usual") from None

    def _predicted(self, X: Matrix) -> Array:
        return predict(self.program, self.contents.parameters, X, dtype=self.contents.dtype)

    def check_columns(self, names: tuple[str, ...]) -> None:
        """Refuse a table in which a column is missing.

        Raises:
            DataError: says which, and which there are.
        """
        if missing := [name for name in self.contents.inputs if name not in names]:
            raise DataError(
                f"the model needs {columns_text(missing)}, which the table lacks; it has {listed(names, most=20)}"
            )

    def _features(self, part: Part, decimal_comma: bool) -> Matrix:
        columns = self.contents.columns
        values = [
            values_as(column.kind, part.frame[column.name], part.place, decimal_comma=decimal_comma)
            for column in columns
        ]
        X = matrix_of(columns, pl.DataFrame(values))
        with np.errstate(over="ignore"):
            finite = np.isfinite(X.astype(self.contents.dtype))
        if not finite.all():
            row, place = (int(number) for number in np.argwhere(~finite)[0])
            name = [column.name for column in columns for _ in column.outputs][place]
            where = f"column {quoted(name)}, {part.place(row)}"
            raise DataError(f"{where}: the value is too large; give it in another unit")
        return X

    def _parts(self, data: Any) -> Iterator[tuple[Part, Array]]:
        if isinstance(data, str | os.PathLike):
            with self.reading(Path(data)) as table:
                yield from ((part, self.outputs(part, decimal_comma=table.decimal_comma)) for part in table.parts)
            return
        frame = frame_of(data, self.contents.inputs)
        self.check_columns(tuple(frame.columns))
        part = Part(frame, "row {}".format)
        yield part, self.outputs(part)

    @contextmanager
    def reading(self, path: Path) -> Iterator[Parts]:
        """A file that has the model's columns, its rows a part at a time; what is wrong is said with its name.

        Raises:
            DataError: the file cannot be read, or lacks a column.
        """
        with parts_of(path) as table:
            self.check_columns(table.names)
            yield table

    # --- files --------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as one safetensors file, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        atomic_write_bytes(path, encoded(self.contents))


def load_model(path: str | os.PathLike[str]) -> TableModel:
    """The model in a file that ``backproof train`` or ``TableModel.save`` wrote; nothing in it is executed.

    Raises:
        DataError: the file cannot be read, was altered, or does not fit together; one line with its name.

    Example:
        >>> import tempfile
        >>> from backproof.models.examples import small_model
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     small_model().save(f"{folder}/kind.safetensors")
        ...     load_model(f"{folder}/kind.safetensors").contents.target.labels
        ('large', 'small')
    """
    path = Path(path)
    with named(path):
        refuse_no_file(path)
        # the bytes, the arrays made of them, and what is checked beside
        refuse_absurd_size(3 * path.stat().st_size, "the model", "use a machine with more")
        return TableModel(decoded(path.read_bytes()))
