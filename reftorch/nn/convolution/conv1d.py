r"""Convolution of sequences with a bank of learned filters.

Each filter slides along the sequence and computes, at every position, the sum of the elements under it times its weights. One
filter makes one channel of the output. The sequences may be sound, text as vectors, or measurements over time.

Use it when neighbouring elements of a sequence belong together and their order matters: a filter reads K of them at a time, with
the same weights at every position. For images there is `Conv2d`, for volumes and videos `Conv3d`; to make a sequence longer,
`ConvTranspose1d`.

## Forward

With one channel, stride 1 and no padding, an output is the sum of $K$ products:

$$y[l_{out}] = b + \sum_{k=0}^{K-1} W[k] \; x[l_{out} + k]$$

In general each output channel sums over the input channels of its group too, and the options say where the filter stands:

$$y[n, c_{out}, l_{out}] = b[c_{out}] + \sum_{c=0}^{C_{in}/G - 1} \; \sum_{k=0}^{K-1} W[c_{out}, c, k] \; x[n, c_{in}, l_{in}]$$

$$l_{in} = l_{out} \, s - p + k \, d \qquad c_{in} = g \, \frac{C_{in}}{G} + c$$

Elements outside the sequence count as zero. With $G > 1$ the channels are cut into groups that do not see each other: output
channel $c_{out}$ belongs to group $g = \lfloor c_{out} / (C_{out} / G) \rfloor$ and reads the channels of that group only.

## Gradients

$y[n, c_{out}, l_{out}]$ contains $x[n, c_{in}, l_{in}]$ once for each weight $k$ with $l_{out} s - p + k d = l_{in}$, times this
weight. So an element of $x$ collects the gradients of the outputs that read it, for those $k$ for which the division leaves no
remainder and $l_{out}$ is in range:

$$\frac{\partial L}{\partial x}[n, c_{in}, l_{in}] = \sum_{c_{out} \in g} \; \sum_{k}
W[c_{out}, c, k] \; \frac{\partial L}{\partial y}[n, c_{out}, l_{out}], \qquad l_{out} = \frac{l_{in} + p - k d}{s}$$

A weight is multiplied by one element at each position of each sequence:

$$\frac{\partial L}{\partial W}[c_{out}, c, k] = \sum_n \; \sum_{l_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, l_{out}] \; x[n, c_{in}, l_{in}]$$

The bias is added to each output with factor 1:

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{l_{out}} \frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$

## Output size

$$L_{out} = \left\lfloor \frac{L_{in} + 2 p - d (K - 1) - 1}{s} \right\rfloor + 1$$

The filter spans $d (K - 1) + 1$ elements, and moves by $s$ as long as it fits.

## Cost

$N \, C_{out} \, L_{out} \, \frac{C_{in}}{G} \, K$ multiply-adds forward, and as many for each of the gradients of $x$ and $W$.
In memory there are $x$, $W$, $b$ and $y$. With 64 channels and 3 weights each element of $y$ costs 192 multiply-adds for 4 bytes
written.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C_{in}, L_{in})$ | input: sequences |
| $W$ | `weight` | $(C_{out}, C_{in} / G, K)$ | weight: the filters |
| $b$ | `bias` | $(C_{out})$ | bias: what is added to each output channel |
| $y$ | `y` | $(N, C_{out}, L_{out})$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C_{out}, L_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C_{in}, L_{in})$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C_{out}, C_{in} / G, K)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C_{out})$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $c_{out}$ | `c_out` | $0 \le c_{out} < C_{out}$ | output channel: which filter |
| $l_{out}$ | `l_out` | $0 \le l_{out} < L_{out}$ | position in the output |
| $G$ | `groups` | $1 \le G$ | number of groups; divides $C_{in}$ and $C_{out}$ |
| $g$ | `g` | $0 \le g < G$ | group that the channel belongs to |
| $c$ | `c` | $0 \le c < C_{in} / G$ | channel within the group |
| $c_{in}$ | `c_in` | $0 \le c_{in} < C_{in}$ | input channel |
| $k$ | `k` | $0 \le k < K$ | position in the filter |
| $l_{in}$ | `l_in` | $0 \le l_{in} < L_{in}$ | position in the input |
| $s$ | `stride` | $\ge 1$ | elements from one position of the filter to the next |
| $p$ | `pad` | $\ge 0$ | elements of padding before the sequence |
| $d$ | `dil` | $\ge 1$ | elements from one weight of the filter to the next |

## Worked example

A filter of three weights moves by two along a sequence of five, with one zero on each side. The first output is
$0 \cdot 1 + 1 \cdot 2 + 2 \cdot (-1) = 0$, plus a bias of 10:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 2, 3, 4, 5]]], requires_grad=True)
>>> weight = torch.tensor([[[1., 2, -1]]], requires_grad=True)
>>> bias = torch.tensor([10.], requires_grad=True)
>>> y = F.conv1d(x, weight, bias, stride=2, padding=1)
>>> y
tensor([[[10., 14., 24.]]], grad_fn=<ConvolutionBackward0>)
>>> y.backward(torch.tensor([[[1., 2, 3]]]))
>>> x.grad
tensor([[[2., 1., 4., 1., 6.]]])
>>> weight.grad
tensor([[[16., 22., 10.]]])
>>> bias.grad
tensor([6.])

## Questions

**How many elements of the input does an output depend on after three layers of three weights each?**

Each layer adds $K - 1 = 2$: seven. With dilations 1, 2 and 4 it is $1 + 2 + 4 + 8 = 15$, for the same number of weights.

>>> layers = torch.nn.Sequential(*(torch.nn.Conv1d(1, 1, 3, dilation=d) for d in (1, 2, 4)))
>>> layers(torch.zeros(1, 1, 15)).shape
torch.Size([1, 1, 1])

**Why does the gradient of $x$ check whether a division leaves a remainder?**

With stride 2 the filter stands at every second position only. A weight $k$ meets the element $l_{in}$ only if
$l_{in} + p - k d$ is even; otherwise no output multiplied the two.

**Is a Conv1d with $K = 1$ a Linear layer?**

Yes: the same matrix is applied to the channels at each position. Linear expects the channels last, Conv1d before the positions.

>>> x, layer = torch.randn(2, 3, 5), torch.nn.Conv1d(3, 4, 1)
>>> rows = F.linear(x.transpose(1, 2), layer.weight[:, :, 0], layer.bias)
>>> torch.allclose(layer(x), rows.transpose(1, 2), atol=1e-6)
True

## Differences

- `padding="same"` with an even filter size can need one more element of padding behind than before. PyTorch pads a copy first. Here
  the kernel takes only the padding before, $p$; the padding behind follows from $L_{out}$. The numbers are the same."""

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


