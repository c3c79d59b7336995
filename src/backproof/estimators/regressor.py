"""``bp.MLPRegressor``: a network for numbers, behind scikit-learn's interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from backproof.errors import SpecificationError
from backproof.estimators.base import NetworkEstimator, Table
from backproof.estimators.names import REGRESSION, loss_key
from backproof.estimators.network import Kind
from backproof.estimators.scaling import Scaling, by_the_mean, standardising, unchanged
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Function
from backproof.rules.elementwise import exp
from backproof.rules.losses import Loss


class MLPRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """ŷ = l_{K-1} · W_K + b_K, l_k = activation(l_{k-1} · W_k + b_k), trained to a small loss(y, ŷ).

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers: a name, a formula in x such as ``"x*tanh(softplus(x))"``, a function made by
            ``bp.activation``, or a sequence of them, one for each layer.
        loss: ``"squared_error"``, ``"absolute_error"``, ``"huber(delta=1)"``, ``"log_cosh"``, ``"poisson"``,
            ``"quantile(level=0.9)"``, a formula in y_hat and y, or one made by ``bp.loss``; of targets that are scaled.
        solver: ``"adam"``, ``"sgd"``, ``"lbfgs"``, any optimizer of ``bp.train``, or one made by ``bp.optimizer``.
        alpha, alpha_l1: strength of the penalties ½ Σ w² and Σ |w|, over the samples in a batch.
        batch_size: samples per update; ``"auto"`` for 200, or all where there are fewer; None for all.
        learning_rate: how the rate changes: ``"constant"``, ``"invscaling"``, ``"adaptive"``, or a schedule of
            ``bp.train`` such as ``"cosine"`` or ``"one_cycle"``.
        learning_rate_init: the rate; ``"auto"`` for that of a short range test.
        power_t: exponent of ``"invscaling"``.
        max_iter: epochs at most.
        shuffle: whether each epoch draws its batches in a new order.
        random_state: for initial weights, order, dropout and the validation part.
        tol: what the loss has to fall by for an epoch to be progress.
        verbose: whether to show a progress bar.
        warm_start: whether ``fit`` goes on from the weights of the last one.
        momentum, nesterovs_momentum: of ``"sgd"``.
        early_stopping: whether the loss of held-out data is watched, and the parameters best there are kept.
        validation_fraction: the share held out where ``fit`` gets no ``X_val``.
        beta_1, beta_2, epsilon: of ``"adam"``.
        n_iter_no_change: epochs without progress that are let pass; None to make all epochs.
        weight_decay: of ``"adam"``, decoupled, as in AdamW.
        dropout: the chance that an output of a hidden layer is left out of a step.
        normalization: ``"batch"``, ``"layer"`` or None.
        initialization: how weights are drawn, as for ``bp.train``, or by the activation that follows where None.
        clip_norm: what the norm of a gradient is brought down to.
        scale_target: whether targets are standardised, and predictions brought back.
        scale: whether features are standardised, with what is learned on the training part.
        n_ensemble: networks, trained at once from different weights, whose predictions are averaged.
        n_jobs: threads; as many as there are processors, where they pay, if None.
        dtype: ``"float64"``, ``"float32"``, or ``"auto"`` for that of the features.
        backend: ``"auto"``, ``"llvm"`` or ``"numpy"``, as for ``bp.train``.

    Attributes:
        members_: for each network its parameters by identifier.
        history_: one record per epoch; of several networks, of the first, as for what follows.
        loss_curve_, validation_curve_, validation_scores_: the losses and scores in it, as lists.
        best_epoch_: with the lowest loss of the validation data.
        coefs_, intercepts_: weights and biases of each layer, for features that are scaled.
        n_iter_, n_features_in_, feature_names_in_: as scikit-learn has them.
        derivation_: the derivation of the gradients.
        learning_rate_: the rate that was used.

    Example:
        >>> import numpy as np
        >>> import backproof as bp
        >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
        >>> model = bp.MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", random_state=0)
        >>> model = model.fit(X, X.ravel() ** 2)
        >>> model.score(X, X.ravel() ** 2) > 0.99
        True
        >>> print(model.derivation_.equations["delta_2"])
        Δl_2 = 1/n × (ŷ − y)
    """

    def __init__(
        self,
        *,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        loss: Any = "squared_error",
        solver: Any = "adam",
        alpha: float = 1e-4,
        alpha_l1: float = 0.0,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 1e-3,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        normalization: str | None = None,
        initialization: str | None = "glorot_uniform",
        clip_norm: float | None = None,
        scale_target: bool = True,
        scale: bool = True,
        n_ensemble: int = 1,
        n_jobs: int | None = None,
        dtype: str = "auto",
        backend: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.alpha_l1 = alpha_l1
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.normalization = normalization
        self.initialization = initialization
        self.clip_norm = clip_norm
        self.scale_target = scale_target
        self.scale = scale
        self.n_ensemble = n_ensemble
        self.n_jobs = n_jobs
        self.dtype = dtype
        self.backend = backend

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """ŷ of each sample; of several networks, their mean.

        Args:
            X: samples × features.
            return_std: whether to return the deviation between the networks as well.

        Raises:
            SpecificationError: the deviation of one network is wanted.
        """
        found = self._outputs(X)
        if self._flat:
            found = found[:, :, 0]
        if not return_std:
            return found[0] if len(found) == 1 else found.mean(axis=0)
        if len(found) == 1:
            raise SpecificationError("one network has no spread; fit with n_ensemble of at least 2")
        return found.mean(axis=0), found.std(axis=0)

    def _output(self) -> tuple[Kind, str | Loss, str | Function]:
        loss = loss_key(self.loss, REGRESSION)
        return "regression", loss, exp if self._positive(loss) else "identity"

    def _positive(self, loss: str | Loss) -> bool:
        return (loss.name if isinstance(loss, Loss) else loss) == "poisson"

    def _encoded(self, y: Any, reset: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if reset:
            self._flat = y.ndim == 1
        found = np.asarray(y, np.float64).reshape(len(y), -1)
        if self._positive(loss_key(self.loss, REGRESSION)) and found.min(initial=0.0) < 0:
            raise SpecificationError("the Poisson loss needs targets of at least 0; choose another loss")
        return found

    def _target_scaling(self, table: Table) -> Scaling:
        if not self.scale_target:
            return unchanged(table.y.shape[1])
        if self._positive(loss_key(self.loss, REGRESSION)):
            return by_the_mean(table.y, table.weights)
        return standardising(table.y, table.weights)

    def _explained_target(self, row: Array, y: Any) -> Array:
        if y is None:
            return np.asarray(self._y_scaling.undo(np.zeros((1, self.n_outputs_))))
        return np.asarray(y, np.float64).reshape(1, -1)
