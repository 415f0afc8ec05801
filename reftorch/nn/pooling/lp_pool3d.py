r"""Power-average pooling over volumes: each output is a norm of the voxels of one window.

The order $p$ chooses between a sum ($p = 1$) and, for large $p$, the largest voxel. Nothing is learned.

Use it when large voxels should count more than in the mean (`avg_pool3d`), but not alone as in the maximum (`max_pool3d`).

## Forward

The simplest case is a window of two voxels and $p = 2$: $\sqrt{x_0^2 + x_1^2}$. In general the powers are summed, and the root
of order $p$ is taken of the sum:

$$S[n, c, d_{out}, h_{out}, w_{out}] = \frac{K_d \, K_h \, K_w}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})}
\sum_{d_{in} = a_{d}}^{b_{d} - 1} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in},
w_{in}]^p$$

$$y[n, c, d_{out}, h_{out}, w_{out}] = S[n, c, d_{out}, h_{out}, w_{out}]^{1/p}$$

$$a_{d} = d_{out} \, s_d \qquad b_{d} = \min(d_{out} \, s_d + K_d, D_{in})$$

$$a_{h} = h_{out} \, s_h \qquad b_{h} = \min(h_{out} \, s_h + K_h, H_{in})$$

$$a_{w} = w_{out} \, s_w \qquad b_{w} = \min(w_{out} \, s_w + K_w, W_{in})$$

The first factor is 1 for a whole window. With `ceil_mode` the last window may be cut off by the end of the input. Its sum is scaled
up to the size of a whole window. There is no absolute value in the formula: with an odd $p$ negative voxels lower the sum, and the
root of a negative sum is NaN unless $p = 1$. For $p = \infty$ the output is the largest absolute value, for $p = -\infty$ the smallest.

## Gradients

The derivative of $S^{1/p}$ with respect to $S$ is $\frac1p S^{1/p - 1}$, and that of $x^p$ with respect to $x$ is $p \, x^{p -
1}$. In their product $p$ cancels:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = x[n, c, d_{in}, h_{in}, w_{in}]^{p - 1} \sum_{d_{out} =
f_{d}}^{g_{d}} \sum_{h_{out} = f_{h}}^{g_{h}} \sum_{w_{out} = f_{w}}^{g_{w}} \frac{K_d \, K_h \, K_w}{(b_{d} - a_{d}) \, (b_{h}
- a_{h}) \, (b_{w} - a_{w})} \; S[n, c, d_{out}, h_{out}, w_{out}]^{1/p - 1} \; \frac{\partial L}{\partial y}[n, c, d_{out},
h_{out}, w_{out}]$$

$$f_{d} = \max\left(0, \left\lfloor \frac{d_{in} - K_d}{s_d} \right\rfloor + 1\right) \qquad g_{d} = \min\left(D_{out} - 1,
\left\lfloor \frac{d_{in}}{s_d} \right\rfloor\right)$$

$$f_{h} = \max\left(0, \left\lfloor \frac{h_{in} - K_h}{s_h} \right\rfloor + 1\right) \qquad g_{h} = \min\left(H_{out} - 1,
\left\lfloor \frac{h_{in}}{s_h} \right\rfloor\right)$$

$$f_{w} = \max\left(0, \left\lfloor \frac{w_{in} - K_w}{s_w} \right\rfloor + 1\right) \qquad g_{w} = \min\left(W_{out} - 1,
\left\lfloor \frac{w_{in}}{s_w} \right\rfloor\right)$$

A window with $S = 0$ gives no gradient to its voxels.

## Output size

$$D_{out} = \left\lfloor \frac{D_{in} - K_d}{s_d} \right\rfloor + 1$$

$$H_{out} = \left\lfloor \frac{H_{in} - K_h}{s_h} \right\rfloor + 1$$

$$W_{out} = \left\lfloor \frac{W_{in} - K_w}{s_w} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead.

## Cost

$K_d K_h K_w$ powers per output element, and one root. Forward reads $x$ and writes $S$ and $y$; backward reads $x$, $S$ and
the gradient of $y$ and writes that of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output: the norm of each window |
| $S$ | `total` | $(N, C, D_{out}, H_{out}, W_{out})$ | scaled sum of the powers of each window |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D_{out}, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D_{in}, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | volume of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output: which window |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | plane of the input |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $K_d$ | `K_d` | $K_d \ge 1$ | planes of a window |
| $K_h$ | `K_h` | $K_h \ge 1$ | rows of a window |
| $K_w$ | `K_w` | $K_w \ge 1$ | columns of a window |
| $s_d$ | `stride_d` | $s_d \ge 1$ | planes from one window to the next |
| $s_h$ | `stride_h` | $s_h \ge 1$ | rows from one window to the next |
| $s_w$ | `stride_w` | $s_w \ge 1$ | columns from one window to the next |
| $p$ | `p` | any but 0 | order of the norm: `norm_type` |
| $a_{d}, b_{d}$ | `d_start`, `d_end` |  | first plane of a window, and the first one behind it |
| $a_{h}, b_{h}$ | `h_start`, `h_end` |  | first row of a window, and the first one behind it |
| $a_{w}, b_{w}$ | `w_start`, `w_end` |  | first column of a window, and the first one behind it |
| $f_{d}, g_{d}$ | `d_first`, `d_last` |  | first and last window that covers plane $d_{in}$ |
| $f_{h}, g_{h}$ | `h_first`, `h_last` |  | first and last window that covers row $h_{in}$ |
| $f_{w}, g_{w}$ | `w_first`, `w_last` |  | first and last window that covers column $w_{in}$ |

## Worked example

Order 2 over a window of two columns, the length of the vector (3, 4). The windows are one column apart:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[3., 4, 3]]]]], requires_grad=True)
>>> y = F.lp_pool3d(x, norm_type=2, kernel_size=(1, 1, 2), stride=1)
>>> y
tensor([[[[[5., 5.]]]]], grad_fn=<LPPool3DBackward0>)
>>> y.backward(torch.tensor([[[[[5., 10]]]]]))
>>> x.grad
tensor([[[[[ 3., 12.,  6.]]]]])

## Questions

**With `ceil_mode`, the last window of three ones holds a single one. Why is its output not 1?**

The sum is scaled to the size of a whole window, as if the one were there twice:

>>> F.lp_pool3d(torch.tensor([[[[[1., 1, 1]]]]]), 2, (1, 1, 2), ceil_mode=True)
tensor([[[[[1.4142, 1.4142]]]]])

**What does order 1 give for two negative voxels?**

Their sum, which is negative:

>>> F.lp_pool3d(torch.tensor([[[[[-1., -2]]]]]), 1, (1, 1, 2))
tensor([[[[[-3.]]]]])

**Which voxels get the largest gradient for a large $p$?**

The largest ones: the factor $x^{p - 1}$ grows fast, as for max pooling, where only the maximum gets a gradient.

## Differences

Integers are converted to float32 first. PyTorch does so too, but with an order that is an int it rounds the mean of the powers of
each window to an integer.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import number, options_text
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.nn.pooling.max_pool3d import max_pool3d


def lp_pool3d_output_size(size_in, kernel_size, stride, ceil_mode=False):
    """`(D_out, H_out, W_out)` for `size_in = (D_in, H_in, W_in)` and options of three ints each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, (0,) * 3, (1,) * 3, ceil_mode)