def conv1d_output_size(length_in, kernel_size, stride, padding, dilation):
    """Elements of the output for `length_in` elements; `padding` is the sum of both sides."""
    return (length_in + padding - dilation * (kernel_size - 1) - 1) // stride + 1


# ## The output
#
# $$y[n, c_{out}, l_{out}] = b[c_{out}] + \sum_{c, k} W[c_{out}, c, k] \; x[n, c_{in}, l_{in}]$$
#
# Three loops choose an element of y, two sum over the elements under the filter. Padding is never stored: where the filter leaves the
# sequence there is nothing to add.
@njit(**PARALLEL)
def conv1d_forward_cpu(x, weight, bias, y, stride, pad, dil, groups):
    N, C_in, L_in = x.shape
    C_out, C_group, K = weight.shape
    N, C_out, L_out = y.shape
    for n in prange(N):
        for c_out in range(C_out):
            for l_out in range(L_out):
                g = c_out // (C_out // groups)
                acc = bias[c_out]
                for c in range(C_group):
                    c_in = g * C_group + c
                    for k in range(K):
                        l_in = l_out * stride - pad + k * dil
                        if 0 <= l_in < L_in:
                            acc += weight[c_out, c, k] * x[n, c_in, l_in]
                y[n, c_out, l_out] = acc


@cuda.jit
def conv1d_forward_cuda(x, weight, bias, y, stride, pad, dil, groups):
    N, C_in, L_in = x.shape
    C_out, C_group, K = weight.shape
    N, C_out, L_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    l_out = i % L_out
    c_out = i // L_out % C_out
    n = i // (L_out * C_out)
    g = c_out // (C_out // groups)
    acc = bias[c_out]
    for c in range(C_group):
        c_in = g * C_group + c
        for k in range(K):
            l_in = l_out * stride - pad + k * dil
            if 0 <= l_in < L_in:
                acc += weight[c_out, c, k] * x[n, c_in, l_in]
    y[n, c_out, l_out] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c_{in}, l_{in}] = \sum_{c_{out} \in g} \sum_{k} W[c_{out}, c, k] \;
