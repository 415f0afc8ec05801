"""`reftorch train`: networks for images and for dates, the training loop, its output, and the command."""

from reftorch.train.command import train
from reftorch.train.loop import Run, Stop, TrainingError, evaluate, fit
from reftorch.train.network import ConvNet
from reftorch.train.translators import DateLSTM, DateTransformer

__all__ = ["ConvNet", "DateLSTM", "DateTransformer", "Run", "Stop", "TrainingError", "evaluate", "fit", "train"]
