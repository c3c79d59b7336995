"""A user's own activations and losses, by formula: derived, checked, and then used like the built-in ones."""

from backproof.definitions.activations import activation
from backproof.definitions.losses import loss

__all__ = ["activation", "loss"]
