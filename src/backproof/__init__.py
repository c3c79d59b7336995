"""Derive, prove and run backpropagation.

Every public name is loaded when it is first used, so that ``import backproof`` costs almost nothing. To add
one, add its row to ``_MODULE_OF`` and its line for type checkers; a test keeps the two in step.

Example:
    >>> import backproof as bp
    >>> "derive" in dir(bp)
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from backproof.version import __version__

# No public name may be a module's name: importing ``backproof.x`` sets the attribute ``x`` of the package.
_MODULE_OF = {
    "Checkpoints": "training",
    "Derivation": "derivation",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Notation": "notation",
    "Stream": "training",
    "activation": "definitions",
    "check": "checking",
    "derive": "derivation",
    "find_learning_rate": "training",
    "load_model": "models",
    "loss": "definitions",
    "mlp": "networks",
    "optimizer": "optimizers",
    "parse": "parsing",
    "train": "training",
    "train_many": "training",
}

__all__ = ["__version__", *_MODULE_OF]

if TYPE_CHECKING:
    from backproof.checking import check as check
    from backproof.definitions import activation as activation
    from backproof.definitions import loss as loss
    from backproof.derivation import Derivation as Derivation
    from backproof.derivation import derive as derive
    from backproof.estimators import MLPClassifier as MLPClassifier
    from backproof.estimators import MLPRegressor as MLPRegressor
    from backproof.models import load_model as load_model
    from backproof.networks import mlp as mlp
    from backproof.notation import Notation as Notation
    from backproof.optimizers import optimizer as optimizer
    from backproof.parsing import parse as parse
    from backproof.training import Checkpoints as Checkpoints
    from backproof.training import Stream as Stream
    from backproof.training import find_learning_rate as find_learning_rate
    from backproof.training import train as train
    from backproof.training import train_many as train_many
else:  # hidden from type checkers, which would take it to define every name

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
