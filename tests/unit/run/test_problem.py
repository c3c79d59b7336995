"""Which network and which schedule data get, and what cannot be done with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backproof.errors import DataError, SpecificationError
from backproof.run.problem import default_epochs, problem, resolved
from backproof.run.settings import Settings


def test_a_network_for_classes(tables: Path) -> None:
    made = problem(Settings(data=str(tables / "wine.csv"), target="target", network=(16, 8), activation=("tanh",)))
    structure = made.program.structure
    assert structure is not None
    assert structure.specification == "13-16-8-3"
    assert [layer.activation for layer in structure.layers] == ["tanh", "tanh", "softmax"]
    assert (structure.loss, structure.penalty) == ("cross_entropy", None)
    assert all(layer.bias for layer in structure.layers)
    assert made.title == "wine.csv: target"


def test_a_network_for_numbers(tables: Path) -> None:
    made = problem(Settings(data=str(tables / "diabetes.csv"), target="target", network=(), penalty=0.5))
    structure = made.program.structure
    assert structure is not None
    assert structure.specification == "10-1"
    assert [layer.activation for layer in structure.layers] == ["identity"]
    assert (structure.loss, structure.penalty) == ("mean_squared_error", "0.5")


def test_small_tables_are_seen_often_and_large_ones_seldom() -> None:
    steps = [default_epochs(per_epoch) * per_epoch for per_epoch in (1, 10, 100, 1_000, 10_000)]
    assert steps == [1_000, 1_000, 4_000, 40_000, 100_000]
    assert default_epochs(10**6) == 5


def test_batches_of_small_tables_are_the_whole_training_part(tables: Path) -> None:
    made = problem(Settings(data=str(tables / "wine.csv"), target="target", test=0.9))
    assert made.schedule.batch_size == len(made.prepared.X_train) == 17


@pytest.mark.parametrize(("name", "held_out"), [("wine.csv", 89), (None, 899)])
def test_the_share_to_hold_out_and_the_seed_are_those_given(tables: Path, name: str | None, held_out: int) -> None:
    source = Settings() if name is None else Settings(data=str(tables / name), target="target")
    made = [problem(replace(source, test=0.5, seed=seed)) for seed in (1, 2)]
    assert [len(one.prepared.X_test) for one in made] == [held_out, held_out]
    assert made[0].prepared.test_rows.tolist() != made[1].prepared.test_rows.tolist()
    assert made[1].schedule.seed == 2


def test_what_cannot_be_done(tables: Path) -> None:
    wine = str(tables / "wine.csv")
    with pytest.raises(
        DataError, match=r"name the column to predict with --target; the columns are 'alcohol', .*'target'"
    ):
        problem(Settings(data=wine))
    with pytest.raises(DataError, match=r"there is no such file; did you mean 'wine\.csv'"):
        problem(Settings(data=str(tables / "vine.csv")))
    with pytest.raises(SpecificationError, match="the batch size 500 is more than the 133 rows"):
        problem(Settings(data=wine, target="target", batch_size=500))
    with pytest.raises(DataError, match=r"training the network 64-200000-200000-10 .* TB of memory|GB of memory"):
        problem(Settings(network=(200_000, 200_000)))
    with pytest.raises(SpecificationError, match="3 activations"):
        problem(Settings(activation=("relu", "relu", "relu")))


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(network=(), seed=5),
        Settings(network=(6, 5), activation=("tanh", "relu"), penalty=0.01, optimizer="momentum", test=0.5),
        Settings(example="seed"),
        Settings(example="seed", epochs=10, learning_rate=0.1, seed=2),
    ],
)
def test_resolved_settings_give_the_same_problem(settings: Settings) -> None:
    made = problem(settings)
    full = resolved(settings, made)
    again = problem(full)
    assert again.schedule == made.schedule
    assert again.program == made.program
    assert again.prepared.test_rows.tolist() == made.prepared.test_rows.tolist()
    assert full.epochs == made.schedule.epochs
    assert resolved(full, again) == full
