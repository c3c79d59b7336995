"""The estimators in scikit-learn's machinery: pipelines, searches, frames, sparse matrices, routing, joblib, Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas
import polars
import pytest
import sklearn
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import backproof as bp
from backproof.training.run import Run

Array = npt.NDArray[Any]
X: Array
y: Array
X, y = load_iris(return_X_y=True)
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]


def model(**options: Any) -> Any:
    usual = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 40, "random_state": 0, "n_iter_no_change": None}
    return bp.MLPClassifier(**{**usual, **options})


def test_a_pipeline_in_a_search() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), model()), {"mlpclassifier__alpha": [0.01, 1.0]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.9
    assert cross_val_score(model(), X, y, cv=3).min() > 0.85


@pytest.mark.parametrize("frame", [pandas.DataFrame, polars.DataFrame])
def test_frames_keep_the_names_of_their_columns(frame: Any) -> None:
    table = frame(dict(zip(NAMES, X.T, strict=True)))
    fitted = model().fit(table, y)
    assert fitted.feature_names_in_.tolist() == NAMES
    assert np.array_equal(fitted.predict(table), model().fit(X, y).predict(X))
    assert fitted.explain(table[:1]).numbers is not None


def test_columns_of_categories_through_a_transformer() -> None:
    table = pandas.DataFrame(X, columns=NAMES)
    table["color"] = np.where(y == 0, "red", "blue")
    columns = ColumnTransformer([("color", OneHotEncoder(), ["color"])], remainder=StandardScaler())
    assert make_pipeline(columns.set_output(transform="default"), model()).fit(table, y).score(table, y) > 0.95


def test_sparse_matrices_are_made_dense() -> None:
    fitted = model().fit(sparse.csr_array(X), y)
    assert np.array_equal(fitted.predict(sparse.csc_array(X)), model().fit(X, y).predict(X))


def test_a_transformed_target() -> None:
    inner = bp.MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=50, random_state=0, n_iter_no_change=None)
    whole = TransformedTargetRegressor(inner, func=np.log1p, inverse_func=np.expm1)
    target = np.exp(X[:, 0])
    assert whole.fit(X, target).score(X, target) > 0.95


def test_weights_are_routed() -> None:
    weights = np.where(y == 0, 1e-6, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = model().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        scores = cross_validate(
            make_pipeline(scaler, routed.set_score_request(sample_weight=True)), X, y, cv=3,
            params={"sample_weight": weights},
        )  # fmt: skip
    assert scores["test_score"].mean() > 0.85


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_joblib_keeps_a_fitted_estimator(tmp_path: Path) -> None:
    fitted = model(solver="adam", normalization="batch", dropout=0.1, n_ensemble=2).fit(X, y)
    joblib.dump(fitted, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.get_params() == fitted.get_params()
    assert again.explain(X[0]).text() == fitted.explain(X[0]).text()


def test_threads_of_joblib_give_the_same_bits() -> None:
    here = cross_val_score(model(), X, y, cv=3)
    with joblib.parallel_config("threading"):
        assert np.array_equal(cross_val_score(model(), X, y, cv=3, n_jobs=2), here)


def test_ctrl_c_keeps_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Run._taken
    calls: list[None] = []

    def interrupted(self: Run, *arguments: Any) -> Any:
        calls.append(None)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(Run, "_taken", interrupted)
    with pytest.warns(
        ConvergenceWarning, match="training was interrupted after .* the best parameters so far are kept"
    ):
        fitted = model(solver="adam", n_iter_no_change=5, backend="numpy").fit(X, y)
    assert 0 < fitted.n_iter_ < 40
    assert fitted.predict(X).shape == y.shape


def test_who_stops_too_early_is_warned() -> None:
    with pytest.warns(ConvergenceWarning, match="still falling after max_iter=3 epochs"):
        model(solver="adam", max_iter=3, n_iter_no_change=10).fit(X, y)
