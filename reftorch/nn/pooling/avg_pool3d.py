r"""Average pooling over volumes: each output is the mean of one window of its channel.

A window slides over each channel. Neighbouring voxels are averaged, so the volume becomes smaller and small shifts change
little. Nothing is learned.

Use it when the mean of a region counts; `max_pool3d` keeps its largest voxel, `adaptive_avg_pool3d` takes the size of the
output.

## Forward

Without padding, the first window of 2 by 2 by 2 voxels gives the sum of its eight voxels divided by 8. In general the window
covers the positions from $a$ to $b - 1$ that lie within the input:

$$y[n, c, d_{out}, h_{out}, w_{out}] = \frac{1}{m[d_{out}, h_{out}, w_{out}]} \sum_{d_{in} = a_{d}}^{b_{d} - 1} \sum_{h_{in} =
a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in}, w_{in}]$$

$$a_{d} = \max(0, d_{out} \, s_d - p_d) \qquad b_{d} = \min(d_{out} \, s_d - p_d + K_d, D_{in})$$

$$a_{h} = \max(0, h_{out} \, s_h - p_h) \qquad b_{h} = \min(h_{out} \, s_h - p_h + K_h, H_{in})$$

$$a_{w} = \max(0, w_{out} \, s_w - p_w) \qquad b_{w} = \min(w_{out} \, s_w - p_w + K_w, W_{in})$$

The divisor $m$ is the number of positions that the window counts. With `count_include_pad=True` it counts all its positions that
lie within the input or the padding, otherwise only those within the input. `divisor_override` replaces it.

## Gradients

$y$ is a sum in which each voxel of the window has the factor $1 / m$, so the derivative of a window's output with respect to
each of its voxels is $1 / m$. A voxel that lies in several windows gets the sum over these windows, each with its own $m$:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d}} \sum_{h_{out} = f_{h}}^{g_{h}}
\sum_{w_{out} = f_{w}}^{g_{w}} \frac{1}{m[d_{out}, h_{out}, w_{out}]} \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out},
w_{out}]$$

$$f_{d} = \max\left(0, \left\lfloor \frac{d_{in} + p_d - K_d}{s_d} \right\rfloor + 1\right) \qquad g_{d} = \min\left(D_{out} -
1, \left\lfloor \frac{d_{in} + p_d}{s_d} \right\rfloor\right)$$

$$f_{h} = \max\left(0, \left\lfloor \frac{h_{in} + p_h - K_h}{s_h} \right\rfloor + 1\right) \qquad g_{h} = \min\left(H_{out} -
1, \left\lfloor \frac{h_{in} + p_h}{s_h} \right\rfloor\right)$$

$$f_{w} = \max\left(0, \left\lfloor \frac{w_{in} + p_w - K_w}{s_w} \right\rfloor + 1\right) \qquad g_{w} = \min\left(W_{out} -
1, \left\lfloor \frac{w_{in} + p_w}{s_w} \right\rfloor\right)$$

## Output size

$$D_{out} = \left\lfloor \frac{D_{in} + 2 p_d - K_d}{s_d} \right\rfloor + 1$$

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - K_h}{s_h} \right\rfloor + 1$$

$$W_{out} = \left\lfloor \frac{W_{in} + 2 p_w - K_w}{s_w} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead. The last window may then reach beyond the padding; a window that would start behind the
last voxel, in the padding, is dropped.

## Cost

$K_d K_h K_w$ additions and one division per output element. Forward reads $x$ and writes $y$; backward reads the gradient of
$y$ and writes that of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output: the mean of each window |
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
| $p_d$ | `pad_d` | $0 \le p_d \le K_d / 2$ | planes of padding on each side |
| $p_h$ | `pad_h` | $0 \le p_h \le K_h / 2$ | rows of padding on each side |
| $p_w$ | `pad_w` | $0 \le p_w \le K_w / 2$ | columns of padding on each side |
| $m$ | `counted` |  | number of positions that a window counts, or `divisor_override` |
| $f_{d}, g_{d}$ | `d_first`, `d_last` |  | first and last window that covers plane $d_{in}$ |
| $f_{h}, g_{h}$ | `h_first`, `h_last` |  | first and last window that covers row $h_{in}$ |
| $f_{w}, g_{w}$ | `w_first`, `w_last` |  | first and last window that covers column $w_{in}$ |

## Worked example

A volume of two planes, pooled over both; the windows are one column apart:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[1., 3, 5]],
...                     [[3, 5, 7]]]]], requires_grad=True)
>>> y = F.avg_pool3d(x, kernel_size=(2, 1, 2), stride=1)
>>> y
tensor([[[[[3., 5.]]]]], grad_fn=<AvgPool3DBackward0>)
>>> y.backward(torch.tensor([[[[[4., 8]]]]]))
>>> x.grad
tensor([[[[[1., 3., 2.]],
<BLANKLINE>
          [[1., 3., 2.]]]]])

## Questions

**What is the mean of the output, if windows without padding lie side by side and cover the whole input?**

The mean of the input: each voxel is in exactly one window.

**A window of 2 by 2 by 2 holds one voxel and padding. Which output does a voxel of 8 give, with and without
`count_include_pad`?**

With it the sum is divided by 8, which gives 1; without it by 1, which gives 8.

**Why does the gradient of a voxel not depend on its value?**

The output is linear in each voxel, with the factor $1 / m$.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.types import int64


def avg_pool3d_output_size(size_in, kernel_size, stride, padding, ceil_mode=False):
    """`(D_out, H_out, W_out)` for `size_in = (D_in, H_in, W_in)` and options of three ints each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, (1,) * 3, ceil_mode)