# \frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$
#
# Weight k read element l_in for the output with l_out s = l_in + p - k d. If the right side is not a multiple of the stride, or
# l_out lies outside, there is no such output.
@njit(**PARALLEL)
def conv1d_backward_x_cpu(grad_y, weight, grad_x, stride, pad, dil, groups):
    N, C_in, L_in = grad_x.shape
    C_out, C_group, K = weight.shape
    N, C_out, L_out = grad_y.shape
    for n in prange(N):
        for c_in in range(C_in):
            for l_in in range(L_in):
                g = c_in // C_group
                c = c_in % C_group
                acc = grad_x.dtype.type(0)
                for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
                    for k in range(K):
                        l_out = (l_in + pad - k * dil) // stride
                        even = l_out * stride == l_in + pad - k * dil
                        if even and 0 <= l_out < L_out:
                            acc += weight[c_out, c, k] * grad_y[n, c_out, l_out]
                grad_x[n, c_in, l_in] = acc


@cuda.jit
def conv1d_backward_x_cuda(grad_y, weight, grad_x, stride, pad, dil, groups):
    N, C_in, L_in = grad_x.shape
    C_out, C_group, K = weight.shape
    N, C_out, L_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    l_in = i % L_in
    c_in = i // L_in % C_in
    n = i // (L_in * C_in)
    g = c_in // C_group
    c = c_in % C_group
    acc = grad_x.dtype.type(0)
    for c_out in range(g * (C_out // groups), (g + 1) * (C_out // groups)):
        for k in range(K):
            l_out = (l_in + pad - k * dil) // stride
            even = l_out * stride == l_in + pad - k * dil
            if even and 0 <= l_out < L_out:
                acc += weight[c_out, c, k] * grad_y[n, c_out, l_out]
    grad_x[n, c_in, l_in] = acc


# ## The gradient of the filters
#
# $$\frac{\partial L}{\partial W}[c_{out}, c, k] = \sum_n \sum_{l_{out}}
# \frac{\partial L}{\partial y}[n, c_{out}, l_{out}] \; x[n, c_{in}, l_{in}]$$
#
# A weight is multiplied by one element at each position of each sequence. The sum is long, so the CPU adds it up in float64.
@njit(**PARALLEL)
def conv1d_backward_weight_cpu(grad_y, x, grad_weight, stride, pad, dil, groups):
    N, C_in, L_in = x.shape
    C_out, C_group, K = grad_weight.shape
    N, C_out, L_out = grad_y.shape
    for c_out in prange(C_out):
        for c in range(C_group):
            for k in range(K):
                c_in = c_out // (C_out // groups) * C_group + c
                acc = np.float64(0)
                for n in range(N):
                    for l_out in range(L_out):
                        l_in = l_out * stride - pad + k * dil
                        if 0 <= l_in < L_in:
                            acc += grad_y[n, c_out, l_out] * x[n, c_in, l_in]
                grad_weight[c_out, c, k] = acc


@cuda.jit
def conv1d_backward_weight_cuda(grad_y, x, grad_weight, stride, pad, dil, groups):
    N, C_in, L_in = x.shape
    C_out, C_group, K = grad_weight.shape
    N, C_out, L_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_weight.size:
        return
    k = i % K
    c = i // K % C_group
    c_out = i // (K * C_group)
    c_in = c_out // (C_out // groups) * C_group + c
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        for l_out in range(L_out):
            l_in = l_out * stride - pad + k * dil
            if 0 <= l_in < L_in:
                acc += grad_y[n, c_out, l_out] * x[n, c_in, l_in]
    grad_weight[c_out, c, k] = acc


# ## The gradient of the bias
#
# $$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \sum_{l_{out}} \frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$
@njit(**PARALLEL)
def conv1d_backward_bias_cpu(grad_y, grad_bias):
    N, C_out, L_out = grad_y.shape
    for c_out in prange(C_out):
        acc = np.float64(0)
        for n in range(N):
            for l_out in range(L_out):
                acc += grad_y[n, c_out, l_out]
        grad_bias[c_out] = acc


@cuda.jit
def conv1d_backward_bias_cuda(grad_y, grad_bias):
    N, C_out, L_out = grad_y.shape
    c_out = cuda.grid(1)
    if c_out >= C_out:
        return
    acc = grad_bias.dtype.type(0)
    for n in range(N):
        for l_out in range(L_out):
            acc += grad_y[n, c_out, l_out]
    grad_bias[c_out] = acc


class Conv1dFunction(Function):
    """Convolution on the tape. x (N, C_in, L_in); `options` is stride, padding before the sequence, dilation, groups."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_y, options):
        ctx.save_for_backward(x, weight)
        ctx.options = options
        y = x.new_empty(size_y)
        if bias is None:
            bias = weight.new_zeros(len(weight))
        run = on(x.device, conv1d_forward_cpu, conv1d_forward_cuda, y.numel(), fast.conv1d_forward)
        run(*arrays(x, weight, bias, y), *options)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv1d_backward_x_cpu, conv1d_backward_x_cuda, grad_x.numel(), fast.conv1d_backward_x)
            run(*arrays(grad_y, weight, grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv1d_backward_weight_cpu,
                conv1d_backward_weight_cuda,
                weight.numel(),
                fast.conv1d_backward_weight,
            )
            run(*arrays(grad_y, x, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(len(weight))
            run = on(
                device,
                conv1d_backward_bias_cpu,
                conv1d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv1d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve sequences with filters.

    Shapes: `input` (N, C_in, L_in) or (C_in, L_in), N may be 0; `weight` (C_out, C_in / groups, K); `bias` (C_out) or None; the
    result (N, C_out, L_out) or (C_out, L_out). `stride`, `padding` and `dilation` are ints, or tuples of one; `padding` may be
    "valid" (none) or "same" (as much as keeps the length, stride 1 only). Without input channels the result has no channels.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a filter longer than the input.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    check_tensors("conv1d", allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, dilation = sizes(1, stride, "stride", "conv1d"), sizes(1, dilation, "dilation", "conv1d")
    padding = padding if isinstance(padding, str) else sizes(1, padding, "padding", "conv1d")
    bias_size, groups = bias if bias is None else bias.shape, integer("conv1d", "groups", groups)
    size_y, options = conv1d_geometry(input.shape, weight.shape, bias_size, stride, padding, dilation, groups)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y = Conv1dFunction.apply(batch, weight, bias, size_y, options)
    y = y if weight.shape[1] else y[:, :0]
    return y.squeeze(0) if input.ndim == 2 else y


@functools.lru_cache(maxsize=512)  # in training the same sizes come again and again
def conv1d_geometry(size_in, weight_size, bias_size, stride, padding, dilation, groups):
    """What follows from sizes and options alone: the size of y; and stride, padding before the sequence, dilation, groups."""
    check_sizes("conv1d", 1, size_in, weight_size, bias_size, groups)
    first, both = border_sizes(padding, weight_size[2:], stride, dilation)
    check_options(size_in, weight_size, stride, first, dilation, groups)
    length_out = conv1d_output_size(size_in[-1], weight_size[2], stride[0], both[0], dilation[0])
    check_output_size((length_out,), size_in[-1:], weight_size[2:], both, dilation)
    return (*(size_in[:-2] or (1,)), weight_size[0], length_out), (*stride, *first, *dilation, groups)


class Conv1d(ConvNd):
    """A bank of learned filters for sequences, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: number of filters, C_out.
        kernel_size: weights of a filter along the sequence; an int, or a tuple of one, as with the next three.
        stride: how far the filter moves, in elements.
        padding: elements added on each side; or "same", or "valid".
        dilation: how far apart the weights of a filter lie, in elements.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        padding_mode: what the added elements are: "zeros", "reflect", "replicate" or "circular".

    Attributes: `weight` (C_out, C_in / groups, K) and `bias` (C_out), both drawn from the uniform distribution on ±sqrt(k),
    k = groups / (C_in K).

    Shapes: as `conv1d`, which raises the errors when the layer is called.

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
            sizes(1, kernel_size, "kernel_size", "Conv1d"),
            sizes(1, stride, "stride", "Conv1d"),
            padding if isinstance(padding, str) else sizes(1, padding, "padding", "Conv1d"),
            sizes(1, dilation, "dilation", "Conv1d"),
            False,
            (0,),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input):
        if self.padding_mode == "zeros":
            return conv1d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        padded = pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
        return conv1d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
