"""Views: the same memory under another shape. A view stores how it was made, see `Tensor._steps`.

`arrange` says what NumPy does to the array. On CUDA only its geometry (shape, strides, offset) is taken over. The gradient of
a view is the opposite rearrangement.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, is_grad_enabled
from ..tensor import Tensor
from ..types import CPU


class View(Function):
    """y = the elements of x under another shape, in the same memory."""

    @classmethod
    def apply(cls, x: Tensor, *args: Any) -> Tensor:
        recorded = is_grad_enabled() and x.requires_grad
        y = super().apply(x, *args) if recorded else cls.of(x, args)
        y._is_view_of(x, cls, args)
        return y

    @staticmethod
    def forward(ctx, x, *args):
        ctx.shape, ctx.args = x.array.shape, args
        return ctx._function.of(x, args)

    @classmethod
    def of(cls, x: Tensor, args: tuple) -> Tensor:
        """The elements of x, arranged."""
        if x.device is CPU:
            return Tensor._make(cls.arrange(x.array, *args), CPU, x.dtype)
        from .on_cuda import view

        return Tensor._make(view(x.array, lambda array: cls.arrange(array, *args)), x.device, x.dtype)

    @staticmethod
    def arrange(array: np.ndarray, *args: Any) -> np.ndarray:
        raise NotImplementedError


class Reshape(View):
    """The same elements in the same order under another shape."""

    torch_name = "ViewBackward0"

    @staticmethod
    def arrange(array, shape):
        return array.reshape(shape, copy=False)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.reshape(ctx.shape), None


class Unsqueeze(Reshape):
    """A new dimension of size 1."""

    torch_name = "UnsqueezeBackward0"


class Squeeze(Reshape):
    """Without the dimensions of size 1."""

    torch_name = "SqueezeBackward0"


class SqueezeSome(Reshape):
    """Without one dimension of size 1, or several."""

    torch_name = "SqueezeBackward1"


class Transpose(View):
    """Two dimensions are exchanged."""

    @staticmethod
    def arrange(array, dim0, dim1):
        return array.swapaxes(dim0, dim1)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.transpose(*ctx.args), None, None


class T(Transpose):
    """The transpose of a matrix."""


class Permute(View):
    """Dimension k of y is dimension dims[k] of x."""

    @staticmethod
    def arrange(array, dims):
        return array.transpose(dims)

    @staticmethod
    def backward(ctx, grad_y):
        (dims,) = ctx.args
        return grad_y.permute(sorted(range(len(dims)), key=dims.__getitem__)), None


class Expand(View):
    """Extents of 1 are repeated without copying; the gradient is the sum over the repetitions."""

    @staticmethod
    def arrange(array, shape):
        return np.lib.stride_tricks.as_strided(
            array,
            shape,
            (0,) * (len(shape) - array.ndim)
            + tuple(
                0 if old == 1 and new != 1 else stride
                for old, new, stride in zip(array.shape, shape[len(shape) - array.ndim :], array.strides)
            ),
        )

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.sum_to_size(ctx.shape), None


class Slice(View):
    """y = x[key] for a key of integers, slices, None and Ellipsis; the gradient is zero elsewhere."""

    @staticmethod
    def arrange(array, key):
        return array[tuple([*key, ...])]  # with ... a single element is a view too

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        Slice.apply(grad_x, *ctx.args).copy_(grad_y)
        return grad_x, None


class Select(Slice):
    """y = x[key] for a key that ends in an integer."""

    torch_name = "SelectBackward0"


class NewAxis(Slice):
    """y = x[key] for a key that ends in None."""

    torch_name = "UnsqueezeBackward0"


class Split(Slice):
    """y = one of the parts that `split` or `chunk` makes along one dimension."""


class Unbind(Slice):
    """y = one of the entries along one dimension."""


class Diagonal(View):
    """The elements x[..., i, i + offset] of two dimensions, as the last dimension."""

    @staticmethod
    def arrange(array, offset, dim1, dim2):
        rest = [d for d in range(array.ndim) if d not in (dim1, dim2)]
        rows, columns = array.shape[dim1], array.shape[dim2]
        length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
        start = array.transpose(dim1, dim2, *rest)[max(-offset, 0) :, max(offset, 0) :]
        return np.lib.stride_tricks.as_strided(
            start,
            (*[array.shape[d] for d in rest], length),
            (*[array.strides[d] for d in rest], array.strides[dim1] + array.strides[dim2]),
        )

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        Diagonal.apply(grad_x, *ctx.args).copy_(grad_y)
        return grad_x, None, None, None


class Unfold(View):
    """Windows of `size` entries of a dimension, one every `step` entries; the window is the last dimension.

    dx = the sum over the windows that an element is in
    """

    @staticmethod
    def arrange(array, dim, size, step):
        shape, strides = list(array.shape) or [1], list(array.strides) or [array.itemsize]
        shape[dim] = (shape[dim] - size) // step + 1
        along = strides[dim]
        strides[dim] *= step
        return np.lib.stride_tricks.as_strided(array, (*shape[: array.ndim], size), (*strides[: array.ndim], along))

    @staticmethod
    def backward(ctx, grad_y):
        dim, size, step = ctx.args
        grad_x = grad_y.new_zeros(ctx.shape)
        if not ctx.shape:
            return grad_y.sum(), None, None, None
        count = grad_y.shape[dim]
        for k in range(size):
            key = (slice(None),) * dim + (slice(k, k + (count - 1) * step + 1, step),)
            grad_x[key] += grad_y.select(-1, k)
        return grad_x, None, None, None


class Alias(View):
    """A view of the whole tensor."""

    @staticmethod
    def arrange(array):
        return array[...]

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y
