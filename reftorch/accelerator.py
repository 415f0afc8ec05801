"""`torch.accelerator`: names for the GPU that do not depend on its kind; here it is CUDA."""

from __future__ import annotations

from typing import Any

from . import cuda, types
from .ops.backend import NoCuda

_NONE = "Cannot access accelerator device when none is available."


def is_available() -> bool:
    """Whether tensors can be moved to an accelerator."""
    return cuda.is_available()


def device_count() -> int:
    """How many accelerators there are: one or none."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> types.device | None:
    """The device, or None where there is none."""
    return types.device("cuda") if cuda.is_available() else None


def current_device_index() -> int:
    """The number of the current accelerator.

    Raises:
        RuntimeError: there is none.
    """
    if not cuda.is_available():
        raise NoCuda(_NONE)
    return 0


def synchronize(device: Any = None) -> None:
    """Wait until all launched kernels are done.

    Raises:
        RuntimeError: there is no accelerator.
    """
    if not cuda.is_available():
        raise NoCuda(_NONE)
    cuda.synchronize()
