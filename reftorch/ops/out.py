"""`out=`: the result of an operation, written into an existing tensor."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd import is_grad_enabled
from ..tensor import Tensor
from .inplace import write
from .promotion import category


def write_out(name: str, out: Any, result: Any, *operands: Any) -> Any:
    """Let `out` become `result`; one of another shape gets new memory. Nothing is recorded.

    Raises:
        TypeError: `out` is no tensor.
        RuntimeError: a gradient is wanted of an operand or of `out`, or `out` cannot hold the dtype.
    """
    if isinstance(result, tuple):
        return type(result)(*[write_out(name, *pair, *operands) for pair in zip(out, result)])
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    tensors = [out, result, *operands]
    if is_grad_enabled() and any(isinstance(t, Tensor) and t.requires_grad for t in tensors):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad: leave out the out=, or compute under torch.no_grad()"
        )
    if category(result.dtype) > category(out.dtype):
        raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {out.dtype}")
    if out.device != result.device:
        raise RuntimeError(f"Expected out tensor to be on {result.device}, found {out.device}")
    if out.shape != result.shape:
        if out.numel():
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                f"match the required output shape {list(result.shape)}: give {name}() an out of that shape",
                stacklevel=3,
            )
        out.array = out.new_empty(result.shape).array
    write(out, result)
    out._counter.bump()
    return out
