"""A model with every kind of column and of option, and rows for it."""

from __future__ import annotations

import numpy as np
import polars as pl

from backproof.models.contents import Contents, Target, written_by
from backproof.models.network import NetworkSpecification
from backproof.models.table_model import TableModel
from backproof.run.fitted import FittedCategories, FittedDate, FittedNumber


def rich_model() -> TableModel:
    """Every kind of column and of option, user formulas, float32."""
    network = NetworkSpecification(
        (6, 3, 1),
        ("cubic", "identity"),
        "quartic",
        penalty=0.1234567,
        penalty_l1=0.5,
        normalization="batch",
        dropout=0.25,
        weighted=True,
        formulas={"cubic": "x + x^3/30"},
        loss_formula="sum((y_hat - y)^4)/n",
    )
    columns = (
        FittedNumber("größe", "numeric", 5.0, 5.0, 2.5),
        FittedDate("sold", "date", 19_000.5, ("days", "month"), (19_000.0, 6.0), (100.0, 3.0)),
        FittedNumber("paid", "boolean", 1.0, 0.0, 1.0),
        FittedCategories("colour", "categorical", "missing", ("red",), ("grün", "missing")),
    )
    rng = np.random.default_rng(0)
    arrays = {
        name.id: (rng.random(tuple(int(str(dim)) for dim in name.shape)) + 0.1).astype(np.float32)
        for name in network.program().predicting.parameters
    }
    target = Target("price", None, 100.0, 20.0)
    names = ("colour", "größe", "sold", "paid")
    return TableModel(Contents(network, arrays, columns, names, target, "0" * 64, {"rows": "none"}, written_by()))


ROWS = pl.DataFrame(
    {
        "größe": [1.0, None, 7.5],
        "sold": ["2024-02-29", None, "1999-12-31 12:00"],
        "paid": [True, None, False],
        "colour": ["red", "grün", None],
        "kind": ["a", "b", "c"],
    }
)
