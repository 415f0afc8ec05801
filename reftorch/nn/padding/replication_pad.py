r"""A border that repeats the outermost element of the input.

Use it when the input should continue beyond its edge with the same value: it adds no value that the input does not have, and the
border may have any width. `ReflectionPad2d` also continues the texture; `ZeroPad2d` makes the edge visible.

## Forward

Along one dimension, a b c d with a border of 2 becomes a a | a b c d | d d. A position outside is moved to the nearest one inside:

$$y[o, l_{out}, m] = x[o, l_{in}, m] \qquad l_{in} = \min(\max(l_{out} - p, \; 0), \; L_{in} - 1)$$

Several dimensions are padded one after the other.

## Gradients

An element inside is shown once. The first one is shown at every position up to its own, the last one at every position from its own
on. The loss depends on it through all of them, and the chain rule adds them up:

$$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out} = \text{first}}^{\text{last}} \frac{\partial L}{\partial y}[o, l_{out}, m]$$

with $\text{first} = 0$ for $l_{in} = 0$ and $p + l_{in}$ otherwise, $\text{last} = L_{out} - 1$ for $l_{in} = L_{in} - 1$ and
$p + l_{in}$ otherwise.

## Output size

$$L_{out} = p + L_{in} + q$$

## Cost

No arithmetic forward: each element of $y$ is read once and written once, 8 bytes in float32, for each padded dimension.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(O, L_{in}, M)$ | input: all dimensions before the padded one as one, the padded one, all behind it as one |
| $y$ | `y` | $(O, L_{out}, M)$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(O, L_{out}, M)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(O, L_{in}, M)$ | gradient of the loss for $x$ |
| $o$ | `o` | $0 \le o < O$ | position in the dimensions before |
| $m$ | `m` | $0 \le m < M$ | position in the dimensions behind |
| $l_{out}$ | `l_out` | $0 \le l_{out} < L_{out}$ | position in the output, along the padded dimension |
| $l_{in}$ | `l_in` | $0 \le l_{in} < L_{in}$ | position in the input, along the padded dimension |
| $p$ | `before` | any | elements added before |
| $\text{first}$ | `first` | $0 \le \text{first}$ | first position that shows the element |
| $\text{last}$ | `last` | $\text{last} < L_{out}$ | last position that shows it |

## Worked example

Two elements in front, one behind:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3]], requires_grad=True)
>>> y = F.pad(x, (2, 1), "replicate")
>>> y
tensor([[1., 1., 1., 2., 3., 3.]], grad_fn=<ReplicationPad1DBackward0>)

The edges collect the gradients of their borders:

>>> y.backward(torch.tensor([[1., 2, 4, 8, 16, 32]]))
>>> x.grad
tensor([[ 7.,  8., 48.]])

## Questions

**What happens if the input has a single element?**

It is the first and the last one, so it is shown everywhere and collects all gradients:

>>> x = torch.tensor([[5.]], requires_grad=True)
>>> F.pad(x, (2, 3), "replicate").sum().backward()
>>> x.grad
tensor([[6.]])

**What does the corner of a padded picture show?**

The corner of the picture: the columns are padded first, then the rows, whose ends already hold the repeated element.

>>> torch.nn.ReplicationPad2d(1)(torch.tensor([[[1., 2], [3, 4]]]))
tensor([[[1., 1., 2., 2.],
         [1., 1., 2., 2.],
         [3., 3., 4., 4.],
         [3., 3., 4., 4.]]])

**How wide may the border be?**

It may have any width: the same element is repeated.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.autograd.node import named
from reftorch.kernel import PARALLEL, cuda, njit, on, prange
from reftorch.nn.padding.lines import PadNd, check_edges, lines, needed, resized, widths_of


# ## The output
#
# $$y[o, l_{out}, m] = x[o, l_{in}, m] \qquad l_{in} = \min(\max(l_{out} - p, 0), L_{in} - 1)$$
#
# A position outside is moved to the nearest one inside.
@njit(**PARALLEL)
def replication_pad_forward_cpu(x, y, before):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    for o in prange(outer):
        for l_out in range(L_out):
            for m in range(inner):
                l_in = min(max(l_out - before, 0), L_in - 1)
                y[o, l_out, m] = x[o, l_in, m]


@cuda.jit
def replication_pad_forward_cuda(x, y, before):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    m = i % inner
    l_out = i // inner % L_out
    o = i // (inner * L_out)
    l_in = min(max(l_out - before, 0), L_in - 1)
    y[o, l_out, m] = x[o, l_in, m]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out} = \text{first}}^{\text{last}} \frac{\partial L}{\partial y}[o, l_{out}, m]$$
#
# An element inside is shown once; those at the edges also stand for the border beside them.
@njit(**PARALLEL)
def replication_pad_backward_x_cpu(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    for o in prange(outer):
        for l_in in range(L_in):
            for m in range(inner):
                first = 0 if l_in == 0 else max(before + l_in, 0)
                last = L_out - 1 if l_in == L_in - 1 else min(before + l_in, L_out - 1)
                acc = grad_x.dtype.type(0)
                for l_out in range(first, last + 1):
                    acc += grad_y[o, l_out, m]
                grad_x[o, l_in, m] = acc


@cuda.jit
def replication_pad_backward_x_cuda(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    m = i % inner
    l_in = i // inner % L_in
    o = i // (inner * L_in)
    first = 0 if l_in == 0 else max(before + l_in, 0)
    last = L_out - 1 if l_in == L_in - 1 else min(before + l_in, L_out - 1)
    acc = grad_x.dtype.type(0)
    for l_out in range(first, last + 1):
        acc += grad_y[o, l_out, m]
    grad_x[o, l_in, m] = acc


class ReplicationPadFunction(Function):
    """A border of repeated elements on the tape; `widths` is (dimension, before, after) of each padded dimension."""

    @staticmethod
    def forward(ctx, x, widths):
        ctx.widths = widths
        for dim, before, after in widths:
            y = resized(x, dim, before + after)
            run = on(
                x.device,
                replication_pad_forward_cpu,
                replication_pad_forward_cuda,
                y.numel(),
                fast.replication_pad_forward,
            )
            run(*lines(dim, x, y), before)
            x = y
        return x if widths else x.clone()

    @staticmethod
    def backward(ctx, grad_y):
        for dim, before, after in reversed(ctx.widths):
            grad_x = resized(grad_y, dim, -before - after)
            run = on(
                grad_y.device,
                replication_pad_backward_x_cpu,
                replication_pad_backward_x_cuda,
                grad_x.numel(),
                fast.replication_pad_backward_x,
            )
            run(*lines(dim, grad_y, grad_x), before)
            grad_y = grad_x
        return grad_y, None


def replication_pad(input, padding):
    """`F.pad(input, padding, "replicate")`: see there for arguments, shapes and errors."""
    widths = widths_of(padding, input)
    check_edges("replicate", input, widths)
    y = ReplicationPadFunction.apply(input, needed(widths))
    return named(y, f"ReplicationPad{len(widths)}DBackward0")


class ReplicationPad1d(PadNd):
    """A border around sequences that repeats their edges, as a layer.

    Args:
        padding: an int, or (left, right): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, L_in) or (C, L_in); output the same with the widths added.

    Raises:
        RuntimeError: an empty dimension, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 1)

    def forward(self, input):
        return replication_pad(input, self.padding)


class ReplicationPad2d(PadNd):
    """A border around images that repeats their edges, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, H_in, W_in) or (C, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: an empty dimension, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 2)

    def forward(self, input):
        return replication_pad(input, self.padding)


class ReplicationPad3d(PadNd):
    """A border around volumes that repeats their edges, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom, front, back): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: an empty dimension, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 3)

    def forward(self, input):
        return replication_pad(input, self.padding)
