"""A small model for examples and tests, without any training."""

from __future__ import annotations

from backproof.backprop.sweep import backpropagate
from backproof.models.contents import Contents, Target, written_by
from backproof.models.network import NetworkSpecification
from backproof.models.table_model import TableModel
from backproof.rules.examples import example_values
from backproof.run.fitted import FittedCategories, FittedNumber
from backproof.training.identity import derivation_digest


def small_model() -> TableModel:
    """A model of two columns and two classes.

    Example:
        >>> small_model().contents.network.sizes
        (3, 4, 2)
    """
    network = NetworkSpecification((3, 4, 2), ("tanh", "softmax"), "cross_entropy")
    trace = backpropagate(network.program())
    values = example_values(trace.program, 3, {})
    return TableModel(
        Contents(
            network,
            {name.id: values[name.id] for name in trace.program.parameters},
            (
                FittedNumber("size", "numeric", fill=5.0, mean=5.0, scale=2.5),
                FittedCategories("colour", "categorical", "missing", ("blue", "red"), ()),
            ),
            ("size", "colour"),
            Target("kind", ("large", "small")),
            derivation_digest(trace),
            {},
            written_by(),
        )
    )
