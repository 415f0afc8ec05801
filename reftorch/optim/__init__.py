"""Optimizers: they change the parameters according to their gradients."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.optim import adadelta as adadelta
    from reftorch.optim import adagrad as adagrad
    from reftorch.optim import adam as adam
    from reftorch.optim import adamw as adamw
    from reftorch.optim import lbfgs as lbfgs
    from reftorch.optim import lr_scheduler as lr_scheduler
    from reftorch.optim import optimizer as optimizer
    from reftorch.optim import rmsprop as rmsprop
    from reftorch.optim import sgd as sgd
    from reftorch.optim import sparse_adam as sparse_adam
    from reftorch.optim.adadelta import Adadelta as Adadelta
    from reftorch.optim.adagrad import Adagrad as Adagrad
    from reftorch.optim.adam import Adam as Adam
    from reftorch.optim.adamw import AdamW as AdamW
    from reftorch.optim.lbfgs import LBFGS as LBFGS
    from reftorch.optim.optimizer import Optimizer as Optimizer
    from reftorch.optim.rmsprop import RMSprop as RMSprop
    from reftorch.optim.sgd import SGD as SGD
    from reftorch.optim.sparse_adam import SparseAdam as SparseAdam

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
