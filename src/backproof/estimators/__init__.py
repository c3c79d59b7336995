"""Estimators: networks behind scikit-learn's interface, trained by ``backproof.training``."""

from backproof.estimators.classifier import MLPClassifier
from backproof.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
