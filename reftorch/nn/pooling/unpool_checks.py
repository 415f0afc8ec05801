"""What the unpooling functions share: the checks of the size of the output, and of the places, which must lie in it."""

from __future__ import annotations

import math

from reftorch.nn.pooling.checks import SHAPES
from reftorch.tensor import Tensor
from reftorch.types import float32, float64, int64


def unpooled_size(function, input, kernel_size, stride, padding, output_size):
    """The last sizes of the output: `output_size` if pooling a tensor of this size gives the input's size, or the default.

    Raises:
        ValueError: pooling does not give the input's size, or there are too many or too few sizes.
        IndexError: the input has fewer dimensions than the window.
        RuntimeError: it has another number of dimensions.
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with torch.tensor(...)"
        )
    n = len(kernel_size)
    if input.ndim not in (n + 1, n + 2):
        raise (IndexError if input.ndim < n else RuntimeError)(
            f"{function}: expected input {SHAPES[n]}, found {input.ndim} dimensions, {list(input.shape)}"
        )
    default = tuple(
        (extent - 1) * s - 2 * p + k for extent, k, s, p in zip(input.shape[-n:], kernel_size, stride, padding)
    )
    if output_size is None:
        return default
    wanted = tuple(output_size)
    if len(wanted) == n + 2:
        wanted = wanted[2:]
    if len(wanted) != n:
        raise ValueError(
            f"{function}: output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of {len(wanted)}"
        )
    for dim, (size, usual, s) in enumerate(zip(wanted, default, stride)):
        if not usual - s < size < usual + s:
            raise ValueError(
                f'{function}: invalid output_size "{list(wanted)}" (dim {dim} must be between {usual - s} and {usual + s}): the '
                "pooling that made the indices gives this input for no other size"
            )
    return wanted


def check_places(function, n, input, indices, size_out):
    """Raise unless `indices` holds an index within the output for each element of the input."""
    if not isinstance(indices, Tensor):
        raise TypeError(
            f"{function}(): argument 'indices' must be Tensor, not {type(indices).__name__}: it is what the pooling returned "
            "with return_indices=True"
        )
    if indices.dtype is not int64:
        raise RuntimeError(f"{function}: elements in indices should be type int64 but got: {indices.dtype}")
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{function}: expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}"
        )
    if 0 in input.shape[1:]:
        raise RuntimeError(
            f"{function}: expected input to have non-zero size for non-batch dimensions, but got {list(input.shape)}"
        )
    if input.dtype not in (float32, float64):
        raise NotImplementedError(f"{function} is not implemented for {input.dtype}: convert the input with x.float()")
    if min(size_out) < 0:
        raise RuntimeError(f"{function}: the output would have the size {list(size_out)}: the padding is too large")
    if indices.numel():
        lowest, highest = int(indices.min().item()), int(indices.max().item())
        if lowest < 0 or highest >= math.prod(size_out):
            wrong = lowest if lowest < 0 else highest
            shape = "x".join(map(str, size_out))
            raise RuntimeError(
                f"{function}: found an invalid max index: {wrong} (output volumes are of size {shape}): the indices must come from a "
                "pooling with this kernel_size, stride and padding"
            )
