"""Where tensor arithmetic is computed: NumPy for CPU arrays, its namesakes over CUDA arrays for the others."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..room import no_room
from ..types import device as Device

__all__ = ["check_cuda", "library", "quietly", "to_device", "to_host"]


class NoCuda(AssertionError, RuntimeError):
    """There is no CUDA device. PyTorch raises one or the other, depending on how it was built."""


def library(device: Device) -> Any:
    """The module whose functions (`add`, `exp`, `sum`, ...) compute on arrays of `device`."""
    if device.type == "cpu":
        return np
    from . import on_cuda

    return on_cuda


class _Quiet(threading.local):
    """A context, one for each thread, in which NumPy does not warn of overflow, 1 / 0 and the like: PyTorch never does."""

    def __init__(self) -> None:
        with np.errstate(all="ignore"):
            self.context = contextvars.copy_context()


_quiet = _Quiet()


def quietly(function: Callable, *args: Any, **options: Any) -> Any:
    """`function(*args, **options)` without NumPy's warnings. Running in a prepared context costs less than `np.errstate`."""
    try:
        return _quiet.context.run(function, *args, **options)
    except MemoryError as error:
        raise no_room(error) from None
    except RuntimeError:  # the context is in use: Python's garbage collector interrupted an operation
        with np.errstate(all="ignore"):
            return function(*args, **options)


def to_device(array: np.ndarray, device: Device) -> Any:
    """A NumPy array's elements on `device`.

    Raises:
        RuntimeError: there is no such device.
    """
    if device.type == "cpu":
        return array
    check_cuda(device)
    from . import on_cuda

    return on_cuda.to_device(array)


def to_host(array: Any) -> np.ndarray:
    """The elements of a device array as a NumPy array."""
    from . import on_cuda

    return on_cuda.to_host(array)


def check_cuda(device: Device) -> None:
    """Raise an error that says what is missing if `device` is a CUDA device that does not exist.

    Raises:
        NoCuda: no CUDA device.
        RuntimeError: none of this number.
    """
    if device.type == "cpu":
        return
    from ..kernel import cuda_kind

    if cuda_kind() == "absent":
        raise NoCuda(
            f"device '{device}' was asked for, but this process found no CUDA device. With an NVIDIA GPU, install the "
            "extra: pip install 'reftorch[cuda]'. Without one, set REFTORCH_CUDA=cpu before Python starts: then CUDA kernels "
            "are compiled for the CPU; or NUMBA_ENABLE_CUDASIM=1, which runs them in Numba's simulator (tiny sizes). "
            "`reftorch doctor` shows what was found"
        )
    if device.index:
        raise RuntimeError(f"device '{device}' was asked for, but reftorch uses only one CUDA device: 'cuda:0'")
