"""Training a convolutional network on images: the network, the loop, what it shows, and the command `reftorch train`."""

from reftorch.train.command import train
from reftorch.train.loop import Run, Stop, TrainingError, evaluate, fit
from reftorch.train.network import ConvNet

__all__ = ["ConvNet", "Run", "Stop", "TrainingError", "evaluate", "fit", "train"]
