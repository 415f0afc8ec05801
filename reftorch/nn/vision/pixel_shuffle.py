r"""Makes images larger by moving elements from channels to pixels: $r^2$ channels become one channel with $r$ times as many rows
and columns.

There is no arithmetic; the elements only move.

Use it when a network should make images larger at low cost: the convolutions before it work on the small image and compute $r^2$ pixels
for each place, one in each channel (sub-pixel convolution). `PixelUnshuffle` is the inverse; `ConvTranspose2d` and `Upsample` also
make images larger.

## Forward

For one channel and $r = 2$, the four channels at place $(h, w)$ become a square of 2 by 2 pixels: channel 0 upper left, 1 upper
right, 2 lower left, 3 lower right. In general

$$y[n, c, \; h r + i, \; w r + j] = x[n, \; c r^2 + i r + j, \; h, w]$$

## Gradients

Each element of $x$ is one pixel of $y$, and the derivative is 1. So its gradient is read from this pixel:

$$\frac{\partial L}{\partial x}[n, \; c r^2 + i r + j, \; h, w] = \frac{\partial L}{\partial y}[n, c, \; h r + i, \; w r + j]$$

## Output size

$(N, C r^2, H, W)$ becomes $(N, C, H r, W r)$; the number of elements stays the same.

## Cost

No arithmetic: each element is read once and written once, 8 bytes in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C r^2, H, W)$ | input: small images with many channels |
| $y$ | `y` | $(N, C, H r, W r)$ | output: large images |
| $\frac{\partial L}{\partial y}$ | `grad_y` | as $y$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | as $x$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch; all dimensions before the channels are one |
| $c$ | `c` | $0 \le c < C$ | channel of the large image |
| $h$ | `h` | $0 \le h < H$ | row of the small image |
| $w$ | `w` | $0 \le w < W$ | column of the small image |
| $r$ | `r` | $\ge 1$ | factor between the sizes |
| $i$ | `row` | $0 \le i < r$ | row within a square of $r$ by $r$ |
| $j$ | `column` | $0 \le j < r$ | column within that square |

## Worked example

Four channels of 1 by 2 become one channel of 2 by 4. The two squares lie side by side:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 5]],
...                    [[2, 6]],
...                    [[3, 7]],
...                    [[4, 8]]]], requires_grad=True)
>>> y = F.pixel_shuffle(x, 2)
>>> y
tensor([[[[1., 2., 5., 6.],
          [3., 4., 7., 8.]]]], grad_fn=<PixelShuffleBackward0>)
>>> y.backward(torch.tensor([[[[10., 20, 30, 40],
...                            [50, 60, 70, 80]]]]))
>>> x.grad
tensor([[[[10., 30.]],
<BLANKLINE>
         [[20., 40.]],
<BLANKLINE>
         [[50., 70.]],
<BLANKLINE>
         [[60., 80.]]]])

## Questions

**Which layers turn an image of 8 by 8 with 4 channels into one that is three times as large and has 3 channels?**

A convolution to $3 \cdot 3^2 = 27$ channels, then the shuffle:

>>> network = torch.nn.Sequential(torch.nn.Conv2d(4, 27, 3, padding=1), torch.nn.PixelShuffle(3))
>>> network(torch.zeros(1, 4, 8, 8)).shape
torch.Size([1, 3, 24, 24])

**Can it be written with reshape and permute?**

Yes: the channels are cut into $(C, r, r)$, and each $r$ is moved beside its dimension.

>>> x = torch.randn(2, 12, 4, 5)
>>> moved = x.reshape(2, 3, 2, 2, 4, 5).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 8, 10)
>>> torch.equal(moved, F.pixel_shuffle(x, 2))
True

**Does it lose information?**

No. It is a permutation of the elements, and `pixel_unshuffle` is its inverse.
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
# $$y[n, c, \; h r + i, \; w r + j] = x[n, \; c r^2 + i r + j, \; h, w]$$
#
# Row h_large of y is row `row` of the squares of row h.
@njit(**PARALLEL)
def pixel_shuffle_forward_cpu(x, y, r):
    N, C_small, H, W = x.shape
    N, C, H_large, W_large = y.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for h_large in range(H_large):
            for w_large in range(W_large):
                h = h_large // r
                row = h_large % r
                w = w_large // r
                column = w_large % r
                y[n, c, h_large, w_large] = x[n, c * r * r + row * r + column, h, w]


@cuda.jit
def pixel_shuffle_forward_cuda(x, y, r):
    N, C_small, H, W = x.shape
    N, C, H_large, W_large = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_large = i % W_large
    h_large = i // W_large % H_large
    nc = i // (W_large * H_large)
    n = nc // C
    c = nc % C
    h = h_large // r
    row = h_large % r
    w = w_large // r
    column = w_large % r
    y[n, c, h_large, w_large] = x[n, c * r * r + row * r + column, h, w]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, \; c r^2 + i r + j, \; h, w] = \frac{\partial L}{\partial y}[n, c, \; h r + i, \; w r + j]$$
@njit(**PARALLEL)
def pixel_shuffle_backward_x_cpu(grad_y, grad_x, r):
    N, C, H_large, W_large = grad_y.shape
    N, C_small, H, W = grad_x.shape
    for nc in prange(N * C_small):
        n = nc // C_small
        c_small = nc % C_small
        for h in range(H):
            for w in range(W):
                c = c_small // (r * r)
                row = c_small // r % r
                column = c_small % r
                grad_x[n, c_small, h, w] = grad_y[n, c, h * r + row, w * r + column]


@cuda.jit
def pixel_shuffle_backward_x_cuda(grad_y, grad_x, r):
    N, C, H_large, W_large = grad_y.shape
    N, C_small, H, W = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w = i % W
    h = i // W % H
    nc = i // (W * H)
    n = nc // C_small
    c_small = nc % C_small
    c = c_small // (r * r)
    row = c_small // r % r
    column = c_small % r
    grad_x[n, c_small, h, w] = grad_y[n, c, h * r + row, w * r + column]


class PixelShuffleFunction(Function):
    """Pixels taken from channels, on the tape. x (..., C r^2, H, W)."""

    @staticmethod
    def forward(ctx, x, r):
        ctx.size, ctx.r = x.shape, r
        *front, C, H, W = x.shape
        y = x.new_empty(*front, C // (r * r), H * r, W * r)
        run = on(x.device, pixel_shuffle_forward_cpu, pixel_shuffle_forward_cuda, y.numel())
        run(*images(x, y), r)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size)
        run = on(grad_y.device, pixel_shuffle_backward_x_cpu, pixel_shuffle_backward_x_cuda, grad_x.numel())
        run(*images(grad_y, grad_x), ctx.r)
        return grad_x, None


def images(*tensors):
    """The arrays of the tensors with all dimensions before the channels as one."""
    return [shaped((math.prod(t.shape[:-3]), *t.shape[-3:]), t)[0] for t in tensors]


def pixel_shuffle(input, upscale_factor):
    """Pixels taken from channels.

    Shapes: `input` (..., C r^2, H, W) with r = `upscale_factor`; the result (..., C, H r, W r).

    Raises:
        RuntimeError: fewer than three dimensions, channels that r^2 does not divide, a factor below 1.
        TypeError: `input` is not a tensor, or the factor not an int.
        NotImplementedError: float16, for which there is no kernel.
    """
    check_tensors("pixel_shuffle", allowed=COPIED, input=input)
    if not hasattr(upscale_factor, "__index__"):
        raise TypeError(f"pixel_shuffle(): argument 'upscale_factor' must be int, not {type(upscale_factor).__name__}")
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s): "
            f"{list(input.shape)}; an image without channels needs x.unsqueeze(0)"
        )
    r = index(upscale_factor)
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if input.shape[-3] % (r * r):
        raise RuntimeError(
            f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={input.shape[-3]} is not divisible by {r * r}"
        )
    return PixelShuffleFunction.apply(input, r)


class PixelShuffle(Module):
    """Pixels taken from channels, as a layer. It has no parameters.

    Args:
        upscale_factor: how many times as many rows and columns the result has.

    Shapes and errors: as `pixel_shuffle`, which raises them when the layer is called.
    """

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return options_text(self, "upscale_factor")
