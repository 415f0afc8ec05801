"""What can be wrong with the arguments of a convolution, each with the error that PyTorch raises."""

from __future__ import annotations

from reftorch.tensor import Tensor
from reftorch.types import float16


def check_arguments(input, weight, bias, groups):
    for name, tensor in (("input", input), ("weight", weight), ("bias", bias)):
        if tensor is None and name == "bias":
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(f"conv2d(): argument '{name}' must be Tensor, not {type(tensor).__name__}")
        if tensor.dtype is not input.dtype:
            raise RuntimeError(
                f"Input type ({input.dtype}) and {name} type ({tensor.dtype}) should be the same: convert one of them, as in "
                f"input.to({tensor.dtype})"
            )
    if weight.ndim != 4:
        raise RuntimeError(
            f"conv2d: expected weight (C_out, C_in / groups, K_h, K_w), found {weight.ndim} dimensions: {list(weight.shape)}"
        )
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: "
            f"{list(input.shape)}. An image without channels needs x.unsqueeze(0)"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {weight.shape[0]} elements, but "
            f"got bias of size {list(bias.shape)} instead"
        )
    if input.dtype is float16 or input.dtype.numpy.kind not in "fiu":
        raise NotImplementedError(f"conv2d is not implemented for {input.dtype}: convert with .float()")
    if not hasattr(groups, "__index__"):
        raise TypeError(f"conv2d(): argument 'groups' must be int, not {type(groups).__name__}")


def check_options(size_in, weight_size, stride, padding, dilation, groups):
    for name, value in (("stride", min(stride)), ("dilation", min(dilation)), ("groups", groups)):
        if value < 1:
            raise RuntimeError(f"non-positive {name} is not supported: found {value}")
    if min(padding) < 0:
        raise RuntimeError(f"negative padding is not supported: found {padding}")
    if min(weight_size) < 1:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least 1 in every dimension, but got weight of size "
            f"{list(weight_size)} instead"
        )
    if weight_size[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"{list(weight_size)} instead"
        )
    channels, wanted = size_in[-3], weight_size[1] * groups
    if channels != wanted:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight_size)}, expected input{list(size_in)} to have {wanted} "
            f"channels, but got {channels} channels instead: channels come before rows and columns"
        )
    if 0 in size_in[-2:]:
        raise RuntimeError(f"Only zero batch inputs are supported, but got input shape: {list(size_in)}")


def check_output_size(size_out, size_in, kernel_size, both, dilation):
    if min(size_out) < 1:
        padded = " x ".join(str(extent + p) for extent, p in zip(size_in, both))
        spans = " x ".join(str(d * (k - 1) + 1) for k, d in zip(kernel_size, dilation))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({padded}). Kernel size: ({spans}). Kernel size can't be greater than "
            "actual input size: pad more, or shrink the image less often before this layer"
        )


def border_sizes(padding, kernel_size, stride, dilation):
    """The padding above and left, and the sum of both sides, as two pairs."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        if stride != (1, 1):
            raise RuntimeError(
                f"padding='same' is not supported for strided convolutions: stride is {stride}, which shrinks the image"
            )
        both = tuple(d * (k - 1) for k, d in zip(kernel_size, dilation))
        return (both[0] // 2, both[1] // 2), both
    if isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string: {padding!r}; it may be 'same' or 'valid'")
    return padding, (2 * padding[0], 2 * padding[1])
