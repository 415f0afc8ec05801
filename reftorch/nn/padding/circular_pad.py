r"""A border that shows the other end of the input, as if both ends were joined into a ring.

Use it when the data is periodic: angles, hours of a day, the longitude of a map, simulations with periodic boundaries. For
data that is not periodic, `ReflectionPad2d` is the better choice.

## Forward

Along one dimension, a b c d with a border of 2 becomes c d | a b c d | a b. The position $j = l_{out} - p$ is wrapped around:

$$y[o, l_{out}, m] = x[o, l_{in}, m] \qquad l_{in} = \begin{cases} j + L_{in} & \text{if } j < 0 \\ j - L_{in} & \text{if } j \ge L_{in} \\
j & \text{otherwise} \end{cases}$$

which is $j \bmod L_{in}$, since a border is at most as wide as the input: $p, q \le L_{in}$. Several dimensions are padded one after
the other. Negative widths cut elements off first; the remaining elements form the ring.

## Gradients

An element is shown at its own position, and at the positions $L_{in}$ elements before and after it, if the output contains them. The
loss depends on it through each of these, and the chain rule adds up their gradients:

$$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out} \, \equiv \, l_{in} + p \pmod{L_{in}}}
\frac{\partial L}{\partial y}[o, l_{out}, m]$$

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
| $p$ | `before` | $0 \le p \le L_{in}$ | elements added before |

## Worked example

Two elements in front, one behind:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3]], requires_grad=True)
>>> y = F.pad(x, (2, 1), "circular")
>>> y
tensor([[2., 3., 1., 2., 3., 1.]], grad_fn=<CircularPadBackward0>)
>>> y.backward(torch.tensor([[1., 2, 4, 8, 16, 32]]))
>>> x.grad
tensor([[36.,  9., 18.]])

## Questions

**What does a convolution compute after a circular border?**

With a circular border of $K - 1$ elements in front, the filter reads every element with its $K - 1$ predecessors on the ring. If the
input is rolled, the output is rolled too:

>>> x, weight = torch.tensor([[[1., 2, 3, 4]]]), torch.tensor([[[1., 10]]])
>>> F.conv1d(F.pad(x, (1, 0), "circular"), weight)
tensor([[[14., 21., 32., 43.]]])
>>> F.conv1d(F.pad(x.roll(1, -1), (1, 0), "circular"), weight)
tensor([[[43., 14., 21., 32.]]])

**How wide may the border be?**

At most as wide as the input, so that a position is wrapped around once only.

**What do negative widths do?**

They cut off first, so the border shows what is left:

>>> F.pad(torch.tensor([[1., 2, 3]]), (-1, 2), "circular")
tensor([[2., 3., 2., 3.]])

## Differences

A border that is wider than what negative widths leave is an error. PyTorch raises it too for some memory layouts; for others it returns
elements that were never set.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange
from reftorch.nn.padding.lines import PadNd, check_dimensions, lines, needed, resized, widths_of


# ## The output
#
# $$y[o, l_{out}, m] = x[o, l_{in}, m]$$
#
# A position outside is wrapped around.
@njit(**PARALLEL)
def circular_pad_forward_cpu(x, y, before):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    for o in prange(outer):
        for l_out in range(L_out):
            for m in range(inner):
                l_in = l_out - before
                if l_in < 0:
                    l_in += L_in
                if l_in >= L_in:
                    l_in -= L_in
                y[o, l_out, m] = x[o, l_in, m]


@cuda.jit
def circular_pad_forward_cuda(x, y, before):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    m = i % inner
    l_out = i // inner % L_out
    o = i // (inner * L_out)
    l_in = l_out - before
    if l_in < 0:
        l_in += L_in
    if l_in >= L_in:
        l_in -= L_in
    y[o, l_out, m] = x[o, l_in, m]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out} \, \equiv \, l_{in} + p \pmod{L_{in}}}
# \frac{\partial L}{\partial y}[o, l_{out}, m]$$
#
# Every L_in-th position of the output shows the same element.
@njit(**PARALLEL)
def circular_pad_backward_x_cpu(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    for o in prange(outer):
        for l_in in range(L_in):
            for m in range(inner):
                acc = grad_x.dtype.type(0)
                for l_out in range((l_in + before) % L_in, L_out, L_in):
                    acc += grad_y[o, l_out, m]
                grad_x[o, l_in, m] = acc


@cuda.jit
def circular_pad_backward_x_cuda(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    m = i % inner
    l_in = i // inner % L_in
    o = i // (inner * L_in)
    acc = grad_x.dtype.type(0)
    for l_out in range((l_in + before) % L_in, L_out, L_in):
        acc += grad_y[o, l_out, m]
    grad_x[o, l_in, m] = acc


class CircularPadFunction(Function):
    """A circular border on the tape; `widths` is (dimension, before, after) of each padded dimension, none negative."""

    @staticmethod
    def forward(ctx, x, widths):
        ctx.widths = widths
        for dim, before, after in widths:
            y = resized(x, dim, before + after)
            run = on(
                x.device, circular_pad_forward_cpu, circular_pad_forward_cuda, y.numel(), fast.circular_pad_forward
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
                circular_pad_backward_x_cpu,
                circular_pad_backward_x_cuda,
                grad_x.numel(),
                fast.circular_pad_backward_x,
            )
            run(*lines(dim, grad_y, grad_x), before)
            grad_y = grad_x
        return grad_y, None


def circular_pad(input, padding):
    """`F.pad(input, padding, "circular")`: see there for arguments, shapes and errors."""
    widths = widths_of(padding, input)
    check_dimensions("circular", input, widths)
    for dim, before, after in widths:
        extent = input.shape[dim]
        if max(before, after) > extent:
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: {(before, after)} at dimension {dim} of "
                f"{list(input.shape)}"
            )
        kept = extent + min(before, 0) + min(after, 0)
        if kept < 0 or (kept == 0 and max(before, after) > 0):
            raise RuntimeError(
                f"Negative padding value is resulting in an empty dimension: {(before, after)} at dimension {dim} of "
                f"{list(input.shape)}"
            )
        if max(before, after) > kept:
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: {(before, after)} at dimension {dim} of "
                f"{list(input.shape)}, of which negative widths leave {kept} elements"
            )
        if kept < extent:
            input = input.narrow(dim, max(-before, 0), kept)
    wider = [(dim, max(before, 0), max(after, 0)) for dim, before, after in widths]
    return CircularPadFunction.apply(input, needed(wider))


class CircularPad1d(PadNd):
    """A border around sequences that shows their other end, as a layer.

    Args:
        padding: an int, or (left, right): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, L_in) or (C, L_in); output the same with the widths added.

    Raises:
        RuntimeError: a border wider than the input, when the layer is called.
        ValueError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 1)

    def forward(self, input):
        if input.dim() not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")
        return circular_pad(input, self.padding)


class CircularPad2d(PadNd):
    """A border around images that shows their other end, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, H_in, W_in) or (C, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: a border wider than the input, when the layer is called.
        ValueError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 2)

    def forward(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(f"expected 3D or 4D input (got {input.dim()}D input)")
        return circular_pad(input, self.padding)


class CircularPad3d(PadNd):
    """A border around volumes that shows their other end, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom, front, back): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: a border wider than the input, when the layer is called.
        ValueError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 3)

    def forward(self, input):
        if input.dim() not in (4, 5):
            raise ValueError(f"expected 4D or 5D input (got {input.dim()}D input)")
        return circular_pad(input, self.padding)