# How many positions of one dimension a window counts: those within the input and its padding, or those within the input alone.
# A window that reaches beyond the padding (`ceil_mode`) counts no position behind it.
@njit(**SERIAL)
def positions_counted(start, size, extent, pad, count_include_pad):
    if count_include_pad:
        return min(start + size, extent + pad) - start
    return min(start + size, extent) - max(start, 0)


# ## The mean of each window
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \frac{1}{m[d_{out}, h_{out}, w_{out}]} \sum_{d_{in} = a_{d}}^{b_{d} - 1} \sum_{h_{in}
# = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in}, w_{in}]$$
#
# The loops run over the voxels of the window that lie within the input. The padding adds zeros, so it changes the divisor
# only.
@njit(**PARALLEL)
def avg_pool3d_forward_cpu(
    x, y, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, count_include_pad, divisor
):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    acc = y.dtype.type(0)
                    d_start = d_out * stride_d - pad_d
                    h_start = h_out * stride_h - pad_h
                    w_start = w_out * stride_w - pad_w
                    for d_in in range(max(d_start, 0), min(d_start + K_d, D_in)):
                        for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                            for w_in in range(max(w_start, 0), min(w_start + K_w, W_in)):
                                acc += x[n, c, d_in, h_in, w_in]
                    counted = positions_counted(d_start, K_d, D_in, pad_d, count_include_pad)
                    counted *= positions_counted(h_start, K_h, H_in, pad_h, count_include_pad)
                    counted *= positions_counted(w_start, K_w, W_in, pad_w, count_include_pad)
                    if divisor != 0:
                        counted = divisor
                    y[n, c, d_out, h_out, w_out] = acc / y.dtype.type(counted)


@cuda.jit
def avg_pool3d_forward_cuda(
    x, y, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, count_include_pad, divisor
):
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
    acc = y.dtype.type(0)
    d_start = d_out * stride_d - pad_d
    h_start = h_out * stride_h - pad_h
    w_start = w_out * stride_w - pad_w
    for d_in in range(max(d_start, 0), min(d_start + K_d, D_in)):
        for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
            for w_in in range(max(w_start, 0), min(w_start + K_w, W_in)):
                acc += x[n, c, d_in, h_in, w_in]
    counted = positions_counted(d_start, K_d, D_in, pad_d, count_include_pad)
    counted *= positions_counted(h_start, K_h, H_in, pad_h, count_include_pad)
    counted *= positions_counted(w_start, K_w, W_in, pad_w, count_include_pad)
    if divisor != 0:
        counted = divisor
    y[n, c, d_out, h_out, w_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d}} \sum_{h_{out} = f_{h}}^{g_{h}}
