r"""A border of one value, by default zero.

Use it when the values beyond the edge are known: zeros for signals with mean zero, $-\infty$ before a maximum, or to bring sequences
to one length. Convolution and pooling take `padding=` themselves, and do not store that border.

## Forward

Along one dimension, a b c d with a border of 2 becomes 0 0 | a b c d | 0 0. With $p$ elements before, position $l_{out}$ shows element
$l_{in} = l_{out} - p$, if there is one, and the value $v$ otherwise:

$$y[o, l_{out}, m] = \begin{cases} x[o, l_{out} - p, m] & \text{if } 0 \le l_{out} - p < L_{in} \\ v & \text{otherwise} \end{cases}$$

Several dimensions are padded one after the other. A negative width cuts elements off.

## Gradients

Each element of $x$ is shown once, at $l_{in} + p$, unless it was cut off. So the gradient is read from there; an element that was cut
off has no influence on the loss:

$$\frac{\partial L}{\partial x}[o, l_{in}, m] = \begin{cases} \frac{\partial L}{\partial y}[o, l_{in} + p, m] &
\text{if } 0 \le l_{in} + p < L_{out} \\ 0 & \text{otherwise} \end{cases}$$

The border does not depend on $x$, and the value is not a tensor: there is no gradient for it.

## Output size

$$L_{out} = p + L_{in} + q$$

## Cost

No arithmetic: each element of $y$ is written once and read at most once, 8 bytes in float32, for each padded dimension.

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
| $v$ | `value` | any | what the border holds |

## Worked example

Two elements in front, one behind:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3]], requires_grad=True)
>>> y = F.pad(x, (2, 1), value=7)
>>> y
tensor([[7., 7., 1., 2., 3., 7.]], grad_fn=<ConstantPadNdBackward0>)
>>> y.backward(torch.tensor([[1., 2, 4, 8, 16, 32]]))
>>> x.grad
tensor([[ 4.,  8., 16.]])

## Questions

**Which width comes first?**

That of the left side of the last dimension; then right, top, bottom.

>>> torch.nn.ZeroPad2d((1, 0, 0, 2))(torch.ones(1, 1, 2))
tensor([[[0., 1., 1.],
         [0., 0., 0.],
         [0., 0., 0.]]])

**What is the gradient of an element that a negative width cut off?**

Zero: the result does not depend on it.

>>> x = torch.ones(4, requires_grad=True)
>>> F.pad(x, (-1, -2)).sum().backward()
>>> x.grad
tensor([0., 1., 0., 0.])

**What becomes of the value 2.5 in a tensor of integers?**

It is converted to the dtype of the input:

>>> F.pad(torch.tensor([1, 2]), (0, 1), value=2.5)
tensor([1, 2, 2])
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, fast_forms, njit, on, prange
from reftorch.nn.arguments import number
from reftorch.nn.padding.lines import PadNd, lines, needed, resized, widths_of
from reftorch.ops.fits import check_fits
from reftorch.tensor import Tensor


# ## The output
#
# $$y[o, l_{out}, m] = x[o, l_{out} - p, m] \text{ within the input, else } v$$
#
# With a negative width, l_in begins after the elements that are cut off.
@njit(**PARALLEL)
def constant_pad_forward_cpu(x, y, before, value):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    for o in prange(outer):
        for l_out in range(L_out):
            for m in range(inner):
                l_in = l_out - before
                if 0 <= l_in < L_in:
                    y[o, l_out, m] = x[o, l_in, m]
                else:
                    y[o, l_out, m] = value


@cuda.jit
def constant_pad_forward_cuda(x, y, before, value):
    outer, L_in, inner = x.shape
    outer, L_out, inner = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    m = i % inner
    l_out = i // inner % L_out
    o = i // (inner * L_out)
    l_in = l_out - before
    if 0 <= l_in < L_in:
        y[o, l_out, m] = x[o, l_in, m]
    else:
        y[o, l_out, m] = value


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[o, l_{in}, m] = \frac{\partial L}{\partial y}[o, l_{in} + p, m]$$
#
# An element that was cut off gets zero.
@njit(**PARALLEL)
def constant_pad_backward_x_cpu(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    for o in prange(outer):
        for l_in in range(L_in):
            for m in range(inner):
                l_out = l_in + before
                if 0 <= l_out < L_out:
                    grad_x[o, l_in, m] = grad_y[o, l_out, m]
                else:
                    grad_x[o, l_in, m] = grad_x.dtype.type(0)


@cuda.jit
def constant_pad_backward_x_cuda(grad_y, grad_x, before):
    outer, L_in, inner = grad_x.shape
    outer, L_out, inner = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    m = i % inner
    l_in = i // inner % L_in
    o = i // (inner * L_in)
    l_out = l_in + before
    if 0 <= l_out < L_out:
        grad_x[o, l_in, m] = grad_y[o, l_out, m]
    else:
        grad_x[o, l_in, m] = grad_x.dtype.type(0)


class ConstantPadFunction(Function):
    """A border of one value on the tape; `widths` is (dimension, before, after) of each padded dimension."""

    torch_name = "ConstantPadNdBackward0"

    @staticmethod
    def forward(ctx, x, widths, value):
        ctx.widths = widths
        ctx.framed = fast_forms() and x.device.type == "cpu" and min(map(min, widths), default=-1) >= 0
        if ctx.framed:  # all dimensions at once
            return Tensor._make(fast.framed(x.array, widths, value), dtype=x.dtype)
        for dim, before, after in widths:
            y = resized(x, dim, before + after)
            run = on(
                x.device, constant_pad_forward_cpu, constant_pad_forward_cuda, y.numel(), fast.constant_pad_forward
            )
            run(*lines(dim, x, y), before, value)
            x = y
        return x if widths else x.clone()

    @staticmethod
    def backward(ctx, grad_y):
        if ctx.framed:
            return Tensor._make(fast.unframed(grad_y.array, ctx.widths), dtype=grad_y.dtype), None, None
        for dim, before, after in reversed(ctx.widths):
            grad_x = resized(grad_y, dim, -before - after)
            run = on(
                grad_y.device,
                constant_pad_backward_x_cpu,
                constant_pad_backward_x_cuda,
                grad_x.numel(),
                fast.constant_pad_backward_x,
            )
            run(*lines(dim, grad_y, grad_x), before)
            grad_y = grad_x
        return grad_y, None, None


def constant_pad(input, padding, value):
    """`F.pad(input, padding, "constant", value)`: see there for arguments, shapes and errors."""
    widths = widths_of(padding, input)
    for dim, before, after in widths:
        if input.shape[dim] + min(before, 0) + min(after, 0) < 0:
            raise RuntimeError(
                f"pad: ({before}, {after}) cuts off more than dimension {dim} has, {input.shape[dim]}: narrow(): length must be "
                "non-negative."
            )
    return ConstantPadFunction.apply(input, needed(widths), value_for(input.dtype, value))


def value_for(dtype, value):
    """The value as the dtype can hold it."""
    if isinstance(value, complex):
        raise TypeError(f"pad(): argument 'value' must be float, not complex: found {value}")
    value = value if isinstance(value, int) else number("pad", "value", value)
    check_fits(float(value), dtype)
    kind = dtype.numpy.kind
    if kind == "b":
        return bool(value)
    return int(value) if kind in "iu" else value


class ConstantPad1d(PadNd):
    """A border of one value around the last dimension, as a layer.

    Args:
        padding: an int, or (left, right): how many elements are added on each side; negative numbers cut off.
        value: what the border holds.

    Shapes: input (..., L_in); output the same with the widths added. Errors as `F.pad`, when the layer is called.
    """

    def __init__(self, padding, value):
        super().__init__(padding, 1)
        self.value = value

    def forward(self, input):
        return constant_pad(input, self.padding, self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(PadNd):
    """A border of one value around the last two dimensions, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom): how many elements are added on each side; negative numbers cut off.
        value: what the border holds.

    Shapes: input (..., H_in, W_in); output the same with the widths added. Errors as `F.pad`, when the layer is called.
    """

    def __init__(self, padding, value):
        super().__init__(padding, 2)
        self.value = value

    def forward(self, input):
        return constant_pad(input, self.padding, self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad3d(PadNd):
    """A border of one value around the last three dimensions, as a layer.

    Args:
        padding: an int, or (left, right, top, bottom, front, back): how many elements are added on each side; negative numbers cut off.
        value: what the border holds.

    Shapes: input (..., D_in, H_in, W_in); output the same with the widths added. Errors as `F.pad`, when the layer is called.
    """

    def __init__(self, padding, value):
        super().__init__(padding, 3)
        self.value = value

    def forward(self, input):
        return constant_pad(input, self.padding, self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(ConstantPad1d):
    """A border of zeros, as a layer: `ConstantPad1d` with the value 0. The argument is `padding`."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """A border of zeros, as a layer: `ConstantPad2d` with the value 0. The argument is `padding`."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """A border of zeros, as a layer: `ConstantPad3d` with the value 0. The argument is `padding`."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"
