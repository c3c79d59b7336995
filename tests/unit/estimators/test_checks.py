"""scikit-learn's own checks of estimators: all of them, none skipped by us or expected to fail."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

import backproof as bp

ENVIRONMENT = {"check_array_api_input"}
"""Skipped by scikit-learn itself unless SCIPY_ARRAY_API is set before SciPy is loaded."""


@pytest.mark.parametrize(("estimator", "least"), [("MLPRegressor", 60), ("MLPClassifier", 67)])
def test_every_check_passes(estimator: str, least: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results: list[dict[str, Any]] = check_estimator(getattr(bp, estimator)(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] != "passed"}
    assert set(failed) <= ENVIRONMENT, failed
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) >= least
