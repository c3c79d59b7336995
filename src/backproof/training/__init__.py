"""Training: update rules as equations, mini-batches, the loop, progress."""

from backproof.training.loop import train
from backproof.training.predict import predict
from backproof.training.result import Epoch, TrainingResult

__all__ = ["Epoch", "TrainingResult", "predict", "train"]
