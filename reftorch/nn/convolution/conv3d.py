r"""Convolution of volumes with a bank of learned filters.

Each filter is a small block of weights. It moves through the volume along depth, rows and columns, and computes at every position
the sum of the elements under it times its weights. One filter makes one channel of the output.

Use it when three dimensions have an order: the planes of a scan, or the frames of a video, where the depth is time. It costs $K_d$
times as much as `Conv2d` on each plane; to make volumes larger there is `ConvTranspose3d`.

## Forward

With one channel, stride 1 and no padding, an output is a sum over a block of the input:

$$y[d_{out}, h_{out}, w_{out}] = b + \sum_{k_d=0}^{K_d-1} \; \sum_{k_h=0}^{K_h-1} \; \sum_{k_w=0}^{K_w-1}
W[k_d, k_h, k_w] \; x[d_{out} + k_d, h_{out} + k_h, w_{out} + k_w]$$

In general each output channel sums over the input channels of its group too, and the options say where the filter stands:

$$y[n, c_{out}, d_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c=0}^{C_{in}/G - 1} \; \sum_{k_d, k_h, k_w}
W[c_{out}, c, k_d, k_h, k_w] \; x[n, c_{in}, d_{in}, h_{in}, w_{in}]$$

$$d_{in} = d_{out} \, s_d - p_d + k_d \, d_d \qquad h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad
w_{in} = w_{out} \, s_w - p_w + k_w \, d_w \qquad c_{in} = g \, \frac{C_{in}}{G} + c$$

Elements outside the volume count as zero. With $G > 1$ the channels are cut into groups that do not see each other: output
channel $c_{out}$ belongs to group $g = \lfloor c_{out} / (C_{out} / G) \rfloor$ and reads the channels of that group only.

## Gradients

Each $y$ is a sum of products. An element of $x$ collects the gradients of the outputs that read it, times the weights with which
they read it. These are the outputs for which all three divisions leave no remainder and the results are in range:

$$\frac{\partial L}{\partial x}[n, c_{in}, d_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \; \sum_{k_d, k_h, k_w}
W[c_{out}, c, k_d, k_h, k_w] \; \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$

$$\text{with} \quad d_{out} = \frac{d_{in} + p_d - k_d d_d}{s_d}, \quad h_{out} = \frac{h_{in} + p_h - k_h d_h}{s_h}, \quad
w_{out} = \frac{w_{in} + p_w - k_w d_w}{s_w}$$

A weight collects the elements that it was multiplied with, at every position of every volume:

$$\frac{\partial L}{\partial W}[c_{out}, c, k_d, k_h, k_w] = \sum_n \; \sum_{d_{out}, h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}] \; x[n, c_{in}, d_{in}, h_{in}, w_{in}]$$

The bias is added to each output with factor 1:

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{d_{out}, h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$

## Output size

$$D_{out} = \left\lfloor \frac{D_{in} + 2 p_d - d_d (K_d - 1) - 1}{s_d} \right\rfloor + 1$$

$H_{out}$ and $W_{out}$ are computed in the same way from their own options.

## Cost

$N \, C_{out} \, D_{out} \, H_{out} \, W_{out} \, \frac{C_{in}}{G} \, K_d \, K_h \, K_w$ multiply-adds forward, and as many for
each of the gradients of $x$ and $W$. With 64 channels and filters of 3 by 3 by 3 each element of $y$ costs 1,728 multiply-adds
for 4 bytes written: the arithmetic sets the speed.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C_{in}, D_{in}, H_{in}, W_{in})$ | input: volumes |
| $W$ | `weight` | $(C_{out}, C_{in} / G, K_d, K_h, K_w)$ | weight: the filters |
| $b$ | `bias` | $(C_{out})$ | bias: what is added to each output channel |
| $y$ | `y` | $(N, C_{out}, D_{out}, H_{out}, W_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C_{out}, D_{out}, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C_{in}, D_{in}, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C_{out}, C_{in} / G, K_d, K_h, K_w)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C_{out})$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | volume of the batch |
| $c_{out}$ | `c_out` | $0 \le c_{out} < C_{out}$ | output channel: which filter |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output |
| $G$ | `groups` | $1 \le G$ | number of groups; divides $C_{in}$ and $C_{out}$ |
| $g$ | `g` | $0 \le g < G$ | group that the channel belongs to |
| $c$ | `c` | $0 \le c < C_{in} / G$ | channel within the group |
| $c_{in}$ | `c_in` | $0 \le c_{in} < C_{in}$ | input channel |
| $k_d$ | `k_d` | $0 \le k_d < K_d$ | plane of the filter |
| $k_h$ | `k_h` | $0 \le k_h < K_h$ | row of the filter |
| $k_w$ | `k_w` | $0 \le k_w < K_w$ | column of the filter |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | plane of the input |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $s_d, s_h, s_w$ | `stride_d`, `stride_h`, `stride_w` | $\ge 1$ | planes, rows and columns from one position of the filter to the next |
| $p_d, p_h, p_w$ | `pad_d`, `pad_h`, `pad_w` | $\ge 0$ | planes of padding in front, rows above, columns on the left |
| $d_d, d_h, d_w$ | `dil_d`, `dil_h`, `dil_w` | $\ge 1$ | planes, rows and columns from one weight of the filter to the next |

## Worked example

A filter of 2 by 1 by 2 moves through a volume of 2 planes, with a plane of zeros in front and behind. It compares an element with
its neighbour one plane later and one column to the right. The first output sees the padding in front: $0 \cdot 1 + 2 \cdot (-1) = -2$,
plus a bias of 10.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[1., 2],
...                      [3, 4]],
...                     [[5, 6],
...                      [7, 9]]]]], requires_grad=True)
>>> weight = torch.tensor([[[[[1., 0]],
...                          [[0, -1]]]]], requires_grad=True)
>>> bias = torch.tensor([10.], requires_grad=True)
>>> y = F.conv3d(x, weight, bias, padding=(1, 0, 0))
>>> y
tensor([[[[[ 8.],
           [ 6.]],
<BLANKLINE>
          [[ 5.],
           [ 4.]],
<BLANKLINE>
          [[15.],
           [17.]]]]], grad_fn=<ConvolutionBackward0>)
>>> y.backward(torch.tensor([[[[[1.], [2]], [[3], [4]], [[5], [6]]]]]))
>>> x.grad
tensor([[[[[ 3., -1.],
           [ 4., -2.]],
<BLANKLINE>
          [[ 5., -3.],
           [ 6., -4.]]]]])
>>> weight.grad
tensor([[[[[ 82., 106.]],
<BLANKLINE>
          [[ 50.,  64.]]]]])
>>> bias.grad
tensor([21.])

## Questions

**How does a Conv3d with $K_d = 1$ differ from a Conv2d?**

Not at all: each plane is convolved by itself, as an image of a batch.

>>> x, weight = torch.randn(2, 3, 4, 6, 5), torch.randn(8, 3, 1, 3, 3)
>>> planes = F.conv2d(x.transpose(1, 2).reshape(8, 3, 6, 5), weight[:, :, 0])
>>> torch.allclose(F.conv3d(x, weight), planes.reshape(2, 4, 8, 4, 3).transpose(1, 2), atol=1e-5)
True

**How many parameters does a layer from 64 to 64 channels with filters of 3 by 3 by 3 have?**

>>> sum(p.numel() for p in torch.nn.Conv3d(64, 64, 3).parameters())
110656

$64 \cdot 64 \cdot 27$ weights and 64 biases. Conv2d has a third of the weights.

**What can replace a filter of 3 by 3 by 3 at a lower cost?**

A filter of 1 by 3 by 3 followed by one of 3 by 1 by 1: $9 + 3 = 12$ weights for each pair of channels instead of 27. The pair is
less general: it is a filter of 3 by 3 by 3 that is the outer product of a matrix and a vector.

## Differences

- `padding="same"` with an even filter size can need one more plane, row or column of padding behind than in front. PyTorch pads a
  copy first. Here the kernel takes only the padding in front; the padding behind follows from the output size. The numbers are the
  same."""

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


