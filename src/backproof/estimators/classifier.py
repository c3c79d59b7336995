"""``bp.MLPClassifier``: a network for classes, behind scikit-learn's interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from backproof.errors import SpecificationError
from backproof.estimators.base import NetworkEstimator
from backproof.estimators.names import EACH, ONE_OF_MANY, loss_key
from backproof.estimators.network import Kind
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Function
from backproof.rules.losses import Loss


class MLPClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """p = softmax(l_{K-1} · W_K + b_K), l_k = activation(l_{k-1} · W_k + b_k), trained to a small loss(y, p).

    Two classes, or labels of which several can be true, get a sigmoid for each output.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers: a name, a formula in x such as ``"x*tanh(softplus(x))"``, a function made by
            ``bp.activation``, or a sequence of them, one for each layer.
        loss: ``"cross_entropy"``, ``"focal(gamma=2)"``, a formula in y_hat and y, or one made by ``bp.loss``.
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
        class_weight: ``"balanced"``, or weights by class; they multiply those of samples.
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
        classes_: the labels.

    Example:
        >>> import numpy as np
        >>> import backproof as bp
        >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
        >>> y = np.where(abs(X.ravel()) < 0.5, "inner", "outer")
        >>> model = bp.MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> model.predict([[0.1], [0.9]]).tolist()
        ['inner', 'outer']
    """

    _metric = "accuracy"

    def __init__(
        self,
        *,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        loss: Any = "cross_entropy",
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
        class_weight: Any = None,
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
        self.class_weight = class_weight
        self.scale = scale
        self.n_ensemble = n_ensemble
        self.n_jobs = n_jobs
        self.dtype = dtype
        self.backend = backend

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, classes: Any = None) -> Any:
        """One pass over a table, going on from where the last one ended; the scaling is that of the first table.

        Args:
            X, y, sample_weight: as for ``fit``.
            classes: all labels that there will ever be, in the first call.

        Returns:
            The estimator itself.

        Raises:
            ValueError: data or hyperparameters that cannot be used; says which.
        """
        if not hasattr(self, "members_"):
            self._announced = None if classes is None else np.unique(classes)
            if classes is None:
                raise SpecificationError("the first call of partial_fit needs classes: all labels that there will be")
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise SpecificationError(f"classes={classes!r} are not those of the first call, {self.classes_!r}")
        try:
            return super().partial_fit(X, y, sample_weight)
        finally:
            self.__dict__.pop("_announced", None)

    def predict_proba(self, X: Any, return_std: bool = False) -> Any:
        """The probability of each class, in the order of ``classes_``; of several networks, their mean.

        Args:
            X: samples × features.
            return_std: whether to return the deviation between the networks as well.

        Raises:
            SpecificationError: the deviation of one network is wanted.
        """
        found = self._probabilities(self._outputs(X))
        mean = found[0] if len(found) == 1 else found.mean(axis=0)
        if not return_std:
            return mean
        if len(found) == 1:
            raise SpecificationError("one network has no spread; fit with n_ensemble of at least 2")
        return mean, found.std(axis=0)

    def _probabilities(self, found: Array) -> Array:
        """A column for each class."""
        if found.shape[2] > 1 or self._several:
            return found
        return np.concatenate([1 - found, found], axis=2) if len(self.classes_) == 2 else np.ones_like(found)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def decision_function(self, X: Any) -> Array:
        """log p of each class; log(p / (1 − p)) of the second of two classes, or of each label."""
        p = np.clip(self.predict_proba(X), np.finfo(np.float64).tiny, None)
        if self._several:
            return np.asarray(np.log(p) - np.log(np.clip(1 - p, np.finfo(p.dtype).eps / 2, None)))
        scores = np.log(p)
        return np.asarray(scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores)

    def predict(self, X: Any) -> Array:
        """The class that is most probable; of labels of which several can be true, those that rather are."""
        return self._decided(self.predict_proba(X))

    def _decided(self, probabilities: Array) -> Array:
        if self._several:
            return (probabilities > 0.5).astype(int)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def _output(self) -> tuple[Kind, str | Loss, str | Function]:
        if self._several or len(self.classes_) <= 2:
            return "each", loss_key(self.loss, EACH), "sigmoid"
        return "one of many", loss_key(self.loss, ONE_OF_MANY), "softmax"

    def _encoded(self, y: Any, reset: bool) -> Array:
        check_classification_targets(y)
        several = type_of_target(y) == "multilabel-indicator"
        if reset:
            self._several = several
            announced = self.__dict__.get("_announced")
            if several:
                self.classes_ = np.arange(y.shape[1])
            else:
                self.classes_ = np.unique(self._labels(y)) if announced is None else announced
        if several != self._several:
            raise SpecificationError("y has one class for each sample here and several there; give one kind")
        if several:
            return np.asarray(y.toarray() if sparse.issparse(y) else y, np.float64)
        labels = self._labels(y)
        places = np.minimum(np.searchsorted(self.classes_, labels), len(self.classes_) - 1)
        unknown = np.unique(labels[self.classes_[places] != labels])
        if len(unknown):
            raise SpecificationError(f"y has classes that are not in classes_: {unknown.tolist()}")
        if len(self.classes_) <= 2:
            return np.asarray(places == 1, np.float64).reshape(-1, 1)
        return np.asarray(np.eye(len(self.classes_))[places])

    def _labels(self, y: Any) -> Array:
        return np.asarray(column_or_1d(y, warn=True))

    def _class_weights(self, y: Any) -> Array | None:
        return None if self.class_weight is None else np.asarray(compute_sample_weight(self.class_weight, y))

    def _strata(self, y: Array) -> Array | None:
        """The classes, where each has samples for both parts."""
        if self._several:
            return None
        codes = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
        counts = np.unique(codes, return_counts=True)[1]
        held = round(self.validation_fraction * len(y))
        return codes if counts.min() >= 2 and min(held, len(y) - held) >= len(counts) else None

    def _explained_target(self, row: Array, y: Any) -> Array:
        likely = self._probabilities(self._outputs_of(row))[0]
        decided = self._decided(likely) if y is None else np.asarray(y)
        return self._encoded(decided.reshape(1, -1) if self._several else decided.reshape(-1), reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = False
        return tags
