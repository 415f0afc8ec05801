"""The transforms as functions. Each lives in the file of its class; this is where torchvision's users look for them."""

from typing import TYPE_CHECKING

from reftorch import lazy

if TYPE_CHECKING:  # imported when they are first used
    from reftorch.transforms.normalize import normalize as normalize

__getattr__, __dir__, __all__ = lazy.names(__name__, __file__)
