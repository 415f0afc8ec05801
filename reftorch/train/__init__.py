"""What `reftorch train` does: networks for images and for dates, the loop that teaches them, what it shows, and the command."""

from reftorch.train.command import train
from reftorch.train.loop import Run, Stop, TrainingError, evaluate, fit
from reftorch.train.network import ConvNet
from reftorch.train.translators import DateLSTM, DateTransformer

__all__ = ["ConvNet", "DateLSTM", "DateTransformer", "Run", "Stop", "TrainingError", "evaluate", "fit", "train"]
