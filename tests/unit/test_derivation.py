"""The public derivation: documents, numbers, proof, values, source, kernel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backproof as bp
from backproof.derivation import FORMATS
from backproof.errors import ShapeError, SpecificationError


def seed() -> bp.Derivation:
    return bp.derive(bp.mlp(3, 2, 1))


def test_print_is_the_derivation() -> None:
    assert "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)" in str(seed())


@pytest.mark.parametrize("view", ["scalar", "matrix", "summary"])
@pytest.mark.parametrize("make", ["text", "latex", "html", "markdown", "json"])
def test_every_view_in_every_format(view: str, make: str) -> None:
    assert len(getattr(seed().view(view), make)()) > 500


def test_an_unknown_view() -> None:
    with pytest.raises(SpecificationError, match="unknown view 'scaler'; did you mean 'scalar'"):
        seed().view("scaler")


def test_notation_is_kept() -> None:
    d = bp.derive(bp.mlp(3, 2, 1), notation=bp.Notation(delta="δ", hadamard="⊙"))
    assert d.equations["delta_1"] == "δ_1 = (δ_2 . W_2ᵀ) ⊙ l_1 ⊙ (1 − l_1)"


def test_column_samples_are_derived() -> None:
    d = bp.derive(bp.mlp(3, 2, 1, samples="columns"))
    assert d.equations["grad_W_1"] == "∂L/∂W_1 = Δl_1 . Xᵀ"
    assert d.equations["delta_1"] == "Δl_1 = (W_2ᵀ . Δl_2) ∘ l_1 ∘ (1 − l_1)"


def test_values_of_everything() -> None:
    rng = np.random.default_rng(0)
    X, y, W_1, W_2 = rng.normal(size=(5, 3)), rng.normal(size=(5, 1)), rng.normal(size=(3, 2)), rng.normal(size=(2, 1))
    found = seed().evaluate(X=X, y=y, W_1=W_1, W_2=W_2)
    l_1 = 1 / (1 + np.exp(-X @ W_1))
    y_hat = 1 / (1 + np.exp(-l_1 @ W_2))
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    np.testing.assert_allclose(found["delta_2"], delta_2, rtol=1e-13)
    np.testing.assert_allclose(found["grad_W_2"], l_1.T @ delta_2, rtol=1e-13)
    with pytest.raises(ShapeError, match="W_1"):
        seed().evaluate(X=X, y=y, W_2=W_2)


def test_the_gradient_of_an_input() -> None:
    d = bp.derive(bp.mlp(3, 2, 1), wrt=["X"])
    assert d.equations["grad_X"] == "∂L/∂X = Δl_1 . W_1ᵀ"


def test_a_kernel_gives_loss_and_gradients() -> None:
    loss, gradients = seed().compile()({"W_1": np.ones((3, 2)), "W_2": np.ones((2, 1))}, [[0, 0, 1]], [[0]])
    assert loss > 0
    assert {id: g.shape for id, g in gradients.items()} == {"W_1": (3, 2), "W_2": (2, 1)}


def test_numbers_are_those_of_the_seed() -> None:
    one, same = (seed().with_numbers(seed=3).text() for _ in range(2))
    assert one == same
    assert one != seed().with_numbers(seed=4).text()


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_saving(suffix: str, tmp_path: Path) -> None:
    seed().view("summary").save(tmp_path / f"d{suffix}")
    assert (tmp_path / f"d{suffix}").stat().st_size > 300


def test_jupyter_shows_it() -> None:
    bundle = seed()._repr_mimebundle_()
    assert "text/plain" in bundle
    assert len(bundle) > 1
