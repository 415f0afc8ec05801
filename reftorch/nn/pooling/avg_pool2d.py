r"""Average pooling over images: each output is the mean of one window of its channel.

A window slides over each channel. Neighbouring pixels are averaged, so the image becomes smaller and small shifts change
little. Nothing is learned.

Use it when the mean of a region counts; `max_pool2d` keeps its largest pixel, `adaptive_avg_pool2d` takes the size of the
output.

## Forward

Without padding, the first window of 2 by 2 pixels gives the sum of its four pixels divided by 4. In general the window covers
the positions from $a$ to $b - 1$ that lie within the input:

$$y[n, c, h_{out}, w_{out}] = \frac{1}{m[h_{out}, w_{out}]} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1}
x[n, c, h_{in}, w_{in}]$$

$$a_{h} = \max(0, h_{out} \, s_h - p_h) \qquad b_{h} = \min(h_{out} \, s_h - p_h + K_h, H_{in})$$

$$a_{w} = \max(0, w_{out} \, s_w - p_w) \qquad b_{w} = \min(w_{out} \, s_w - p_w + K_w, W_{in})$$

The divisor $m$ is the number of positions that the window counts. With `count_include_pad=True` it counts all its positions that
lie within the input or the padding, otherwise only those within the input. `divisor_override` replaces it.

## Gradients

$y$ is a sum in which each pixel of the window has the factor $1 / m$, so the derivative of a window's output with respect to
each of its pixels is $1 / m$. A pixel that lies in several windows gets the sum over these windows, each with its own $m$:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = f_{h}}^{g_{h}} \sum_{w_{out} = f_{w}}^{g_{w}}
\frac{1}{m[h_{out}, w_{out}]} \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

$$f_{h} = \max\left(0, \left\lfloor \frac{h_{in} + p_h - K_h}{s_h} \right\rfloor + 1\right) \qquad g_{h} = \min\left(H_{out} -
1, \left\lfloor \frac{h_{in} + p_h}{s_h} \right\rfloor\right)$$

$$f_{w} = \max\left(0, \left\lfloor \frac{w_{in} + p_w - K_w}{s_w} \right\rfloor + 1\right) \qquad g_{w} = \min\left(W_{out} -
1, \left\lfloor \frac{w_{in} + p_w}{s_w} \right\rfloor\right)$$

## Output size

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - K_h}{s_h} \right\rfloor + 1$$

$$W_{out} = \left\lfloor \frac{W_{in} + 2 p_w - K_w}{s_w} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead. The last window may then reach beyond the padding; a window that would start behind the
last pixel, in the padding, is dropped.

## Cost

$K_h K_w$ additions and one division per output element. Forward reads $x$ and writes $y$; backward reads the gradient of $y$
and writes that of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output: the mean of each window |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $K_h$ | `K_h` | $K_h \ge 1$ | rows of a window |
| $K_w$ | `K_w` | $K_w \ge 1$ | columns of a window |
| $s_h$ | `stride_h` | $s_h \ge 1$ | rows from one window to the next |
| $s_w$ | `stride_w` | $s_w \ge 1$ | columns from one window to the next |
| $p_h$ | `pad_h` | $0 \le p_h \le K_h / 2$ | rows of padding on each side |
| $p_w$ | `pad_w` | $0 \le p_w \le K_w / 2$ | columns of padding on each side |
| $m$ | `counted` |  | number of positions that a window counts, or `divisor_override` |
| $f_{h}, g_{h}$ | `h_first`, `h_last` |  | first and last window that covers row $h_{in}$ |
| $f_{w}, g_{w}$ | `w_first`, `w_last` |  | first and last window that covers column $w_{in}$ |

## Worked example

Windows of 2 by 2, one pixel apart, over an image of 2 rows and 3 columns. The pixels of the middle column lie in both windows:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 3, 5],
...                     [3, 5, 7]]]], requires_grad=True)
>>> y = F.avg_pool2d(x, kernel_size=2, stride=1)
>>> y
tensor([[[[3., 5.]]]], grad_fn=<AvgPool2DBackward0>)
>>> y.backward(torch.tensor([[[[4., 8]]]]))
>>> x.grad
tensor([[[[1., 3., 2.],
          [1., 3., 2.]]]])

With a row of padding above and below, each window of 2 by 1 holds one pixel and one zero. The zero does not count with
`count_include_pad=False`:

>>> F.avg_pool2d(x.detach(), (2, 1), padding=(1, 0))
tensor([[[[0.5000, 1.5000, 2.5000],
          [1.5000, 2.5000, 3.5000]]]])
>>> F.avg_pool2d(x.detach(), (2, 1), padding=(1, 0), count_include_pad=False)
tensor([[[[1., 3., 5.],
          [3., 5., 7.]]]])

## Questions

**What is the mean of the output, if windows without padding lie side by side and cover the whole input?**

The mean of the input: each pixel is in exactly one window.

**A window of 2 by 2 holds one pixel and padding. Which output does a pixel of 8 give, with and without `count_include_pad`?**

With it the sum is divided by 4, which gives 2; without it by 1, which gives 8.

**Why does the gradient of a pixel not depend on its value?**

The output is linear in each pixel, with the factor $1 / m$.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.types import int64


def avg_pool2d_output_size(size_in, kernel_size, stride, padding, ceil_mode=False):
    """`(H_out, W_out)` for `size_in = (H_in, W_in)` and options of two ints each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, (1,) * 2, ceil_mode)