# ## The norm of each window
#
# $$S[n, c, d_{out}, h_{out}, w_{out}] = \frac{K_d \, K_h \, K_w}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})}
# \sum_{d_{in} = a_{d}}^{b_{d} - 1} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in},
# w_{in}]^p$$
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = S[n, c, d_{out}, h_{out}, w_{out}]^{1/p}$$
#
# `total` holds $S$, which the gradient reads. Where `ceil_mode` cuts the last window, the first factor is more than 1.
@njit(**PARALLEL)
def lp_pool3d_forward_cpu(x, total, y, K_d, K_h, K_w, stride_d, stride_h, stride_w, norm_type):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    p = x.dtype.type(norm_type)
                    d_start = d_out * stride_d
                    d_end = min(d_start + K_d, D_in)
                    h_start = h_out * stride_h
                    h_end = min(h_start + K_h, H_in)
                    w_start = w_out * stride_w
                    w_end = min(w_start + K_w, W_in)
                    acc = x.dtype.type(0)
                    for d_in in range(d_start, d_end):
                        for h_in in range(h_start, h_end):
                            for w_in in range(w_start, w_end):
                                acc += x[n, c, d_in, h_in, w_in] ** p
                    counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
                    total[n, c, d_out, h_out, w_out] = acc * x.dtype.type(K_d * K_h * K_w) / x.dtype.type(counted)
                    y[n, c, d_out, h_out, w_out] = total[n, c, d_out, h_out, w_out] ** (x.dtype.type(1) / p)


