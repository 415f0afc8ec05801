"""Transforms: what prepares images before a network sees them."""

from reftorch.transforms import functional
from reftorch.transforms.normalize import Normalize

__all__ = ["Normalize", "functional"]
