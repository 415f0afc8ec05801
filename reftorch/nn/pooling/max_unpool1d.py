r"""Max unpooling over sequences: every element is put back to the place from which max pooling took it, and the rest is zero.

It is the two-dimensional unpooling of images with one column, and that is how it is computed.

Use it when a decoder enlarges a sequence that `max_pool1d(..., return_indices=True)` made shorter.

## Forward

One element with the value 5 and the place 1: the output is 5 at place 1 and 0 everywhere else. In general:

$$y[n, c, l_{out}] = \sum_{l_{in}} \left[ m[n, c, l_{in}] = l_{out} \right] \; x[n, c, l_{in}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. If several elements have the same place, only the last of them counts.

## Gradients

$y$ at the place of an element is a copy of it, so the derivative is 1 there and 0 elsewhere:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] = \frac{\partial L}{\partial y}\left[n, c, m[n, c, l_{in}]\right]$$

## Output size

$$L_{out} = (L_{in} - 1) \, s - 2 p + K$$

with the stride $s$, padding $p$ and window $K$ of the pooling; or `output_size`, which differs from it by less than the stride.

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x, index = F.max_pool1d(torch.tensor([[[1., 5, 2, 3]]]), 2, return_indices=True)
>>> x
tensor([[[5., 3.]]])
>>> index
tensor([[[1, 3]]])
>>> F.max_unpool1d(x, index, kernel_size=2)
tensor([[[0., 5., 0., 3.]]])

Max pooling also makes two elements of five. `output_size` says that there were five:

>>> F.max_unpool1d(x, index, kernel_size=2, output_size=(5,))
tensor([[[0., 5., 0., 3., 0.]]])

## Questions

**Why can the kernel for images be used?**

In an image with one column the place is the row times 1 plus 0, so it equals the row.

**Which sizes can `output_size` have for a stride of 2?**

The default and the two next to it, since it must differ by less than 2.

>>> [F.max_unpool1d(x, torch.tensor([[[0, 2]]]), 2, output_size=(size,)).shape[-1] for size in (3, 4, 5)]
[3, 4, 5]

**Is max_unpool1d the inverse of max_pool1d?**

No. It puts the largest elements back in their places. The others are lost and become 0.
"""

from __future__ import annotations

import math

from reftorch.nn.arguments import options_text, sizes
from reftorch.nn.module import Module
from reftorch.nn.pooling.max_unpool2d import MaxUnpool2DFunction
from reftorch.nn.pooling.unpool_checks import check_places, unpooled_size


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Every element at its place, and zero elsewhere.

    Shapes: `input` and `indices` (N, C, L_in) or (C, L_in); N may be 0. The result (N, C, L_out) or (C, L_out). `kernel_size`,
    `stride` and `padding` are those of the pooling; `output_size` is the whole shape of the result, or its length in a tuple.

    Raises:
        IndexError: the input has fewer dimensions than the window.
        RuntimeError: the input has another number of dimensions or no elements, `indices` has another shape or dtype, or a place
            lies outside the output.
        ValueError: pooling a tensor of `output_size` does not give the size of the input.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    kernel_size = sizes(1, kernel_size, "kernel_size", "max_unpool1d")
    stride = kernel_size if stride is None else sizes(1, stride, "stride", "max_unpool1d")
    padding = sizes(1, padding, "padding", "max_unpool1d")
    size_out = unpooled_size("max_unpool1d", input, kernel_size, stride, padding, output_size)
    check_places("max_unpool1d", 1, input, indices, size_out)
    shape = (math.prod(input.shape[:-2]), *input.shape[-2:], 1)
    y = MaxUnpool2DFunction.apply(input.reshape(shape), indices.reshape(shape), (*size_out, 1))
    return y.reshape(*input.shape[:-1], *size_out)


class MaxUnpool1d(Module):
    """Every element at its place and zero elsewhere, as a layer. It has no parameters.

    Args:
        kernel_size: length of the pooling's window; an int or a tuple of one, as with the next two.
        stride: the pooling's stride; None means `kernel_size`.
        padding: the pooling's padding.

    Shapes: those of `max_unpool1d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = sizes(1, kernel_size, "kernel_size", "MaxUnpool1d")
        self.stride = self.kernel_size if stride is None else sizes(1, stride, "stride", "MaxUnpool1d")
        self.padding = sizes(1, padding, "padding", "MaxUnpool1d")

    def forward(self, input, indices, output_size=None):
        return max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self):
        return options_text(self, "kernel_size", "stride", "padding")
