r"""Interpolation with antialiasing: each pixel of a smaller image is a weighted mean of all pixels that it covers.

Without it, an output depends on 2 by 2 or 4 by 4 pixels however small the result is, and fine patterns turn into coarse ones that are
not in the image. Here the range of the weights grows with the distance between the outputs.

Use it when images become smaller: `interpolate(..., mode="bilinear", antialias=True)`, "bicubic" or "lanczos". Where they become larger,
`upsample_bilinear2d` gives the same numbers for less work.

## Forward

Along one row the centre of an output lies at $p_w = r_w (w_{out} + 1/2)$, where $r_w$ is the distance between neighbouring outputs, in
pixels of the input. The weight of a pixel falls with the distance of its centre from there. The curve $f$ is stretched by
$m_w = \max(r_w, 1)$, and the weights are divided by their sum:

$$y[w_{out}] = \sum_{w_{in}} v_w(w_{in}) \, x[w_{in}] \qquad v_w(w_{in}) = \frac{u_w(w_{in})}{\sum_{i} u_w(i)} \qquad u_w(w_{in}) =
f\left(\frac{w_{in} + 1/2 - p_w}{m_w}\right)$$

The curve ends at the distance $a$. It is a triangle for bilinear ($a = 1$):

$$f(u) = \max(0, 1 - \lvert u \rvert)$$

a cubic with $A = -0.5$ for bicubic ($a = 2$):

$$f(u) = \begin{cases} (A + 2) \lvert u \rvert^3 - (A + 3) \lvert u \rvert^2 + 1 & \lvert u \rvert
\le 1 \\ A \lvert u \rvert^3 - 5 A \lvert u \rvert^2 + 8 A \lvert u \rvert - 4 A & 1 < \lvert u \rvert < 2 \\ 0 & \text{otherwise}
\end{cases}$$

and for lanczos ($a = 3$) the curve $\sin(\pi u) / \pi u$, which is the ideal one for an infinitely long row, times the middle part of a
wider one, which makes it 0 from the distance 3 on:

$$f(u) = \begin{cases} \frac{\sin \pi u}{\pi u} \cdot \frac{\sin (\pi u / 3)}{\pi u / 3} & \lvert u \rvert < 3 \\ 0 & \text{otherwise}
\end{cases} \qquad f(0) = 1$$

In an image this is done along both dimensions:

$$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} v_h(h_{in}) \, v_w(w_{in}) \, x[n, c, h_{in}, w_{in}]$$

The sums run over the pixels within $s_w = a \, m_w$ of the centre that lie in the image.

## Gradients

An output is a sum over pixels with fixed weights, so the derivative with respect to a pixel is its weight:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} v_h(h_{in}) \, v_w(w_{in}) \,
\frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

where $v_h$ and $v_w$ are those of the output $(h_{out}, w_{out})$. Only outputs within $s_w$ of the pixel have a weight.

## Cost

$(2 s)^2$ multiply-adds per element of the output, and for each element the weights are computed again: this form shows the formula.
Forward reads every pixel about $(2 s / r)^2$ times.

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
| $A$ | `A` | $-0.5$ | slope of the cubic at distance 1 |
| $a$ | `reach` | 1, 2, 3 | distance at which the curve ends before it is stretched; it says which curve |
| $v_h$ | `v_h` |  | weight of a row for an output |
| $v_w$ | `v_w` |  | weight of a column for an output |
| $m_w$ | `stretch` | $\ge 1$ | how much wider the curve is than for a larger image |
| $s_w$ | `support` |  | distance at which the curve ends |
| $r_w$ | `scale_w` | $\ge 0$ | distance between neighbouring outputs in a row, in pixels of the input |

## Worked example

Six columns become two. The centre of the first output lies at 1.5, and the curve ends at the distance 3. The first four pixels have the
weights 6, 9, 6 and 3, divided by 24, which is their sum; pixel 4, at distance 3, has none:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[0., 24, 0, 0, 0, 24]]]], requires_grad=True)
>>> y = F.interpolate(x, size=(1, 2), mode="bilinear", antialias=True)
>>> y
tensor([[[[9.0000, 6.0000]]]], grad_fn=<UpsampleBilinear2DAaBackward0>)
>>> y.backward(torch.tensor([[[[8., 0]]]]))
>>> x.grad
tensor([[[[2.0000, 3.0000, 2.0000, 1.0000, 0.0000, 0.0000]]]])

Without antialiasing each output is one pixel here, and one of the two bright pixels has no influence:

>>> F.interpolate(x.detach(), size=(1, 2), mode="bilinear")
tensor([[[[24.,  0.]]]])

## Questions

**Why are the weights divided by their sum?**

So that a constant image stays constant. At the border a part of the curve lies outside the image, and its weights are missing.

**What changes for an image that becomes larger?**

Nothing for bilinear: the curve is not stretched, and the two pixels within distance 1 have the weights of `upsample_bilinear2d`. For
bicubic the curve has $A = -0.5$ here and $-0.75$ there, so the numbers differ a little.

**Why do results of bicubic and lanczos overshoot?**

Their curves have negative weights, so a result can lie outside the numbers of the image. Beside an edge from 0 to 8:

>>> edge = torch.tensor([[[[0., 0, 0, 0, 8, 8, 8, 8]]]])
>>> F.interpolate(edge, size=(1, 4), mode="lanczos", antialias=True).amax() > 8
tensor(True)

**What do the gradients of all pixels add up to?**

To the sum of the gradients of the outputs, 8 in the example, since the weights of each output add up to 1.

## Differences

Where the result has one column and several rows, PyTorch 2.13 takes the weights of the first row for all rows on the CPU. Here each
row has its own.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange


# The curve $f$ at distance `u`, which ends at `reach`: a triangle (1), a cubic (2), or Lanczos' curve (3).
@njit(**SERIAL)
def curve(x, u, reach):
    u = abs(u)
    A = x.dtype.type(-0.5)
    if reach == 1:
        return max(x.dtype.type(1) - u, x.dtype.type(0))
    if u >= x.dtype.type(reach):
        return x.dtype.type(0)
    if reach == 3:
        angle = x.dtype.type(math.pi) * u
        if angle == x.dtype.type(0):
            return x.dtype.type(1)
        slower = angle / x.dtype.type(3)
        return x.dtype.type(math.sin(angle)) * x.dtype.type(math.sin(slower)) / (angle * slower)
    if u < x.dtype.type(1):
        return ((A + x.dtype.type(2)) * u - (A + x.dtype.type(3))) * u * u + x.dtype.type(1)
    return ((A * u - x.dtype.type(5) * A) * u + x.dtype.type(8) * A) * u - x.dtype.type(4) * A


# The pixels under the curve of output `o`: the first one, the one behind the last, the centre, and how much the curve is stretched.
@njit(**SERIAL)
def covered(x, o, scale, reach, extent):
    stretch = max(x.dtype.type(scale), x.dtype.type(1))
    support = x.dtype.type(reach) * stretch
    half = x.dtype.type(0.5)
    center = x.dtype.type(scale) * (x.dtype.type(o) + half)
    first = max(int(center - support + half), 0)
    end = min(int(center + support + half), extent)
    return first, end, center, stretch


# The weight of pixel `at` before the division by the sum.
@njit(**SERIAL)
def raw_weight(x, at, center, stretch, reach):
    return curve(x, (x.dtype.type(at) - center + x.dtype.type(0.5)) / stretch, reach)


# The weight of pixel `at` for output `o`.
@njit(**SERIAL)
def share(x, at, o, scale, reach, extent):
    first, end, center, stretch = covered(x, o, scale, reach, extent)
    if at < first or at >= end:
        return x.dtype.type(0)
    total = x.dtype.type(0)
    for other in range(first, end):
        total += raw_weight(x, other, center, stretch, reach)
    return raw_weight(x, at, center, stretch, reach) / total


# The outputs that may cover pixel `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, reach, extent_out):
    step = x.dtype.type(scale)
    if step == x.dtype.type(0):
        return 0, extent_out
    support = max(step, x.dtype.type(1)) * x.dtype.type(reach)
    first = int(math.floor((x.dtype.type(at - 1) - support) / step)) - 1
    end = int(math.ceil((x.dtype.type(at + 2) + support) / step)) + 1
    return max(first, 0), min(end, extent_out)


# ## The weighted mean of all pixels under the curve
#
# $$y[n, c, h_{out}, w_{out}] = \sum_{h_{in}} \sum_{w_{in}} v_h(h_{in}) \, v_w(w_{in}) \, x[n, c, h_{in}, w_{in}]$$
#
# The two sums of the weights are taken in the same loops, and the division comes last.
@njit(**PARALLEL)
def upsample_antialias2d_forward_cpu(x, y, scale_h, scale_w, reach):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc = x.dtype.type(0)
                total = x.dtype.type(0)
                h_first, h_end, h_center, h_stretch = covered(x, h_out, scale_h, reach, H_in)
                w_first, w_end, w_center, w_stretch = covered(x, w_out, scale_w, reach, W_in)
                for h_in in range(h_first, h_end):
                    v_h = raw_weight(x, h_in, h_center, h_stretch, reach)
                    for w_in in range(w_first, w_end):
                        v_w = raw_weight(x, w_in, w_center, w_stretch, reach)
                        acc += v_h * v_w * x[n, c, h_in, w_in]
                        total += v_h * v_w
                y[n, c, h_out, w_out] = acc / total


@cuda.jit
def upsample_antialias2d_forward_cuda(x, y, scale_h, scale_w, reach):
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
    total = x.dtype.type(0)
    h_first, h_end, h_center, h_stretch = covered(x, h_out, scale_h, reach, H_in)
    w_first, w_end, w_center, w_stretch = covered(x, w_out, scale_w, reach, W_in)
    for h_in in range(h_first, h_end):
        v_h = raw_weight(x, h_in, h_center, h_stretch, reach)
        for w_in in range(w_first, w_end):
            v_w = raw_weight(x, w_in, w_center, w_stretch, reach)
            acc += v_h * v_w * x[n, c, h_in, w_in]
            total += v_h * v_w
    y[n, c, h_out, w_out] = acc / total


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out}} \sum_{w_{out}} v_h(h_{in}) \, v_w(w_{in}) \,
# \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def upsample_antialias2d_backward_x_cpu(grad_y, grad_x, scale_h, scale_w, reach):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                none = grad_x.dtype.type(0)
                h_first, h_end = outputs_near(grad_x, h_in, scale_h, reach, H_out)
                w_first, w_end = outputs_near(grad_x, w_in, scale_w, reach, W_out)
                for h_out in range(h_first, h_end):
                    v_h = share(grad_x, h_in, h_out, scale_h, reach, H_in)
                    if v_h != none:
                        for w_out in range(w_first, w_end):
                            v_w = share(grad_x, w_in, w_out, scale_w, reach, W_in)
                            if v_w != none:
                                acc += v_h * v_w * grad_y[n, c, h_out, w_out]
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def upsample_antialias2d_backward_x_cuda(grad_y, grad_x, scale_h, scale_w, reach):
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
    h_first, h_end = outputs_near(grad_x, h_in, scale_h, reach, H_out)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, reach, W_out)
    for h_out in range(h_first, h_end):
        v_h = share(grad_x, h_in, h_out, scale_h, reach, H_in)
        if v_h != none:
            for w_out in range(w_first, w_end):
                v_w = share(grad_x, w_in, w_out, scale_w, reach, W_in)
                if v_w != none:
                    acc += v_h * v_w * grad_y[n, c, h_out, w_out]
    grad_x[n, c, h_in, w_in] = acc


class UpsampleBilinear2DAaFunction(Function):
    """Interpolation with antialiasing on the tape. x (N, C, H_in, W_in); `scales` holds two numbers."""

    @staticmethod
    def forward(ctx, x, size_out, scales, reach):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_antialias2d_forward_cpu,
            upsample_antialias2d_forward_cuda,
            y.numel(),
            fast.antialias_interpolation_forward,
        )
        run(*arrays(x, y), *scales, reach)
        ctx.size_in, ctx.options = x.shape, (*scales, reach)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_antialias2d_backward_x_cpu,
            upsample_antialias2d_backward_x_cuda,
            grad_x.numel(),
            fast.antialias_interpolation_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


class UpsampleBicubic2DAaFunction(UpsampleBilinear2DAaFunction):
    """The same with another curve; the graph shows it under its own name, as in PyTorch."""


class UpsampleLanczos2DAaFunction(UpsampleBilinear2DAaFunction):
    """The same with the third curve."""


_MODES = {
    "bilinear": (UpsampleBilinear2DAaFunction, 1),
    "bicubic": (UpsampleBicubic2DAaFunction, 2),
    "lanczos": (UpsampleLanczos2DAaFunction, 3),
}


def upsample_antialias2d(input, size_out, scales, mode):
    """The image at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, H_in, W_in); the result (N, C, H_out, W_out).
    """
    function, reach = _MODES[mode]
    return function.apply(input, size_out, scales, reach)
