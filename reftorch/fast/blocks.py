"""Blocks summed to images: one element of all blocks at a time.

The reference loop visits the pixels, and tests for each position in a block whether such a block exists. But element (k_h, k_w) of all
blocks is added to pixels at a constant stride. So the work is K_h K_w sums of two arrays.
"""

from __future__ import annotations

from reftorch.fast.conv3d import meetings


def fold_forward(reference, x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    """y[n, c, h, w] is the sum of the blocks' elements that lie on this pixel."""
    if y.dtype.kind != "f":
        return reference(x, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w)
    _, _, K_h, K_w, H_out, W_out = x.shape
    y[...] = 0
    rows = list(meetings(y.shape[2], H_out, K_h, stride_h, pad_h, dil_h))
    columns = list(meetings(y.shape[3], W_out, K_w, stride_w, pad_w, dil_w))
    for k_h, blocks_h, pixels_h in rows:
        for k_w, blocks_w, pixels_w in columns:
            y[:, :, pixels_h, pixels_w] += x[:, :, k_h, k_w, blocks_h, blocks_w]


unfold_backward_x = fold_forward  # the same sum: the gradient of a pixel is that of all blocks that contain it
