r"""The blocks of an image as the columns of a matrix: every position of a sliding window becomes a column that lists its elements.

In this form a convolution is one matrix product, which is how many libraries compute it (im2col).

Use it when an operation needs each window as a whole: patches for a transformer, a filter that is not a weighted sum, weights that
differ from place to place. `Fold` assembles blocks into an image; it is not the inverse, since it adds up overlaps.

## Forward

With one channel, blocks of $K_h$ by $K_w$ and stride 1, the column of position $(h_{out}, w_{out})$ is

$$y[k_h, k_w, h_{out}, w_{out}] = x[h_{out} + k_h, w_{out} + k_w]$$

In general there are channels and options, and elements outside the image count as zero:

$$y[n, c, k_h, k_w, h_{out}, w_{out}] = x[n, c, h_{in}, w_{in}]$$

$$h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad w_{in} = w_{out} \, s_w - p_w + k_w \, d_w$$

The result has three dimensions, $(N, \; C K_h K_w, \; H_{out} W_{out})$: the indices $c, k_h, k_w$ are merged into one, channels
outermost, and so are $h_{out}, w_{out}$, row by row. Only the shape changes; no element moves in memory.

## Gradients

An element of the image is listed once for every block that contains it. The loss depends on it through all of them, and the
derivative of each is 1, so the chain rule adds up the gradients. These are the blocks for which the division leaves no remainder and
the result is in range:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{k_h, k_w} \frac{\partial L}{\partial y}[n, c, k_h, k_w, h_{out}, w_{out}]$$

$$h_{out} = \frac{h_{in} + p_h - k_h d_h}{s_h} \qquad w_{out} = \frac{w_{in} + p_w - k_w d_w}{s_w}$$

This sum is what `Fold` computes.

## Output size

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - d_h (K_h - 1) - 1}{s_h} \right\rfloor + 1$$

$W_{out}$ is computed in the same way. These are the positions of a filter in a convolution.

## Cost

No arithmetic. Each element of the result is written once: with blocks of 3 by 3 and stride 1 that is 9 times as many bytes as the image
has. This is why Conv2d does not store the columns.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input: images |
| $y$ | `y` | $(N, C, K_h, K_w, H_{out}, W_{out})$ | output: the blocks |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, K_h, K_w, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
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

Blocks of 2 by 2 in an image of 2 by 3: there are two, and each is a column.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 2, 3],
...                     [4, 5, 6]]]], requires_grad=True)
>>> y = F.unfold(x, 2)
>>> y
tensor([[[1., 2.],
         [2., 3.],
         [4., 5.],
         [5., 6.]]], grad_fn=<Im2ColBackward0>)

The middle column of the image is in both blocks and collects two gradients:

>>> y.backward(torch.ones(1, 4, 2))
>>> x.grad
tensor([[[[1., 2., 1.],
          [1., 2., 1.]]]])

## Questions

**How is a convolution a matrix product?**

Each output is a row of the weights times a column of the blocks:

>>> x, weight = torch.randn(2, 3, 6, 5), torch.randn(4, 3, 3, 2)
>>> product = weight.reshape(4, 18) @ F.unfold(x, (3, 2))
>>> torch.allclose(product.reshape(2, 4, 4, 4), F.conv2d(x, weight), atol=1e-5)
True

**How is an image cut into patches that do not overlap?**

With a stride equal to the size of a block:

>>> F.unfold(torch.zeros(1, 3, 32, 32), 8, stride=8).shape
torch.Size([1, 192, 16])

**Which row of the result holds the second channel's upper left element?**

Row $K_h K_w$, counted from 0: all elements of the first channel's block come before it.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text
from reftorch.nn.convolution.blocks import block_counts, check_batch, check_blocks
from reftorch.nn.module import Module


# ## The output
#
# $$y[n, c, k_h, k_w, h_{out}, w_{out}] = x[n, c, h_{in}, w_{in}]$$
#
# Zero where the block leaves the image.
@njit(**PARALLEL)
def unfold_forward_cpu(x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, H_in, W_in = x.shape
    N, C, K_h, K_w, H_out, W_out = y.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for k_h in range(K_h):
            for k_w in range(K_w):
                for h_out in range(H_out):
                    for w_out in range(W_out):
                        h_in = h_out * stride_h - pad_h + k_h * dil_h
                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                        value = y.dtype.type(0)
                        if 0 <= h_in < H_in and 0 <= w_in < W_in:
                            value = x[n, c, h_in, w_in]
                        y[n, c, k_h, k_w, h_out, w_out] = value


@cuda.jit
def unfold_forward_cuda(x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, H_in, W_in = x.shape
    N, C, K_h, K_w, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
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
    value = y.dtype.type(0)
    if 0 <= h_in < H_in and 0 <= w_in < W_in:
        value = x[n, c, h_in, w_in]
    y[n, c, k_h, k_w, h_out, w_out] = value


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{k_h, k_w} \frac{\partial L}{\partial y}[n, c, k_h, k_w, h_{out}, w_{out}]$$
#
# Element k_h of a block was row h_in for the block with h_out s_h = h_in + p_h - k_h d_h. If the right side is not a multiple of the
# stride, or h_out lies outside, there is no such block.
@njit(**PARALLEL)
def unfold_backward_x_cpu(grad_y, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, K_h, K_w, H_out, W_out = grad_y.shape
    N, C, H_in, W_in = grad_x.shape
    for nc in prange(N * C):
        n = nc // C
        c = nc % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                for k_h in range(K_h):
                    h_out = (h_in + pad_h - k_h * dil_h) // stride_h
                    h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
                    if h_even and 0 <= h_out < H_out:
                        for k_w in range(K_w):
                            w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                            w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                            if w_even and 0 <= w_out < W_out:
                                acc += grad_y[n, c, k_h, k_w, h_out, w_out]
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def unfold_backward_x_cuda(grad_y, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    N, C, K_h, K_w, H_out, W_out = grad_y.shape
    N, C, H_in, W_in = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    nc = i // (W_in * H_in)
    n = nc // C
    c = nc % C
    acc = grad_x.dtype.type(0)
    for k_h in range(K_h):
        h_out = (h_in + pad_h - k_h * dil_h) // stride_h
        h_even = h_out * stride_h == h_in + pad_h - k_h * dil_h
        if h_even and 0 <= h_out < H_out:
            for k_w in range(K_w):
                w_out = (w_in + pad_w - k_w * dil_w) // stride_w
                w_even = w_out * stride_w == w_in + pad_w - k_w * dil_w
                if w_even and 0 <= w_out < W_out:
                    acc += grad_y[n, c, k_h, k_w, h_out, w_out]
    grad_x[n, c, h_in, w_in] = acc


class UnfoldFunction(Function):
    """Blocks on the tape. x (N, C, H_in, W_in); `blocks` is (K_h, K_w, H_out, W_out), `options` stride, padding, dilation."""

    torch_name = "Im2ColBackward0"

    @staticmethod
    def forward(ctx, x, blocks, options):
        ctx.size, ctx.options = x.shape, options
        y = x.new_empty(*x.shape[:2], *blocks)
        ctx.blocks = y.shape
        run = on(x.device, unfold_forward_cpu, unfold_forward_cuda, y.numel())
        run(*arrays(x, y), *options)
        N, C, K_h, K_w, H_out, W_out = y.shape
        return y.view(N, C * K_h * K_w, H_out * W_out)

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size)
        run = on(grad_y.device, unfold_backward_x_cpu, unfold_backward_x_cuda, grad_x.numel(), fast.unfold_backward_x)
        run(*arrays(grad_y.reshape(ctx.blocks), grad_x), *ctx.options)
        return grad_x, None, None


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The blocks of images as columns.

    Shapes: `input` (N, C, H_in, W_in) or (C, H_in, W_in), N may be 0; the result (N, C K_h K_w, H_out W_out), or without N. The
    options are ints or pairs. Note the order: dilation and padding come before stride.

    Raises:
        RuntimeError: another number of dimensions, an empty one, an option out of range, a block larger than the padded image.
        IndexError: an input of two dimensions or fewer.
        TypeError: `input` is not a tensor, or an option not an int.
        NotImplementedError: `input` is not float32, float64 or bool.
    """
    options = check_blocks("unfold", input, kernel_size, dilation, padding, stride)
    if input.dim() <= 2:
        raise IndexError(
            f"unfold: expected (N, C, H, W) or (C, H, W), found {list(input.shape)}: an image without channels "
            "needs x.unsqueeze(0)"
        )
    check_batch("3D or 4D", 3, input)
    kernel, dilation, padding, stride = options
    counts = block_counts(input.shape[-2:], kernel, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, calculated shape of the array of sliding blocks as {counts}, but its components must be at least "
            "one: the block is larger than the padded image"
        )
    batch = input.unsqueeze(0) if input.dim() == 3 else input
    y = UnfoldFunction.apply(batch, (*kernel, *counts), (*stride, *padding, *dilation))
    return y.squeeze(0) if input.dim() == 3 else y


class Unfold(Module):
    """The blocks of images as columns, as a layer. It has no parameters.

    Args:
        kernel_size: rows and columns of a block; an int for both, or a pair, as with the next three.
        dilation: how far apart the elements of a block lie, in pixels.
        padding: rows and columns of zeros added on each side.
        stride: how far the block moves, in pixels.

    Shapes and errors: as `unfold`, which raises them when the layer is called.
    """

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return options_text(self, "kernel_size", "dilation", "padding", "stride")
