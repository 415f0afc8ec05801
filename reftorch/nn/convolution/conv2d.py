r"""Convolution of images with a bank of learned filters.

Each filter slides over the image. At every position the output is the sum of the pixels under the filter times its weights, and
one filter makes one channel of the output. (The filter is not flipped: strictly this is cross-correlation.)

Use it when inputs are images, or any grid of rows and columns; `conv1d` is for sequences, `conv3d` for volumes,
`conv_transpose2d` enlarges.

## Forward

The simplest case has one channel, one filter, and no options:

$$y[h_{out}, w_{out}] = b + \sum_{k_h, k_w} W[k_h, k_w] \; x[h_{out} + k_h, w_{out} + k_w]$$

In general there are several channels and filters, a stride $s$, a padding $p$, a dilation $d$, and groups:

$$y[n, c_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c=0}^{C_{in}/G - 1} \; \sum_{k_h=0}^{K_h - 1} \; \sum_{k_w=0}^{K_w - 1}
W[c_{out}, c, k_h, k_w] \; x[n, c_{in}, h_{in}, w_{in}]$$

$$h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad w_{in} = w_{out} \, s_w - p_w + k_w \, d_w
\qquad c_{in} = g \, \frac{C_{in}}{G} + c$$

Pixels outside the image count as zero. With $G > 1$ the channels are cut into groups that do not see each other: output
channel $c_{out}$ belongs to group $g = \lfloor c_{out} / (C_{out} / G) \rfloor$ and reads the $C_{in} / G$ input channels
of that group only. $G = C_{in}$ is depthwise convolution, one filter or several for each channel.

## Gradients

Each $y$ is a sum of products $W x$. Its derivative with respect to a pixel is the weight that multiplies this pixel, and its
derivative with respect to a weight is the pixel that this weight multiplies. The chain rule sums over all outputs. A pixel is read
by the outputs for which the two divisions below leave no remainder and the results are in range:

$$\frac{\partial L}{\partial x}[n, c_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \; \sum_{k_h, k_w}
W[c_{out}, c, k_h, k_w] \; \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$

$$\text{with} \quad h_{out} = \frac{h_{in} + p_h - k_h d_h}{s_h}, \quad w_{out} = \frac{w_{in} + p_w - k_w d_w}{s_w}$$

A weight is multiplied with a pixel at every position of every image:

$$\frac{\partial L}{\partial W}[c_{out}, c, k_h, k_w] = \sum_n \; \sum_{h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}] \; x[n, c_{in}, h_{in}, w_{in}]$$

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$

## Output size

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - d_h (K_h - 1) - 1}{s_h} \right\rfloor + 1$$

$W_{out}$ is computed in the same way. The filter spans $d_h (K_h - 1) + 1$ rows, and moves by $s_h$ rows as long as it fits.

## Cost

$N \, C_{out} \, H_{out} \, W_{out} \, \frac{C_{in}}{G} \, K_h \, K_w$ multiply-adds forward, and as many for each of the
gradients of $x$ and $W$. In memory there are only $x$, $W$, $b$ and $y$: with 64 channels of 3 by 3 each pixel of $y$ costs
576 multiply-adds for 4 bytes written, so the arithmetic sets the speed, not the memory.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C_{in}, H_{in}, W_{in})$ | input: images |
| $W$ | `weight` | $(C_{out}, C_{in} / G, K_h, K_w)$ | weight: the filters |
| $b$ | `bias` | $(C_{out})$ | bias: what is added to each output channel |
| $y$ | `y` | $(N, C_{out}, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C_{out}, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C_{in}, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C_{out}, C_{in} / G, K_h, K_w)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C_{out})$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c_{out}$ | `c_out` | $0 \le c_{out} < C_{out}$ | output channel: which filter |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $G$ | `groups` | $1 \le G$ | number of groups; divides $C_{in}$ and $C_{out}$ |
| $g$ | `g` | $0 \le g < G$ | group that the channel belongs to |
| $c$ | `c` | $0 \le c < C_{in} / G$ | channel within the group |
| $c_{in}$ | `c_in` | $0 \le c_{in} < C_{in}$ | input channel |
| $k_h$ | `k_h` | $0 \le k_h < K_h$ | row of the filter |
| $k_w$ | `k_w` | $0 \le k_w < K_w$ | column of the filter |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $s_h, s_w$ | `stride_h`, `stride_w` | $\ge 1$ | rows and columns from one position of the filter to the next |
| $p_h, p_w$ | `pad_h`, `pad_w` | $\ge 0$ | rows of padding above, columns of padding on the left |
| $d_h, d_w$ | `dil_h`, `dil_w` | $\ge 1$ | rows and columns from one weight of the filter to the next |

## Worked example

One filter of 2 by 2 on an image of 3 by 3. The first output is $1 \cdot 1 + 2 \cdot 0 + 4 \cdot 0 + 5 \cdot (-1) = -4$,
plus a bias of 10:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 2, 3],
...                     [4, 5, 6],
...                     [7, 8, 0]]]], requires_grad=True)
>>> weight = torch.tensor([[[[1., 0],
...                          [0, -1]]]], requires_grad=True)
>>> bias = torch.tensor([10.], requires_grad=True)
>>> y = F.conv2d(x, weight, bias)
>>> y
tensor([[[[ 6.,  6.],
          [ 6., 15.]]]], grad_fn=<ConvolutionBackward0>)
>>> y.backward(torch.tensor([[[[1., 2],
...                            [3, 4]]]]))
>>> x.grad
tensor([[[[ 1.,  2.,  0.],
          [ 3.,  3., -2.],
          [ 0., -3., -4.]]]])
>>> weight.grad
tensor([[[[37., 47.],
          [67., 41.]]]])
>>> bias.grad
tensor([10.])

## Questions

**How many parameters does `Conv2d(16, 33, 3)` have?**

$33 \cdot 16 \cdot 3 \cdot 3$ weights and 33 biases:

>>> sum(p.numel() for p in torch.nn.Conv2d(16, 33, 3).parameters())
4785

**Which padding keeps the size of the image for a filter of 5 by 5 with stride 1?**

The filter spans 5 rows, so 2 on each side: $H + 2 \cdot 2 - 4 - 1 + 1 = H$.

**On how many pixels of the input does one pixel of the output depend, after two layers with filters of 3 by 3?**

On 5 by 5. The second layer reads 3 by 3 pixels of the first layer's output, and each of these reads 3 by 3 pixels of the input.
Each further layer adds 2 rows and 2 columns.

**Why does the formula of the output not flip the filter?**

What is computed is cross-correlation. The weights are learned, so a flipped filter would be learned flipped.

## Differences

- The documentation of older versions gives the bound of the initial weights as $\pm \sqrt{1 / (C_{in} K_h K_w)}$. With groups a filter
  reads only $C_{in} / G$ channels, and the bound is $\sqrt{G / (C_{in} K_h K_w)}$, as PyTorch computes it.
- `padding="same"` with an even filter size can need one more row of padding below than above. PyTorch pads a copy first. Here the
  kernel takes only the padding above, $p_h$; the padding below follows from $H_{out}$. The numbers are the same."""

