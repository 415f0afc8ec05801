"""Padding along one dimension: the input is copied in one piece, and only the border is treated element by element.

The reference loop computes for each element of the result which element of the input it is. Most of them are inside, and neighbours in
memory. So the inside is copied as a whole block. The border consists of a few slices: one value, the element at the edge, the other end, or
the elements beside the edge in reverse order. Backward, the gradients of the border are added to the elements that were copied into it.

Negative widths, which cut elements off, are left to the reference loop.

A border of one value does not depend on the input. So it is put around several dimensions at once, without an intermediate result for
each: `framed`, and `unframed` for the gradient.
"""

from __future__ import annotations

import numpy as np


def constant_pad_forward(reference, x, y, before, value):
    """y is x with a border of one value."""
    end = before + x.shape[1]
    if before < 0 or end > y.shape[1]:
        return reference(x, y, before, value)
    y[:, :before] = value
    y[:, before:end] = x
    y[:, end:] = value


def constant_pad_backward_x(reference, grad_y, grad_x, before):
    """The gradient of the inside."""
    end = before + grad_x.shape[1]
    if before < 0 or end > grad_y.shape[1]:
        return reference(grad_y, grad_x, before)
    grad_x[...] = grad_y[:, before:end]


def framed(x, widths, value):
    """x with a border of one value. `widths` is (dimension, before, after) of each padded dimension, none of them negative."""
    shape, inside = list(x.shape), [slice(None)] * x.ndim
    for dim, before, after in widths:
        shape[dim] += before + after
    y = np.empty(shape, x.dtype)
    for dim, before, after in sorted(widths):
        for border in (slice(0, before), slice(shape[dim] - after, None)):
            part = *inside[:dim], border
            y[part] = value
        inside[dim] = slice(before, shape[dim] - after)
    y[tuple(inside)] = x
    return y


def unframed(y, widths):
    """A copy of y without its border."""
    inside = [slice(None)] * y.ndim
    for dim, before, after in widths:
        inside[dim] = slice(before, y.shape[dim] - after)
    return y[tuple(inside)].copy()


def reflection_pad_forward(reference, x, y, before):
    """y is x with a mirrored border."""
    L = x.shape[1]
    end, after = before + L, y.shape[1] - before - L
    if before < 0 or after < 0:
        return reference(x, y, before)
    y[:, :before] = x[:, 1 : before + 1][:, ::-1]
    y[:, before:end] = x
    y[:, end:] = x[:, L - 1 - after : L - 1][:, ::-1]


def reflection_pad_backward_x(reference, grad_y, grad_x, before):
    """The gradient of the inside, and that of the border in reverse order."""
    L = grad_x.shape[1]
    end, after = before + L, grad_y.shape[1] - before - L
    if before < 0 or after < 0:
        return reference(grad_y, grad_x, before)
    grad_x[...] = grad_y[:, before:end]
    grad_x[:, 1 : before + 1] += grad_y[:, :before][:, ::-1]
    grad_x[:, L - 1 - after : L - 1] += grad_y[:, end:][:, ::-1]


def replication_pad_forward(reference, x, y, before):
    """y is x with its edges repeated."""
    end = before + x.shape[1]
    if before < 0 or end > y.shape[1]:
        return reference(x, y, before)
    y[:, :before] = x[:, :1]
    y[:, before:end] = x
    y[:, end:] = x[:, -1:]


def replication_pad_backward_x(reference, grad_y, grad_x, before):
    """The gradient of the inside, and the sums of the border for the edges."""
    end = before + grad_x.shape[1]
    if before < 0 or end > grad_y.shape[1]:
        return reference(grad_y, grad_x, before)
    grad_x[...] = grad_y[:, before:end]
    grad_x[:, 0] += grad_y[:, :before].sum(1)
    grad_x[:, -1] += grad_y[:, end:].sum(1)


def circular_pad_forward(reference, x, y, before):
    """y is x with the other end on both sides."""
    L = x.shape[1]
    end, after = before + L, y.shape[1] - before - L
    y[:, :before] = x[:, L - before :]
    y[:, before:end] = x
    y[:, end:] = x[:, :after]


def circular_pad_backward_x(reference, grad_y, grad_x, before):
    """The gradient of the inside, and that of the border for the other end."""
    L = grad_x.shape[1]
    end, after = before + L, grad_y.shape[1] - before - L
    grad_x[...] = grad_y[:, before:end]
    grad_x[:, L - before :] += grad_y[:, :before]
    grad_x[:, :after] += grad_y[:, end:]
