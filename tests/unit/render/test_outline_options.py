"""What a document says of normalised layers and of dropout before it derives them."""

from __future__ import annotations

from typing import Any

import pytest

import backproof as bp


def opening(*sizes: int, **options: Any) -> str:
    text = str(bp.derive(bp.mlp(*sizes, **options), view="matrix"))
    return " ".join(text[: text.index("Notation")].split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"normalization": "batch"},
            "Before its activation the hidden layer is normalised over the examples of the batch, then scaled by γ_1 "
            "and shifted by β_1, which are learned. Predictions use averages that are remembered from the batches of "
            "the training, in place of μ_1 and s_1.",
        ),
        ({"normalization": "layer"}, "is normalised over its units, then scaled by γ_1 and shifted by β_1"),
        ({"dropout": 0.2}, "every output of the hidden layer is dropped, that is set to zero, with the chance 0.2,"),
    ],
)
def test_the_opening_says_what_an_option_does(options: dict[str, Any], said: str) -> None:
    assert said in opening(3, 4, 1, **options)
    assert said not in opening(3, 4, 1)


def test_several_layers_are_told_together_and_only_what_is_remembered_is_told_of_predictions() -> None:
    text = opening(3, 4, 4, 1, normalization="batch", dropout=0.1)
    assert (
        "each hidden layer is normalised over the examples of the batch, then scaled by γ_1 and shifted by β_1" in text
    )
    assert "in place of theirs." in text
    assert "every output of each hidden layer is dropped" in text
    assert "Predictions use" not in opening(3, 4, 1, normalization="layer")


@pytest.mark.parametrize("options", [{"normalization": "batch"}, {"normalization": "layer"}, {"dropout": 0.2}])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_every_step_and_every_displayed_equation_holds(options: dict[str, Any], samples: Any) -> None:
    derivation = bp.derive(bp.mlp(3, 3, 1, samples=samples, **options))
    assert derivation.prove().ok
    assert derivation.view_proofs
    assert all(proof.holds for proof in derivation.view_proofs)