# \sum_{w_{out} = f_{w}}^{g_{w}} \frac{1}{m[d_{out}, h_{out}, w_{out}]} \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out},
# w_{out}]$$
#
# Every window that covers the voxel contributes its own gradient, divided by its own number of positions. `//` rounds down,
# also below zero.
@njit(**PARALLEL)
def avg_pool3d_backward_x_cpu(
    grad_y, grad_x, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, count_include_pad, divisor
):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    acc = grad_x.dtype.type(0)
                    d_first = max(0, (d_in + pad_d - K_d) // stride_d + 1)
                    d_last = min(D_out - 1, (d_in + pad_d) // stride_d)
                    h_first = max(0, (h_in + pad_h - K_h) // stride_h + 1)
                    h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
                    w_first = max(0, (w_in + pad_w - K_w) // stride_w + 1)
                    w_last = min(W_out - 1, (w_in + pad_w) // stride_w)
                    for d_out in range(d_first, d_last + 1):
                        for h_out in range(h_first, h_last + 1):
                            for w_out in range(w_first, w_last + 1):
                                counted = positions_counted(
                                    d_out * stride_d - pad_d, K_d, D_in, pad_d, count_include_pad
                                )
                                counted *= positions_counted(
                                    h_out * stride_h - pad_h, K_h, H_in, pad_h, count_include_pad
                                )
                                counted *= positions_counted(
                                    w_out * stride_w - pad_w, K_w, W_in, pad_w, count_include_pad
                                )
                                if divisor != 0:
                                    counted = divisor
                                acc += grad_y[n, c, d_out, h_out, w_out] / grad_y.dtype.type(counted)
                    grad_x[n, c, d_in, h_in, w_in] = acc


@cuda.jit
def avg_pool3d_backward_x_cuda(
    grad_y, grad_x, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, count_include_pad, divisor
):
    N, C, D_in, H_in, W_in = grad_x.shape
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
    acc = grad_x.dtype.type(0)
    d_first = max(0, (d_in + pad_d - K_d) // stride_d + 1)
    d_last = min(D_out - 1, (d_in + pad_d) // stride_d)
    h_first = max(0, (h_in + pad_h - K_h) // stride_h + 1)
    h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
    w_first = max(0, (w_in + pad_w - K_w) // stride_w + 1)
    w_last = min(W_out - 1, (w_in + pad_w) // stride_w)
    for d_out in range(d_first, d_last + 1):
        for h_out in range(h_first, h_last + 1):
            for w_out in range(w_first, w_last + 1):
                counted = positions_counted(d_out * stride_d - pad_d, K_d, D_in, pad_d, count_include_pad)
                counted *= positions_counted(h_out * stride_h - pad_h, K_h, H_in, pad_h, count_include_pad)
                counted *= positions_counted(w_out * stride_w - pad_w, K_w, W_in, pad_w, count_include_pad)
                if divisor != 0:
                    counted = divisor
                acc += grad_y[n, c, d_out, h_out, w_out] / grad_y.dtype.type(counted)
    grad_x[n, c, d_in, h_in, w_in] = acc


class AvgPool3DFunction(Function):
    """Average pooling on the tape. x (N, C, D_in, H_in, W_in); `window` is the kernel size, stride and padding, three ints each."""

    @staticmethod
    def forward(ctx, x, size_out, window, count_include_pad, divisor):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(x.device, avg_pool3d_forward_cpu, avg_pool3d_forward_cuda, y.numel(), fast.avg_pool_forward)
        run(*arrays(x, y), *window, count_include_pad, divisor)
        ctx.size_in, ctx.options = x.shape, (*window, count_include_pad, divisor)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            avg_pool3d_backward_x_cpu,
            avg_pool3d_backward_x_cuda,
            grad_x.numel(),
            fast.avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None, None


def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window.

    Shapes: `input` (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); N may be 0. The result (N, C, D_out, H_out, W_out) or
    (C, D_out, H_out, W_out). `kernel_size`, `stride` and `padding` are ints or triples of ints, (depth, rows, columns);
    `stride` None means `kernel_size`. int64 tensors are pooled too, and the means are rounded towards zero.

    Raises:
        RuntimeError: the input has another number of dimensions or no voxels, an option is out of range, no window fits, or
            the divisor is 0.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("avg_pool3d", input, allowed=(int64,))
    kernel_size, stride, padding, once = checks.window(3, "avg_pool3d", kernel_size, stride, padding)
    checks.check_flag("avg_pool3d", "ceil_mode", ceil_mode)
    checks.check_flag("avg_pool3d", "count_include_pad", count_include_pad)
    if divisor_override is not None and not hasattr(divisor_override, "__index__"):
        raise TypeError(f"avg_pool3d(): argument 'divisor_override' must be int, not {type(divisor_override).__name__}")
    if divisor_override is not None and divisor_override == 0:
        raise RuntimeError(
            "avg_pool3d: divisor_override must not be zero: leave it out to divide by the number of voxels"
        )
    checks.check_window("avg_pool3d", kernel_size, stride, padding, once)
    checks.check_size_in("avg_pool3d", 3, input.shape)
    size_out = avg_pool3d_output_size(input.shape[-3:], kernel_size, stride, padding, ceil_mode)
    checks.check_size_out("avg_pool3d", size_out, input.shape, kernel_size, padding, once)
    if any(extent < k for extent, k in zip(input.shape[-3:], kernel_size)):
        raise RuntimeError(
            f"avg_pool3d: an input of {tuple(input.shape[-3:])} voxels is smaller than the window {kernel_size}, and padding does "
            "not help: PyTorch refuses it too"
        )
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    window = *kernel_size, *stride, *padding
    y = AvgPool3DFunction.apply(batch, size_out, window, count_include_pad, int(divisor_override or 0))
    return y.squeeze(0) if input.ndim == 4 else y


class AvgPool3d(Module):
    """The mean of each window, as a layer. It has no parameters.

    Args:
        kernel_size: depth, rows and columns of the window; an int for all, or three ints, as with the next two.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: zeros on each side; at most half the kernel size.
        ceil_mode: keep a last window that reaches beyond the end.
        count_include_pad: whether the zeros of the padding count for the divisor.
        divisor_override: the divisor, in place of the number of positions.

    Shapes: those of `avg_pool3d`, which also raises the errors, when the layer is called.
    """

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input):
        return avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self):
        return options_text(self, "kernel_size", "stride", "padding")
