"""``bp.MLPRegressor``: accuracy, losses, several outputs, weights, ensembles, warm starts, what is told after a fit."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPRegressor as Reference
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import backproof as bp
from backproof.errors import DivergenceError, SpecificationError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = npt.NDArray[Any]
X: Array
y: Array
X, y = load_diabetes(return_X_y=True)
rng = np.random.default_rng(0)


def model(**options: Any) -> Any:
    usual = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 60}
    return bp.MLPRegressor(**{**usual, **options})


def test_it_is_as_accurate_as_scikit_learns_at_the_same_settings() -> None:
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (16,),
        "solver": "lbfgs",
        "alpha": 1.0,
        "max_iter": 30,
        "random_state": 0,
    }
    ours = cross_val_score(bp.MLPRegressor(**settings), X, y, cv=5)
    scaled = make_pipeline(StandardScaler(), Reference(**settings))
    theirs = cross_val_score(TransformedTargetRegressor(scaled, transformer=StandardScaler()), X, y, cv=5)
    assert ours.mean() > 0.3
    assert ours.mean() > theirs.mean() - theirs.std() / np.sqrt(5)


@pytest.mark.parametrize(
    ("solver", "rate"), [("sgd", "constant"), ("sgd", "invscaling"), ("adam", "constant"), ("lbfgs", "constant")]
)
def test_the_same_weights_take_the_same_path_as_scikit_learns(solver: str, rate: str) -> None:
    """Without scaling, from the same weights, all samples in a batch: the curves of the losses agree."""
    A, b = X[:50] / X[:50].std(axis=0), (y[:50] - y.mean()) / y.std()
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (7, 5), "activation": "tanh", "solver": solver, "learning_rate": rate, "alpha": 0.3,
        "learning_rate_init": 0.01, "random_state": 0, "tol": 0.0, "n_iter_no_change": 1000,
    }  # fmt: skip
    if rate != "constant":
        settings["momentum"] = 0.0  # scikit-learn has the rate inside the velocity, which differs where it changes
    ours = bp.MLPRegressor(scale=False, scale_target=False, max_iter=1, warm_start=True, **settings).fit(A, b)
    theirs = Reference(max_iter=1, warm_start=True, **settings).fit(A, b)
    for k, (weights, bias) in enumerate(zip(theirs.coefs_, theirs.intercepts_, strict=True), 1):
        ours.members_[0][f"W_{k}"], ours.members_[0][f"b_{k}"] = weights.copy(), bias.reshape(1, -1).copy()
    ours.set_params(max_iter=40).fit(A, b)
    theirs.t_ = 0  # its count of samples would go on
    theirs.set_params(max_iter=40).fit(A, b)
    if solver == "lbfgs":
        assert ours.loss_curve_[-1] == pytest.approx(theirs.loss_, rel=1e-2)
    else:
        # scikit-learn adds ε to another place of Adam.
        assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_[-40:], rel=1e-9 if solver == "sgd" else 1e-4)


LOSSES = {
    "squared_error": 0.3, "absolute_error": 0.3, "huber": 0.3, "huber(delta=0.5)": 0.3, "log_cosh": 0.3,
    "poisson": 0.3, "quantile(level=0.9)": -3.0, "mean(abs(y_hat - y)^3)": 0.3,
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss: str) -> None:
    fitted = model(loss=loss, learning_rate_init=0.01).fit(X, y)
    assert fitted.score(X, y) > LOSSES[loss]
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    if loss.startswith("quantile"):
        assert 0.85 < (fitted.predict(X) >= y).mean() < 0.95
    assert (fitted.predict(X) > 0).all() or loss != "poisson"


def test_the_losses_of_scikit_learn_are_ours() -> None:
    """The Poisson loss of the same weights: what is reported is the mean of p − y log p."""
    counts = rng.poisson(3.0, len(X)).astype(float)
    fitted = model(loss="poisson", alpha=0.0, solver="sgd", learning_rate_init=1e-12, max_iter=1).fit(X, counts)
    p, t = fitted.predict(X) / counts.mean(), counts / counts.mean()
    batches = (p - t * np.log(p)).mean()
    assert fitted.loss_ == pytest.approx(batches, rel=1e-6)
    with pytest.raises(SpecificationError, match="needs targets of at least 0"):
        model(loss="poisson").fit(X, counts - 1)


OPTIONS: list[dict[str, Any]] = [
    {"solver": "sgd", "learning_rate_init": 0.05}, {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05},
    {"solver": "lbfgs"}, {"solver": "rmsprop", "learning_rate_init": 0.01}, {"solver": "lion"}, {"weight_decay": 0.1},
    {"activation": "tanh"}, {"activation": "logistic"}, {"activation": "x*tanh(softplus(x))"},
    {"activation": ("tanh", "relu"), "hidden_layer_sizes": (16, 8)}, {"hidden_layer_sizes": ()},
    {"learning_rate": "one_cycle", "learning_rate_init": 0.03}, {"learning_rate_init": "auto"},
    {"dropout": 0.2}, {"normalization": "batch"}, {"normalization": "layer"}, {"alpha_l1": 0.01},
    {"initialization": "orthogonal"}, {"clip_norm": 1.0}, {"dtype": "float32"}, {"backend": "llvm"},
    {"batch_size": None}, {"batch_size": 32}, {"n_jobs": 1}, {"verbose": False, "shuffle": False},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_learns_can_be_pickled_and_cloned(options: dict[str, Any]) -> None:
    fitted = model(**{"learning_rate_init": 0.01, **options}).fit(X, y)
    assert fitted.score(X, y) > 0.25
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.predict(X), fitted.predict(X))
    assert np.array_equal(clone(fitted).fit(X, y).predict(X), fitted.predict(X))
    assert again.derivation_.equations == fitted.derivation_.equations


def test_several_outputs() -> None:
    targets = np.column_stack([y, -y, X[:, 2]])
    fitted = model(learning_rate_init=0.01).fit(X, targets)
    assert fitted.predict(X).shape == (len(X), 3)
    assert fitted.score(X, targets) > 0.3
    assert fitted.coefs_[-1].shape == (16, 3)


def test_a_weight_counts_as_often() -> None:
    weights = rng.integers(0, 4, len(X)).astype(float)
    weighted = model(batch_size=None, alpha=1.0).fit(X, y, sample_weight=weights)
    repeated = model(batch_size=None, alpha=1.0).fit(
        np.repeat(X, weights.astype(int), 0), np.repeat(y, weights.astype(int))
    )
    assert weighted.predict(X) == pytest.approx(repeated.predict(X), rel=1e-6)
    assert weighted.predict(X) != pytest.approx(model(batch_size=None, alpha=1.0).fit(X, y).predict(X), rel=1e-2)
    with pytest.raises(ValueError, match="at least one non-zero"):
        model().fit(X, y, sample_weight=np.zeros(len(X)))


def test_an_ensemble_averages_and_tells_the_spread() -> None:
    fitted = model(n_ensemble=3).fit(X, y)
    mean, spread = fitted.predict(X, return_std=True)
    alone = []
    for member in fitted.members_:
        single = pickle.loads(pickle.dumps(fitted))  # noqa: S301
        single.members_ = [member]
        alone.append(single.predict(X))
    assert mean == pytest.approx(np.mean(alone, axis=0))
    assert spread == pytest.approx(np.std(alone, axis=0))
    assert spread.min() > 0
    assert np.array_equal(mean, fitted.predict(X))
    with pytest.raises(SpecificationError, match="one network has no spread"):
        model().fit(X, y).predict(X, return_std=True)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_keeps_the_best_of_the_held_out_data(members: int, solver: str) -> None:
    noisy = y + 200 * rng.normal(size=len(y))
    options: dict[str, Any] = {"early_stopping": True, "n_ensemble": members, "solver": solver, "max_iter": 300}
    fitted = model(learning_rate_init=0.03, **options).fit(X[:300], noisy[:300], X_val=X[300:], y_val=noisy[300:])
    assert fitted.n_iter_ < 300
    assert len(fitted.validation_curve_) == fitted.n_iter_ == len(fitted.loss_curve_)
    assert fitted.validation_curve_[fitted.best_epoch_ - 1] == min(fitted.validation_curve_)
    first = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    first.members_ = fitted.members_[:1]
    assert first.score(X[300:], noisy[300:]) == pytest.approx(fitted.validation_scores_[fitted.best_epoch_ - 1])


def test_a_held_out_part_does_not_touch_the_scaling() -> None:
    far = np.vstack([X, X + 1000])
    fitted = model().fit(X, y, X_val=far, y_val=np.tile(y, 2))
    assert np.array_equal(fitted.predict(X), model().fit(X, y).predict(X))
    assert fitted.validation_curve_ is not None
    with pytest.raises(SpecificationError, match="X_val and y_val go together"):
        model().fit(X, y, X_val=X)


def test_no_progress_ends_the_training_as_scikit_learn_has_it() -> None:
    fitted = model(tol=1e9, n_iter_no_change=4).fit(X, y)
    assert fitted.n_iter_ == 6  # the first epoch is progress, and five are more than four
    assert model(tol=1e9, n_iter_no_change=None, max_iter=20).fit(X, y).n_iter_ == 20


def test_a_warm_start_goes_on() -> None:
    fitted = model(warm_start=True, max_iter=20).fit(X, y)
    first = fitted.loss_
    assert fitted.fit(X, y).loss_curve_[0] < first * 1.01
    with pytest.raises(SpecificationError, match="the weights are those of"):
        fitted.set_params(hidden_layer_sizes=(3,)).fit(X, y)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_partial_fits_are_the_epochs_of_one_fit(backend: str) -> None:
    options: dict[str, Any] = {"batch_size": None, "backend": backend, "n_iter_no_change": None, "max_iter": 15}
    whole = model(**options).fit(X, y)
    parts = model(**options)
    for _ in range(15):
        parts.partial_fit(X, y)
    assert parts.predict(X) == pytest.approx(whole.predict(X), rel=1e-9)
    assert parts.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-9)
    assert [epoch.number for epoch in parts.history_] == list(range(1, 16))
    with pytest.raises(SpecificationError, match="lbfgs looks at all samples"):
        model(solver="lbfgs").partial_fit(X, y)


@pytest.mark.parametrize(("options", "message"), [
    ({"loss": "squarederror"}, "did you mean"), ({"activation": "rely"}, "did you mean 'relu'"),
    ({"solver": "adem"}, "did you mean 'adam'"), ({"alpha": -1}, "alpha"), ({"max_iter": 0}, "max_iter"),
    ({"hidden_layer_sizes": (3, 0)}, "hidden layer"), ({"activation": ("relu", "tanh")}, "2 activations for 1 hidden"),
    ({"solver": "sgd", "weight_decay": 0.1}, "weight_decay goes with adam"), ({"n_ensemble": 0}, "n_ensemble"),
    ({"backend": "cuda"}, "unknown backend"), ({"loss": 3}, "a loss is a name"), ({"activation": 3}, "an activation"),
    ({"learning_rate": "fast"}, "unknown schedule"), ({"loss": "mean(abs(y_hat - "}, "found the end"),
])  # fmt: skip
def test_what_means_nothing_is_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        model(**options).fit(X, y)
    assert "\n" not in str(caught.value).splitlines()[0]


def test_divergence_says_what_happened() -> None:
    with pytest.raises(DivergenceError, match="learning rate"):
        model(solver="sgd", learning_rate_init=1e6, hidden_layer_sizes=(16, 16)).fit(X, y)


def test_what_can_be_read_after_a_fit(tmp_path: Any) -> None:
    fitted = model(hidden_layer_sizes=(16, 8)).fit(X, y)
    text = str(fitted.summary())
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["1", "2", "3"]
    assert "321 parameters, 2,568 bytes" in text  # 10·16 + 16 + 16·8 + 8 + 8 + 1
    assert "FLOPs for a sample: 592 to predict" in text
    assert "<pre>" in fitted.summary()._repr_html_()
    fitted.plot_history(tmp_path / "history.svg")
    assert (tmp_path / "history.svg").stat().st_size > 1000
    test = fitted.find_learning_rate(X, y, steps=30)
    assert 1e-6 < test.suggestion < 10
    assert "MLPRegressor" in fitted._repr_html_()
    assert fitted.derivation_.prove().ok


def test_explain_has_the_numbers_of_the_prediction() -> None:
    fitted = model(hidden_layer_sizes=(2,), activation="tanh", max_iter=5).fit(X[:, :3], y)
    explained = fitted.explain(X[0, :3], y[0])
    assert explained.numbers is not None
    values = explained.evaluate(**explained.numbers.values)
    prediction = values["y_hat"].item() * y.std() + y.mean()
    assert prediction == pytest.approx(fitted.predict(X[:1, :3])[0])
    assert f"{values['grad_b_2'].item():.4g}".lstrip("-") in explained.text()
    assert fitted.explain(X[:1, :3]).numbers.values["y"].item() == pytest.approx(0.0)  # a target on the mean
    with pytest.raises(SpecificationError, match="one row, got 2"):
        fitted.explain(pandas.DataFrame(X[:2, :3]))


def test_the_derivation_is_the_one_that_was_trained_with() -> None:
    fitted = model(max_iter=1, alpha=0.5, scale=False, scale_target=False, batch_size=None).fit(X, y)
    evaluated = fitted.derivation_.evaluate(X=X, y=y.reshape(-1, 1), **fitted.members_[0])
    assert evaluated["y_hat"].ravel() == pytest.approx(fitted.predict(X))
    assert fitted.network_.penalty == float(f"{0.5 / len(X):.6g}")


def test_the_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    model(verbose="plain", max_iter=3).fit(X, y)
    assert capsys.readouterr().err
    model(verbose=True, max_iter=3).fit(X, y)
    assert not capsys.readouterr().err  # no terminal, no bar


def test_a_fitted_estimator_is_plain_data() -> None:
    """Nothing of the machine code or the derivation is in the pickle."""
    fitted = model(backend="llvm").fit(X, y)
    stream = io.BytesIO()
    pickle.dump(fitted, stream)
    assert stream.tell() < 30_000
