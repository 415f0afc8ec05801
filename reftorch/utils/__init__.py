"""`torch.utils`, as far as it is here: `utils.data`."""

from . import data

__all__ = ["data"]
