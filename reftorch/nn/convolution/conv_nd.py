"""What the convolution layers of one, two and three dimensions share: parameters, their initial values, the printed form."""

from __future__ import annotations

import math

from reftorch.nn import init
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty


class ConvNd(Module):
    """A bank of learned filters. Subclasses define in `forward` how they are applied, and document the options.

    Raises:
        ValueError: channels that the groups do not divide, an unknown padding or padding mode, "same" with a stride.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ):
        super().__init__()
        _check(in_channels, out_channels, groups, padding, stride, padding_mode)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.transposed, self.output_padding = transposed, output_padding
        self.padding_mode = padding_mode
        both = [p for width in self._border() for p in width]
        self._reversed_padding_repeated_twice = tuple(both)  # torch's name; what F.pad takes
        channels = (in_channels, out_channels // groups) if transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty((*channels, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _border(self):
        """(before, after) of each dimension, the last one first."""
        for k, d, i in reversed([*zip(self.kernel_size, self.dilation, range(len(self.kernel_size)))]):
            if isinstance(self.padding, str):
                both = d * (k - 1) if self.padding == "same" else 0
                yield both // 2, both - both // 2
            else:
                yield self.padding[i], self.padding[i]

    def reset_parameters(self):
        """Draw new weights: uniform on ±sqrt(k), as `kaiming_uniform_` with a = sqrt(5) gives."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in = math.prod(self.weight.shape[1:])
        if self.bias is not None and fan_in > 0:
            init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zero, one = (0,) * len(self.kernel_size), (1,) * len(self.kernel_size)
        defaults = {"padding": zero, "dilation": one, "output_padding": zero, "groups": 1}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        text += "" if self.bias is not None else ", bias=False"
        return text + ("" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}")


def _check(in_channels, out_channels, groups, padding, stride, padding_mode):
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, found {groups}")
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name} must be divisible by groups: found {channels} and {groups}")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError(f"padding='same' is not supported for strided convolutions: stride is {stride}")
    modes = ("zeros", "reflect", "replicate", "circular")
    if padding_mode not in modes:
        raise ValueError(f"padding_mode must be one of {modes}, but got padding_mode={padding_mode!r}")
