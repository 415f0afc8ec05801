r"""Unflatten: one dimension becomes several. The elements stay where they are in memory; only the shape changes.

Use it when the output vector of a linear layer should become an image, as in a network that generates images. `Flatten` is the
opposite.

## Forward

A vector of $C \cdot H \cdot W$ elements becomes an image (C, H, W). The last index changes fastest:

$$y[n, c, h, w] = x[n, (c \, H + h) \, W + w]$$

## Gradients

Each element of $y$ is an element of $x$, so the gradient of $x$ is that of $y$ in the shape of $x$:

$$\frac{\partial L}{\partial x}[n, (c \, H + h) \, W + w] = \frac{\partial L}{\partial y}[n, c, h, w]$$

## Output size

The product of the sizes is the size of the dimension that they replace. One of them may be -1: it is computed from the others.

$$(N, \; C \cdot H \cdot W) \rightarrow (N, C, H, W)$$

## Worked example

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.arange(12.).reshape(2, 6)
>>> nn.Unflatten(1, (1, 2, 3))(x)
tensor([[[[ 0.,  1.,  2.],
          [ 3.,  4.,  5.]]],
<BLANKLINE>
<BLANKLINE>
        [[[ 6.,  7.,  8.],
          [ 9., 10., 11.]]]])
>>> nn.Unflatten(1, (1, -1, 3))(x).shape
torch.Size([2, 1, 2, 3])

## Questions

**What does -1 stand for in nn.Unflatten(1, (8, -1)), for an input of shape (64, 128)?**

>>> 128 // 8
16

**Is nn.Unflatten(1, (3, 2)) followed by a transpose the same as nn.Unflatten(1, (2, 3))?**

No. Both have two rows and three columns, but the elements are in another order.

>>> row = torch.arange(6.).reshape(1, 6)
>>> nn.Unflatten(1, (3, 2))(row).transpose(1, 2)
tensor([[[0., 2., 4.],
         [1., 3., 5.]]])
>>> nn.Unflatten(1, (2, 3))(row)
tensor([[[0., 1., 2.],
         [3., 4., 5.]]])

**Is the data copied?**

No, the output is a view of the same memory.
"""

from __future__ import annotations

from reftorch.nn.module import Module


class Unflatten(Module):
    """Dimension `dim` as several, as a layer. It has no parameters.

    Args:
        dim: the dimension that is replaced.
        unflattened_size: the sizes of the new dimensions, a tuple or list of ints; one of them may be -1.

    Shapes: input (*, S, *); output (*, *unflattened_size, *), where the product of the sizes is S.

    Raises:
        TypeError: `unflattened_size` is not a tuple or list of ints.
        RuntimeError: when the layer is called, the product of the sizes is not S.
        IndexError: when the layer is called, the input has no such dimension.
    """

    def __init__(self, dim, unflattened_size):
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}: for one "
                f"dimension write ({unflattened_size},)"
            )
        for position, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    f"unflattened_size must be tuple of ints, but found element of type {type(size).__name__} at pos "
                    f"{position}"
                )
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input):
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
