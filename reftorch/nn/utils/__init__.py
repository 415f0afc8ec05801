"""Utilities around networks: sequences of different lengths, and what is done to parameters and their gradients."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.nn.utils import rnn as rnn

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
