"""PyTorch's compiler for modules. There is none here: the kernels are compiled, the Python around them is not."""

from __future__ import annotations

from typing import Any, NoReturn


def is_scripting() -> bool:
    """Whether the code is being compiled: never."""
    return False


def is_tracing() -> bool:
    """Whether the code is being traced: never."""
    return False


def script(*args: Any, **options: Any) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "reftorch has no TorchScript: call the module as it is, its kernels are compiled by Numba"
    )


trace = script
