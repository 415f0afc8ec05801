"""The transforms as functions. Each lives in the file of its class; this is where torchvision's users look for them."""

from reftorch.transforms.normalize import normalize

__all__ = ["normalize"]
