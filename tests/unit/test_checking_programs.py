"""The programs under tests/programs/checking are what their manifest says: wrong where it says so, and else right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from backproof.derivation import derive
from checking_programs import (
    PROGRAMS,
    Array,
    Listing,
    first_steps,
    listings,
    loss_error,
    network,
    relative_errors,
    run,
    single,
)

LISTINGS = listings()
FAULTY = [listing for listing in LISTINGS if listing.fault is not None]
CORRECT = [listing for listing in LISTINGS if listing.fault is None]

AGREES = {False: 1e-8, True: 1e-4}
"""Largest error of the gradient that a step implies, in float64 and in float32, where η·∂L/∂W loses digits to W."""
DIFFERS = 1e-3

CATALOGUE = {
    "sigmoid slope missing",
    "tanh slope missing",
    "ReLU mask missing",
    "output error used instead of the back-propagated error",
    "weight used where the activation belongs",
    "wrong layer's activation",
    "* for @",
    "sum or mean",
    "1/n missing",
    "1/n doubled",
    "regulariser averaged",
    "regulariser's gradient missing",
    "stray constant",
    "bias gradient reduced over the wrong axis",
    "bias gradient multiplied by X transposed",
    "transposed",
    "slope applied to the wrong variable",
    "weights updated before delta was computed",
    "sign",
    "W_1 and W_2 updates swapped",
    "(n,) against (n, 1)",
    "softmax Jacobian without its dot term",
    "the loss itself is wrong",
}
SYMPTOMS = {"gradient", "gradient and loss", "step", "loss", "raises"}


@pytest.fixture(autouse=True)
def _random_state() -> Iterator[None]:
    """Programs seed NumPy's global generator; what runs after them must not notice."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)


def named(chosen: list[Listing]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("listing", chosen, ids=[listing.id for listing in chosen])


def needs(listing: Listing) -> None:
    for module in listing.requires:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "torch" in listing.requires:
        import torch

        torch.set_num_threads(1)  # its threads spin, which costs seconds on a busy machine


def test_every_file_is_in_the_manifest_and_no_other() -> None:
    files = {path.relative_to(PROGRAMS) for path in PROGRAMS.glob("*/*.py")}
    assert {listing.path.relative_to(PROGRAMS) for listing in LISTINGS} == files
    assert (len(FAULTY), len(CORRECT)) == (43, 20)
    assert all(listing.path.parent.name == ("faulty" if listing.fault else "correct") for listing in LISTINGS)


def test_the_faults_are_those_of_the_catalogue() -> None:
    kinds = Counter(listing.fault.kind for listing in FAULTY if listing.fault)
    assert set(kinds) == CATALOGUE
    assert {listing.fault.symptom for listing in FAULTY if listing.fault} == SYMPTOMS


@named(LISTINGS)
def test_a_program_runs_to_its_end(listing: Listing) -> None:
    needs(listing)
    if listing.fault and listing.fault.symptom == "raises":
        with pytest.raises(ValueError, match=r"shape|dimension|broadcast"):
            run(listing.path)
        return
    assert run(listing.path) or "print" not in listing.path.read_text(encoding="utf-8")


@named(LISTINGS)
def test_its_network_is_one_that_backproof_derives(listing: Listing) -> None:
    spec, rng = network(listing.network), np.random.default_rng(0)
    program = spec.program()
    assert set(listing.watch.parameters) == {parameter.id for parameter in program.parameters}
    values = {name.id: _drawn(rng, name.shape) for name in (*program.inputs, *program.parameters)}
    if "cross_entropy" in spec.loss:
        values["y"] = values["y"] ** 2 / (values["y"] ** 2).sum(axis=0 if spec.columns else 1, keepdims=True)
        values["y"] *= 1 if spec.sizes[-1] > 1 else 0.3
    found = derive(program).evaluate(**values)
    parameters = {id: values[id] for id in listing.watch.parameters}
    assert found["L"] == pytest.approx(spec.value(parameters, values["X"], values["y"]), rel=1e-12)


def _drawn(rng: np.random.Generator, shape: tuple[object, ...]) -> Array:
    return rng.normal(size=tuple(dim if isinstance(dim, int) else 7 for dim in shape))


@named(CORRECT)
def test_a_correct_program_follows_the_gradient_of_its_loss(listing: Listing) -> None:
    needs(listing)
    _assert_right(listing, listing.path)


@named(FAULTY)
def test_a_faulty_program_is_wrong_as_the_manifest_says(listing: Listing) -> None:
    needs(listing)
    assert listing.fault is not None
    symptom = listing.fault.symptom
    if symptom == "raises":
        with pytest.raises(ValueError, match=r"shape|dimension|broadcast"):
            first_steps(listing.path, listing.watch)
        return
    step = first_steps(listing.path, listing.watch)[0]
    agrees = AGREES[single(step)]
    wrong_gradient = max(relative_errors(listing, step).values())
    assert (wrong_gradient > DIFFERS) if symptom != "loss" else (wrong_gradient < agrees)
    wrong_loss = loss_error(listing, step)
    assert (wrong_loss > DIFFERS) if "loss" in symptom else (wrong_loss < agrees)


@named(FAULTY)
def test_the_repair_of_the_manifest_mends_it(listing: Listing, tmp_path: Path) -> None:
    needs(listing)
    assert listing.fault is not None
    assert listing.fault.line in listing.fault.repair
    mended = tmp_path / listing.path.name
    mended.write_text(listing.repaired(), encoding="utf-8")
    assert listing.repaired() != listing.path.read_text(encoding="utf-8")
    _assert_right(listing, mended)
    run(mended)


def _assert_right(listing: Listing, path: Path) -> None:
    """The first step follows the oracle's gradient, and the loss of the first two steps is the declared loss."""
    first, second = first_steps(path, listing.watch)
    agrees = AGREES[single(first)]
    assert max(relative_errors(listing, first).values()) < agrees
    assert max(loss_error(listing, first), loss_error(listing, second)) < agrees
