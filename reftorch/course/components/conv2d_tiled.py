r"""Convolution on CUDA with shared memory: the threads of a block load a tile of the image together, and then read it from there.

$$y[n, c_{out}, h_{out}, w_{out}] = b[c_{out}] + \sum_{c=0}^{C_{in} - 1} \; \sum_{k_h=0}^{K_h - 1} \; \sum_{k_w=0}^{K_w - 1}
W[c_{out}, c, k_h, k_w] \; x[n, c, h_{out} + k_h, w_{out} + k_w]$$

Neighbouring outputs read almost the same pixels. If each thread reads its own pixels, every pixel is read from global memory
$K_h K_w$ times. A block of $T$ by $T$ threads needs only $(T + K_h - 1)(T + K_w - 1)$ pixels of a channel. With $T = 8$ and a
filter of 3 by 3 these are 100 pixels for 64 outputs, instead of 576 reads.

## Worked example

>>> import reftorch as torch
>>> from reftorch.course.components.conv2d_tiled import conv2d_tiled
>>> x = torch.tensor([[[[1., 2, 3], [4, 5, 6], [7, 8, 0]]]])
>>> conv2d_tiled(x, torch.tensor([[[[1., 0], [0, -1]]]]), torch.tensor([10.]))
tensor([[[[ 6.,  6.],
          [ 6., 15.]]]])
"""

from __future__ import annotations

from reftorch.kernel import arrays, cuda
from reftorch.nn.functional import conv2d

TILE = 8  # threads of a block in each direction: each writes one output
LARGEST = 5  # rows and columns that a filter may have
SIDE = TILE + LARGEST - 1  # rows and columns of the image that a block may need


# ## A block's tile
#
# The block (blockIdx.x, blockIdx.y) writes TILE by TILE outputs of one channel of one image; blockIdx.z numbers the channels of all
# images. The first output of the block begins at the pixel (top, left).
@cuda.jit
def conv2d_tiled_forward_cuda(x, weight, bias, y):
    N, C_in, H_in, W_in = x.shape
    C_out, C_in, K_h, K_w = weight.shape
    N, C_out, H_out, W_out = y.shape
    tile = cuda.shared.array((SIDE, SIDE), x.dtype)
    filters = cuda.shared.array((LARGEST, LARGEST), x.dtype)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    left = cuda.blockIdx.x * TILE
    top = cuda.blockIdx.y * TILE
    c_out = cuda.blockIdx.z % C_out
    n = cuda.blockIdx.z // C_out
    inside = top + ty < H_out and left + tx < W_out
    acc = bias[c_out]
    for c in range(C_in):
        for h in range(ty, TILE + K_h - 1, TILE):
            for w in range(tx, TILE + K_w - 1, TILE):
                if top + h < H_in and left + w < W_in:
                    tile[h, w] = x[n, c, top + h, left + w]
        if ty < K_h and tx < K_w:
            filters[ty, tx] = weight[c_out, c, ty, tx]
        cuda.syncthreads()  # wait until all have loaded their pixels
        if inside:
            for k_h in range(K_h):
                for k_w in range(K_w):
                    acc += filters[k_h, k_w] * tile[ty + k_h, tx + k_w]
        cuda.syncthreads()  # wait until all have read: the next channel overwrites the tile
    if inside:
        y[n, c_out, top + ty, left + tx] = acc


def conv2d_tiled(x, weight, bias):
    """`conv2d(x, weight, bias)` with stride 1, on CUDA with tiles. No gradients. Shapes: (N, C_in, H_in, W_in) to (N, C_out, ...).

    Raises ValueError for filters with more than 5 rows or columns.
    """
    x, weight, bias = x.detach(), weight.detach(), bias.detach()
    if max(weight.shape[2:]) > LARGEST:
        raise ValueError(
            f"expected filters of at most {LARGEST} by {LARGEST}, which fit into the tile, found {tuple(weight.shape[2:])}"
        )
    if x.device.type == "cpu":
        return conv2d(x, weight, bias)
    N, H_out, W_out = x.shape[0], x.shape[2] - weight.shape[2] + 1, x.shape[3] - weight.shape[3] + 1
    y = x.new_empty((N, weight.shape[0], H_out, W_out))
    blocks = (-(-W_out // TILE), -(-H_out // TILE), N * weight.shape[0])
    conv2d_tiled_forward_cuda[blocks, (TILE, TILE)](*arrays(x, weight, bias, y))
    return y