def conv3d_output_size(size_in, kernel_size, stride, padding, dilation):
    """Planes, rows and columns of the output for `size_in = (D_in, H_in, W_in)`; `padding` is the sum of both sides of each."""
    return tuple(
        (extent + p - d * (k - 1) - 1) // s + 1
        for extent, k, s, p, d in zip(size_in, kernel_size, stride, padding, dilation)
    )


# ## The output
#
# $$y[n, c_{out}, d_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c, k_d, k_h, k_w} W[c_{out}, c, k_d, k_h, k_w] \;
# x[n, c_{in}, d_{in}, h_{in}, w_{in}]$$
#
# Five loops choose an element of y, four sum over its block. Padding is never stored: where the block leaves the volume there is
# nothing to add.
@njit(**PARALLEL)
def conv3d_forward_cpu(
    x, weight, bias, y, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = x.shape
    C_out, C_group, K_d, K_h, K_w = weight.shape
    N, C_out, D_out, H_out, W_out = y.shape
    for n in prange(N):
        for c_out in range(C_out):
            for d_out in range(D_out):
                for h_out in range(H_out):
                    for w_out in range(W_out):
                        g = c_out // (C_out // groups)
                        acc = bias[c_out]
                        for c in range(C_group):
                            c_in = g * C_group + c
                            for k_d in range(K_d):
                                d_in = d_out * stride_d - pad_d + k_d * dil_d
                                for k_h in range(K_h):
                                    h_in = h_out * stride_h - pad_h + k_h * dil_h
                                    row_inside = 0 <= d_in < D_in and 0 <= h_in < H_in
                                    for k_w in range(K_w):
                                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                                        if row_inside and 0 <= w_in < W_in:
                                            acc += weight[c_out, c, k_d, k_h, k_w] * x[n, c_in, d_in, h_in, w_in]
                        y[n, c_out, d_out, h_out, w_out] = acc


@cuda.jit
def conv3d_forward_cuda(
    x, weight, bias, y, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = x.shape
    C_out, C_group, K_d, K_h, K_w = weight.shape
    N, C_out, D_out, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    d_out = i // (W_out * H_out) % D_out
    c_out = i // (W_out * H_out * D_out) % C_out
    n = i // (W_out * H_out * D_out * C_out)
    g = c_out // (C_out // groups)
    acc = bias[c_out]
    for c in range(C_group):
        c_in = g * C_group + c
        for k_d in range(K_d):
            d_in = d_out * stride_d - pad_d + k_d * dil_d
            for k_h in range(K_h):
                h_in = h_out * stride_h - pad_h + k_h * dil_h
                row_inside = 0 <= d_in < D_in and 0 <= h_in < H_in
                for k_w in range(K_w):
                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                    if row_inside and 0 <= w_in < W_in:
                        acc += weight[c_out, c, k_d, k_h, k_w] * x[n, c_in, d_in, h_in, w_in]
    y[n, c_out, d_out, h_out, w_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c_{in}, d_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \sum_{k_d, k_h, k_w}
# W[c_{out}, c, k_d, k_h, k_w] \; \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$
#
# Weight k_d read plane d_in for the output plane with d_out s_d = d_in + p_d - k_d d_d. If the right side is not a multiple of the
# stride, or d_out lies outside, there is no such plane. The same holds for rows and columns.
@njit(**PARALLEL)
def conv3d_backward_x_cpu(
    grad_y, weight, grad_x, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = grad_x.shape
    C_out, C_group, K_d, K_h, K_w = weight.shape
    N, C_out, D_out, H_out, W_out = grad_y.shape
    for n in prange(N):
        for c_in in range(C_in):
            for d_in in range(D_in):
                for h_in in range(H_in):
                    for w_in in range(W_in):
                        g = c_in // C_group
                        c = c_in % C_group
                        acc = grad_x.dtype.type(0)
                        for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
                            for k_d in range(K_d):
                                d_out = (d_in + pad_d - k_d * dil_d) // stride_d
                                d_met = d_out * stride_d == d_in + pad_d - k_d * dil_d and 0 <= d_out < D_out
                                for k_h in range(K_h):
                                    h_out = (h_in + pad_h - k_h * dil_h) // stride_h
                                    h_met = h_out * stride_h == h_in + pad_h - k_h * dil_h and 0 <= h_out < H_out
                                    for k_w in range(K_w):
                                        w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                                        w_met = w_out * stride_w == w_in + pad_w - k_w * dil_w and 0 <= w_out < W_out
                                        if d_met and h_met and w_met:
                                            factor = weight[c_out, c, k_d, k_h, k_w]
                                            acc += factor * grad_y[n, c_out, d_out, h_out, w_out]
                        grad_x[n, c_in, d_in, h_in, w_in] = acc


@cuda.jit
def conv3d_backward_x_cuda(
    grad_y, weight, grad_x, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = grad_x.shape
    C_out, C_group, K_d, K_h, K_w = weight.shape
    N, C_out, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    d_in = i // (W_in * H_in) % D_in
    c_in = i // (W_in * H_in * D_in) % C_in
    n = i // (W_in * H_in * D_in * C_in)
    g = c_in // C_group
    c = c_in % C_group
    acc = grad_x.dtype.type(0)
    for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
        for k_d in range(K_d):
            d_out = (d_in + pad_d - k_d * dil_d) // stride_d
            d_met = d_out * stride_d == d_in + pad_d - k_d * dil_d and 0 <= d_out < D_out
            for k_h in range(K_h):
                h_out = (h_in + pad_h - k_h * dil_h) // stride_h
                h_met = h_out * stride_h == h_in + pad_h - k_h * dil_h and 0 <= h_out < H_out
                for k_w in range(K_w):
                    w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                    w_met = w_out * stride_w == w_in + pad_w - k_w * dil_w and 0 <= w_out < W_out
                    if d_met and h_met and w_met:
                        factor = weight[c_out, c, k_d, k_h, k_w]
                        acc += factor * grad_y[n, c_out, d_out, h_out, w_out]
    grad_x[n, c_in, d_in, h_in, w_in] = acc


# ## The gradient of the filters
#
# $$\frac{\partial L}{\partial W}[c_{out}, c, k_d, k_h, k_w] = \sum_n \sum_{d_{out}, h_{out}, w_{out}}
# \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}] \; x[n, c_{in}, d_{in}, h_{in}, w_{in}]$$
#
# A weight is multiplied by one element at each position of each volume. The sum is long, so the CPU adds it up in float64.
@njit(**PARALLEL)
def conv3d_backward_weight_cpu(
    grad_y, x, grad_weight, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = x.shape
    C_out, C_group, K_d, K_h, K_w = grad_weight.shape
    N, C_out, D_out, H_out, W_out = grad_y.shape
    for c_out in prange(C_out):
        for c in range(C_group):
            for k_d in range(K_d):
                for k_h in range(K_h):
                    for k_w in range(K_w):
                        c_in = c_out // (C_out // groups) * C_group + c
                        acc = np.float64(0)
                        for n in range(N):
                            for d_out in range(D_out):
                                d_in = d_out * stride_d - pad_d + k_d * dil_d
                                for h_out in range(H_out):
                                    h_in = h_out * stride_h - pad_h + k_h * dil_h
                                    row_inside = 0 <= d_in < D_in and 0 <= h_in < H_in
                                    for w_out in range(W_out):
                                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                                        if row_inside and 0 <= w_in < W_in:
                                            factor = grad_y[n, c_out, d_out, h_out, w_out]
                                            acc += factor * x[n, c_in, d_in, h_in, w_in]
                        grad_weight[c_out, c, k_d, k_h, k_w] = acc


@cuda.jit
def conv3d_backward_weight_cuda(
    grad_y, x, grad_weight, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups
):
    N, C_in, D_in, H_in, W_in = x.shape
    C_out, C_group, K_d, K_h, K_w = grad_weight.shape
    N, C_out, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    k_w = i % K_w
    k_h = i // K_w % K_h
    k_d = i // (K_w * K_h) % K_d
    c = i // (K_w * K_h * K_d) % C_group
    c_out = i // (K_w * K_h * K_d * C_group)
    c_in = c_out // (C_out // groups) * C_group + c
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        for d_out in range(D_out):
            d_in = d_out * stride_d - pad_d + k_d * dil_d
            for h_out in range(H_out):
                h_in = h_out * stride_h - pad_h + k_h * dil_h
                row_inside = 0 <= d_in < D_in and 0 <= h_in < H_in
                for w_out in range(W_out):
                    w_in = w_out * stride_w - pad_w + k_w * dil_w
                    if row_inside and 0 <= w_in < W_in:
                        factor = grad_y[n, c_out, d_out, h_out, w_out]
                        acc += factor * x[n, c_in, d_in, h_in, w_in]
    grad_weight[c_out, c, k_d, k_h, k_w] = acc


# ## The gradient of the bias
#
# $$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \sum_{d_{out}, h_{out}, w_{out}}
# \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$
@njit(**PARALLEL)
def conv3d_backward_bias_cpu(grad_y, grad_bias):
    N, C_out, D_out, H_out, W_out = grad_y.shape
    for c_out in prange(C_out):
        acc = np.float64(0)
        for n in range(N):
            for d_out in range(D_out):
                for h_out in range(H_out):
                    for w_out in range(W_out):
                        acc += grad_y[n, c_out, d_out, h_out, w_out]
        grad_bias[c_out] = acc


@cuda.jit
def conv3d_backward_bias_cuda(grad_y, grad_bias):
    N, C_out, D_out, H_out, W_out = grad_y.shape
    c_out = cuda.grid(1)
    if c_out >= C_out:
        return
    acc = grad_bias.dtype.type(0)
    for n in range(N):
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    acc += grad_y[n, c_out, d_out, h_out, w_out]
    grad_bias[c_out] = acc


class Conv3dFunction(Function):
    """Convolution on the tape. x (N, C_in, D_in, H_in, W_in); `options` is stride, padding in front, dilation, groups."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_y, options):
        ctx.save_for_backward(x, weight)
        ctx.options = options
        y = x.new_empty(size_y)
        if bias is None:
            bias = weight.new_zeros(len(weight))
        run = on(x.device, conv3d_forward_cpu, conv3d_forward_cuda, y.numel(), fast.conv3d_forward)
        run(*arrays(x, weight, bias, y), *options)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv3d_backward_x_cpu, conv3d_backward_x_cuda, grad_x.numel(), fast.conv3d_backward_x)
            run(*arrays(grad_y, weight, grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv3d_backward_weight_cpu,
                conv3d_backward_weight_cuda,
                weight.numel(),
                fast.conv3d_backward_weight,
            )
            run(*arrays(grad_y, x, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(len(weight))
            run = on(
                device,
                conv3d_backward_bias_cpu,
                conv3d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv3d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve volumes with filters.

    Shapes: `input` (N, C_in, D_in, H_in, W_in), or without N, which may be 0; `weight` (C_out, C_in / groups, K_d, K_h, K_w);
    `bias` (C_out) or None; the result (N, C_out, D_out, H_out, W_out), or without N. `stride`, `padding` and `dilation` are ints
    or triples; `padding` may be "valid" (none) or "same" (as much as keeps the size, stride 1 only). Without input channels
    the result has no channels.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a filter larger than the input.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    check_tensors("conv3d", allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, dilation = sizes(3, stride, "stride", "conv3d"), sizes(3, dilation, "dilation", "conv3d")
    padding = padding if isinstance(padding, str) else sizes(3, padding, "padding", "conv3d")
    bias_size, groups = bias if bias is None else bias.shape, integer("conv3d", "groups", groups)
    size_y, options = conv3d_geometry(input.shape, weight.shape, bias_size, stride, padding, dilation, groups)
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y = Conv3dFunction.apply(batch, weight, bias, size_y, options)
    y = y if weight.shape[1] else y[:, :0]
    return y.squeeze(0) if input.ndim == 4 else y


@functools.lru_cache(maxsize=512)  # in training the same sizes come again and again
def conv3d_geometry(size_in, weight_size, bias_size, stride, padding, dilation, groups):
    """What follows from sizes and options alone: the size of y; and stride, padding in front, dilation, groups."""
    check_sizes("conv3d", 3, size_in, weight_size, bias_size, groups)
    first, both = border_sizes(padding, weight_size[2:], stride, dilation)
    check_options(size_in, weight_size, stride, first, dilation, groups)
    size_out = conv3d_output_size(size_in[-3:], weight_size[2:], stride, both, dilation)
    check_output_size(size_out, size_in[-3:], weight_size[2:], both, dilation)
    return (*(size_in[:-4] or (1,)), weight_size[0], *size_out), (*stride, *first, *dilation, groups)


class Conv3d(ConvNd):
    """A bank of learned filters for volumes, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: number of filters, C_out.
        kernel_size: planes, rows and columns of a filter; an int for all, or a triple, as with the next three.
        stride: how far the filter moves, in elements.
        padding: elements added on each side; or "same", or "valid".
        dilation: how far apart the weights of a filter lie, in elements.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        padding_mode: what the added elements are: "zeros", "reflect", "replicate" or "circular".

    Attributes: `weight` (C_out, C_in / groups, K_d, K_h, K_w) and `bias` (C_out), both drawn from the uniform
    distribution on ±sqrt(k), k = groups / (C_in K_d K_h K_w).

    Shapes: as `conv3d`, which raises the errors when the layer is called.

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
            sizes(3, kernel_size, "kernel_size", "Conv3d"),
            sizes(3, stride, "stride", "Conv3d"),
            padding if isinstance(padding, str) else sizes(3, padding, "padding", "Conv3d"),
            sizes(3, dilation, "dilation", "Conv3d"),
            False,
            (0, 0, 0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input):
        if self.padding_mode == "zeros":
            return conv3d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        padded = pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
        return conv3d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
