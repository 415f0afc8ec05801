"""Transforms: what prepares images before a network sees them."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.transforms import functional as functional
    from reftorch.transforms.normalize import Normalize as Normalize

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
