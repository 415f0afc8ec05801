"""What the max pooling layers of one, two and three dimensions share: their options and their printed form."""

from __future__ import annotations

from reftorch.nn.module import Module


class MaxPoolNd(Module):
    """A layer with the options of max pooling. Subclasses define in `forward` what is pooled, and document the options."""

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )
