r"""A border that mirrors the input: the elements beside the edge, in reverse order.

The mirror stands on the outermost element, which is not shown twice. So the border continues the input without a jump.

Use it when a convolution should not see an artificial edge: zeros around a picture look like a black frame, and a network learns
the frame. `ReplicationPad2d` repeats the edge itself, `CircularPad2d` joins both ends.

## Forward

Along one dimension, a b c d with a border of 2 becomes c b | a b c d | c b. The position $j = l_{out} - p$ is mirrored at 0 and
at $L_{in} - 1$:

$$y[o, l_{out}, m] = x[o, l_{in}, m] \qquad l_{in} = \begin{cases} -j & \text{if } j < 0 \\ 2 (L_{in} - 1) - j & \text{if } j \ge L_{in} \\
j & \text{otherwise} \end{cases}$$

Several dimensions are padded one after the other. A border must be narrower than the input: $p, q < L_{in}$.

## Gradients

An element is shown at its own place, and also in front if it is at most $p$ steps away from the first element, and behind if it is
at most $q$ steps away from the last one. The loss depends on it through each of these, and the chain rule adds them up:

$$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out}} \frac{\partial L}{\partial y}[o, l_{out}, m], \qquad
l_{out} \in \{\, p + l_{in}, \;\; p - l_{in}, \;\; p + 2 (L_{in} - 1) - l_{in} \,\}$$

where the second counts for $l_{in} > 0$ and the third for $l_{in} < L_{in} - 1$, as far as they lie within the output.

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
| $p$ | `before` | $-L_{in} < p < L_{in}$ | elements added before |

## Worked example

Two elements in front, one behind:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3]], requires_grad=True)
>>> y = F.pad(x, (2, 1), "reflect")
>>> y
tensor([[3., 2., 1., 2., 3., 2.]], grad_fn=<ReflectionPad1DBackward0>)

Element 2 is shown three times and collects three gradients:

>>> y.backward(torch.tensor([[1., 2, 4, 8, 16, 32]]))
>>> x.grad
tensor([[ 4., 42., 17.]])

## Questions

**Why is the gradient of the first element 4 only, although it stands beside the border?**

The first element is the mirror: it is shown once, at its own position.

**What is the widest border of an input of three elements?**

Two: beside the element that is the mirror there are two others.

>>> torch.nn.ReflectionPad1d(2)(torch.tensor([[1., 2, 3]]))
tensor([[3., 2., 1., 2., 3., 2., 1.]])

**Does the order of the dimensions matter?**

No. Rows and columns are mirrored independently, so the corner is mirrored in both:

>>> torch.nn.ReflectionPad2d((1, 0, 1, 0))(torch.tensor([[[1., 2], [3, 4]]]))
tensor([[[4., 3., 4.],
         [2., 1., 2.],
         [4., 3., 4.]]])
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.autograd.node import named
from reftorch.kernel import PARALLEL, cuda, njit, on, prange
from reftorch.nn.padding.lines import PadNd, check_edges, lines, needed, resized, widths_of


# ## The output
#
# $$y[o, l_{out}, m] = x[o, l_{in}, m]$$
#
# A position before the input is mirrored at 0, one behind it at L_in - 1.
@njit(**PARALLEL)
def reflection_pad_forward_cpu(x, y, before):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    for o in prange(outer):
        for l_out in range(L_out):
            for m in range(inner):
                l_in = l_out - before
                if l_in < 0:
                    l_in = -l_in
                if l_in >= L_in:
                    l_in = 2 * (L_in - 1) - l_in
                y[o, l_out, m] = x[o, l_in, m]


@cuda.jit
def reflection_pad_forward_cuda(x, y, before):
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
        l_in = -l_in
    if l_in >= L_in:
        l_in = 2 * (L_in - 1) - l_in
    y[o, l_out, m] = x[o, l_in, m]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[o, l_{in}, m] = \sum_{l_{out}} \frac{\partial L}{\partial y}[o, l_{out}, m]$$
#
# An element is shown at its own place, and perhaps in the border in front of the input, and in that behind it.
@njit(**PARALLEL)
def reflection_pad_backward_x_cpu(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    for o in prange(outer):
        for l_in in range(L_in):
            for m in range(inner):
                own = before + l_in
                front = before - l_in
                behind = before + 2 * (L_in - 1) - l_in
                acc = grad_x.dtype.type(0)
                if 0 <= own < L_out:
                    acc += grad_y[o, own, m]
                if l_in > 0 and 0 <= front < L_out:
                    acc += grad_y[o, front, m]
                if l_in < L_in - 1 and 0 <= behind < L_out:
                    acc += grad_y[o, behind, m]
                grad_x[o, l_in, m] = acc


@cuda.jit
def reflection_pad_backward_x_cuda(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    m = i % inner
    l_in = i // inner % L_in
    o = i // (inner * L_in)
    own = before + l_in
    front = before - l_in
    behind = before + 2 * (L_in - 1) - l_in
    acc = grad_x.dtype.type(0)
    if 0 <= own < L_out:
        acc += grad_y[o, own, m]
    if l_in > 0 and 0 <= front < L_out:
        acc += grad_y[o, front, m]
    if l_in < L_in - 1 and 0 <= behind < L_out:
        acc += grad_y[o, behind, m]
    grad_x[o, l_in, m] = acc


class ReflectionPadFunction(Function):
    """A mirrored border on the tape; `widths` is (dimension, before, after) of each padded dimension."""

    @staticmethod
    def forward(ctx, x, widths):
        ctx.widths = widths
        for dim, before, after in widths:
            y = resized(x, dim, before + after)
            run = on(
                x.device,
                reflection_pad_forward_cpu,
                reflection_pad_forward_cuda,
                y.numel(),
                fast.reflection_pad_forward,
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
                reflection_pad_backward_x_cpu,
                reflection_pad_backward_x_cuda,
                grad_x.numel(),
                fast.reflection_pad_backward_x,
            )
            run(*lines(dim, grad_y, grad_x), before)
            grad_y = grad_x
        return grad_y, None


def reflection_pad(input, padding):
    """`F.pad(input, padding, "reflect")`: see there for arguments, shapes and errors."""
    widths = widths_of(padding, input)
    check_edges("reflect", input, widths)
    for dim, before, after in widths:
        if max(before, after) >= input.shape[dim]:
            raise RuntimeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding {(before, after)} at "
                f"dimension {dim} of input {list(input.shape)}: a mirror cannot show more than the input"
            )
    y = ReflectionPadFunction.apply(input, needed(widths))
    return named(y, f"ReflectionPad{len(widths)}DBackward0")


class ReflectionPad1d(PadNd):
    """A border around sequences that mirrors them, as a layer.

    Args:
        padding: an int, or (left, right): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, L_in) or (C, L_in); output the same with the widths added.

    Raises:
        RuntimeError: a border as wide as the input, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 1)

    def forward(self, input):
        return reflection_pad(input, self.padding)


class ReflectionPad2d(PadNd):
    """A border around images that mirrors them, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, H_in, W_in) or (C, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: a border as wide as the input, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 2)

    def forward(self, input):
        return reflection_pad(input, self.padding)


class ReflectionPad3d(PadNd):
    """A border around volumes that mirrors them, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom, front, back): how many elements are added on each side; negative numbers cut off.

    Shapes: input (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); output the same with the widths added.

    Raises:
        RuntimeError: a border as wide as the input, when the layer is called.
        NotImplementedError: input with other dimensions.
    """

    def __init__(self, padding):
        super().__init__(padding, 3)

    def forward(self, input):
        return reflection_pad(input, self.padding)
