r"""Max unpooling over images: every pixel is put back to the place from which max pooling took it, and the rest is zero.

It is a partial inverse of max pooling, which loses all pixels but the largest of each window. Nothing is learned.

Use it when a decoder enlarges what an encoder has pooled, with the places that `max_pool2d(..., return_indices=True)`
returned; `interpolate` needs no places.

## Forward

One pixel with the value 5 and the place 1: the output is 5 at place 1 and 0 everywhere else. In general:

$$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} \left[ m[n, c, h_{in}, w_{in}] = h_{out} \, W_{out} + w_{out} \right]
\; x[n, c, h_{in}, w_{in}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. If several pixels have the same place, only the last of them
counts.

## Gradients

$y$ at the place of a pixel is a copy of it, so the derivative is 1 there and 0 elsewhere:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \left[ m[n, c, h_{in}, w_{in}] = h_{out}
\, W_{out} + w_{out} \right] \; \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

## Output size

Pooling gives the same size for several sizes of its input, so the size of the result is not determined. The default is

$$H_{out} = (H_{in} - 1) \, s_h - 2 p_h + K_h$$

$$W_{out} = (W_{in} - 1) \, s_w - 2 p_w + K_w$$

with the stride $s$, padding $p$ and window $K$ of the pooling. `output_size` chooses another size, which differs by less than
the stride.

## Cost

Forward sets all of $y$ to zero, and reads each pixel and its place of 8 bytes. Backward reads one gradient for each pixel.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output: zero except at the places |
| $m$ | `index` | $(N, C, H_{in}, W_{in})$ | position of each pixel within a channel of the output; int64 |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |

## Worked example

Max pooling keeps one pixel of each window and its place. Unpooling puts it back, and all others are zero:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> image = torch.tensor([[[[1., 5, 2, 3],
...                         [4, 0, 1, 9]]]])
>>> x, index = F.max_pool2d(image, 2, return_indices=True)
>>> x
tensor([[[[5., 9.]]]])
>>> x.requires_grad_()
tensor([[[[5., 9.]]]], requires_grad=True)
>>> y = F.max_unpool2d(x, index, kernel_size=2)
>>> y
tensor([[[[0., 5., 0., 0.],
          [0., 0., 0., 9.]]]], grad_fn=<MaxUnpool2DBackward0>)
>>> y.backward(torch.tensor([[[[1., 2, 3, 4],
...                            [5, 6, 7, 8]]]]))
>>> x.grad
tensor([[[[2., 8.]]]])

## Questions

**What does max pooling of the output give, with the window that made the places?**

The input of the unpooling, if its pixels are not negative: each window holds one of them and zeros.

**Why are the places checked before the kernel runs?**

They are data. A compiled loop would write outside the output's memory.

**Two windows of the pooling overlap and share their maximum. What does unpooling write there?**

The same value twice, and in backward both pixels get the whole gradient of that place.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text, sizes
from reftorch.nn.module import Module
from reftorch.nn.pooling.unpool_checks import check_places, unpooled_size


# ## Every pixel at its place
#
# $$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} \left[ m[n, c, h_{in}, w_{in}] = h_{out} \, W_{out} + w_{out}
# \right] \; x[n, c, h_{in}, w_{in}]$$
#
# A channel belongs to one thread: it is set to zero, then every pixel is written to its place. Of several pixels with the
# same place the last one stays.
@njit(**PARALLEL)
def max_unpool2d_forward_cpu(x, index, y):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                y[n, c, h_out, w_out] = 0
        for h_in in range(H_in):
            for w_in in range(W_in):
                found = index[n, c, h_in, w_in]
                y[n, c, found // W_out, found % W_out] = x[n, c, h_in, w_in]


@cuda.jit
def max_unpool2d_forward_cuda(x, index, y):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    plane = cuda.grid(1)
    if plane >= N * C:
        return
    n = plane // C
    c = plane % C
    for h_out in range(H_out):
        for w_out in range(W_out):
            y[n, c, h_out, w_out] = 0
    for h_in in range(H_in):
        for w_in in range(W_in):
            found = index[n, c, h_in, w_in]
            y[n, c, found // W_out, found % W_out] = x[n, c, h_in, w_in]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} \left[ m[n, c, h_{in}, w_{in}] =
# h_{out} \, W_{out} + w_{out} \right] \; \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# The gradient is read at the place where the pixel was written.
@njit(**PARALLEL)
def max_unpool2d_backward_x_cpu(grad_y, index, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                found = index[n, c, h_in, w_in]
                grad_x[n, c, h_in, w_in] = grad_y[n, c, found // W_out, found % W_out]


@cuda.jit
def max_unpool2d_backward_x_cuda(grad_y, index, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    plane = i // (W_in * H_in)
    n = plane // C
    c = plane % C
    found = index[n, c, h_in, w_in]
    grad_x[n, c, h_in, w_in] = grad_y[n, c, found // W_out, found % W_out]


class MaxUnpool2DFunction(Function):
    """Max unpooling on the tape. x and index (N, C, H_in, W_in); `size_out` two ints."""

    @staticmethod
    def forward(ctx, x, index, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        planes = x.shape[0] * x.shape[1]  # one thread each
        run = on(x.device, max_unpool2d_forward_cpu, max_unpool2d_forward_cuda, planes, fast.max_unpool_forward)
        run(*arrays(x, index, y))
        ctx.save_for_backward(index)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (index,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(index.shape)
        run = on(
            grad_y.device,
            max_unpool2d_backward_x_cpu,
            max_unpool2d_backward_x_cuda,
            grad_x.numel(),
            fast.max_unpool_backward_x,
        )
        run(*arrays(grad_y, index, grad_x))
        return grad_x, None, None


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Every pixel at its place, and zero elsewhere.

    Shapes: `input` and `indices` (N, C, H_in, W_in) or (C, H_in, W_in); N may be 0. The result (N, C, H_out, W_out) or (C,
    H_out, W_out). `kernel_size`, `stride` and `padding` are those of the pooling; `output_size` is the whole shape of the
    result or its last two sizes.

    Raises:
        IndexError: the input has fewer dimensions than the window.
        RuntimeError: the input has another number of dimensions or no pixels, `indices` has another shape or dtype, or a place
            lies outside the output.
        ValueError: pooling a tensor of `output_size` does not give the size of the input.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    kernel_size = sizes(2, kernel_size, "kernel_size", "max_unpool2d")
    stride = kernel_size if stride is None else sizes(2, stride, "stride", "max_unpool2d")
    padding = sizes(2, padding, "padding", "max_unpool2d")
    size_out = unpooled_size("max_unpool2d", input, kernel_size, stride, padding, output_size)
    check_places("max_unpool2d", 2, input, indices, size_out)
    if input.ndim == 3:
        return MaxUnpool2DFunction.apply(input.unsqueeze(0), indices.unsqueeze(0), size_out).squeeze(0)
    return MaxUnpool2DFunction.apply(input, indices, size_out)


class MaxUnpool2d(Module):
    """Every pixel at its place and zero elsewhere, as a layer. It has no parameters.

    Args:
        kernel_size: rows and columns of the pooling's window; an int for both, or a pair, as with the next two.
        stride: the pooling's stride; None means `kernel_size`.
        padding: the pooling's padding.

    Shapes: those of `max_unpool2d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = sizes(2, kernel_size, "kernel_size", "MaxUnpool2d")
        self.stride = self.kernel_size if stride is None else sizes(2, stride, "stride", "MaxUnpool2d")
        self.padding = sizes(2, padding, "padding", "MaxUnpool2d")

    def forward(self, input, indices, output_size=None):
        return max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self):
        return options_text(self, "kernel_size", "stride", "padding")
