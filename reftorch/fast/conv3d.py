"""Convolution of volumes: the depth of the filter becomes channels, so the forms for images do the work.

An output slice reads K_d slices of the input, each with its own weights. Stacked as channels, they are one image with C_in K_d channels.
The filters (C_out, C_in, K_d, K_h, K_w) are filters for this image, (C_out, C_in K_d, K_h, K_w), without a copy. So one output slice is
one convolution of an image, and the slices of all volumes are a batch. Each input slice is copied up to K_d times. A copied element is used
in C_out K_h K_w multiply-adds, so the copies cost little.

For slices in the padding, the stack holds zeros. A zero times an infinite weight is NaN: then the reference loop does the work.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.conv2d_slide import conv2d_backward_x, conv2d_forward
from reftorch.fast.conv2d_weight import conv2d_backward_weight
from reftorch.fast.sums import conv2d_backward_bias

ROOM = 1 << 23  # elements of a stack: larger batches are computed in parts


def conv3d_forward(reference, x, weight, bias, y, *options):
    """y = bias + weight * x, as the reference kernel, which is called where this form does not apply."""
    if y.dtype.kind != "f" or not min(x.size, y.size) or not math.isfinite(weight.sum()):
        return reference(x, weight, bias, y, *options)
    depth, flat = split(options)
    for n in blocks(x, weight, y):
        slices = np.empty(sliced(y[n]), y.dtype)
        conv2d_forward(None, stack(x[n], weight, y, depth), filters(weight), bias, slices, *flat)
        y[n] = unsliced(slices, y)


def conv3d_backward_x(reference, grad_y, weight, grad_x, *options):
    """The gradient of the input, as the reference kernel."""
    if grad_x.dtype.kind != "f" or not min(grad_x.size, grad_y.size) or not math.isfinite(weight.sum()):
        return reference(grad_y, weight, grad_x, *options)
    depth, flat = split(options)
    (_, C_in, D_in, H_in, W_in), D_out, K_d = grad_x.shape, grad_y.shape[2], weight.shape[2]
    grad_x[...] = 0
    for n in blocks(grad_x, weight, grad_y):
        stacked = np.empty((len(grad_y[n]) * D_out, C_in * K_d, H_in, W_in), grad_x.dtype)
        conv2d_backward_x(None, slices_of(grad_y[n]), filters(weight), stacked, *flat)
        parts = stacked.reshape(-1, D_out, C_in, K_d, H_in, W_in)
        for k_d, outs, ins in meetings(D_in, D_out, K_d, *depth):
            grad_x[n, :, ins] += parts[:, outs, :, k_d].swapaxes(1, 2)


def conv3d_backward_weight(reference, grad_y, x, grad_weight, *options):
    """The gradient of the filters, as the reference kernel."""
    if grad_weight.dtype.kind != "f" or not min(grad_y.size, x.size):
        return reference(grad_y, x, grad_weight, *options)
    depth, flat = split(options)
    total, part = np.zeros(grad_weight.shape), np.empty_like(grad_weight)
    refused: list = []  # parts of the batch whose data are not finite
    for n in blocks(x, grad_weight, grad_y):
        stacked = stack(x[n], grad_weight, grad_y, depth)
        conv2d_backward_weight(
            lambda *arguments: refused.append(arguments), slices_of(grad_y[n]), stacked, filters(part), *flat
        )
        if refused:
            return reference(grad_y, x, grad_weight, *options)
        total += part
    grad_weight[...] = total


def conv3d_backward_bias(reference, grad_y, grad_bias):
    """The gradient of the bias, as the reference kernel."""
    N, C_out, D_out, H_out, W_out = grad_y.shape
    conv2d_backward_bias(
        lambda *_: reference(grad_y, grad_bias), grad_y.reshape(N, C_out, D_out * H_out, W_out), grad_bias
    )


def split(options):
    """The options of the depth (stride, padding, dilation), and those of the images."""
    stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, groups = options
    return (stride_d, pad_d, dil_d), (stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups)


def blocks(x, weight, y):
    """Slices of the batch, each with as many volumes as fit into ROOM."""
    one = y.shape[2] * weight.shape[2] * x[:1, :, 0].size  # elements of the stack of one volume
    step = max(1, ROOM // max(one, 1))
    return [slice(n, min(n + step, len(x))) for n in range(0, len(x), step)]


def filters(weight):
    """(C_out, C, K_d, K_h, K_w) as (C_out, C K_d, K_h, K_w), without a copy."""
    C_out, C, K_d, K_h, K_w = weight.shape
    return weight.reshape(C_out, C * K_d, K_h, K_w)


def stack(x, weight, y, depth):
    """For each output slice the input slices that it reads, as channels: (N D_out, C_in K_d, H, W)."""
    (N, C_in, D_in, H, W), K_d, D_out = x.shape, weight.shape[2], y.shape[2]
    stacked = np.zeros((N, D_out, C_in, K_d, H, W), x.dtype)
    for k_d, outs, ins in meetings(D_in, D_out, K_d, *depth):
        stacked[:, outs, :, k_d] = x[:, :, ins].swapaxes(1, 2)
    return stacked.reshape(N * D_out, C_in * K_d, H, W)


def meetings(D_in, D_out, K_d, stride_d, pad_d, dil_d):
    """For each slice k_d of the filter: the output slices whose input slice lies within the volume, and these input slices."""
    for k_d in range(K_d):
        shift = k_d * dil_d - pad_d
        first = max(0, -(shift // stride_d))
        last = min(D_out - 1, (D_in - 1 - shift) // stride_d)
        if first <= last:
            yield k_d, slice(first, last + 1), slice(first * stride_d + shift, last * stride_d + shift + 1, stride_d)


def sliced(y):
    """The shape of a batch of volumes (N, C, D, H, W) as a batch of slices, (N D, C, H, W)."""
    N, C, D, H, W = y.shape
    return N * D, C, H, W


def slices_of(y):
    """A batch of volumes as a batch of slices."""
    return np.ascontiguousarray(y.swapaxes(1, 2)).reshape(sliced(y))


def unsliced(slices, y):
    """A batch of slices as a batch of volumes with the depth of y."""
    return slices.reshape(-1, y.shape[2], *slices.shape[1:]).swapaxes(1, 2)
