"""`torch.backends`: the names that scripts read and set. Settings are stored but change nothing."""

from __future__ import annotations

from typing import Any


class Backend:
    """A library that PyTorch may compute with, and reftorch does not."""

    def __init__(self, **settings: Any):
        self.__dict__.update(settings)

    def is_available(self) -> bool:
        """Whether the library is available: never."""
        return False

    def is_built(self) -> bool:
        """Whether reftorch was built with the library: never."""
        return False

    def version(self) -> None:
        """None: the library is not available."""


cudnn = Backend(enabled=True, benchmark=False, deterministic=False, allow_tf32=True, benchmark_limit=10)
cuda = Backend(matmul=Backend(allow_tf32=False), cufft_plan_cache=[])
mps, mkl, mkldnn, openmp, opt_einsum = (Backend() for _ in range(5))
