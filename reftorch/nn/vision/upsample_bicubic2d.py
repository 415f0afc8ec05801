r"""Bicubic interpolation of images: each pixel of the result is a weighted sum of the 4 by 4 pixels around its place.

The weights follow a cubic curve, which is negative for the outer pixels. So edges stay sharper than with bilinear interpolation, and
values may leave the range of the input.

Use it when an image should become larger and stay sharp; `upsample_bilinear2d` is cheaper and never leaves the range of its input;
for a smaller image `antialias=True` of `interpolate` looks at all pixels.

## Forward

Along one row an output lies at the place $p_w$, measured in pixels of the input, and $t_w = p_w - \lfloor p_w \rfloor$. The four
pixels around it, with $k = -1, 0, 1, 2$, have the weights $f(t_w - k)$:

$$y[w_{out}] = \sum_{k = -1}^{2} f(t_w - k) \, x[e_w(k)] \qquad e_w(k) = \min(\max(\lfloor p_w \rfloor + k, 0), W_{in} - 1)$$

Beyond the border the border pixel is repeated. The curve $f$ is a cubic in two pieces, with $A = -0.75$; it is 1 at 0, and 0 at all
other integers:

$$f(u) = \begin{cases} (A + 2) \lvert u \rvert^3 - (A + 3) \lvert u \rvert^2 + 1 & \lvert u \rvert \le 1 \\ A \lvert u \rvert^3 - 5 A \lvert u
\rvert^2 + 8 A \lvert u \rvert - 4 A & 1 < \lvert u \rvert < 2 \\ 0 & \text{otherwise} \end{cases}$$

In an image this is done along both dimensions:

$$y[n, c, h_{out}, w_{out}] = \sum_{k_h = -1}^{2} \sum_{k_w = -1}^{2} f(t_h - k_h) \, f(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)]$$

The place follows from the distance $r_w$ between neighbouring outputs, in pixels of the input:

$$p_w = r_w \left(w_{out} + \frac{1}{2}\right) - \frac{1}{2} \quad r_w = \frac{W_{in}}{W_{out}} \qquad \text{or with aligned corners} \qquad
p_w = r_w \, w_{out} \quad r_w = \frac{W_{in} - 1}{W_{out} - 1}$$

## Gradients

An output is a sum over pixels with fixed weights. Let $v_w(w_{out}, w_{in})$ be the weight of column $w_{in}$ for the output column
$w_{out}$: the sum of $f(t_w - k)$ over those $k$ with $e_w(k) = w_{in}$, which are several at the border. Then

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} v_h(h_{out}, h_{in}) \, v_w(w_{out}, w_{in}) \,
\frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

Only outputs whose place is less than two pixels away have a weight, so the loops run over these.

## Cost

16 multiply-adds per element of the output and the eight weights. Forward reads 16 pixels, most of them in the cache, and writes one.
Backward tests about $5 / r + 3$ outputs along each dimension for every pixel.

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
| $A$ | `A` | $-0.75$ | slope of the curve at distance 1 |
| $k_h$ | `k_h` | $-1 \le k_h \le 2$ | which of the four rows |
| $k_w$ | `k_w` | $-1 \le k_w \le 2$ | which of the four columns |
| $t_h$ | `t_h` | $0 \le t_h < 1$ | place of the output between two rows |
| $t_w$ | `t_w` | $0 \le t_w < 1$ | place of the output between two columns |
| $v_h$ | `v_h` |  | weight of row $h_{in}$ for an output |
| $v_w$ | `v_w` |  | weight of column $w_{in}$ for an output |
| $r_w$ | `scale_w` | $\ge 0$ | distance between neighbouring outputs in a row, in pixels of the input |

## Worked example

A step from 0 to 32 becomes twice as wide. The outputs next to it go below 0 and above 32:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[0., 0, 32, 32]]]], requires_grad=True)
>>> y = F.interpolate(x, size=(1, 8), mode="bicubic")
>>> y
tensor([[[[ 0.0000, -1.1250, -3.3750,  7.2500, 24.7500, 35.3750, 33.1250,
           32.0000]]]], grad_fn=<UpsampleBicubic2DBackward0>)
>>> y.backward(torch.tensor([[[[0., 0, 0, 64, 0, 0, 0, 0]]]]))
>>> x.grad
tensor([[[[-6.7500, 56.2500, 16.7500, -2.2500]]]])

## Questions

**What do the four weights add up to?**

To 1, for every place: a constant image stays constant.

**Why are some outputs outside the range of the input?**

The outer two weights are negative. A bright pixel makes its surroundings darker, and the eye sees a sharper edge. Use `clamp` where
values outside the range are not allowed.

**What is the result at a place that is exactly a pixel?**

That pixel: the curve is 1 at 0, and 0 at the other integers.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange


# The curve $f$ at distance `u`.
@njit(**SERIAL)
def cubic(x, u):
    A = x.dtype.type(-0.75)
    u = abs(u)
    if u <= x.dtype.type(1):
        return ((A + x.dtype.type(2)) * u - (A + x.dtype.type(3))) * u * u + x.dtype.type(1)
    if u < x.dtype.type(2):
        return ((A * u - x.dtype.type(5) * A) * u + x.dtype.type(8) * A) * u - x.dtype.type(4) * A
    return x.dtype.type(0)


# The place of output `o` along one dimension: the pixel before it, and how far behind that pixel it lies.
@njit(**SERIAL)
def cubic_place(x, o, scale, align_corners):
    place = x.dtype.type(scale) * x.dtype.type(o)
    if not align_corners:
        half = x.dtype.type(0.5)
        place = x.dtype.type(scale) * (x.dtype.type(o) + half) - half
    before = int(math.floor(place))
    return before, place - x.dtype.type(before)


# The weight of pixel `at` for output `o`: several taps may be that pixel, if it is at the border.
@njit(**SERIAL)
def cubic_weight(x, at, o, scale, align_corners, extent):
    before, t = cubic_place(x, o, scale, align_corners)
    weight = x.dtype.type(0)
    for k in range(-1, 3):
        if min(max(before + k, 0), extent - 1) == at:
            weight += cubic(x, t - x.dtype.type(k))
    return weight


# The outputs that may use pixel `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, extent_out):
    step = x.dtype.type(scale)
    if step == x.dtype.type(0):
        return 0, extent_out
    first = int(math.floor(x.dtype.type(at - 2) / step)) - 1
    end = int(math.ceil(x.dtype.type(at + 3) / step)) + 1
    return max(first, 0), min(end, extent_out)


# ## The weighted sum of 4 by 4 pixels
#
# $$y[n, c, h_{out}, w_{out}] = \sum_{k_h = -1}^{2} \sum_{k_w = -1}^{2} f(t_h - k_h) \, f(t_w - k_w) \, x[n, c, e_h(k_h), e_w(k_w)]$$
@njit(**PARALLEL)
def upsample_bicubic2d_forward_cpu(x, y, scale_h, scale_w, align_corners):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc = x.dtype.type(0)
                h_before, t_h = cubic_place(x, h_out, scale_h, align_corners)
                w_before, t_w = cubic_place(x, w_out, scale_w, align_corners)
                for k_h in range(-1, 3):
                    row = x.dtype.type(0)
                    h_in = min(max(h_before + k_h, 0), H_in - 1)
                    for k_w in range(-1, 3):
                        w_in = min(max(w_before + k_w, 0), W_in - 1)
                        row += cubic(x, t_w - x.dtype.type(k_w)) * x[n, c, h_in, w_in]
                    acc += cubic(x, t_h - x.dtype.type(k_h)) * row
                y[n, c, h_out, w_out] = acc


@cuda.jit
def upsample_bicubic2d_forward_cuda(x, y, scale_h, scale_w, align_corners):
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
    acc = x.dtype.type(0)
    h_before, t_h = cubic_place(x, h_out, scale_h, align_corners)
    w_before, t_w = cubic_place(x, w_out, scale_w, align_corners)
    for k_h in range(-1, 3):
        row = x.dtype.type(0)
        h_in = min(max(h_before + k_h, 0), H_in - 1)
        for k_w in range(-1, 3):
            w_in = min(max(w_before + k_w, 0), W_in - 1)
            row += cubic(x, t_w - x.dtype.type(k_w)) * x[n, c, h_in, w_in]
        acc += cubic(x, t_h - x.dtype.type(k_h)) * row
    y[n, c, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} v_h(h_{out}, h_{in}) \, v_w(w_{out}, w_{in}) \,
# \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def upsample_bicubic2d_backward_x_cpu(grad_y, grad_x, scale_h, scale_w, align_corners):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                none = grad_x.dtype.type(0)
                h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
                w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
                for h_out in range(h_first, h_end):
                    v_h = cubic_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
                    if v_h != none:
                        for w_out in range(w_first, w_end):
                            v_w = cubic_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                            if v_w != none:
                                acc += v_h * v_w * grad_y[n, c, h_out, w_out]
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def upsample_bicubic2d_backward_x_cuda(grad_y, grad_x, scale_h, scale_w, align_corners):
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
    none = grad_x.dtype.type(0)
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for h_out in range(h_first, h_end):
        v_h = cubic_weight(grad_x, h_in, h_out, scale_h, align_corners, H_in)
        if v_h != none:
            for w_out in range(w_first, w_end):
                v_w = cubic_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                if v_w != none:
                    acc += v_h * v_w * grad_y[n, c, h_out, w_out]
    grad_x[n, c, h_in, w_in] = acc


class UpsampleBicubic2DFunction(Function):
    """Bicubic interpolation on the tape. x (N, C, H_in, W_in); `scales` holds two numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, align_corners):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_bicubic2d_forward_cpu,
            upsample_bicubic2d_forward_cuda,
            y.numel(),
            fast.bicubic_interpolation_forward,
        )
        run(*arrays(x, y), *scales, align_corners)
        ctx.size_in, ctx.options = x.shape, (*scales, align_corners)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_bicubic2d_backward_x_cpu,
            upsample_bicubic2d_backward_x_cuda,
            grad_x.numel(),
            fast.bicubic_interpolation_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def upsample_bicubic2d(input, size_out, scales, align_corners):
    """The image at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, H_in, W_in); the result (N, C, H_out, W_out).
    """
    return UpsampleBicubic2DFunction.apply(input, size_out, scales, align_corners)
