"""What the transposed convolutions of one, two and three dimensions share: checks, sizes, and the choice of the output size."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from reftorch.nn.arguments import sizes
from reftorch.nn.convolution.checks import check_options, check_sizes
from reftorch.nn.convolution.conv_nd import ConvNd
from reftorch.tensor import Tensor
from reftorch.types import bool as boolean


def conv_transpose_output_size(size_in, kernel_size, stride, padding, dilation, output_padding):
    """Extents of the output for `size_in`; all are tuples with one number for each dimension."""
    return tuple(
        (extent - 1) * s - 2 * p + d * (k - 1) + o + 1
        for extent, k, s, p, d, o in zip(size_in, kernel_size, stride, padding, dilation, output_padding)
    )


@functools.lru_cache(maxsize=512)  # in training the same sizes come again and again
def conv_transpose_geometry(size_in, weight_size, bias_size, stride, padding, output_padding, groups, dilation):
    """What follows from sizes and options alone: the output's extents, after all checks."""
    n = len(stride)
    check_sizes(f"conv_transpose{n}d", n, size_in, weight_size, bias_size, groups, transposed=True)
    check_options(size_in, weight_size, stride, padding, dilation, groups, transposed=True)
    if min(output_padding) < 0:
        raise RuntimeError(f"negative output_padding is not supported: found {output_padding}")
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got output_padding={output_padding}, "
            f"stride={stride}, dilation={dilation}: it only chooses among the sizes that this stride allows"
        )
    size_out = conv_transpose_output_size(size_in[-n:], weight_size[2:], stride, padding, dilation, output_padding)
    if min(size_out) < 0:
        raise RuntimeError(
            f"the padding {padding} removes more than the output has: an input of {list(size_in)} would give the size "
            f"{list(size_out)}; pad less"
        )
    return size_out


def fitting_bias(bias, input):
    """The bias in the dtype of the input: in one and two dimensions torch adds a bias of another dtype to the result.

    It stays as it is where numbers would lose a part: fractions in a result of integers, imaginary parts in a real one.
    """
    if not (isinstance(bias, Tensor) and isinstance(input, Tensor)) or bias.dtype is input.dtype:
        return bias
    return bias if _kind(bias.dtype) > _kind(input.dtype) else bias.to(input.dtype)


def _kind(dtype):
    """0 for bool, 1 for integers, 2 for floating point, 3 for complex numbers."""
    return 3 if dtype.is_complex else 2 if dtype.is_floating_point else int(dtype is not boolean)


class ConvTransposeNd(ConvNd):
    """A bank of learned filters, each of which is written into the output at every element of the input.

    Raises:
        ValueError: channels that the groups do not divide, a padding mode other than "zeros".
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        output_padding,
        groups,
        bias,
        dilation,
        padding_mode,
        device,
        dtype,
        n,
    ):
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {name}: found {padding_mode!r}')
        super().__init__(
            in_channels,
            out_channels,
            sizes(n, kernel_size, "kernel_size", name),
            sizes(n, stride, "stride", name),
            sizes(n, padding, "padding", name),
            sizes(n, dilation, "dilation", name),
            True,
            sizes(n, output_padding, "output_padding", name),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def output_padding_for(self, input, output_size: Sequence[int] | None):
        """The output padding that gives `output_size`, which may also hold the sizes of batch and channels before the others."""
        if output_size is None:
            return self.output_padding
        n = len(self.kernel_size)
        if len(output_size) not in (n, input.ndim):
            raise ValueError(
                f"{type(self).__name__}: for {input.ndim}D input, output_size must have {n} or {input.ndim} elements (got "
                f"{len(output_size)}: {list(output_size)})"
            )
        wanted = list(output_size)[-n:]
        smallest = conv_transpose_output_size(
            input.shape[-n:], self.kernel_size, self.stride, self.padding, self.dilation, (0,) * n
        )
        largest = [size + s - 1 for size, s in zip(smallest, self.stride)]
        if any(not low <= size <= high for low, size, high in zip(smallest, wanted, largest)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {list(smallest)} to {largest} (for an "
                f"input of {list(input.shape[-n:])})"
            )
        return tuple(size - low for size, low in zip(wanted, smallest))
