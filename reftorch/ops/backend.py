"""Where tensor arithmetic is computed: NumPy for CPU arrays, its namesakes over CUDA arrays for the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import device as Device

__all__ = ["library", "to_device", "to_host"]


def library(device: Device) -> Any:
    """The module whose functions (`add`, `exp`, `sum`, ...) compute on arrays of `device`."""
    if device.type == "cpu":
        return np
    from . import on_cuda

    return on_cuda


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
    """Say what is missing when `device` is a CUDA device that is not there.

    Raises:
        RuntimeError: no CUDA device, or none of this number.
    """
    from ..kernel import cuda_kind

    if cuda_kind() == "absent":
        raise RuntimeError(
            f"device '{device}' was asked for, but this process found no CUDA device. With an NVIDIA GPU, install the "
            "extra: pip install 'reftorch[cuda]'. Without one, set NUMBA_ENABLE_CUDASIM=1 before Python starts to run "
            "CUDA kernels in Numba's simulator (tiny sizes). `reftorch doctor` tells what was found"
        )
    if device.index:
        raise RuntimeError(f"device '{device}' was asked for, but reftorch uses only one CUDA device: 'cuda:0'")
