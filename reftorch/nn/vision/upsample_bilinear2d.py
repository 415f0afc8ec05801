r"""Bilinear interpolation of images: each pixel of the result is a weighted mean of the four pixels around its place.

The place of each output is found in the input. The weights fall linearly with the distance from the four pixels, first along the
rows, then along the columns.

Use it when an image should become larger and stay smooth; `upsample_nearest` repeats pixels, `upsample_bicubic2d` is sharper,
and for a smaller image `antialias=True` of `interpolate` looks at all pixels.

## Forward

Along one row an output lies at the place $p_w$, measured in pixels of the input. It lies between the pixels
$a_w = \lfloor p_w \rfloor$ and $b_w = \min(a_w + 1, W_{in} - 1)$, and $t_w = p_w - a_w$ is the weight of the second one:

$$y[w_{out}] = (1 - t_w) \, x[a_w] + t_w \, x[b_w]$$

In an image this is done along both dimensions:

$$y[n, c, h_{out}, w_{out}] = (1 - t_h) \left( (1 - t_w) \, x[n, c, a_h, a_w] + t_w \, x[n, c, a_h, b_w] \right) + t_h \left( (1 -
t_w) \, x[n, c, b_h, a_w] + t_w \, x[n, c, b_h, b_w] \right)$$

The place follows from the distance $r_w$ between neighbouring outputs, in pixels of the input. With `align_corners=False` a pixel
is a square, and the squares of input and output cover the same area:

$$p_w = \max\left(0, r_w \left(w_{out} + \frac{1}{2}\right) - \frac{1}{2}\right) \qquad r_w = \frac{W_{in}}{W_{out}}$$

With `align_corners=True` a pixel is a point, and the corner points of input and output coincide:

$$p_w = r_w \, w_{out} \qquad r_w = \frac{W_{in} - 1}{W_{out} - 1}$$

## Gradients

An output is a sum over pixels with fixed weights, so the derivative with respect to a pixel is its weight. Let $k_w(w_{out}, w_{in})$
be the weight of column $w_{in}$ for the output column $w_{out}$: $1 - t_w$ if $w_{in} = a_w$, plus $t_w$ if $w_{in} = b_w$, otherwise 0.
Then

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} k_h(h_{out}, h_{in}) \, k_w(w_{out}, w_{in}) \,
\frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

Only outputs whose place is less than one pixel away have a weight, so the loops run over these.

## Cost

About 9 operations per element of the output and the places of its rows and columns. Forward reads four pixels, which are
usually in the cache, and writes one. Backward tests about $3 / r + 3$ outputs along each dimension for every pixel.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $a_h, b_h$ | `h_a`, `h_b` |  | the two rows around the place |
| $a_w, b_w$ | `w_a`, `w_b` |  | the two columns around the place |
| $t_h$ | `t_h` | $0 \le t_h \le 1$ | weight of the second row |
| $t_w$ | `t_w` | $0 \le t_w \le 1$ | weight of the second column |
| $k_h$ | `k_h` | $0 \le k_h \le 1$ | weight of row $h_{in}$ for an output |
| $k_w$ | `k_w` | $0 \le k_w \le 1$ | weight of column $w_{in}$ for an output |
| $r_w$ | `scale_w` | $\ge 0$ | distance between neighbouring outputs in a row, in pixels of the input |

## Worked example

One row of three pixels becomes twice as wide. The places are 0 (for -0.25), 0.25, 0.75, 1.25, 1.75 and 2.25; at the last place
only the last pixel counts:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[0., 4, 12]]]], requires_grad=True)
>>> y = F.interpolate(x, size=(1, 6), mode="bilinear")
>>> y
tensor([[[[ 0.,  1.,  3.,  6., 10., 12.]]]],
       grad_fn=<UpsampleBilinear2DBackward0>)
>>> y.backward(torch.tensor([[[[0., 0, 4, 0, 0, 1]]]]))
>>> x.grad
tensor([[[[1., 3., 1.]]]])

With aligned corners three columns become five: each second output is a pixel of the input.

>>> F.interpolate(x.detach(), size=(2, 5), mode="bilinear", align_corners=True)
tensor([[[[ 0.,  2.,  4.,  8., 12.],
          [ 0.,  2.,  4.,  8., 12.]]]])

## Questions

**How many pixels contribute to an output?**

Four at most, however small the result is. A result of half the size with `align_corners=False` is the mean of 2 by 2 pixels; at a
quarter of the size most pixels contribute nothing, and fine patterns turn into coarse ones (aliasing).

**What do the weights of one output add up to?**

To 1, so a constant image stays constant.

**Why is the first place 0 and not -0.25?**

There is no pixel to the left of the first one. With the `max` only the border pixel counts.

**What is the sum of the gradient of the input?**

The sum of the gradient of the output, since the weights of each output add up to 1.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange

# (1 - t) a + t b must not become a + t (b - a), which is NaN where a is infinite.
IN_ORDER = {**PARALLEL, "fastmath": {"contract"}}


# The two pixels around the place of output `o` along one dimension, and the weight of the second one. In the dtype of x, as in PyTorch.
@njit(**SERIAL)
def bilinear_taps(x, o, scale, align_corners, extent):
    place = x.dtype.type(scale) * x.dtype.type(o)
    if not align_corners:
        half = x.dtype.type(0.5)
        place = max(x.dtype.type(scale) * (x.dtype.type(o) + half) - half, x.dtype.type(0))
    a = min(int(place), extent - 1)
    b = min(a + 1, extent - 1)
    t = min(place - x.dtype.type(a), x.dtype.type(1))
    return a, b, t


# The weight of pixel `at` for output `o`: at the border both taps may be the same pixel.
@njit(**SERIAL)
def bilinear_weight(x, at, o, scale, align_corners, extent):
    a, b, t = bilinear_taps(x, o, scale, align_corners, extent)
    weight = x.dtype.type(0)
    if a == at:
        weight += x.dtype.type(1) - t
    if b == at:
        weight += t
    return weight


# The outputs that may use pixel `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, extent_out):
    step = x.dtype.type(scale)
    if step == x.dtype.type(0):
        return 0, extent_out
    first = int(math.floor(x.dtype.type(at - 1) / step)) - 1
    end = int(math.ceil(x.dtype.type(at + 2) / step)) + 1
    return max(first, 0), min(end, extent_out)


# ## The weighted mean of four pixels
#
# $$y[n, c, h_{out}, w_{out}] = (1 - t_h) \left( (1 - t_w) \, x[n, c, a_h, a_w] + t_w \, x[n, c, a_h, b_w] \right) + t_h \left( (1 -
# t_w) \, x[n, c, b_h, a_w] + t_w \, x[n, c, b_h, b_w] \right)$$
@njit(**IN_ORDER)
def upsample_bilinear2d_forward_cpu(x, y, scale_h, scale_w, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                one = x.dtype.type(1)
                h_a, h_b, t_h = bilinear_taps(x, h_out, scale_h, align_corners, H_in)
                w_a, w_b, t_w = bilinear_taps(x, w_out, scale_w, align_corners, W_in)
                above = (one - t_w) * x[n, c, h_a, w_a] + t_w * x[n, c, h_a, w_b]
                below = (one - t_w) * x[n, c, h_b, w_a] + t_w * x[n, c, h_b, w_b]
                y[n, c, h_out, w_out] = (one - t_h) * above + t_h * below


@cuda.jit
def upsample_bilinear2d_forward_cuda(x, y, scale_h, scale_w, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    plane = i // (W_out * H_out)
    n = plane // C
    c = plane % C
    one = x.dtype.type(1)
    h_a, h_b, t_h = bilinear_taps(x, h_out, scale_h, align_corners, H_in)
    w_a, w_b, t_w = bilinear_taps(x, w_out, scale_w, align_corners, W_in)
    above = (one - t_w) * x[n, c, h_a, w_a] + t_w * x[n, c, h_a, w_b]
    below = (one - t_w) * x[n, c, h_b, w_a] + t_w * x[n, c, h_b, w_b]
    y[n, c, h_out, w_out] = (one - t_h) * above + t_h * below


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} k_h(h_{out}, h_{in}) \, k_w(w_{out}, w_{in}) \,
# \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def upsample_bilinear2d_backward_x_cpu(grad_y, grad_x, scale_h, scale_w, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
                w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
                for h_out in range(h_first, h_end):
                    k_h = bilinear_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
                    if k_h > grad_x.dtype.type(0):
                        for w_out in range(w_first, w_end):
                            k_w = bilinear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                            if k_w > grad_x.dtype.type(0):
                                acc += k_h * k_w * grad_y[n, c, h_out, w_out]
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def upsample_bilinear2d_backward_x_cuda(grad_y, grad_x, scale_h, scale_w, align_corners):
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
    acc = grad_x.dtype.type(0)
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for h_out in range(h_first, h_end):
        k_h = bilinear_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
        if k_h > grad_x.dtype.type(0):
            for w_out in range(w_first, w_end):
                k_w = bilinear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                if k_w > grad_x.dtype.type(0):
                    acc += k_h * k_w * grad_y[n, c, h_out, w_out]
    grad_x[n, c, h_in, w_in] = acc


class UpsampleBilinear2DFunction(Function):
    """Bilinear interpolation on the tape. x (N, C, H_in, W_in); `scales` holds two numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, align_corners):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_bilinear2d_forward_cpu,
            upsample_bilinear2d_forward_cuda,
            y.numel(),
            fast.upsample_bilinear2d_forward,
        )
        run(*arrays(x, y), *scales, align_corners)
        ctx.size_in, ctx.options = x.shape, (*scales, align_corners)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_bilinear2d_backward_x_cpu,
            upsample_bilinear2d_backward_x_cuda,
            grad_x.numel(),
            fast.upsample_bilinear2d_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def upsample_bilinear2d(input, size_out, scales, align_corners):
    """The image at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, H_in, W_in); the result (N, C, H_out, W_out).
    """
    return UpsampleBilinear2DFunction.apply(input, size_out, scales, align_corners)
