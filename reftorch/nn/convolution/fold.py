r"""Assembles blocks into an image: each column of a matrix is written into its window, and where windows overlap they are added.

It is the gradient of `Unfold` with respect to its input, used as a layer.

Use it when blocks that were processed one by one should become an image again: patches of a transformer, windows of an inpainting. Divide
by `fold(unfold(ones))` for the mean of the overlaps instead of the sum.

## Forward

With one channel, blocks of $K_h$ by $K_w$ and stride 1, the pixel $(h_{in}, w_{in})$ is element $(k_h, k_w)$ of the block that
begins $k_h$ rows above and $k_w$ columns to the left of it, for each $k_h$ and $k_w$:

$$y[h_{in}, w_{in}] = \sum_{k_h, k_w} x[k_h, k_w, h_{in} - k_h, w_{in} - k_w]$$

In general there are channels and options. Only those blocks count for which the division leaves no remainder and the result is in range:

$$y[n, c, h_{in}, w_{in}] = \sum_{k_h, k_w} x[n, c, k_h, k_w, h_{out}, w_{out}]$$

$$h_{out} = \frac{h_{in} + p_h - k_h d_h}{s_h} \qquad w_{out} = \frac{w_{in} + p_w - k_w d_w}{s_w}$$

The input has three dimensions, $(N, \; C K_h K_w, \; H_{out} W_{out})$; the kernels see it with six. $H_{out}$ and $W_{out}$
count the blocks, as in `Unfold`, and $H_{in}$, $W_{in}$ is the size of the image, `output_size`.

## Gradients

Each element of a block is added to one pixel, so its gradient is the gradient of this pixel; an element that lies in the padding
was not used:

$$\frac{\partial L}{\partial x}[n, c, k_h, k_w, h_{out}, w_{out}] = \frac{\partial L}{\partial y}[n, c, h_{in}, w_{in}]$$

$$h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad w_{in} = w_{out} \, s_w - p_w + k_w \, d_w$$

This is what `Unfold` reads.

## Output size

The size of the image is an argument, because several sizes can have the same number of blocks when the stride is larger than 1. The
number of blocks must fit the size:

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - d_h (K_h - 1) - 1}{s_h} \right\rfloor + 1$$

## Cost

At most one addition for each element of $x$, which is read once; with blocks of 3 by 3 and stride 1 that is 9 additions and 36 bytes
for each pixel in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, K_h, K_w, H_{out}, W_{out})$ | input: blocks |
| $y$ | `y` | $(N, C, H_{in}, W_{in})$ | output: images |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, K_h, K_w, H_{out}, W_{out})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $k_h$ | `k_h` | $0 \le k_h < K_h$ | row within a block |
| $k_w$ | `k_w` | $0 \le k_w < K_w$ | column within a block |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of blocks |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of blocks |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the image |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the image |
| $s_h, s_w$ | `stride_h`, `stride_w` | $\ge 1$ | rows and columns from one block to the next |
| $p_h, p_w$ | `pad_h`, `pad_w` | $\ge 0$ | rows of padding above, columns on the left |
| $d_h, d_w$ | `dil_h`, `dil_w` | $\ge 1$ | rows and columns from one element of a block to the next |

## Worked example

Two blocks of 2 by 2 in an image of 2 by 3. Both contain the middle column, where they are added:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 10],
...                    [2, 20],
...                    [3, 30],
...                    [4, 40]]], requires_grad=True)
>>> y = F.fold(x, output_size=(2, 3), kernel_size=2)
>>> y
tensor([[[[ 1., 12., 20.],
          [ 3., 34., 40.]]]], grad_fn=<Col2ImBackward0>)
>>> y.backward(torch.tensor([[[[1., 2, 3],
...                            [4, 5, 6]]]]))
>>> x.grad
tensor([[[1., 2.],
         [2., 3.],
         [4., 5.],
         [5., 6.]]])

## Questions

**Why is `fold(unfold(x))` not `x`?**

A pixel is added up once for each block that contains it:

>>> F.fold(F.unfold(torch.ones(1, 1, 3, 3), 2), (3, 3), 2)
tensor([[[[1., 2., 1.],
          [2., 4., 2.],
          [1., 2., 1.]]]])

**When is it the inverse of unfold?**

When the blocks cover the image without overlap: the stride equals the size of the block, and the image's size is a multiple of it.

>>> x = torch.randn(2, 3, 4, 6)
>>> torch.equal(F.fold(F.unfold(x, 2, stride=2), (4, 6), 2, stride=2), x)
True

**Why must the size of the image be given?**

With stride 2 and blocks of 2, images of 4 and of 5 rows have two rows of blocks. Rows that no block reaches are zero.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text
from reftorch.nn.convolution.blocks import block_counts, check_batch, check_blocks, pair_of
from reftorch.nn.module import Module


# ## The output
#
# $$y[n, c, h_{in}, w_{in}] = \sum_{k_h, k_w} x[n, c, k_h, k_w, h_{out}, w_{out}]$$
#
# Element k_h of a block lies in row h_in for the block with h_out s_h = h_in + p_h - k_h d_h. If the right side is not a multiple of
# the stride, or h_out lies outside, there is no such block.
@njit(**PARALLEL)
def fold_forward_cpu(x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, K_h, K_w, H_out, W_out = x.shape
    N, C, H_in, W_in = y.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = y.dtype.type(0)
                for k_h in range(K_h):
                    h_out = (h_in + pad_h - k_h * dil_h) // stride_h
                    h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
                    if h_even and 0 <= h_out < H_out:
                        for k_w in range(K_w):
                            w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                            w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                            if w_even and 0 <= w_out < W_out:
                                acc += x[n, c, k_h, k_w, h_out, w_out]
                y[n, c, h_in, w_in] = acc


@cuda.jit
def fold_forward_cuda(x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, K_h, K_w, H_out, W_out = x.shape
    N, C, H_in, W_in = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    nc = i // (W_in * H_in)
    n = nc // C
    c = nc % C
    acc = y.dtype.type(0)
    for k_h in range(K_h):
        h_out = (h_in + pad_h - k_h * dil_h) // stride_h
        h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
        if h_even and 0 <= h_out < H_out:
            for k_w in range(K_w):
                w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                if w_even and 0 <= w_out < W_out:
                    acc += x[n, c, k_h, k_w, h_out, w_out]
    y[n, c, h_in, w_in] = acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, k_h, k_w, h_{out}, w_{out}] = \frac{\partial L}{\partial y}[n, c, h_{in}, w_{in}]$$
#
# Zero where the block leaves the image.
@njit(**PARALLEL)
def fold_backward_x_cpu(grad_y, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, H_in, W_in = grad_y.shape
    N, C, K_h, K_w, H_out, W_out = grad_x.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for k_h in range(K_h):
            for k_w in range(K_w):
                for h_out in range(H_out):
                    for w_out in range(W_out):
                        h_in = h_out * stride_h - pad_h + k_h * dil_h
                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                        value = grad_x.dtype.type(0)
                        if 0 <= h_in < H_in and 0 <= w_in < W_in:
                            value = grad_y[n, c, h_in, w_in]
                        grad_x[n, c, k_h, k_w, h_out, w_out] = value


@cuda.jit
def fold_backward_x_cuda(grad_y, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, H_in, W_in = grad_y.shape
    N, C, K_h, K_w, H_out, W_out = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    k_w = i // (W_out * H_out) % K_w
    k_h = i // (W_out * H_out * K_w) % K_h
    nc = i // (W_out * H_out * K_w * K_h)
    n = nc // C
    c = nc % C
    h_in = h_out * stride_h - pad_h + k_h * dil_h
    w_in = w_out * stride_w - pad_w + k_w * dil_w
    value = grad_x.dtype.type(0)
    if 0 <= h_in < H_in and 0 <= w_in < W_in:
        value = grad_y[n, c, h_in, w_in]
    grad_x[n, c, k_h, k_w, h_out, w_out] = value


class FoldFunction(Function):
    """Assembles blocks, on the tape. x (N, C K_h K_w, H_out W_out); `blocks` is (K_h, K_w, H_out, W_out), `size` (H_in, W_in)."""

    torch_name = "Col2ImBackward0"

    @staticmethod
    def forward(ctx, x, blocks, size, options):
        ctx.size, ctx.options = x.shape, options
        channels = x.shape[1] // (blocks[0] * blocks[1])
        ctx.blocks = (len(x), channels, *blocks)
        y = x.new_empty(len(x), channels, *size)
        run = on(x.device, fold_forward_cpu, fold_forward_cuda, y.numel(), fast.fold_forward)
        run(*arrays(x.reshape(ctx.blocks), y), *options)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.blocks)
        run = on(grad_y.device, fold_backward_x_cpu, fold_backward_x_cuda, grad_x.numel())
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x.view(ctx.size), None, None, None


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Assemble blocks into images; where they overlap they are added.

    Shapes: `input` (N, C K_h K_w, H_out W_out) or (C K_h K_w, H_out W_out), N may be 0; the result (N, C, H_in, W_in) with
    (H_in, W_in) = `output_size`, or without N. The options are ints or pairs, those of the `unfold` that made the blocks.

    Raises:
        RuntimeError: another number of dimensions, an empty one, an option out of range, a number of channels or blocks that
            does not fit the sizes.
        TypeError: `input` is not a tensor, or an option not an int.
        NotImplementedError: `input` is not float32, float64 or bool.
    """
    size = pair_of("fold", "output_size", output_size)
    kernel, dilation, padding, stride = check_blocks("fold", input, kernel_size, dilation, padding, stride)
    check_batch("2D or 3D", 2, input)
    rows, columns = input.shape[-2:]
    if rows % (kernel[0] * kernel[1]):
        raise RuntimeError(
            f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)={rows} "
            f"and kernel_size={kernel}."
        )
    counts = block_counts(size, kernel, dilation, padding, stride)
    given = f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, "
    if min(counts) < 1 or min(size) < 1:
        raise RuntimeError(f"{given}calculated shape of the array of sliding blocks as {counts}, which is too small")
    if columns != counts[0] * counts[1]:
        raise RuntimeError(
            f"{given}expected size of input's dimension 2 to match the calculated number of sliding blocks {counts[0]} * "
            f"{counts[1]} = {counts[0] * counts[1]}, but got input.size(2)={columns}."
        )
    batch = input.unsqueeze(0) if input.dim() == 2 else input
    y = FoldFunction.apply(batch, (*kernel, *counts), size, (*stride, *padding, *dilation))
    return y.squeeze(0) if input.dim() == 2 else y


class Fold(Module):
    """Assembles blocks into images, as a layer. It has no parameters.

    Args:
        output_size: rows and columns of the images; an int for both, or a pair, as with all that follow.
        kernel_size: rows and columns of a block.
        dilation: how far apart the elements of a block lie, in pixels.
        padding: rows and columns on each side that are left out.
        stride: distance from one block to the next, in pixels.

    Shapes and errors: as `fold`, which raises them when the layer is called.
    """

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input):
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return options_text(self, "output_size", "kernel_size", "dilation", "padding", "stride")
