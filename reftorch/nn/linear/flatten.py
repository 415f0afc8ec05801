r"""Flatten: several dimensions become one. The elements stay where they are in memory; only the shape changes.

Use it when the output of convolutions and pooling, which has channels, rows and columns, goes into a linear layer, which takes
one vector of features per sample. `Unflatten` is the opposite.

## Forward

An image (C, H, W) becomes a vector of $C \cdot H \cdot W$ elements, row by row and channel by channel:

$$y[n, (c \, H + h) \, W + w] = x[n, c, h, w]$$

In general the dimensions from `start_dim` to `end_dim` become one, whose size is the product of theirs. By default these are all
dimensions but the first, which counts the samples.

## Gradients

Each element of $y$ is an element of $x$, so the gradient of $x$ is that of $y$ in the shape of $x$:

$$\frac{\partial L}{\partial x}[n, c, h, w] = \frac{\partial L}{\partial y}[n, (c \, H + h) \, W + w]$$

## Output size

$$(N, C, H, W) \rightarrow (N, \; C \cdot H \cdot W)$$

## Worked example

Two samples, each an image of one channel, two rows and three columns:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.arange(12.).reshape(2, 1, 2, 3)
>>> x
tensor([[[[ 0.,  1.,  2.],
          [ 3.,  4.,  5.]]],
<BLANKLINE>
<BLANKLINE>
        [[[ 6.,  7.,  8.],
          [ 9., 10., 11.]]]])
>>> nn.Flatten()(x)
tensor([[ 0.,  1.,  2.,  3.,  4.,  5.],
        [ 6.,  7.,  8.,  9., 10., 11.]])

With `start_dim=2`, only the rows and columns become one dimension:

>>> nn.Flatten(start_dim=2)(x).shape
torch.Size([2, 1, 6])

## Questions

**How many in_features does the Linear layer after Flatten need, for an input of shape (64, 16, 5, 5)?**

>>> 16 * 5 * 5
400

**Why does Flatten start at dimension 1, but torch.flatten at dimension 0?**

A layer gets a batch, whose samples must stay separate. The function flattens all dimensions by default.

**Is the data copied?**

Not if the input is contiguous: the output is a view of the same memory. A transposed input is copied.

>>> x = torch.zeros(1, 2, 2)
>>> y = nn.Flatten()(x)
>>> y[0, 3] = 5
>>> x
tensor([[[0., 0.],
         [0., 5.]]])
"""

from __future__ import annotations

from reftorch.nn.module import Module


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` as one, as a layer. It has no parameters.

    Args:
        start_dim: the first of them; 1 keeps the dimension of the samples.
        end_dim: the last of them; -1 is the last dimension of the input.

    Shapes: input (*, S_start, ..., S_end, *); output (*, S_start ... S_end multiplied, *).

    Raises:
        IndexError: when the layer is called, the input has no such dimension.
        RuntimeError: when the layer is called, `start_dim` comes after `end_dim`.
    """

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
