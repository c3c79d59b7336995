"""What both estimators share: data in, training, and what is known after it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from backproof.errors import SpecificationError, UnsupportedError
from backproof.estimators import options
from backproof.estimators.fitting import Fitted, Parameters, fit_many, fit_one, joined, one_pass
from backproof.estimators.names import activation_key
from backproof.estimators.network import Kind, Network, derived, pays_compile, predicted, starting
from backproof.estimators.readable import ReadableEstimator
from backproof.estimators.scaling import Scaling, standardising, unchanged
from backproof.ir.arguments import whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Function
from backproof.kernels.backends import AUTO, backend_named
from backproof.rules.losses import Loss
from backproof.training import RateTest, find_learning_rate
from backproof.training.beginning import LBFGS


@dataclass(frozen=True, slots=True)
class Table:
    """Samples as the network sees them, before scaling: features, targets in columns, and weights or None."""

    X: Array
    y: Array
    weights: Array | None = None

    def part(self, chosen: Array) -> Table:
        """Some of the samples."""
        return Table(self.X[chosen], self.y[chosen], None if self.weights is None else self.weights[chosen])


class NetworkEstimator(ReadableEstimator):
    """A network behind ``fit`` and ``predict``; the two estimators say what their targets are."""

    _metric = "r2"

    # --- what an estimator says about its targets ---------------------------------------------------------------------

    def _encoded(self, y: Any, reset: bool) -> Array:
        raise NotImplementedError

    def _output(self) -> tuple[Kind, str | Loss, str | Function]:
        raise NotImplementedError

    def _target_scaling(self, table: Table) -> Scaling:
        return unchanged(table.y.shape[1])

    def _strata(self, y: Array) -> Array | None:
        return None

    def _class_weights(self, y: Any) -> Array | None:
        return None

    # --- fitting ------------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None) -> Any:
        """Train the network on a table.

        Args:
            X: samples × features: an array, a frame, or a sparse matrix, which is made dense.
            y: targets.
            sample_weight: how much each sample counts in the loss.
            X_val, y_val: held-out data; their loss is in the history, and stops the training with ``early_stopping``.

        Returns:
            The estimator itself.

        Raises:
            ValueError: data or hyperparameters that cannot be used; says which.
            DivergenceError: a quantity became NaN or infinite.
        """
        before = self.members_ if self.warm_start and hasattr(self, "members_") else None
        table = self._table(X, y, sample_weight, reset=True, classes=before is None)
        held_out = self._held_out(table, X_val, y_val)
        if isinstance(held_out, tuple):
            table, held_out = held_out
        if before is None or not hasattr(self, "_scaling"):
            self._learn_scaling(table)
        random = check_random_state(self.random_state)
        seed = int(random.randint(np.iinfo(np.int32).max))
        self._prepare(table, before)
        common = self._common(table, held_out)
        self.learning_rate_ = self._rate(common, seed)
        common["learning_rate"] = self.learning_rate_
        try:
            self._train(common, seed, before)
        except UnsupportedError:
            if common["backend"] == self.backend:
                raise
            self._train({**common, "backend": self.backend}, seed, before)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One pass over a table, going on from where the last one ended; the scaling is that of the first table.

        Args:
            X, y, sample_weight: as for ``fit``.

        Returns:
            The estimator itself.

        Raises:
            ValueError: data or hyperparameters that cannot be used; says which.
        """
        if self.solver == LBFGS:
            raise SpecificationError("partial_fit needs a solver that takes steps; lbfgs looks at all samples again")
        first = not hasattr(self, "members_")
        table = self._table(X, y, sample_weight, reset=first, classes=first)
        if first:
            self._learn_scaling(table)
            self._seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self._prepare(table, None if first else self.members_)
        common = self._common(table, None)
        if first:
            self.learning_rate_ = self._rate(common, self._seed)
        common |= {"learning_rate": self.learning_rate_, "backend": self.backend}
        members = self._starts(self._seed) if first else self.members_
        memories = getattr(self, "_memories", [{}] * len(members))
        made = getattr(self, "_made", 0)
        fitted = []
        for number, (start, memory) in enumerate(zip(members, memories, strict=True)):
            job = {**common, "seed": self._seed + number, "params": start}
            found, steps = one_pass(job, memory, made, self.n_jobs)
            fitted.append(found)
        self._made, self._memories = steps, [each.memory for each in fitted]
        self._keep(fitted, epochs_before=() if first else self.history_, samples=len(table.X))
        return self

    def _table(self, X: Any, y: Any, sample_weight: Any, *, reset: bool, classes: bool) -> Table:
        """Checked data.

        Raises:
            ValueError: they cannot be used.
        """
        dtypes = (np.float64, np.float32)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=self._metric == "r2",
            dtype=dtypes, reset=reset,
        )  # fmt: skip
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        by_class = self._class_weights(y)
        if by_class is not None:
            weights = by_class if weights is None else weights * by_class
        if weights is not None and not weights.sum() > 0:
            raise SpecificationError("the weights of all samples are zero, so there is nothing to learn from")
        return Table(self._dense(X), self._encoded(y, classes), weights)

    def _held_out(self, table: Table, X_val: Any, y_val: Any) -> Table | tuple[Table, Table] | None:
        """The validation data: given, or taken from the table, or none."""
        if (X_val is None) != (y_val is None):
            raise SpecificationError("X_val and y_val go together; give both")
        if X_val is not None:
            return self._table(X_val, y_val, None, reset=False, classes=False)
        if not self.early_stopping:
            return None
        indices = np.arange(len(table.X))
        strata = self._strata(table.y)
        parts = train_test_split(
            indices, test_size=self.validation_fraction, random_state=self.random_state, stratify=strata
        )
        return table.part(np.sort(parts[0])), table.part(np.sort(parts[1]))

    def _learn_scaling(self, table: Table) -> None:
        self._scaling = standardising(table.X, table.weights) if self.scale else unchanged(table.X.shape[1])
        self._y_scaling = self._target_scaling(table)

    def _ensemble(self) -> int:
        return whole_number("n_ensemble", self.n_ensemble, 1)

    def _prepare(self, table: Table, before: Any) -> None:
        """The network for the table.

        Raises:
            SpecificationError: hyperparameters that make none, or none that the weights of before fit.
        """
        sizes = (table.X.shape[1], *options.hidden_sizes(self.hidden_layer_sizes), table.y.shape[1])
        kind, loss, output = self._output()
        given = self.activation
        one = isinstance(given, str) or not isinstance(given, Sequence)
        names = [given] * (len(sizes) - 2) if one else list(given)
        if len(names) != len(sizes) - 2:
            raise SpecificationError(f"{len(names)} activations for {len(sizes) - 2} hidden layers; give one for each")
        batch = options.batch_size(self, len(table.X))
        mean = 1.0 if table.weights is None else float(table.weights.mean())
        if before is not None and sizes != self.network_.sizes:
            raise SpecificationError(f"the weights are those of {self.network_.sizes} units, not of {sizes}")
        self.network_ = Network(
            sizes,
            tuple(activation_key(name) for name in names),
            output,
            kind,
            loss,
            options.penalty("alpha", self.alpha, batch, mean),
            options.penalty("alpha_l1", self.alpha_l1, batch, mean),
            self.normalization,
            float(self.dropout or 0.0),
            table.weights is not None,
        )

    def _common(self, table: Table, held_out: Table | None) -> dict[str, Any]:
        """The trainer's options that all members share."""
        batch, epochs = options.batch_size(self, len(table.X)), whole_number("max_iter", self.max_iter, 1)
        found: dict[str, Any] = {
            "net": derived(self.network_),
            **self._arrays(table),
            "optimizer": options.optimizer(self),
            "batch_size": batch,
            "epochs": epochs,
            "shuffle": bool(self.shuffle),
            "backend": self._backend(table, batch, epochs),
            "dtype": table.X.dtype,
            "schedule": options.schedule(self, len(table.X)),
            "clip_norm": self.clip_norm,
        }
        if held_out is not None:
            arrays = self._arrays(held_out)
            weights = {"omega": arrays["weights"]} if arrays.get("weights") is not None else {}
            found["validation"] = {"X": arrays["X"], "y": arrays["y"], **weights}
            several = self.network_.kind == "each" and table.y.shape[1] > 1
            found["metrics"] = () if several else (self._metric,)
        return found

    def _backend(self, table: Table, batch: int, epochs: int) -> str:
        """The backend that is meant; ``"auto"`` is machine code where it pays in several fits like this one."""
        chosen = backend_named(self.backend)
        if chosen != AUTO:
            return chosen
        steps = epochs * -(-len(table.X) // batch)
        calls = epochs * (1 + (len(table.X) % batch > 0))
        return "llvm" if pays_compile(self.network_, batch, steps, calls, table.X.dtype.name) else AUTO

    def _arrays(self, table: Table) -> dict[str, Any]:
        weights = table.weights
        return {
            "X": self._scaling.apply(table.X),
            "y": self._y_scaling.apply(table.y.astype(table.X.dtype, copy=False)),
            "weights": None if weights is None else weights * (len(weights) / weights.sum()),
        }

    def _rate(self, common: Mapping[str, Any], seed: int) -> float:
        """The learning rate, found by a range test where it is ``"auto"``."""
        if self.learning_rate_init != "auto":
            rate: float = self.learning_rate_init
            return rate
        if self.solver == LBFGS:
            return 1.0
        return float(np.clip(self._range_test(common, seed).suggestion, 1e-4, 1.0))

    def _range_test(self, common: Mapping[str, Any], seed: int, **given: Any) -> RateTest:
        names = ("net", "X", "y", "weights", "optimizer", "batch_size", "dtype", "clip_norm")
        shared = {name: common[name] for name in names if common[name] is not None}
        own = {"seed": seed, "steps": options.TESTED, "backend": self.backend}
        return find_learning_rate(**{**shared, **own, **given})

    def _starts(self, seed: int) -> list[Parameters]:
        """Where each network starts."""
        return [starting(self.network_, seed + k, self.initialization) for k in range(self._ensemble())]

    def _train(self, common: Mapping[str, Any], seed: int, before: Any) -> None:
        count = self._ensemble()
        starts = before if before is not None and len(before) == count else self._starts(seed)
        jobs = [{**common, "seed": seed + number, "params": start} for number, start in enumerate(starts)]
        stoppings = [options.stopping(self) for _ in jobs]
        for each in stoppings:
            each.held_out = each.held_out and "validation" in common
        progress = self.verbose if isinstance(self.verbose, str) else bool(self.verbose)
        if count == 1:
            fitted = [fit_one(jobs[0], stoppings[0], progress, self.n_jobs)]
        else:
            fitted = fit_many(jobs, stoppings, progress, self.n_jobs)
        self._made, self._memories = 0, [{} for _ in jobs]
        self._seed = seed
        self._keep(fitted, epochs_before=(), samples=len(common["X"]))
        self._warn({each.stopped for each in fitted})

    def _warn(self, stopped: set[str]) -> None:
        if "interrupted" in stopped:
            warnings.warn(
                f"training was interrupted after {self.n_iter_} epochs; the best parameters so far are kept",
                ConvergenceWarning,
                stacklevel=4,
            )
        elif "finished" in stopped and self.n_iter_no_change is not None:
            warnings.warn(
                f"the loss was still falling after max_iter={self.max_iter} epochs; let it train longer, or say with "
                "n_iter_no_change=None that this is meant",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _keep(self, fitted: Sequence[Fitted], *, epochs_before: Sequence[Any], samples: int) -> None:
        """What is known after a training; of several networks, the curves are those of the first."""
        first = fitted[0]
        self.members_ = [each.parameters for each in fitted]
        self.history_ = joined(epochs_before, first.history) if epochs_before else first.history
        self.n_iter_ = max(1, len(self.history_))
        self.best_epoch_ = first.best_epoch
        self.loss_curve_ = [epoch.loss for epoch in self.history_]
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else float("nan")
        self.best_loss_ = min(self.loss_curve_, default=float("nan"))
        held_out = [epoch for epoch in self.history_ if epoch.validation_loss is not None]
        self.validation_curve_ = [epoch.validation_loss for epoch in held_out] or None
        self.validation_scores_ = [epoch.metrics[self._metric] for epoch in held_out if epoch.metrics] or None
        self.best_validation_score_ = max(self.validation_scores_) if self.validation_scores_ else None
        self.t_ = self.n_iter_ * samples
        self.n_layers_ = len(self.network_.sizes)
        self.n_outputs_ = self.network_.sizes[-1]

    # --- predicting ---------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """What each network gives for each sample: networks × samples × outputs, on the scale of the targets."""
        check_is_fitted(self, "members_")
        dtypes = (np.float64, np.float32)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=dtypes, reset=False)
        return self._outputs_of(self._dense(X))

    def _outputs_of(self, X: Array) -> Array:
        scaled = self._scaling.apply(X)
        return np.stack([self._y_scaling.undo(predicted(self.network_, member, scaled)) for member in self.members_])

    def find_learning_rate(self, X: Any, y: Any, sample_weight: Any = None, **given: Any) -> RateTest:
        """A short run whose rate grows from step to step; has a ``plot()``, and changes nothing here.

        Args:
            X, y, sample_weight: as for ``fit``.
            given: ``lowest``, ``highest``, ``steps``, as for ``bp.find_learning_rate``.
        """
        other = type(self)(**self.get_params(deep=False))
        table = other._table(X, y, sample_weight, reset=True, classes=True)
        other._learn_scaling(table)
        other._prepare(table, None)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        return other._range_test(other._common(table, None), seed, **given)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags
