"""What a run may be asked for, what it refuses, and how settings are stored and overridden."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backproof.errors import DataError, SpecificationError
from backproof.run.settings import Settings, hidden_sizes, settings_from_json


@pytest.mark.parametrize(
    ("text", "sizes"), [("32", (32,)), ("16,8", (16, 8)), (" 16 , 8 ", (16, 8)), ("none", ()), ("None", ())]
)
def test_hidden_sizes(text: str, sizes: tuple[int, ...]) -> None:
    assert hidden_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "hidden layer 1 must be a number of units, found nothing"),
        ("16,,8", "hidden layer 2 must be a number of units, found nothing"),
        ("16,0", "hidden layer 2 must be a number of units, found '0'"),
        ("-3", "found '-3'"),
        ("1e9", "found '1e9'"),
        ("٣", "found '٣'"),
        ("64-32-10", "give the hidden layers only, with commas between"),
        ("3--1", "found '3--1'"),
    ],
)
def test_hidden_sizes_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(SpecificationError, match=message) as caught:
        hidden_sizes(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "the number of epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, "the number of epochs must be a whole number"),
        ({"batch_size": 0}, "the batch size must be at least 1"),
        ({"learning_rate": 0.0}, "the learning rate must be a positive finite number"),
        ({"learning_rate": float("nan")}, "the learning rate must be a positive finite number"),
        ({"penalty": -1.0}, "the penalty must be a positive finite number"),
        ({"seed": -1}, "the seed must be at least 0"),
        ({"test": 1.0}, "the held-out share must be between 0 and 1"),
        ({"test": 0.0}, "the held-out share must be a positive finite number"),
        ({"network": (4, 0)}, "the size of hidden layer 2 must be at least 1"),
        ({"activation": ("sigmiod",)}, "did you mean 'sigmoid'"),
        ({"optimizer": "addam"}, "did you mean 'adam'"),
        ({"data": "t.csv", "task": "regresion"}, "did you mean 'regression'"),
        ({"backend": "lvm"}, "did you mean 'llvm'"),
        ({"dtype": "float23"}, "did you mean 'float32'"),
        ({"dtype": "float16"}, "unknown dtype"),
        ({"example": "digit"}, "did you mean 'digits'"),
        ({"data": "t.csv", "example": "seed"}, "give data or the example seed, not both"),
        ({"target": "y"}, "--target says how to read a table; name the table with --data"),
        ({"example": "seed", "batch_size": 2}, "the seed's example has its own network and data; leave --batch-size"),
    ],
)
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=message) as caught:
        Settings(**given)
    assert "\n" not in str(caught.value)


def test_no_penalty_may_be_said() -> None:
    assert Settings(penalty=0.0).given() == {"penalty": 0.0}


def test_settings_go_through_json() -> None:
    settings = Settings(data="t.csv", target="y", network=(16, 8), activation=("relu", "tanh"), test=0.1, seed=3)
    assert settings_from_json(json.loads(json.dumps(settings.given()))) == settings
    assert settings_from_json({"network": []}) == Settings(network=())


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "no JSON object"),
        ([], "no JSON object"),
        ({"epoch": 3}, "a setting 'epoch', which is not known; did you mean 'epochs'"),
        ({"epochs": "3"}, "must be a whole number"),
        ({"network": ["a"]}, "must be a whole number"),
        ({"data": 3}, "the setting data must be text"),
        ({"backend": 3}, "the setting backend must be text"),
        ({"dtype": ["float32"]}, "the setting dtype must be text"),
        ({"network": 16}, "the setting network must be a list, got 16"),
        ({"activation": "relu"}, "the setting activation must be a list, got 'relu'"),
        ({"activation": [["relu"]]}, "an activation is a name"),
    ],
)
def test_stored_settings_that_mean_nothing(stored: object, message: str) -> None:
    with pytest.raises((DataError, SpecificationError), match=message):
        settings_from_json(stored)


def test_what_is_given_overrides_and_other_data_replace() -> None:
    old = Settings(data="t.csv", target="y", task="regression", epochs=5, seed=1)
    assert old.overridden(Settings(seed=2)) == Settings(data="t.csv", target="y", task="regression", epochs=5, seed=2)
    assert old.overridden(Settings(data="u.csv", target="z")) == Settings(data="u.csv", target="z", epochs=5, seed=1)
    assert old.overridden(Settings(example="seed")) == Settings(example="seed", epochs=5, seed=1)
