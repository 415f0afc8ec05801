"""The functions of `torch.cuda` that are used most."""

from __future__ import annotations

from . import kernel as _kernel
from .kernel import cuda_kind, use

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "is_available", "manual_seed", "manual_seed_all",
    "synchronize", "use",
]  # fmt: skip


def is_available() -> bool:
    """Whether tensors can be moved to `"cuda"`: there is a GPU, or a replacement for one."""
    return cuda_kind() != "absent"


def device_count() -> int:
    """How many CUDA devices reftorch uses: one or none."""
    return int(is_available())


def current_device() -> int:
    """The number of the device that `"cuda"` means.

    Raises:
        AssertionError: there is none.
    """
    _check()
    return 0


def _check() -> None:
    from .ops.backend import check_cuda
    from .types import device

    check_cuda(device("cuda"))


def get_device_name(device: object = None) -> str:
    """The name of the GPU, or that it is simulated.

    Raises:
        AssertionError: there is none.
    """
    _check()
    if cuda_kind() == "simulator":
        return "Numba CUDA simulator"
    if cuda_kind() == "cpu":
        return "none: CUDA compiled for the CPU"
    name = _kernel.cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else name


def synchronize(device: object = None) -> None:
    """Wait until all launched kernels are done.

    Raises:
        AssertionError: there is no CUDA device.
    """
    _check()
    if cuda_kind() != "cpu":  # there a launch returns when it is done
        _kernel.cuda.synchronize()


def empty_cache() -> None:
    """Does nothing: freed memory is not kept."""


def manual_seed_all(seed: int) -> None:
    """Random numbers are drawn on the CPU for every device, so this is `manual_seed`."""
    from .random import manual_seed

    manual_seed(seed)


manual_seed = manual_seed_all