@cuda.jit
def lp_pool3d_forward_cuda(x, total, y, K_d, K_h, K_w, stride_d, stride_h, stride_w, norm_type):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    d_out = i // (W_out * H_out) % D_out
    plane = i // (W_out * H_out * D_out)
    n = plane // C
    c = plane % C
    p = x.dtype.type(norm_type)
    d_start = d_out * stride_d
    d_end = min(d_start + K_d, D_in)
    h_start = h_out * stride_h
    h_end = min(h_start + K_h, H_in)
    w_start = w_out * stride_w
    w_end = min(w_start + K_w, W_in)
    acc = x.dtype.type(0)
    for d_in in range(d_start, d_end):
        for h_in in range(h_start, h_end):
            for w_in in range(w_start, w_end):
                acc += x[n, c, d_in, h_in, w_in] ** p
    counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
    total[n, c, d_out, h_out, w_out] = acc * x.dtype.type(K_d * K_h * K_w) / x.dtype.type(counted)
    y[n, c, d_out, h_out, w_out] = total[n, c, d_out, h_out, w_out] ** (x.dtype.type(1) / p)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = x[n, c, d_{in}, h_{in}, w_{in}]^{p - 1} \sum_{d_{out} =
# f_{d}}^{g_{d}} \sum_{h_{out} = f_{h}}^{g_{h}} \sum_{w_{out} = f_{w}}^{g_{w}} \frac{K_d \, K_h \, K_w}{(b_{d} - a_{d}) \,
# (b_{h} - a_{h}) \, (b_{w} - a_{w})} \; S[n, c, d_{out}, h_{out}, w_{out}]^{1/p - 1} \; \frac{\partial L}{\partial y}[n, c,
# d_{out}, h_{out}, w_{out}]$$
#
# A window whose sum is 0 adds nothing, for every p.
@njit(**PARALLEL)
def lp_pool3d_backward_x_cpu(x, total, grad_y, grad_x, K_d, K_h, K_w, stride_d, stride_h, stride_w, norm_type):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    p = total.dtype.type(norm_type)
                    acc = total.dtype.type(0)
                    d_first = max(0, (d_in - K_d) // stride_d + 1)
                    d_last = min(D_out - 1, d_in // stride_d)
                    h_first = max(0, (h_in - K_h) // stride_h + 1)
                    h_last = min(H_out - 1, h_in // stride_h)
                    w_first = max(0, (w_in - K_w) // stride_w + 1)
                    w_last = min(W_out - 1, w_in // stride_w)
                    for d_out in range(d_first, d_last + 1):
                        for h_out in range(h_first, h_last + 1):
                            for w_out in range(w_first, w_last + 1):
                                if total[n, c, d_out, h_out, w_out] != total.dtype.type(0):
                                    counted = min(d_out * stride_d + K_d, D_in) - d_out * stride_d
                                    counted *= min(h_out * stride_h + K_h, H_in) - h_out * stride_h
                                    counted *= min(w_out * stride_w + K_w, W_in) - w_out * stride_w
                                    share = total.dtype.type(K_d * K_h * K_w) / total.dtype.type(counted)
                                    slope = total[n, c, d_out, h_out, w_out] ** (
                                        total.dtype.type(1) / p - total.dtype.type(1)
                                    )
                                    acc += grad_y[n, c, d_out, h_out, w_out] * share * slope
                    grad_x[n, c, d_in, h_in, w_in] = acc * x[n, c, d_in, h_in, w_in] ** (p - total.dtype.type(1))


@cuda.jit
def lp_pool3d_backward_x_cuda(x, total, grad_y, grad_x, K_d, K_h, K_w, stride_d, stride_h, stride_w, norm_type):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    d_in = i // (W_in * H_in) % D_in
    plane = i // (W_in * H_in * D_in)
    n = plane // C
    c = plane % C
    p = total.dtype.type(norm_type)
    acc = total.dtype.type(0)
    d_first = max(0, (d_in - K_d) // stride_d + 1)
    d_last = min(D_out - 1, d_in // stride_d)
    h_first = max(0, (h_in - K_h) // stride_h + 1)
    h_last = min(H_out - 1, h_in // stride_h)
    w_first = max(0, (w_in - K_w) // stride_w + 1)
    w_last = min(W_out - 1, w_in // stride_w)
    for d_out in range(d_first, d_last + 1):
        for h_out in range(h_first, h_last + 1):
            for w_out in range(w_first, w_last + 1):
                if total[n, c, d_out, h_out, w_out] != total.dtype.type(0):
                    counted = min(d_out * stride_d + K_d, D_in) - d_out * stride_d
                    counted *= min(h_out * stride_h + K_h, H_in) - h_out * stride_h
                    counted *= min(w_out * stride_w + K_w, W_in) - w_out * stride_w
                    share = total.dtype.type(K_d * K_h * K_w) / total.dtype.type(counted)
                    slope = total[n, c, d_out, h_out, w_out] ** (total.dtype.type(1) / p - total.dtype.type(1))
                    acc += grad_y[n, c, d_out, h_out, w_out] * share * slope
    grad_x[n, c, d_in, h_in, w_in] = acc * x[n, c, d_in, h_in, w_in] ** (p - total.dtype.type(1))


class LPPool3DFunction(Function):
    """Power-average pooling on the tape. x (N, C, D_in, H_in, W_in); `window` is the kernel size and stride, three ints each."""

    @staticmethod
    def forward(ctx, x, size_out, window, norm_type):
        y = x.new_empty(*x.shape[:2], *size_out)
        total = x.new_empty(y.shape)
        run = on(x.device, lp_pool3d_forward_cpu, lp_pool3d_forward_cuda, y.numel(), fast.lp_pool_forward)
        run(*arrays(x, total, y), *window, norm_type)
        ctx.save_for_backward(x, total)
        ctx.options = *window, norm_type
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, total = ctx.saved_tensors
        grad_x = x.new_empty(x.shape)
        run = on(x.device, lp_pool3d_backward_x_cpu, lp_pool3d_backward_x_cuda, grad_x.numel(), fast.lp_pool_backward_x)
        run(*arrays(x, total, grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm of order `norm_type` of each window.

    Shapes: `input` (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); N may be 0. The result (N, C, D_out, H_out, W_out) or
    (C, D_out, H_out, W_out). `kernel_size` and `stride` are ints or triples of ints, (depth, rows, columns); `stride` None
    means `kernel_size`. Integers are converted to float32.

    Raises:
        RuntimeError: the input has another number of dimensions or no voxels, an option is out of range, no window fits.
        ValueError: `kernel_size` is a tuple that does not have three sizes.
        ZeroDivisionError: `norm_type` is 0.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("lp_pool3d", input, "fiub")
    norm_type = number("lp_pool3d", "norm_type", norm_type)
    if math.isinf(norm_type):
        larger = input.abs() if norm_type > 0 else -input.abs()
        y = max_pool3d(larger, kernel_size, stride, ceil_mode=ceil_mode)
        return y if norm_type > 0 else -y
    if norm_type == 0:
        raise ZeroDivisionError("lp_pool3d: norm_type is 0, and there is no root of order 0")
    input = input if input.is_floating_point() else input.float()
    if isinstance(kernel_size, (tuple, list)) and len(kernel_size) != 3:
        raise ValueError(f"lp_pool3d: expected kernel_size to be an int or three ints, but got {list(kernel_size)}")
    kernel_size, stride, nothing, once = checks.window(3, "lp_pool3d", kernel_size, stride, 0)
    checks.check_flag("lp_pool3d", "ceil_mode", ceil_mode)
    checks.check_window("lp_pool3d", kernel_size, stride, nothing, once)
    checks.check_size_in("lp_pool3d", 3, input.shape)
    size_out = lp_pool3d_output_size(input.shape[-3:], kernel_size, stride, ceil_mode)
    checks.check_size_out("lp_pool3d", size_out, input.shape, kernel_size, nothing, once)
    if any(extent < k for extent, k in zip(input.shape[-3:], kernel_size)):
        raise RuntimeError(
            f"lp_pool3d: an input of {tuple(input.shape[-3:])} voxels is smaller than the window {kernel_size}: PyTorch refuses it "
            "too, also with ceil_mode"
        )
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y = LPPool3DFunction.apply(batch, size_out, (*kernel_size, *stride), norm_type)
    return y.squeeze(0) if input.ndim == 4 else y


class LPPool3d(Module):
    """The norm of order `norm_type` of each window, as a layer. It has no parameters.

    Args:
        norm_type: order of the norm, p.
        kernel_size: depth, rows and columns of the window; an int for all, or three ints, as with the next one.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        ceil_mode: keep a last window that reaches beyond the end.

    Shapes: those of `lp_pool3d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input):
        return lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self):
        return options_text(self, "norm_type", "kernel_size", "stride", "ceil_mode")