# How many positions of one dimension a window counts: those within the input and its padding, or those within the input alone.
# A window that reaches beyond the padding (`ceil_mode`) counts no position behind it.
@njit(**SERIAL)
def positions_counted(start, size, extent, pad, count_include_pad):
    if count_include_pad:
        return min(start + size, extent + pad) - start
    return min(start + size, extent) - max(start, 0)


# ## The mean of each window
#
# $$y[n, c, h_{out}, w_{out}] = \frac{1}{m[h_{out}, w_{out}]} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} -
# 1} x[n, c, h_{in}, w_{in}]$$
#
# The loops run over the pixels of the window that lie within the input. The padding adds zeros, so it changes the divisor
# only.
@njit(**PARALLEL)
def avg_pool2d_forward_cpu(x, y, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc = y.dtype.type(0)
                h_start = h_out * stride_h - pad_h
                w_start = w_out * stride_w - pad_w
                for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                    for w_in in range(max(w_start, 0), min(w_start + K_w, W_in)):
                        acc += x[n, c, h_in, w_in]
                counted = positions_counted(h_start, K_h, H_in, pad_h, count_include_pad)
                counted *= positions_counted(w_start, K_w, W_in, pad_w, count_include_pad)
                if divisor != 0:
                    counted = divisor
                y[n, c, h_out, w_out] = acc / y.dtype.type(counted)


@cuda.jit
def avg_pool2d_forward_cuda(x, y, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor):
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
    acc = y.dtype.type(0)
    h_start = h_out * stride_h - pad_h
    w_start = w_out * stride_w - pad_w
    for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
        for w_in in range(max(w_start, 0), min(w_start + K_w, W_in)):
            acc += x[n, c, h_in, w_in]
    counted = positions_counted(h_start, K_h, H_in, pad_h, count_include_pad)
    counted *= positions_counted(w_start, K_w, W_in, pad_w, count_include_pad)
    if divisor != 0:
        counted = divisor
    y[n, c, h_out, w_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = f_{h}}^{g_{h}} \sum_{w_{out} = f_{w}}^{g_{w}}
# \frac{1}{m[h_{out}, w_{out}]} \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# Every window that covers the pixel contributes its own gradient, divided by its own number of positions. `//` rounds down,
# also below zero.
@njit(**PARALLEL)
def avg_pool2d_backward_x_cpu(grad_y, grad_x, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                h_first = max(0, (h_in + pad_h - K_h) // stride_h + 1)
                h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
                w_first = max(0, (w_in + pad_w - K_w) // stride_w + 1)
                w_last = min(W_out - 1, (w_in + pad_w) // stride_w)
                for h_out in range(h_first, h_last + 1):
                    for w_out in range(w_first, w_last + 1):
                        counted = positions_counted(h_out * stride_h - pad_h, K_h, H_in, pad_h, count_include_pad)
                        counted *= positions_counted(w_out * stride_w - pad_w, K_w, W_in, pad_w, count_include_pad)
                        if divisor != 0:
                            counted = divisor
                        acc += grad_y[n, c, h_out, w_out] / grad_y.dtype.type(counted)
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def avg_pool2d_backward_x_cuda(grad_y, grad_x, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor):
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
    h_first = max(0, (h_in + pad_h - K_h) // stride_h + 1)
    h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
    w_first = max(0, (w_in + pad_w - K_w) // stride_w + 1)
    w_last = min(W_out - 1, (w_in + pad_w) // stride_w)
    for h_out in range(h_first, h_last + 1):
        for w_out in range(w_first, w_last + 1):
            counted = positions_counted(h_out * stride_h - pad_h, K_h, H_in, pad_h, count_include_pad)
            counted *= positions_counted(w_out * stride_w - pad_w, K_w, W_in, pad_w, count_include_pad)
            if divisor != 0:
                counted = divisor
            acc += grad_y[n, c, h_out, w_out] / grad_y.dtype.type(counted)
    grad_x[n, c, h_in, w_in] = acc


class AvgPool2DFunction(Function):
    """Average pooling on the tape. x (N, C, H_in, W_in); `window` is the kernel size, stride and padding, two ints each."""

    @staticmethod
    def forward(ctx, x, size_out, window, count_include_pad, divisor):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(x.device, avg_pool2d_forward_cpu, avg_pool2d_forward_cuda, y.numel(), fast.avg_pool_forward)
        run(*arrays(x, y), *window, count_include_pad, divisor)
        ctx.size_in, ctx.options = x.shape, (*window, count_include_pad, divisor)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            avg_pool2d_backward_x_cpu,
            avg_pool2d_backward_x_cuda,
            grad_x.numel(),
            fast.avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None, None


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window.

    Shapes: `input` (N, C, H_in, W_in) or (C, H_in, W_in); N may be 0. The result (N, C, H_out, W_out) or (C, H_out, W_out).
    `kernel_size`, `stride` and `padding` are ints or pairs of ints, (rows, columns); `stride` None means `kernel_size`. int64
    tensors are pooled too, and the means are rounded towards zero.

    Raises:
        RuntimeError: the input has another number of dimensions or no pixels, an option is out of range, no window fits, or
            the divisor is 0.
        IndexError: the input has less than three dimensions.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("avg_pool2d", input, allowed=(int64,))
    kernel_size, stride, padding, once = checks.window(2, "avg_pool2d", kernel_size, stride, padding)
    checks.check_flag("avg_pool2d", "ceil_mode", ceil_mode)
    checks.check_flag("avg_pool2d", "count_include_pad", count_include_pad)
    if divisor_override is not None and not hasattr(divisor_override, "__index__"):
        raise TypeError(f"avg_pool2d(): argument 'divisor_override' must be int, not {type(divisor_override).__name__}")
    if divisor_override is not None and divisor_override == 0:
        raise RuntimeError(
            "avg_pool2d: divisor_override must not be zero: leave it out to divide by the number of pixels"
        )
    checks.check_window("avg_pool2d", kernel_size, stride, padding, once)
    checks.check_size_in("avg_pool2d", 2, input.shape, too_few=IndexError)
    size_out = avg_pool2d_output_size(input.shape[-2:], kernel_size, stride, padding, ceil_mode)
    checks.check_size_out("avg_pool2d", size_out, input.shape, kernel_size, padding, once)
    batch = input.unsqueeze(0) if input.ndim == 3 else input
    window = *kernel_size, *stride, *padding
    y = AvgPool2DFunction.apply(batch, size_out, window, count_include_pad, int(divisor_override or 0))
    return y.squeeze(0) if input.ndim == 3 else y


class AvgPool2d(Module):
    """The mean of each window, as a layer. It has no parameters.

    Args:
        kernel_size: rows and columns of the window; an int for both, or a pair, as with the next two.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: zeros on each side; at most half the kernel size.
        ceil_mode: keep a last window that reaches beyond the end.
        count_include_pad: whether the zeros of the padding count for the divisor.
        divisor_override: the divisor, in place of the number of positions.

    Shapes: those of `avg_pool2d`, which also raises the errors, when the layer is called.
    """

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input):
        return avg_pool2d(
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
