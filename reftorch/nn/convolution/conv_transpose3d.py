r"""Transposed convolution of volumes: each element of the input writes its multiple of a learned filter into the output.

A convolution with stride makes volumes smaller; this operation leads back to the larger size. It is the gradient of a convolution
with respect to its input, used as a layer, and it uses the kernels of `Conv3d`.

Use it when a volume or a video should become larger by learned filters: the decoder of a segmentation of scans, or of a generator of
videos.

## Forward

With one channel and no padding, an element of the input adds its value times the filter to the output. Its neighbour does the same
one stride further on: $s_d$ planes behind, $s_h$ rows below or $s_w$ columns to the right:

$$y[d_{out}, h_{out}, w_{out}] = b + \sum_{d_{in}, h_{in}, w_{in}} x[d_{in}, h_{in}, w_{in}] \;
W[d_{out} - d_{in} \, s_d, \; h_{out} - h_{in} \, s_h, \; w_{out} - w_{in} \, s_w]$$

where $W$ counts as zero outside the filter. Read from the output, an element of the output collects, for each weight, the element of
the input that wrote this weight to it:

$$y[n, c_{out}, d_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c_{in} \in g} \; \sum_{k_d, k_h, k_w}
W[c_{in}, c, k_d, k_h, k_w] \; x[n, c_{in}, d_{in}, h_{in}, w_{in}]$$

$$d_{in} = \frac{d_{out} + p_d - k_d d_d}{s_d}
\qquad h_{in} = \frac{h_{out} + p_h - k_h d_h}{s_h}
\qquad w_{in} = \frac{w_{out} + p_w - k_w d_w}{s_w}$$

for those weights for which the division leaves no remainder and the result is a position of the input. $c$ is the number of
channel $c_{out}$ within its group $g$. This is the formula for the gradient of the input of `conv3d`, with $x$ in the place of
$\frac{\partial L}{\partial y}$ and $y$ in the place of $\frac{\partial L}{\partial x}$: forward runs the loop
`conv3d_backward_x_cpu`, and then adds the bias.

## Gradients

$y$ is linear in $x$. The element $x[n, c_{in}, d_{in}, h_{in}, w_{in}]$ was written, times each weight, to the positions

$$d_{out} = d_{in} \, s_d - p_d + k_d \, d_d
\qquad h_{out} = h_{in} \, s_h - p_h + k_h \, d_h
\qquad w_{out} = w_{in} \, s_w - p_w + k_w \, d_w$$

so it collects the gradients from there. That is a convolution with stride, the loop `conv3d_forward_cpu`:

$$\frac{\partial L}{\partial x}[n, c_{in}, d_{in}, h_{in}, w_{in}] = \sum_{c_{out} \in g} \; \sum_{k_d, k_h, k_w}
W[c_{in}, c, k_d, k_h, k_w] \; \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$

A weight was multiplied with every element of the input, and its product went to one position each time. That is the loop
`conv3d_backward_weight_cpu`, with $x$ and the gradient of $y$ exchanged:

$$\frac{\partial L}{\partial W}[c_{in}, c, k_d, k_h, k_w] = \sum_n \; \sum_{d_{in}, h_{in}, w_{in}}
x[n, c_{in}, d_{in}, h_{in}, w_{in}] \; \frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$

$$\frac{\partial L}{\partial b}[c_{out}] = \sum_n \; \sum_{d_{out}, h_{out}, w_{out}}
\frac{\partial L}{\partial y}[n, c_{out}, d_{out}, h_{out}, w_{out}]$$

## Output size

$$D_{out} = (D_{in} - 1) \, s_d - 2 p_d + d_d (K_d - 1) + o_d + 1$$

$H_{out}$ and $W_{out}$ are computed in the same way.
The last filter begins at $(D_{in} - 1) \, s_d$ and spans $d_d (K_d - 1) + 1$
elements. Padding removes $p_d$ elements on each side. The output padding $o_d$ makes the output longer at its end only; it must be
smaller than $s_d$ or smaller than $d_d$.

## Cost

$N \, C_{in} \, D_{in} \, H_{in} \, W_{in} \, \frac{C_{out}}{G} \, K_d \, K_h \, K_w$ multiply-adds forward, and as
many for each of the gradients of $x$ and $W$: every element of the input is multiplied by every weight of its group.

## Worked example

A volume of one plane, 1 by 2, and a filter of 2 by 1 by 2. Each element writes its multiple of the filter. In the middle column the
two multiples overlap and are added:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[1., 2]]]]], requires_grad=True)
>>> weight = torch.tensor([[[[[1., 2]],
...                          [[3, 4]]]]], requires_grad=True)
>>> y = F.conv_transpose3d(x, weight)
>>> y
tensor([[[[[ 1.,  4.,  4.]],
<BLANKLINE>
          [[ 3., 10.,  8.]]]]], grad_fn=<ConvolutionBackward0>)
>>> y.sum().backward()
>>> x.grad
tensor([[[[[10., 10.]]]]])
>>> weight.grad
tensor([[[[[3., 3.]],
<BLANKLINE>
          [[3., 3.]]]]])

## Questions

**How large is the output for 4 by 4 by 4 with a filter of 4, stride 2 and padding 1?**

$(4 - 1) \cdot 2 - 2 \cdot 1 + (4 - 1) + 1 = 8$ in each dimension: twice as large, the usual choice.

>>> torch.nn.ConvTranspose3d(8, 2, 4, stride=2, padding=1)(torch.zeros(1, 8, 4, 4, 4)).shape
torch.Size([1, 2, 8, 8, 8])

**How is the size of the output chosen?**

With `output_size` when the layer is called. It sets the output padding; sizes that the stride cannot give are refused.

>>> layer = torch.nn.ConvTranspose3d(8, 2, 3, stride=2, padding=1)
>>> layer(torch.zeros(1, 8, 4, 4, 4), output_size=(8, 7, 8)).shape
torch.Size([1, 2, 8, 7, 8])

**Does a filter of one weight with stride 1 differ from Conv3d?**

Only in the layout of the weight: both multiply the channels of each element by a matrix.

>>> x, weight = torch.randn(1, 3, 2, 2, 2), torch.randn(3, 4, 1, 1, 1)
>>> torch.allclose(F.conv_transpose3d(x, weight), F.conv3d(x, weight.transpose(0, 1)), atol=1e-6)
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
from reftorch.nn.convolution.conv3d import (
    conv3d_backward_bias_cpu,
    conv3d_backward_bias_cuda,
    conv3d_backward_weight_cpu,
    conv3d_backward_weight_cuda,
    conv3d_backward_x_cpu,
    conv3d_backward_x_cuda,
    conv3d_forward_cpu,
    conv3d_forward_cuda,
)
from reftorch.nn.convolution.conv_transpose_nd import ConvTransposeNd, conv_transpose_geometry


class ConvTranspose3dFunction(Function):
    """Transposed convolution on the tape. `options` is stride, padding, dilation, groups, as the kernels of conv3d take them."""

    torch_name = "ConvolutionBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, size_out, options):
        ctx.save_for_backward(x, weight)
        ctx.options, groups = options, options[-1]
        y = x.new_empty(len(x), weight.shape[1] * groups, *size_out)
        run = on(x.device, conv3d_backward_x_cpu, conv3d_backward_x_cuda, y.numel(), fast.conv3d_backward_x)
        run(*arrays(x, weight, y), *options)
        return y if bias is None else y.add_(bias.reshape(-1, 1, 1, 1))

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        device = grad_y.device
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run = on(device, conv3d_forward_cpu, conv3d_forward_cuda, grad_x.numel(), fast.conv3d_forward)
            run(*arrays(grad_y, weight, weight.new_zeros(len(weight)), grad_x), *ctx.options)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(
                device,
                conv3d_backward_weight_cpu,
                conv3d_backward_weight_cuda,
                weight.numel(),
                fast.conv3d_backward_weight,
            )
            run(*arrays(x, grad_y, grad_weight), *ctx.options)
        if ctx.needs_input_grad[2]:
            grad_bias = weight.new_empty(grad_y.shape[1])
            run = on(
                device,
                conv3d_backward_bias_cpu,
                conv3d_backward_bias_cuda,
                grad_bias.numel(),
                fast.conv3d_backward_bias,
            )
            run(*arrays(grad_y, grad_bias))
        return grad_x, grad_weight, grad_bias, None, None


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Write filters into a larger output, once for each element of the input.

    Shapes: `input` (N, C_in, D_in, H_in, W_in) or without N, which may be 0; `weight` (C_in, C_out / groups, K_d, K_h, K_w); `bias`
    (C_out) or None; the result (N, C_out, D_out, H_out, W_out) or without N. `stride`, `padding`, `output_padding` and `dilation` are
    ints or triples. Note the order: groups come before dilation.

    Raises:
        RuntimeError: shapes that do not fit, an option out of range, different dtypes or devices, a padding that removes more than
            the output has.
        TypeError: an argument is not a tensor, or not an int.
        NotImplementedError: a dtype without a kernel: float16, bfloat16, bool or complex.
    """
    name = "conv_transpose3d"
    check_tensors(name, allowed=DTYPES, input=input, weight=weight, bias=bias)
    stride, padding = sizes(3, stride, "stride", name), sizes(3, padding, "padding", name)
    output_padding = sizes(3, output_padding, "output_padding", name)
    dilation, groups = sizes(3, dilation, "dilation", name), integer(name, "groups", groups)
    size = input.shape, weight.shape, bias if bias is None else bias.shape
    size_out = conv_transpose_geometry(*size, stride, padding, output_padding, groups, dilation)
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y = ConvTranspose3dFunction.apply(batch, weight, bias, size_out, (*stride, *padding, *dilation, groups))
    return y.squeeze(0) if input.ndim == 4 else y


class ConvTranspose3d(ConvTransposeNd):
    """A bank of learned filters that make volumes larger, as a layer.

    Args:
        in_channels: channels of the input, C_in.
        out_channels: channels of the output, C_out.
        kernel_size: planes, rows and columns of a filter; an int for all, or a triple, as with the next three and `dilation`.
        stride: how far apart neighbouring elements of the input write, in elements of the output.
        padding: how much is removed from each side of the output.
        output_padding: how much is added at the end of the output.
        groups: number of groups that the channels are divided into.
        bias: whether a learned number is added to each output channel.
        dilation: how far apart the weights of a filter lie, in elements.
        padding_mode: "zeros"; there is no other.

    Attributes: `weight` (C_in, C_out / groups, K_d, K_h, K_w) and `bias` (C_out), both drawn from the uniform distribution on
    ±sqrt(k), k = groups / (C_out K_d K_h K_w).

    Shapes: as `conv_transpose3d`, which raises the errors when the layer is called.

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
            3,
        )

    def forward(self, input, output_size=None):
        more = self.output_padding_for(input, output_size)
        return conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
