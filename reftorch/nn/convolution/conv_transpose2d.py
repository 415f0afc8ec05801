r"""Transposed convolution of images: each element of the input writes its multiple of a learned filter into the output.

A convolution with stride makes images smaller; this operation leads back to the larger size. It is the gradient of a convolution
with respect to its input, used as a layer, and it uses the kernels of `Conv2d`.

Use it when an image should become larger by learned filters: generators, the decoders of autoencoders and of segmentation. If the
overlaps of its filters leave a checkerboard pattern, use `Upsample` followed by `Conv2d`, which leaves none.

## Forward

With one channel and no padding, an element of the input adds its value times the filter to the output. Its neighbour does the same
one stride further on: $s_h$ rows below or $s_w$ columns to the right:

$$y[h_{out}, w_{out}] = b + \sum_{h_{in}, w_{in}} x[h_{in}, w_{in}] \; W[h_{out} - h_{in} \, s_h, \; w_{out} - w_{in} \, s_w]$$

where $W$ counts as zero outside the filter. Read from the output, a pixel of the output collects, for each weight, the element of
the input that wrote this weight to it:

$$y[n, c_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c_{in} \in g} \; \sum_{k_h, k_w}
W[c_{in}, c, k_h, k_w] \; x[n, c_{in}, h_{in}, w_{in}]$$

$$h_{in} = \frac{h_{out} + p_h - k_h d_h}{s_h} \qquad w_{in} = \frac{w_{out} + p_w - k_w d_w}{s_w}$$

for those weights for which the division leaves no remainder and the result is a position of the input. $c$ is the number of
channel $c_{out}$ within its group $g$. This is the formula for the gradient of the input of `conv2d`, with $x$ in the place of
$\frac{\partial L}{\partial y}$ and $y$ in the place of $\frac{\partial L}{\partial x}$: forward runs the loop
`conv2d_backward_x_cpu`, and then adds the bias.

## Gradients

$y$ is linear in $x$. The element $x[n, c_{in}, h_{in}, w_{in}]$ was written, times each weight, to the positions

$$h_{out} = h_{in} \, s_h - p_h + k_h \, d_h \qquad w_{out} = w_{in} \, s_w - p_w + k_w \, d_w$$

so it collects the gradients from there. That is a convolution with stride, the loop `conv2d_forward_cpu`:

$$\frac{\partial L}{\partial x}[n, c_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \; \sum_{k_h, k_w}
W[c_{in}, c, k_h, k_w] \; \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$

A weight was multiplied with every element of the input, and its product went to one position each time. That is the loop
`conv2d_backward_weight_cpu`, with $x$ and the gradient of $y$ exchanged:

$$\frac{\partial L}{\partial W}[c_{in}, c, k_h, k_w] = \sum_n \; \sum_{h_{in}, w_{in}}
x[n, c_{in}, h_{in}, w_{in}] \; \frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, h_{out}, w_{out}]$$

## Output size

$$H_{out} = (H_{in} - 1) \, s_h - 2 p_h + d_h (K_h - 1) + o_h + 1$$

$W_{out}$ is computed in the same way.
The last filter begins at $(H_{in} - 1) \, s_h$ and spans $d_h (K_h - 1) + 1$
elements. Padding removes $p_h$ elements on each side. The output padding $o_h$ makes the output longer at its end only; it must be
smaller than $s_h$ or smaller than $d_h$.

## Cost

$N \, C_{in} \, H_{in} \, W_{in} \, \frac{C_{out}}{G} \, K_h \, K_w$ multiply-adds forward, and as
many for each of the gradients of $x$ and $W$: every element of the input is multiplied by every weight of its group.

## Worked example

An image of 2 by 2, a filter of 3 by 3, stride 2. Each pixel writes its multiple of the filter, two rows or columns further on than
its neighbour; the four copies overlap in the middle row and column, where the products are added:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 2],
...                     [3, 4]]]], requires_grad=True)
>>> weight = torch.tensor([[[[1., 0, 1],
...                          [0, 1, 0],
...                          [1, 0, 1]]]], requires_grad=True)
>>> y = F.conv_transpose2d(x, weight, stride=2)
>>> y
tensor([[[[ 1.,  0.,  3.,  0.,  2.],
          [ 0.,  1.,  0.,  2.,  0.],
          [ 4.,  0., 10.,  0.,  6.],
          [ 0.,  3.,  0.,  4.,  0.],
          [ 3.,  0.,  7.,  0.,  4.]]]], grad_fn=<ConvolutionBackward0>)

The gradient of a pixel is what a convolution with the same filter and stride reads at its place:

>>> grad_y = torch.arange(25.).reshape(1, 1, 5, 5)
>>> y.backward(grad_y)
>>> x.grad
tensor([[[[30., 40.],
          [80., 90.]]]])
>>> torch.equal(x.grad, F.conv2d(grad_y, weight.detach(), stride=2))
True
>>> weight.grad
tensor([[[[ 82.,  92., 102.],
          [132., 142., 152.],
          [182., 192., 202.]]]])

## Questions

**Where does the checkerboard pattern in generated images come from?**

From uneven overlaps. With a filter of 3 by 3 and stride 2, pixels receive one, two or four products:

>>> F.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3), stride=2)
tensor([[[[1., 1., 2., 1., 1.],
          [1., 1., 2., 1., 1.],
          [2., 2., 4., 2., 2.],
          [1., 1., 2., 1., 1.],
          [1., 1., 2., 1., 1.]]]])

A filter whose size is a multiple of the stride, such as 4 by 4, overlaps evenly, except at the border.

**What does a pixel hold that no copy of the filter reaches?**

The bias alone. Such pixels appear if the stride is larger than the filter, and with `output_padding`:

>>> F.conv_transpose2d(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 1), torch.tensor([5.]), stride=3)
tensor([[[[6., 5., 5., 6.]]]])

**Why is the weight $(C_{in}, C_{out} / G, K_h, K_w)$, with the input channels first?**

It is the weight of the convolution in the opposite direction, from $C_{out}$ to $C_{in}$ channels, and a convolution's weight has
its output channels first. So a Conv2d and a ConvTranspose2d with exchanged channels can share one weight:

>>> torch.nn.Conv2d(3, 8, 5).weight.shape == torch.nn.ConvTranspose2d(8, 3, 5).weight.shape
True

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
from reftorch.nn.convolution.conv2d import (
    conv2d_backward_bias_cpu,
    conv2d_backward_bias_cuda,
    conv2d_backward_weight_cpu,
    conv2d_backward_weight_cuda,
    conv2d_backward_x_cpu,
    conv2d_backward_x_cuda,
    conv2d_forward_cpu,
    conv2d_forward_cuda,
)
from reftorch.nn.convolution.conv_transpose_nd import ConvTransposeNd, conv_transpose_geometry, fitting_bias


class ConvTranspose2dFunction(Function):
    """Transposed convolution on the tape. `options` is stride, padding, dilation, groups, as the kernels of conv2d take them."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_out, options):
        ctx.save_for_backward(x, weight)
        ctx.options, groups = options, options[-1]
        y = x.new_empty(len(x), weight.shape[1] * groups, *size_out)
        run = on(x.device, conv2d_backward_x_cpu, conv2d_backward_x_cuda, y.numel(), fast.conv2d_backward_x)
        run(*arrays(x, weight, y), *options)
        return y if bias is None else y.add_(bias.reshape(-1, 1, 1))

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv2d_forward_cpu, conv2d_forward_cuda, grad_x.numel(), fast.conv2d_forward)
            run(*arrays(grad_y, weight, weight.new_zeros(len(weight)), grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv2d_backward_weight_cpu,
                conv2d_backward_weight_cuda,
                weight.numel(),
                fast.conv2d_backward_weight,
            )
            run(*arrays(x, grad_y, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(grad_y.shape[1])
            run = on(
                device,
                conv2d_backward_bias_cpu,
                conv2d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv2d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Write filters into a larger output, once for each element of the input.

    Shapes: `input` (N, C_in, H_in, W_in) or without N, which may be 0; `weight` (C_in, C_out / groups, K_h, K_w); `bias`
    (C_out) or None; the result (N, C_out, H_out, W_out) or without N. `stride`, `padding`, `output_padding` and `dilation` are
    ints or pairs. Note the order: groups come before dilation.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a padding that removes more than
            the output has.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    name = "conv_transpose2d"
    bias = fitting_bias(bias, input)
    check_tensors(name, allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, padding = sizes(2, stride, "stride", name), sizes(2, padding, "padding", name)
    output_padding = sizes(2, output_padding, "output_padding", name)
    dilation, groups = sizes(2, dilation, "dilation", name), integer(name, "groups", groups)
    size = input.shape, weight.shape, bias if bias is None else bias.shape
    size_out = conv_transpose_geometry(*size, stride, padding, output_padding, groups, dilation)
    batch = input.unsqueeze(0) if input.ndim == 3 else input
    y = ConvTranspose2dFunction.apply(batch, weight, bias, size_out, (*stride, *padding, *dilation, groups))
    return y.squeeze(0) if input.ndim == 3 else y


class ConvTranspose2d(ConvTransposeNd):
    """A bank of learned filters that make images larger, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: channels of the output, C_out.
        kernel_size: rows and columns of a filter; an int for both, or a pair, as with the next three and `dilation`.
        stride: how far apart neighbouring elements of the input write, in elements of the output.
        padding: how much is removed from each side of the output.
        output_padding: how much is added at the end of the output.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        dilation: how far apart the weights of a filter lie, in elements.
        padding_mode: "zeros"; there is no other.

    Attributes: `weight` (C_in, C_out / groups, K_h, K_w) and `bias` (C_out), both drawn from the uniform distribution on
    ±sqrt(k), k = groups / (C_out K_h K_w).

    Shapes: as `conv_transpose2d`, which raises the errors when the layer is called.

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
            2,
        )

    def forward(self, input, output_size=None):
        more = self.output_padding_for(input, output_size)
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
