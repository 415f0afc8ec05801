r"""Linear interpolation of sequences: each element of the result is a weighted mean of the two elements around its place.

The place of each output is found in the input. The nearer of the two elements has the larger weight.

Use it when a sequence should become longer and stay smooth; `upsample_nearest` repeats elements. For images there is
`upsample_bilinear2d`, for volumes `upsample_trilinear3d`.

## Forward

An output lies at the place $p$, measured in elements of the input. It lies between the elements $a = \lfloor p \rfloor$ and
$b = \min(a + 1, W_{in} - 1)$, and $t = p - a$ is the weight of the second one:

$$y[n, c, w_{out}] = (1 - t) \, x[n, c, a] + t \, x[n, c, b]$$

The place follows from the distance $r$ between neighbouring outputs, in elements of the input. With `align_corners=False` an element
covers an interval, and the intervals of input and output cover the same length:

$$p = \max\left(0, r \left(w_{out} + \frac{1}{2}\right) - \frac{1}{2}\right) \qquad r = \frac{W_{in}}{W_{out}}$$

With `align_corners=True` an element is a point, and the first and last points of input and output coincide:

$$p = r \, w_{out} \qquad r = \frac{W_{in} - 1}{W_{out} - 1}$$

## Gradients

An output is a sum over elements with fixed weights, so the derivative with respect to an element is its weight. Let
$k(w_{out}, w_{in})$ be the weight of element $w_{in}$ for the output $w_{out}$: $1 - t$ if $w_{in} = a$, plus $t$ if $w_{in} = b$,
otherwise 0. Then

$$\frac{\partial L}{\partial x}[n, c, w_{in}] = \sum_{w_{out}} k(w_{out}, w_{in}) \, \frac{\partial L}{\partial y}[n, c, w_{out}]$$

Only outputs whose place is less than one element away have a weight, so the loop runs over these.

## Cost

About 7 operations per element of the output. Forward reads two elements and writes one. Backward tests about $3 / r + 3$
outputs for each element.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, W_{in})$ | input |
| $y$ | `y` | $(N, C, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | element of the output |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | element of the input |
| $a, b$ | `a`, `b` |  | the two elements around the place |
| $t$ | `t` | $0 \le t \le 1$ | weight of the second element |
| $k$ | `k_w` | $0 \le k \le 1$ | weight of element $w_{in}$ for an output |
| $r$ | `scale_w` | $\ge 0$ | distance between neighbouring outputs, in elements of the input |

## Worked example

Two elements become four. The places are 0 (for -0.25), 0.25, 0.75 and 1.25; at the last place only the last element counts:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[0., 8]]], requires_grad=True)
>>> y = F.interpolate(x, size=4, mode="linear")
>>> y
tensor([[[0., 2., 6., 8.]]], grad_fn=<UpsampleLinear1DBackward0>)
>>> y.backward(torch.tensor([[[1., 4, 0, 0]]]))
>>> x.grad
tensor([[[4., 1.]]])

With aligned corners two elements become five, evenly from the first to the last one:

>>> F.interpolate(x.detach(), size=5, mode="linear", align_corners=True)
tensor([[[0., 2., 4., 6., 8.]]])

## Questions

**Does the result contain all elements of the input?**

Not in general: in the first example 0 and 8 are there because they are at the border. With aligned corners the first and the last
one are always there.

**What do the two weights add up to?**

To 1, so a constant sequence stays constant.

**What happens if the result has one element and the corners are aligned?**

The distance $r$ would be a division by 0. It is set to 0, so the output is the first element.

>>> F.interpolate(torch.tensor([[[3., 5, 7]]]), size=1, mode="linear", align_corners=True)
tensor([[[3.]]])
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange

# (1 - t) a + t b must not become a + t (b - a), which is NaN where a is infinite.
IN_ORDER = {**PARALLEL, "fastmath": {"contract"}}


# The two elements around the place of output `o` along one dimension, and the weight of the second one. In the dtype of x, as in PyTorch.
@njit(**SERIAL)
def linear_taps(x, o, scale, align_corners, extent):
    place = x.dtype.type(scale) * x.dtype.type(o)
    if not align_corners:
        half = x.dtype.type(0.5)
        place = max(x.dtype.type(scale) * (x.dtype.type(o) + half) - half, x.dtype.type(0))
    a = min(int(place), extent - 1)
    b = min(a + 1, extent - 1)
    t = min(place - x.dtype.type(a), x.dtype.type(1))
    return a, b, t


# The weight of element `at` for output `o`: at the border both taps may be the same element.
@njit(**SERIAL)
def linear_weight(x, at, o, scale, align_corners, extent):
    a, b, t = linear_taps(x, o, scale, align_corners, extent)
    weight = x.dtype.type(0)
    if a == at:
        weight += x.dtype.type(1) - t
    if b == at:
        weight += t
    return weight


# The outputs that may use element `at`: from the first number up to, but not including, the second.
@njit(**SERIAL)
def outputs_near(x, at, scale, extent_out):
    step = x.dtype.type(scale)
    if step == x.dtype.type(0):
        return 0, extent_out
    first = int(math.floor(x.dtype.type(at - 1) / step)) - 1
    end = int(math.ceil(x.dtype.type(at + 2) / step)) + 1
    return max(first, 0), min(end, extent_out)


# ## The weighted mean of two elements
#
# $$y[n, c, w_{out}] = (1 - t) \, x[n, c, a] + t \, x[n, c, b]$$
@njit(**IN_ORDER)
def upsample_linear1d_forward_cpu(x, y, scale_w, align_corners):
    N, C, W_in = x.shape
    N, C, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for w_out in range(W_out):
            a, b, t = linear_taps(x, w_out, scale_w, align_corners, W_in)
            y[n, c, w_out] = (x.dtype.type(1) - t) * x[n, c, a] + t * x[n, c, b]


@cuda.jit
def upsample_linear1d_forward_cuda(x, y, scale_w, align_corners):
    N, C, W_in = x.shape
    N, C, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    plane = i // W_out
    n = plane // C
    c = plane % C
    a, b, t = linear_taps(x, w_out, scale_w, align_corners, W_in)
    y[n, c, w_out] = (x.dtype.type(1) - t) * x[n, c, a] + t * x[n, c, b]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, w_{in}] = \sum_{w_{out}} k(w_{out}, w_{in}) \, \frac{\partial L}{\partial y}[n, c, w_{out}]$$
@njit(**PARALLEL)
def upsample_linear1d_backward_x_cpu(grad_y, grad_x, scale_w, align_corners):
    N, C, W_in = grad_x.shape
    N, C, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for w_in in range(W_in):
            acc = grad_x.dtype.type(0)
            w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
            for w_out in range(w_first, w_end):
                k_w = linear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
                if k_w > grad_x.dtype.type(0):
                    acc += k_w * grad_y[n, c, w_out]
            grad_x[n, c, w_in] = acc


@cuda.jit
def upsample_linear1d_backward_x_cuda(grad_y, grad_x, scale_w, align_corners):
    N, C, W_in = grad_x.shape
    N, C, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    plane = i // W_in
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    w_first, w_end = outputs_near(grad_x, w_in, scale_w, W_out)
    for w_out in range(w_first, w_end):
        k_w = linear_weight(grad_x, w_in, w_out, scale_w, align_corners, W_in)
        if k_w > grad_x.dtype.type(0):
            acc += k_w * grad_y[n, c, w_out]
    grad_x[n, c, w_in] = acc


class UpsampleLinear1DFunction(Function):
    """Linear interpolation on the tape. x (N, C, W_in); `scales` holds one number."""

    @staticmethod
    def forward(ctx, x, size_out, scales, align_corners):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            upsample_linear1d_forward_cpu,
            upsample_linear1d_forward_cuda,
            y.numel(),
            fast.linear_interpolation_forward,
        )
        run(*arrays(x, y), *scales, align_corners)
        ctx.size_in, ctx.options = x.shape, (*scales, align_corners)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            upsample_linear1d_backward_x_cpu,
            upsample_linear1d_backward_x_cuda,
            grad_x.numel(),
            fast.linear_interpolation_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def upsample_linear1d(input, size_out, scales, align_corners):
    """The sequence at the size `size_out`; `interpolate` checks the arguments.

    Shapes: `input` (N, C, W_in); the result (N, C, W_out).
    """
    return UpsampleLinear1DFunction.apply(input, size_out, scales, align_corners)