from __future__ import annotations

import functools

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import check_tensors, integer, sizes
from reftorch.nn.convolution.checks import DTYPES, border_sizes, check_options, check_output_size, check_sizes
from reftorch.nn.convolution.conv_nd import ConvNd
from reftorch.nn.padding.pad import pad


def conv2d_output_size(size_in, kernel_size, stride, padding, dilation):
    """Rows and columns of the output for `size_in = (H_in, W_in)`; all are pairs, `padding` is the sum of both sides."""
    return tuple(
        (extent + p - d * (k - 1) - 1) // s + 1
        for extent, k, s, p, d in zip(size_in, kernel_size, stride, padding, dilation)
    )


# ## The output
#
# $$y[n, c_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c, k_h, k_w} W[c_{out}, c, k_h, k_w] \; x[n, c_{in}, h_{in}, w_{in}]$$
#
# Four loops choose an element of y, three sum over its patch. Padding is never stored: where the patch leaves the image there
# is nothing to add.
@njit(**PARALLEL)
def conv2d_forward_cpu(x, weight, bias, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = x.shape
    C_out, C_group, K_h, K_w = weight.shape
    N, C_out, H_out, W_out = y.shape
    for n in prange(N):
        for c_out in range(C_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    g = c_out // (C_out // groups)
                    acc = bias[c_out]
                    for c in range(C_group):
                        c_in = g * C_group + c
                        for k_h in range(K_h):
                            h_in = h_out * stride_h - pad_h + k_h * dil_h
                            if 0 <= h_in < H_in:
                                for k_w in range(K_w):
                                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                                    if 0 <= w_in < W_in:
                                        acc += weight[c_out, c, k_h, k_w] * x[n, c_in, h_in, w_in]
                    y[n, c_out, h_out, w_out] = acc


@cuda.jit
def conv2d_forward_cuda(x, weight, bias, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = x.shape
    C_out, C_group, K_h, K_w = weight.shape
    N, C_out, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    c_out = i // (W_out * H_out) % C_out
    n = i // (W_out * H_out * C_out)
    g = c_out // (C_out // groups)
    acc = bias[c_out]
    for c in range(C_group):
        c_in = g * C_group + c
        for k_h in range(K_h):
            h_in = h_out * stride_h - pad_h + k_h * dil_h
            if 0 <= h_in < H_in:
                for k_w in range(K_w):
                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                    if 0 <= w_in < W_in:
                        acc += weight[c_out, c, k_h, k_w] * x[n, c_in, h_in, w_in]
    y[n, c_out, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \sum_{k_h, k_w} W[c_{out}, c, k_h, k_w] \;
# \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$
#
# Each pixel of x sums over the outputs that read it. Weight k_h read row h_in for the output row with
# h_out s_h = h_in + p_h - k_h d_h. If the right side is not a multiple of the stride, or h_out lies outside, there is no such row.
@njit(**PARALLEL)
def conv2d_backward_x_cpu(grad_y, weight, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = grad_x.shape
    C_out, C_group, K_h, K_w = weight.shape
    N, C_out, H_out, W_out = grad_y.shape
    for n in prange(N):
        for c_in in range(C_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    g = c_in // C_group
                    c = c_in % C_group
                    acc = grad_x.dtype.type(0)
                    for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
                        for k_h in range(K_h):
                            h_out = (h_in + pad_h - k_h * dil_h) // stride_h
                            h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
                            if h_even and 0 <= h_out < H_out:
                                for k_w in range(K_w):
                                    w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                                    w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                                    if w_even and 0 <= w_out < W_out:
                                        acc += weight[c_out, c, k_h, k_w] * grad_y[n, c_out, h_out, w_out]
                    grad_x[n, c_in, h_in, w_in] = acc


@cuda.jit
def conv2d_backward_x_cuda(grad_y, weight, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = grad_x.shape
    C_out, C_group, K_h, K_w = weight.shape
    N, C_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    c_in = i // (W_in * H_in) % C_in
    n = i // (W_in * H_in * C_in)
    g = c_in // C_group
    c = c_in % C_group
    acc = grad_x.dtype.type(0)
    for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
        for k_h in range(K_h):
            h_out = (h_in + pad_h - k_h * dil_h) // stride_h
            h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
            if h_even and 0 <= h_out < H_out:
                for k_w in range(K_w):
                    w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                    w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                    if w_even and 0 <= w_out < W_out:
                        acc += weight[c_out, c, k_h, k_w] * grad_y[n, c_out, h_out, w_out]
    grad_x[n, c_in, h_in, w_in] = acc


# ## The gradient of the filters
#
# $$\frac{\partial L}{\partial W}[c_{out}, c, k_h, k_w] = \sum_n \sum_{h_{out}, w_{out}}
# \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}] \; x[n, c_{in}, h_{in}, w_{in}]$$
#
# A weight is multiplied by one pixel at each position of each image. The sum is long, so the CPU adds it up in float64.
@njit(**PARALLEL)
def conv2d_backward_weight_cpu(grad_y, x, grad_weight, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = x.shape
    C_out, C_group, K_h, K_w = grad_weight.shape
    N, C_out, H_out, W_out = grad_y.shape
    for c_out in prange(C_out):
        for c in range(C_group):
            for k_h in range(K_h):
                for k_w in range(K_w):
                    c_in = c_out // (C_out // groups) * C_group + c
                    acc = np.float64(0)
                    for n in range(N):
                        for h_out in range(H_out):
                            h_in = h_out * stride_h - pad_h + k_h * dil_h
                            if 0 <= h_in < H_in:
                                for w_out in range(W_out):
                                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                                    if 0 <= w_in < W_in:
                                        acc += grad_y[n, c_out, h_out, w_out] * x[n, c_in, h_in, w_in]
                    grad_weight[c_out, c, k_h, k_w] = acc


@cuda.jit
def conv2d_backward_weight_cuda(grad_y, x, grad_weight, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    N, C_in, H_in, W_in = x.shape
    C_out, C_group, K_h, K_w = grad_weight.shape
    N, C_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    k_w = i % K_w
    k_h = i // K_w % K_h
    c = i // (K_w * K_h) % C_group
    c_out = i // (K_w * K_h * C_group)
    c_in = c_out // (C_out // groups) * C_group + c
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        for h_out in range(H_out):
            h_in = h_out * stride_h - pad_h + k_h * dil_h
            if 0 <= h_in < H_in:
                for w_out in range(W_out):
                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                    if 0 <= w_in < W_in:
                        acc += grad_y[n, c_out, h_out, w_out] * x[n, c_in, h_in, w_in]
    grad_weight[c_out, c, k_h, k_w] = acc


# ## The gradient of the bias
#
# $$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \sum_{h_{out}, w_{out}}
# \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def conv2d_backward_bias_cpu(grad_y, grad_bias):
    N, C_out, H_out, W_out = grad_y.shape
    for c_out in prange(C_out):
        acc = np.float64(0)
        for n in range(N):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    acc += grad_y[n, c_out, h_out, w_out]
        grad_bias[c_out] = acc


@cuda.jit
def conv2d_backward_bias_cuda(grad_y, grad_bias):
    N, C_out, H_out, W_out = grad_y.shape
    c_out = cuda.grid(1)
    if c_out >= C_out:
        return
    acc = grad_bias.dtype.type(0)
    for n in range(N):
        for h_out in range(H_out):
            for w_out in range(W_out):
                acc += grad_y[n, c_out, h_out, w_out]
    grad_bias[c_out] = acc


class Conv2dFunction(Function):
    """Convolution on the tape. x (N, C_in, H_in, W_in); `options` is stride, padding above and left, dilation, groups."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_y, options):
        ctx.save_for_backward(x, weight)
        ctx.options = options
        y = x.new_empty(size_y)
        if bias is None:
            bias = weight.new_zeros(len(weight))
        run = on(x.device, conv2d_forward_cpu, conv2d_forward_cuda, y.numel(), fast.conv2d_forward)
        run(*arrays(x, weight, bias, y), *options)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv2d_backward_x_cpu, conv2d_backward_x_cuda, grad_x.numel(), fast.conv2d_backward_x)
            run(*arrays(grad_y, weight, grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv2d_backward_weight_cpu,
                conv2d_backward_weight_cuda,
                weight.numel(),
                fast.conv2d_backward_weight,
            )
            run(*arrays(grad_y, x, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(len(weight))
            run = on(
                device,
                conv2d_backward_bias_cpu,
                conv2d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv2d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve images with filters.

    Shapes: `input` (N, C_in, H_in, W_in) or (C_in, H_in, W_in), N may be 0; `weight` (C_out, C_in / groups, K_h, K_w); `bias`
    (C_out) or None; the result (N, C_out, H_out, W_out) or (C_out, H_out, W_out). `stride`, `padding` and `dilation` are ints or
    pairs, in pixels; `padding` may be "valid" (none) or "same" (as much as keeps the size, stride 1 only). Without input channels
    the result has no channels.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a filter larger than the image.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    check_tensors("conv2d", allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, dilation = sizes(2, stride, "stride", "conv2d"), sizes(2, dilation, "dilation", "conv2d")
    padding = padding if isinstance(padding, str) else sizes(2, padding, "padding", "conv2d")
    bias_size, groups = bias if bias is None else bias.shape, integer("conv2d", "groups", groups)
    size_y, options = conv2d_geometry(input.shape, weight.shape, bias_size, stride, padding, dilation, groups)
    batch = input.unsqueeze(0) if input.array.ndim == 3 else input
    y = Conv2dFunction.apply(batch, weight, bias, size_y, options)
    y = y if weight.shape[1] else y[:, :0]
    return y.squeeze(0) if input.array.ndim == 3 else y


@functools.lru_cache(maxsize=512)  # in training the same sizes come again and again
def conv2d_geometry(size_in, weight_size, bias_size, stride, padding, dilation, groups):
    """What follows from sizes and options alone: the size of y; and stride, padding above and left, dilation, groups."""
    check_sizes("conv2d", 2, size_in, weight_size, bias_size, groups)
    first, both = border_sizes(padding, weight_size[2:], stride, dilation)
    check_options(size_in, weight_size, stride, first, dilation, groups)
    size_out = conv2d_output_size(size_in[-2:], weight_size[2:], stride, both, dilation)
    check_output_size(size_out, size_in[-2:], weight_size[2:], both, dilation)
    return (*(size_in[:-3] or (1,)), weight_size[0], *size_out), (*stride, *first, *dilation, groups)


class Conv2d(ConvNd):
    """A bank of learned filters, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: number of filters, C_out.
        kernel_size: rows and columns of a filter; an int for both, or a pair, as with the next three.
        stride: how far the filter moves, in pixels.
        padding: rows and columns added on each side; or "same", or "valid".
        dilation: how far apart the weights of a filter lie, in pixels.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        padding_mode: what the added pixels are: "zeros", "reflect", "replicate" or "circular".

    Attributes: `weight` (C_out, C_in / groups, K_h, K_w) and `bias` (C_out), both drawn from the uniform distribution on
    ±sqrt(k), k = groups / (C_in K_h K_w).

    Shapes: as `conv2d`, which raises the errors when the layer is called.

    Raises:
        ValueError: channels that the groups do not divide, an unknown padding or padding mode, "same" with a stride.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__(
            in_channels,
            out_channels,
            sizes(2, kernel_size, "kernel_size", "Conv2d"),
            sizes(2, stride, "stride", "Conv2d"),
            padding if isinstance(padding, str) else sizes(2, padding, "padding", "Conv2d"),
            sizes(2, dilation, "dilation", "Conv2d"),
            False,
            (0, 0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input):
        if self.padding_mode == "zeros":
            return conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        padded = pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
        return conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
