"""Reports as JSON: the keys that programs rely on, and numbers that JSON cannot hold."""

from __future__ import annotations

import json

import checked_reports as reports

KEYS = [
    "ok", "verdict", "subject", "sentence", "precision", "points", "quantities", "findings", "conventions", "notes",
    "mended",
]  # fmt: skip
QUANTITY = ["id", "verdict", "variable", "line", "shape", "deviation", "reason", "follows"]
FINDING = [
    "kind", "equation", "sentence", "variable", "line", "right", "part", "wrong", "alternatives", "deviation", "repair",
]  # fmt: skip


def test_the_keys_are_stable() -> None:
    data = json.loads(reports.wrong().json())
    assert list(data) == KEYS
    assert [list(quantity) for quantity in data["quantities"]] == [QUANTITY, QUANTITY]
    assert [list(finding) for finding in data["findings"]] == [FINDING]
    assert list(data["findings"][0]["deviation"]) == ["index", "value", "right", "bound", "outside", "entries"]
    assert list(data["findings"][0]["repair"]) == ["before", "after", "line", "checked"]


def test_what_it_says() -> None:
    data = json.loads(reports.claimed().json())
    assert (data["ok"], data["verdict"], data["mended"]) == (False, "wrong", None)
    [finding] = data["findings"]
    assert finding["equation"] == "delta_1"
    assert finding["right"] == "(Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)"
    assert finding["part"] == "1 − l_1"
    assert json.loads(reports.right().json())["ok"] is True
    assert json.loads(reports.saturated().json())["verdict"] == "not informative here"


def test_what_json_has_no_numbers_for() -> None:
    data = json.loads(reports.hostile().json(), parse_constant=lambda name: pytest_fail(name))
    assert data["findings"][0]["deviation"]["value"] == "nan"
    assert data["findings"][0]["deviation"]["bound"] == "inf"
    assert data["subject"] == reports.EVIL


def pytest_fail(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")
