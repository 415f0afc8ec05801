"""Switches of PyTorch that scripts set and that change nothing here: kernels are deterministic, and compute in full precision."""

from __future__ import annotations

from typing import Any

import numba

from . import threads

_deterministic = {"mode": False, "warn_only": False}
_precision = "highest"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing changes: each element of a result is computed by one thread, in one order."""
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms(): argument 'mode' must be bool, not {type(mode).__name__}")
    _deterministic.update(mode=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was given."""
    return _deterministic["mode"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was given `warn_only`."""
    return _deterministic["warn_only"]


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing changes: float32 is multiplied as float32."""
    global _precision
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was given."""
    return _precision


def get_num_threads() -> int:
    """How many threads a kernel may use."""
    return threads.available()


def set_num_threads(num: Any) -> None:
    """Let kernels use this many threads, and not more than Numba started: `NUMBA_NUM_THREADS`, by default one per core.

    Raises:
        RuntimeError: not a positive int.
    """
    if not isinstance(num, int) or isinstance(num, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num <= 0:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num}")
    numba.set_num_threads(min(num, numba.config.NUMBA_NUM_THREADS))
