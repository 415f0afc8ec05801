r"""Transposed convolution of sequences: each element of the input writes its multiple of a learned filter into the output.

A convolution with stride makes sequences smaller; this operation leads back to the larger size. It is the gradient of a convolution
with respect to its input, used as a layer, and it uses the kernels of `Conv1d`.

Use it when a sequence should become longer by a learned rule: the decoder of an autoencoder for sound, or any step from a coarse
sequence to a fine one.

## Forward

With one channel and no padding, an element of the input adds its value times the filter to the output, and its neighbour does so
$s$ elements further on, where $s$ is the stride:

$$y[l_{out}] = b + \sum_{l_{in}} x[l_{in}] \; W[l_{out} - l_{in} \, s]$$

where $W$ counts as zero outside the filter. Read from the output, a position of the output collects, for each weight, the element of
the input that wrote this weight to it:

$$y[n, c_{out}, l_{out}] = b[c_{out}] + \sum_{c_{in} \in g} \; \sum_{k}
W[c_{in}, c, k] \; x[n, c_{in}, l_{in}]$$

$$l_{in} = \frac{l_{out} + p - k d}{s}$$

for those weights for which the division leaves no remainder and the result is a position of the input. $c$ is the number of
channel $c_{out}$ within its group $g$. This is the formula for the gradient of the input of `conv1d`, with $x$ in the place of
$\frac{\partial L}{\partial y}$ and $y$ in the place of $\frac{\partial L}{\partial x}$: forward runs the loop
`conv1d_backward_x_cpu`, and then adds the bias.

## Gradients

$y$ is linear in $x$. The element $x[n, c_{in}, l_{in}]$ was written, times each weight, to the positions

$$l_{out} = l_{in} \, s - p + k \, d$$

so it collects the gradients from there. That is a convolution with stride, the loop `conv1d_forward_cpu`:

$$\frac{\partial L}{\partial x}[n, c_{in}, l_{in}] = \sum_{c_{out} \in g} \; \sum_{k}
W[c_{in}, c, k] \; \frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$

A weight was multiplied with every element of the input, and its product went to one position each time. That is the loop
`conv1d_backward_weight_cpu`, with $x$ and the gradient of $y$ exchanged:

$$\frac{\partial L}{\partial W}[c_{in}, c, k] = \sum_n \; \sum_{l_{in}}
x[n, c_{in}, l_{in}] \; \frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{l_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, l_{out}]$$

## Output size

$$L_{out} = (L_{in} - 1) \, s - 2 p + d (K - 1) + o + 1$$

The last filter begins at $(L_{in} - 1) \, s$ and spans $d (K - 1) + 1$
elements. Padding removes $p$ elements on each side. The output padding $o$ makes the output longer at its end only; it must be
smaller than $s$ or smaller than $d$.

## Cost

$N \, C_{in} \, L_{in} \, \frac{C_{out}}{G} \, K$ multiply-adds forward, and as
many for each of the gradients of $x$ and $W$: every element of the input is multiplied by every weight of its group.

## Worked example

Three elements, a filter of three weights, stride 2: each element writes its multiple of the filter, two positions further on
than the one before. Positions 2 and 4 receive two products each, $1 \cdot 3 + 2 \cdot 1 = 5$ and $2 \cdot 3 + 3 \cdot 1 = 9$:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 2, 3]]], requires_grad=True)
>>> weight = torch.tensor([[[1., 2, 3]]], requires_grad=True)
>>> bias = torch.tensor([10.], requires_grad=True)
>>> y = F.conv_transpose1d(x, weight, bias, stride=2)
>>> y
tensor([[[11., 12., 15., 14., 19., 16., 19.]]], grad_fn=<ConvolutionBackward0>)
>>> y.backward(torch.tensor([[[1., 0, 0, 0, 0, 0, 1]]]))
>>> x.grad
tensor([[[1., 0., 3.]]])
>>> weight.grad
tensor([[[1., 0., 3.]]])
>>> bias.grad
tensor([2.])

## Questions

**Does it undo a convolution?**

No, it only restores the size. Written as a matrix it is the transpose of the convolution, not its inverse. For every $x$ and $y$,
$\langle \text{conv}(x), y \rangle = \langle x, \text{conv\_transpose}(y) \rangle$.

>>> x, y, weight = torch.randn(1, 2, 9), torch.randn(1, 3, 4), torch.randn(3, 2, 3)
>>> left = (F.conv1d(x, weight, stride=2) * y).sum()
>>> right = (x * F.conv_transpose1d(y, weight, stride=2)).sum()
>>> torch.allclose(left, right, atol=1e-4)
True

**What is `output_padding` for?**

With stride 2, a convolution with a filter of three makes 3 elements of a sequence of 7 and also of one of 8. So 7 and 8 are both
possible sizes of the transposed convolution's output; `output_padding=1` chooses 8. It does not append a zero: one more position is
computed, at the end.

>>> F.conv_transpose1d(torch.ones(1, 1, 3), torch.ones(1, 1, 3), stride=2).shape
torch.Size([1, 1, 7])
>>> F.conv_transpose1d(torch.ones(1, 1, 3), torch.ones(1, 1, 3), stride=2, output_padding=1).shape
torch.Size([1, 1, 8])

**Why does padding make the output smaller?**

The argument is the padding of the convolution whose gradient this is. That convolution pads $y$ by $p$ elements on each side. They
are not part of $y$, so they are removed here.

## Differences

A padding that leaves nothing of the output gives an empty result. PyTorch gives it too where it uses oneDNN, and raises an error
otherwise.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import arrays, on
from reftorch.nn.arguments import check_tensors, integer, sizes
from reftorch.nn.convolution.checks import DTYPES
from reftorch.nn.convolution.conv1d import (
    conv1d_backward_bias_cpu,
    conv1d_backward_bias_cuda,
    conv1d_backward_weight_cpu,
    conv1d_backward_weight_cuda,
    conv1d_backward_x_cpu,
    conv1d_backward_x_cuda,
    conv1d_forward_cpu,
    conv1d_forward_cuda,
)
from reftorch.nn.convolution.conv_transpose_nd import ConvTransposeNd, conv_transpose_geometry, fitting_bias


class ConvTranspose1dFunction(Function):
    """Transposed convolution on the tape. `options` is stride, padding, dilation, groups, as the kernels of conv1d take them."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_out, options):
        ctx.save_for_backward(x, weight)
        ctx.options, groups = options, options[-1]
        y = x.new_empty(len(x), weight.shape[1] * groups, *size_out)
        run = on(x.device, conv1d_backward_x_cpu, conv1d_backward_x_cuda, y.numel(), fast.conv1d_backward_x)
        run(*arrays(x, weight, y), *options)
        return y if bias is None else y.add_(bias.reshape(-1, 1))

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv1d_forward_cpu, conv1d_forward_cuda, grad_x.numel(), fast.conv1d_forward)
            run(*arrays(grad_y, weight, weight.new_zeros(len(weight)), grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv1d_backward_weight_cpu,
                conv1d_backward_weight_cuda,
                weight.numel(),
                fast.conv1d_backward_weight,
            )
            run(*arrays(x, grad_y, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(grad_y.shape[1])
            run = on(
                device,
                conv1d_backward_bias_cpu,
                conv1d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv1d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Write filters into a larger output, once for each element of the input.

    Shapes: `input` (N, C_in, L_in) or without N, which may be 0; `weight` (C_in, C_out / groups, K); `bias`
    (C_out) or None; the result (N, C_out, L_out) or without N. `stride`, `padding`, `output_padding` and `dilation` are
    ints, or tuples of one. Note the order: groups come before dilation.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a padding that removes more than
            the output has.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    name = "conv_transpose1d"
    bias = fitting_bias(bias, input)
    check_tensors(name, allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, padding = sizes(1, stride, "stride", name), sizes(1, padding, "padding", name)
    output_padding = sizes(1, output_padding, "output_padding", name)
    dilation, groups = sizes(1, dilation, "dilation", name), integer(name, "groups", groups)
    size = input.shape, weight.shape, bias if bias is None else bias.shape
    size_out = conv_transpose_geometry(*size, stride, padding, output_padding, groups, dilation)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y = ConvTranspose1dFunction.apply(batch, weight, bias, size_out, (*stride, *padding, *dilation, groups))
    return y.squeeze(0) if input.ndim == 2 else y


class ConvTranspose1d(ConvTransposeNd):
    """A bank of learned filters that make sequences larger, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: channels of the output, C_out.
        kernel_size: weights of a filter; an int, or a tuple of one, as with the next three and `dilation`.
        stride: how far apart neighbouring elements of the input write, in elements of the output.
        padding: how much is removed from each side of the output.
        output_padding: how much is added at the end of the output.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        dilation: how far apart the weights of a filter lie, in elements.
        padding_mode: "zeros"; there is no other.

    Attributes: `weight` (C_in, C_out / groups, K) and `bias` (C_out), both drawn from the uniform distribution on
    ±sqrt(k), k = groups / (C_out K).

    Shapes: as `conv_transpose1d`, which raises the errors when the layer is called.

    Raises:
        ValueError: channels that the groups do not divide, another padding mode.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            groups,
            bias,
            dilation,
            padding_mode,
            device,
            dtype,
            1,
        )

    def forward(self, input, output_size=None):
        more = self.output_padding_for(input, output_size)
        return conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
