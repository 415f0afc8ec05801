"""Optimizers: what changes the parameters once their gradients are known."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.optim import optimizer as optimizer
    from reftorch.optim import sgd as sgd
    from reftorch.optim.optimizer import Optimizer as Optimizer
    from reftorch.optim.sgd import SGD as SGD

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
