"""What can be read off a fitted estimator: weights, derivation, summary, curves, one row explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from backproof.derivation import Derivation
from backproof.errors import SpecificationError
from backproof.estimators.fitting import Parameters
from backproof.estimators.network import Network, derived
from backproof.estimators.scaling import Scaling
from backproof.estimators.summary import Summary, summary_of
from backproof.ir.arithmetic import Array
from backproof.training.history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ReadableEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that keeps its network as a value and its parameters as arrays; all else is made from them."""

    network_: Network
    members_: list[Parameters]
    history_: History
    _scaling: Scaling
    _y_scaling: Scaling

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, of inputs that are scaled; of several networks, those of the first."""
        layers, parameters = self._layers()
        return [parameters[layer.weights] for layer in layers]

    @property
    def intercepts_(self) -> list[Array]:
        """What each layer adds; with normalisation, its shift."""
        layers, parameters = self._layers()
        return [parameters[layer.bias or layer.shift].ravel() for layer in layers]

    def _layers(self) -> tuple[Any, Parameters]:
        structure = self.derivation_.trace.program.structure
        return structure.layers if structure is not None else (), self.members_[0]

    @property
    def derivation_(self) -> Derivation:
        """The derivation of the gradients that it was trained with: to read, to prove, to emit."""
        if not hasattr(self, "network_"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet, so there is nothing derived")
        return Derivation(derived(self.network_))

    def summary(self) -> Summary:
        """Layers, shapes, parameters, FLOPs and bytes; printed as a table."""
        check_is_fitted(self, "members_")
        return summary_of(derived(self.network_), self.members_[0], len(self.members_))

    def plot_history(self, path: str | Path | None = None) -> Figure:
        """Losses and metrics against the epochs.

        Args:
            path: a file to write the drawing to as well: .svg, .png or .pdf.
        """
        check_is_fitted(self, "members_")
        return self.history_.plot(path)

    def explain(self, x: Any, y: Any = None) -> Derivation:
        """The prediction of one row and its whole backward pass, every equation with its numbers.

        Args:
            x: one row of features, as they are: they are scaled here.
            y: its target; where None, the class that is predicted, or a target on the mean.

        Returns:
            The derivation with numbers; print it, or take ``.html()``.
        """
        check_is_fitted(self, "members_")
        row = x if hasattr(x, "columns") else np.asarray(x).reshape(1, -1)
        row = self._dense(validate_data(self, row, dtype=(np.float64, np.float32), reset=False))
        if len(row) != 1:
            raise SpecificationError(f"explain takes one row, got {len(row)}")
        target = self._explained_target(row, y)
        program = self.derivation_.trace.program
        learned = {name.id: self.members_[0][name.id] for name in program.parameters}
        values = {"X": self._scaling.apply(row), "y": self._y_scaling.apply(target), **learned}
        if self.network_.weighted:
            values["omega"] = np.ones((1, 1))
        return self.derivation_.with_numbers(values, learning_rate=None)

    def _explained_target(self, row: Array, y: Any) -> Array:
        raise NotImplementedError

    def _dense(self, X: Any) -> Array:
        """The features as an array of the dtype to compute in."""
        kind = X.dtype if self.dtype == "auto" else np.dtype(self.dtype)
        return np.ascontiguousarray(X.toarray() if sparse.issparse(X) else X, kind)
