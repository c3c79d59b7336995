"""The script of a training repeats it bit for bit, for every rule, in mini-batches and at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.emit.numpy_training import numpy_training
from backproof.errors import SpecificationError, UnsupportedError
from backproof.networks import mlp
from backproof.optimizers import OPTIMIZERS, Memory, Optimizer, adam, optimizer_named
from backproof.parsing import parse
from backproof.training import train
from samples import Array

SAMPLES, EPOCHS, RATE, SEED = 22, 3, 0.05, 4


def data(inputs: int, outputs: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(SAMPLES, inputs)), np.eye(outputs)[rng.integers(outputs, size=SAMPLES)]


def printed_losses(folder: Path, script: str, *arguments: str) -> list[float]:
    path = folder / "train.py"
    path.write_text(script, encoding="utf-8")
    command = [sys.executable, str(path), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [float(number) for number in re.findall(r"loss (\S+)", run.stdout)]


@pytest.mark.parametrize("batch_size", [8, SAMPLES])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_it_prints_the_losses_of_the_training(tmp_path: Path, rule: str, batch_size: int) -> None:
    trace = backpropagate(mlp(3, 5, 2, activation=["relu", "softmax"], loss="cross_entropy", bias=True, penalty=0.01))
    X, y = data(3, 2)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    script = numpy_training(
        trace,
        optimizer_named(rule),
        learning_rate=RATE,
        epochs=EPOCHS,
        batch_size=batch_size,
        samples=SAMPLES,
        seed=SEED,
    )
    result = train(
        trace, X, y, optimizer=rule, learning_rate=RATE, epochs=EPOCHS, batch_size=batch_size, seed=SEED, progress=False
    )
    assert printed_losses(tmp_path, script) == [epoch.loss for epoch in result.history]


def test_another_file_can_be_named(tmp_path: Path) -> None:
    trace = backpropagate(mlp(3, 1, activation="tanh"))
    X, y = data(3, 1)
    np.savez(tmp_path / "other.npz", X=X, y=y)
    script = numpy_training(trace, adam(), learning_rate=RATE, epochs=1, batch_size=4, samples=SAMPLES)
    assert len(printed_losses(tmp_path, script, str(tmp_path / "other.npz"))) == 1


def test_a_rule_of_your_own_that_remembers_one_thing(tmp_path: Path) -> None:
    rule = Optimizer("heavy", optimizer_named("momentum").equations, {"velocity": Memory(0)})
    trace = backpropagate(mlp(2, 2))
    X, y = data(2, 2)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    script = numpy_training(trace, rule, learning_rate=RATE, epochs=2, batch_size=5, samples=SAMPLES)
    result = train(trace, X, y, optimizer=rule, learning_rate=RATE, epochs=2, batch_size=5, progress=False)
    assert printed_losses(tmp_path, script) == [epoch.loss for epoch in result.history]


def test_what_cannot_be_written_is_refused() -> None:
    options = {"learning_rate": 0.1, "batch_size": 1, "samples": 2}
    with pytest.raises(UnsupportedError, match="samples in rows"):
        numpy_training(backpropagate(mlp(2, 1, samples="columns")), adam(), epochs=1, **options)  # type: ignore[arg-type]
    program = parse("L = sum((X @ w - y)^2)", shapes={"X": "n,d", "y": "n,1", "w": "d,1"}, parameters=["w"])
    with pytest.raises(UnsupportedError, match="networks"):
        numpy_training(backpropagate(program), adam(), epochs=1, **options)  # type: ignore[arg-type]
    with pytest.raises(SpecificationError, match="epochs must be at least 1"):
        numpy_training(backpropagate(mlp(2, 1)), adam(), epochs=0, **options)  # type: ignore[arg-type]
