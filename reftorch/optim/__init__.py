"""Optimizers: what changes the parameters once their gradients are known."""

from reftorch.optim import optimizer, sgd
from reftorch.optim.optimizer import Optimizer
from reftorch.optim.sgd import SGD

__all__ = ["SGD", "Optimizer", "optimizer", "sgd"]
