"""Checks of the arguments of a convolution of n dimensions. Each raises the error that PyTorch raises."""

from __future__ import annotations

from reftorch.types import float32, float64, int8, int16, int32, int64, uint8

DTYPES = (float32, float64, int64, int32, int16, int8, uint8)
AXES = {1: ("K",), 2: ("K_h", "K_w"), 3: ("K_d", "K_h", "K_w")}
ORDER = {1: "the length", 2: "rows and columns", 3: "depth, rows and columns"}


def check_sizes(function, n, size_in, weight_size, bias_size, groups, transposed=False):
    """The numbers of dimensions, and one bias for each filter. `transposed`: the weight's first dimension is the input's channels."""
    first, second = ("C_in", "C_out / groups") if transposed else ("C_out", "C_in / groups")
    if len(weight_size) != n + 2:
        raise RuntimeError(
            f"{function}: expected weight ({first}, {second}, {', '.join(AXES[n])}), found {len(weight_size)} dimensions: "
            f"{list(weight_size)}"
        )
    if len(size_in) not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {function}, but got input of size: "
            f"{list(size_in)}. An input without channels needs x.unsqueeze(0)"
        )
    filters = weight_size[1] * groups if transposed else weight_size[0]
    if bias_size not in (None, (filters,)):
        raise RuntimeError(
            f"Given weight of size {list(weight_size)}, expected bias to be 1-dimensional with {filters} elements, but "
            f"got bias of size {list(bias_size)} instead"
        )


def check_options(size_in, weight_size, stride, padding, dilation, groups, transposed=False):
    for name, value in (("stride", min(stride)), ("dilation", min(dilation)), ("groups", groups)):
        if value < 1:
            raise RuntimeError(f"non-positive {name} is not supported: found {value}")
    if min(padding) < 0:
        raise RuntimeError(f"negative padding is not supported: found {padding}")
    may_be_zero = () if transposed else (1,)  # a convolution of images without channels is allowed
    if any(extent < 1 for dim, extent in enumerate(weight_size) if dim not in may_be_zero):
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least 1 in every dimension, but got weight of size "
            f"{list(weight_size)} instead"
        )
    if weight_size[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"{list(weight_size)} instead"
        )
    n = len(stride)
    channels, wanted = size_in[-n - 1], weight_size[0] if transposed else weight_size[1] * groups
    if channels != wanted:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight_size)}, expected input{list(size_in)} to have {wanted} "
            f"channels, but got {channels} channels instead: channels come before {ORDER[n]}"
        )
    if 0 in size_in[-n:]:
        raise RuntimeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: {list(size_in)}"
        )


def check_output_size(size_out, size_in, kernel_size, both, dilation):
    if min(size_out) < 1:
        padded = " x ".join(str(extent + p) for extent, p in zip(size_in, both))
        spans = " x ".join(str(d * (k - 1) + 1) for k, d in zip(kernel_size, dilation))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({padded}). Kernel size: ({spans}). Kernel size can't be greater than "
            "actual input size: pad more, or shrink the input less often before this layer"
        )


def border_sizes(padding, kernel_size, stride, dilation):
    """The padding before the first position, and the sum of both sides, in each dimension."""
    if padding == "valid":
        return (0,) * len(stride), (0,) * len(stride)
    if padding == "same":
        if max(stride) != 1:
            raise RuntimeError(
                f"padding='same' is not supported for strided convolutions: stride is {stride}, which shrinks the input"
            )
        both = tuple(d * (k - 1) for k, d in zip(kernel_size, dilation))
        return tuple(width // 2 for width in both), both
    if isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string: {padding!r}; it may be 'same' or 'valid'")
    return padding, tuple(2 * width for width in padding)
