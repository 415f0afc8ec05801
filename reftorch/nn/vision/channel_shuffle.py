r"""Channels in another order: those of different groups become neighbours.

The channels are written into a table with a row for each group, and read column by column.

Use it when grouped convolutions follow each other: without it each group reads the same channels in all layers. After the shuffle every
group of the next layer holds channels of all groups (ShuffleNet).

## Forward

Six channels in two groups, 0 1 2 and 3 4 5, become 0 3 1 4 2 5. In general channel $c$ of group $g$, of $C / G$ channels in each of
$G$ groups, goes to place $c G + g$:

$$y[n, \; c G + g, \; m] = x[n, \; g \, \frac{C}{G} + c, \; m]$$

where $m$ counts the pixels of an image.

## Gradients

Each element of $x$ is one element of $y$, and the derivative is 1. So its gradient is read from there:

$$\frac{\partial L}{\partial x}[n, \; g \, \frac{C}{G} + c, \; m] = \frac{\partial L}{\partial y}[n, \; c G + g, \; m]$$

With $c_{in} = g \frac{C}{G} + c$ and $c_{out} = c G + g$ each loop runs over the channels of the tensor that it writes.

## Cost

No arithmetic: each element is read once and written once, 8 bytes in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, M)$ | input; all dimensions behind the channels are one |
| $y$ | `y` | $(N, C, M)$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, M)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, M)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $G$ | `groups` | $1 \le G$ | number of groups; divides $C$ |
| $g$ | `g` | $0 \le g < G$ | group |
| $c$ | `c` | $0 \le c < C / G$ | channel within the group |
| $c_{in}$ | `c_in` | $0 \le c_{in} < C$ | channel of the input |
| $c_{out}$ | `c_out` | $0 \le c_{out} < C$ | channel of the output |
| $m$ | `m` | $0 \le m < M$ | pixel |

## Worked example

Six channels of one pixel, in two groups:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.arange(6.).reshape(1, 6, 1, 1).requires_grad_()
>>> y = F.channel_shuffle(x, 2)
>>> y.flatten()
tensor([0., 3., 1., 4., 2., 5.], grad_fn=<ViewBackward0>)
>>> y.backward(torch.tensor([10., 20, 30, 40, 50, 60]).reshape(1, 6, 1, 1))
>>> x.grad.flatten()
tensor([10., 30., 50., 20., 40., 60.])

## Questions

**Can it be written with reshape and transpose?**

Yes: the table of groups is transposed.

>>> x = torch.randn(2, 6, 4, 5)
>>> table = x.reshape(2, 2, 3, 4, 5).transpose(1, 2)
>>> torch.equal(table.reshape(2, 6, 4, 5), F.channel_shuffle(x, 2))
True

**Which number of groups restores the order?**

$C / G$: the transposed table has that many rows.

>>> torch.equal(F.channel_shuffle(F.channel_shuffle(x, 2), 3), x)
True

**Why is it not random?**

Only the name comes from shuffling cards. The order is fixed, so that a weight of the next layer always reads the same channel.
"""

from __future__ import annotations

import math
from operator import index

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import COPIED, check_tensors, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y[n, \; c G + g, \; m] = x[n, \; g \, \frac{C}{G} + c, \; m]$$
@njit(**PARALLEL)
def channel_shuffle_forward_cpu(x, y, groups):
    N, C, M = x.shape
    for nc in prange(N * C):
        n = nc // C
        c_out = nc % C
        g = c_out % groups
        c = c_out // groups
        for m in range(M):
            y[n, c_out, m] = x[n, g * (C // groups) + c, m]


@cuda.jit
def channel_shuffle_forward_cuda(x, y, groups):
    N, C, M = x.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    m = i % M
    nc = i // M
    n = nc // C
    c_out = nc % C
    g = c_out % groups
    c = c_out // groups
    y[n, c_out, m] = x[n, g * (C // groups) + c, m]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, \; g \, \frac{C}{G} + c, \; m] = \frac{\partial L}{\partial y}[n, \; c G + g, \; m]$$
@njit(**PARALLEL)
def channel_shuffle_backward_x_cpu(grad_y, grad_x, groups):
    N, C, M = grad_y.shape
    for nc in prange(N * C):
        n = nc // C
        c_in = nc % C
        g = c_in // (C // groups)
        c = c_in % (C // groups)
        for m in range(M):
            grad_x[n, c_in, m] = grad_y[n, c * groups + g, m]


@cuda.jit
def channel_shuffle_backward_x_cuda(grad_y, grad_x, groups):
    N, C, M = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    m = i % M
    nc = i // M
    n = nc // C
    c_in = nc % C
    g = c_in // (C // groups)
    c = c_in % (C // groups)
    grad_x[n, c_in, m] = grad_y[n, c * groups + g, m]


class ChannelShuffleFunction(Function):
    """Channels in another order, on the tape. x (N, C, ...)."""

    @staticmethod
    def forward(ctx, x, groups):
        ctx.groups = groups
        y = x.new_empty(x.shape)
        run = on(x.device, channel_shuffle_forward_cpu, channel_shuffle_forward_cuda, y.numel())
        run(*shaped(as_lines(x), x, y), groups)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(grad_y.shape)
        run = on(grad_y.device, channel_shuffle_backward_x_cpu, channel_shuffle_backward_x_cuda, grad_x.numel())
        run(*shaped(as_lines(grad_y), grad_y, grad_x), ctx.groups)
        return grad_x, None


def as_lines(x):
    """(N, C, M): all dimensions behind the channels as one."""
    return (*x.shape[:2], math.prod(x.shape[2:]))


def channel_shuffle(input, groups):
    """The channels in another order: those of different groups become neighbours.

    Shapes: `input` (N, C, ...) of three dimensions or more, `groups` divides C; the result has the same.

    Raises:
        RuntimeError: fewer than three dimensions, channels that the groups do not divide, a number of groups below 1.
        TypeError: `input` is not a tensor, or `groups` not an int.
        NotImplementedError: float16, for which there is no kernel.
    """
    check_tensors("channel_shuffle", allowed=COPIED, input=input)
    if not hasattr(groups, "__index__"):
        raise TypeError(f"channel_shuffle(): argument 'groups' must be int, not {type(groups).__name__}")
    if input.dim() < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}: (N, C, ...) is wanted"
        )
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    return ChannelShuffleFunction.apply(input, index(groups))


class ChannelShuffle(Module):
    """Channels in another order, as a layer. It has no parameters.

    Args:
        groups: number of groups that the channels are divided into.

    Shapes and errors: as `channel_shuffle`, which raises them when the layer is called.
    """

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return channel_shuffle(input, self.groups)

    def extra_repr(self):
        return options_text(self, "groups")
