"""Convolution of sequences: a sequence is an image with one row, so the fast forms for images compute it."""

from __future__ import annotations

from reftorch.fast.conv2d_slide import conv2d_backward_x, conv2d_forward
from reftorch.fast.conv2d_weight import conv2d_backward_weight
from reftorch.fast.sums import conv2d_backward_bias


def one_row(sequences):
    """(N, C, L) as (N, C, 1, L), without a copy."""
    N, C, L = sequences.shape
    return sequences.reshape(N, C, 1, L)


def conv1d_forward(reference, x, weight, bias, y, *options):
    """y = bias + weight * x, as the reference kernel, which is called where the form for images does not apply."""
    conv2d_forward(
        lambda *_: reference(x, weight, bias, y, *options),
        one_row(x),
        one_row(weight),
        bias,
        one_row(y),
        *of_rows(*options),
    )


def conv1d_backward_x(reference, grad_y, weight, grad_x, *options):
    """The gradient of the input, as the reference kernel."""
    conv2d_backward_x(
        lambda *_: reference(grad_y, weight, grad_x, *options),
        one_row(grad_y),
        one_row(weight),
        one_row(grad_x),
        *of_rows(*options),
    )


def conv1d_backward_weight(reference, grad_y, x, grad_weight, *options):
    """The gradient of the filters, as the reference kernel."""
    conv2d_backward_weight(
        lambda *_: reference(grad_y, x, grad_weight, *options),
        one_row(grad_y),
        one_row(x),
        one_row(grad_weight),
        *of_rows(*options),
    )


def conv1d_backward_bias(reference, grad_y, grad_bias):
    """The gradient of the bias, as the reference kernel."""
    conv2d_backward_bias(lambda *_: reference(grad_y, grad_bias), one_row(grad_y), grad_bias)


def of_rows(stride, pad, dil, groups):
    """The options of `conv2d`, rows before columns: there is one row, and the filter has one."""
    return 1, stride, 0, pad, 1, dil, groups
