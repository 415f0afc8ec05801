"""What the pooling functions of one, two and three dimensions share: the checks of the input and of the window."""

from __future__ import annotations

import math
import operator

from reftorch.nn.arguments import sizes
from reftorch.tensor import Tensor
from reftorch.types import dtype, float16

SHAPES = {1: "(N, C, L) or (C, L)", 2: "(N, C, H, W) or (C, H, W)", 3: "(N, C, D, H, W) or (C, D, H, W)"}
ELEMENTS = {1: "elements", 2: "pixels", 3: "voxels"}


def window(n, function, kernel_size, stride, padding, dilation=1):
    """The four options as tuples of `n` ints; a stride of None or () means the kernel size."""
    kernel_size = sizes(n, kernel_size, "kernel_size", function)
    unset = stride is None or (isinstance(stride, (tuple, list)) and len(stride) == 0)
    stride = kernel_size if unset else sizes(n, stride, "stride", function)
    return kernel_size, stride, sizes(n, padding, "padding", function), sizes(n, dilation, "dilation", function)


def check_tensor(function: str, input: Tensor, kinds: str = "f", allowed: tuple[dtype, ...] = ()) -> None:
    """Raise TypeError unless it is a tensor, NotImplementedError unless its dtype is of one of the `kinds` or `allowed`."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with torch.tensor(...)"
        )
    if input.dtype not in allowed and (input.dtype.numpy.kind not in kinds or input.dtype is float16):
        raise NotImplementedError(
            f"{function} is not implemented for {input.dtype}: convert the input, for example with x.float()"
        )


def check_flag(function: str, name: str, value: bool) -> None:
    """Raise TypeError unless it is a bool: a number is probably an option in the wrong position."""
    if not isinstance(value, bool):
        raise TypeError(
            f"{function}(): argument '{name}' must be bool, found {value!r} ({type(value).__name__}): options "
            "without a name come in the order of the documentation"
        )


def check_size_in(
    function, n, size_in, too_few=RuntimeError, may_be_empty=False, first_may_be_0=False, no_channels=False
):
    """Raise RuntimeError unless the shape has a channel, `n` dimensions behind it and perhaps a batch; only the batch may be 0.

    `too_few` is the exception for too few dimensions, where torch raises another type; `may_be_empty` allows any 0;
    `first_may_be_0` allows one input without channels, as torch does where the first dimension is not tested; `no_channels`
    allows a batch without channels too.
    """
    if len(size_in) not in (n + 1, n + 2):
        raise (too_few if len(size_in) <= n else RuntimeError)(
            f"{function}: expected input {SHAPES[n]}, found {len(size_in)} dimensions, {list(size_in)}; one sample without "
            "channels needs x.unsqueeze(0)"
        )
    tested = size_in[-n if no_channels else 1 if first_may_be_0 else -n - 1 :]
    if 0 in tested and not may_be_empty:
        raise RuntimeError(
            f"{function}: input of shape {list(size_in)} has no {ELEMENTS[n]}: only the batch size, the first of {n + 2} "
            f"dimensions, {'and the number of channels ' * no_channels}may be 0"
        )


def one_channel_each(function: str, n: int, input: Tensor) -> Tensor:
    """The input as a batch of images of one channel, however many dimensions stand before the last `n`.

    Raises:
        IndexError: there are fewer than `n` dimensions.
    """
    check_size_in(function, n, (1, *input.shape[-n:]), IndexError, may_be_empty=True)
    return input.reshape(math.prod(input.shape[:-n]), 1, *input.shape[-n:])


def check_grad_size(function: str, size_grad: tuple[int, ...]) -> None:
    """Raise RuntimeError, as torch does, where the output of an adaptive pooling had an extent of 0."""
    if 0 in size_grad[2:]:
        raise RuntimeError(
            f"{function}: expected a gradient with {ELEMENTS[len(size_grad) - 2]}, found the shape {list(size_grad)}: an output "
            "without elements has no gradient; was output_size meant to be 0?"
        )


def check_window(function: str, kernel_size, stride, padding, dilation) -> None:
    """Raise RuntimeError unless sizes and steps are at least 1 and the padding is at most half the window."""
    for name, value in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation)):
        if min(value) < 1 or max(value) >= 2**31:
            raise RuntimeError(
                f"{function}: {name}={_shown(value)}: it counts {ELEMENTS[len(value)]} and must be 1 or more"
            )
    half = tuple(k // 2 for k in kernel_size)
    if any(not 0 <= p <= h for p, h in zip(padding, half)):
        raise RuntimeError(
            f"{function}: padding={_shown(padding)}, but for kernel_size={_shown(kernel_size)} it must be at least 0 and at most "
            f"{_shown(half)}: half the kernel size, which dilation does not raise. More padding would give windows without "
            f"{ELEMENTS[len(half)]}"
        )


def pooled_size(size_in, kernel_size, stride, padding, dilation, ceil_mode):
    """How many windows there are in each dimension; 0 or less where none fits."""
    size_out = []
    for extent, k, s, p, d in zip(size_in, kernel_size, stride, padding, dilation, strict=True):
        room = extent + 2 * p - d * (k - 1) - 1  # how far the first window can move
        windows = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (windows - 1) * s >= extent + p:
            windows -= 1  # the last one would start in the padding behind the input
        size_out.append(windows)
    return tuple(size_out)


def check_size_out(function: str, size_out, size_in, kernel_size, padding, dilation) -> None:
    """Raise RuntimeError where no window fits."""
    if min(size_out) < 1:
        spans, n = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation)), len(kernel_size)
        raise RuntimeError(
            f"{function}: a window of {_shown(spans)} {ELEMENTS[n]} (kernel_size={_shown(kernel_size)}, "
            f"dilation={_shown(dilation)}) does not fit into an input of {_shown(size_in[-n:])} with padding={_shown(padding)}: "
            "it has been pooled too often, or the window is too large"
        )


def _shown(values: tuple[int, ...]) -> str:
    """(2, 3), and 2 rather than (2,)."""
    return str(tuple(values)) if len(values) > 1 else str(values[0])


def adaptive_size(function: str, n: int, output_size, size_in: tuple[int, ...]) -> tuple[int, ...]:
    """The size of the output: `n` ints; in two and three dimensions None within a tuple stands for the extent of the input.

    Raises:
        TypeError: a size is not an int (or None, where that is allowed).
        ValueError: the input does not have more dimensions than the tuple has sizes.
        RuntimeError: a negative size, or another number of sizes.
    """
    listed = isinstance(output_size, (tuple, list))
    given = tuple(output_size) if listed else (output_size,) * n
    if listed and n > 1 and len(size_in) <= len(given):
        raise ValueError(
            f"{function}: Input dimension should be at least {len(given) + 1} for output_size={list(given)}: expected {SHAPES[n]}, "
            f"found {list(size_in)}"
        )
    for value in given:
        keeps = value is None and n > 1 and listed
        if not keeps and (isinstance(value, bool) or not hasattr(value, "__index__")):
            raise TypeError(
                f"{function}(): argument 'output_size' must be an int or a tuple of ints, found {output_size!r} with a "
                f"{type(value).__name__} in it" + "; None within a tuple keeps an extent" * (n > 1)
            )
    if len(given) != n:
        raise RuntimeError(f"{function}: output_size must be {n} values, but got output_size={list(given)}")
    found = tuple(size_in[i - n] if value is None else operator.index(value) for i, value in enumerate(given))
    if min(found) < 0:
        raise RuntimeError(
            f"{function}: elements of output_size must be greater than or equal to 0, but got {list(found)}"
        )
    return found
