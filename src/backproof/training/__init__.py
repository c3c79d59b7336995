"""Training: mini-batches, schedules, the loop and what is watched meanwhile, progress."""

from backproof.training.checkpoints import Checkpoints
from backproof.training.epoch import Epoch
from backproof.training.loop import train
from backproof.training.many import train_many
from backproof.training.predict import predict
from backproof.training.range_test import RateTest, find_learning_rate
from backproof.training.result import TrainingResult
from backproof.training.stream import Stream

__all__ = [
    "Checkpoints",
    "Epoch",
    "RateTest",
    "Stream",
    "TrainingResult",
    "find_learning_rate",
    "predict",
    "train",
    "train_many",
]
