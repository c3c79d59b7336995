"""The trained weights as a safetensors file, with all that is needed to use them on new data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from backproof.errors import DataError
from backproof.ir.arithmetic import Array
from backproof.run.problem import Problem
from backproof.run.wording import quoted_path
from backproof.version import __version__

KEY, FORMAT = "backproof", "backproof-weights-1"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Parameters by identifier, and what they are the parameters of.

    Args:
        parameters: the trained arrays.
        network: sizes, activations, bias, loss and penalty.
        preparation: what makes the network's inputs from a table: fills, means, scales, categories.
        class_labels: the classes in the order of the outputs; None for regression.
        feature_names: the inputs in order.
    """

    parameters: Mapping[str, Array]
    network: Mapping[str, Any]
    preparation: Mapping[str, Any]
    class_labels: tuple[str, ...] | None
    feature_names: tuple[str, ...]


def weights_file(parameters: Mapping[str, Array], made: Problem) -> bytes:
    """The file's bytes: the arrays, and as metadata the network, the preparation and the labels as one JSON text."""
    about = {
        "format": FORMAT,
        "version": __version__,
        "network": network_description(made),
        "preparation": made.prepared.description(),
        "classes": made.prepared.class_labels,
        "features": made.prepared.feature_names,
    }
    # safetensors writes the memory of an array as it lies, whatever its strides, and metadata in no order of its own.
    arrays = {id: np.ascontiguousarray(array) for id, array in parameters.items()}
    return save(arrays, {KEY: json.dumps(about)})


def read_weights(path: Path) -> Weights:
    """What ``weights_file`` wrote.

    Raises:
        DataError: the file cannot be read, or is no such file.
    """
    try:
        with safe_open(path, framework="numpy") as stored:
            metadata = stored.metadata() or {}
            identifiers = stored.keys()
            parameters = {id: stored.get_tensor(id) for id in identifiers}
        about = json.loads(metadata.get(KEY, "{}"))
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise DataError(f"{quoted_path(path)}: cannot be read as safetensors ({error})") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DataError(f"{quoted_path(path)}: holds no weights written by backproof run; give its weights.safetensors")
    labels = about["classes"]
    return Weights(
        parameters,
        network=about["network"],
        preparation=about["preparation"],
        class_labels=None if labels is None else tuple(labels),
        feature_names=tuple(about["features"]),
    )


def network_description(made: Problem) -> dict[str, Any]:
    """What builds the program again with ``bp.mlp``."""
    structure = made.program.structure
    assert structure is not None  # a run's program is a network
    return {
        "sizes": list(structure.sizes),
        "activations": [layer.activation for layer in structure.layers],
        "bias": structure.layers[0].bias is not None,
        "loss": structure.loss,
        "penalty": None if structure.penalty is None else float(structure.penalty),
    }
