"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..tensor import Tensor
from .backend import library
from .shape import wrap_dim


class Matmul(Function):
    """Y = A B;  dA = dY Bᵀ,  dB = Aᵀ dY, for matrices and stacks of them"""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return Tensor._make(library(a.device).matmul(a.array, b.array), a.device)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = ctx.saved_tensors
        grad_a = grad_b = None
        if ctx.needs_input_grad[0]:
            grad_a = matmul(grad_y, b.transpose(-1, -2)).sum_to_size(a.shape)
        if ctx.needs_input_grad[1]:
            grad_b = matmul(a.transpose(-1, -2), grad_y).sum_to_size(b.shape)
        return grad_a, grad_b


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices, of a matrix and a vector, of two vectors, or of stacks of matrices that broadcast.

    Raises:
        RuntimeError: a tensor without dimensions, different dtypes, or inner extents that differ.
    """
    if not isinstance(b, Tensor):
        raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(b).__name__}")
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D")
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {a.dtype} != {b.dtype}")
    if a.device != b.device:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {a.device} and {b.device}"
        )
    left, right = (a.unsqueeze(0) if a.ndim == 1 else a), (b.unsqueeze(1) if b.ndim == 1 else b)
    if left.shape[-1] != right.shape[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_text(a)} and {_text(b)}): the last extent of the first, "
            f"{left.shape[-1]}, must equal the second to last of the second, {right.shape[-2]}"
        )
    try:
        np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"the leading dimensions {list(left.shape[:-2])} and {list(right.shape[:-2])} must broadcast"
        ) from None
    y = Matmul.apply(left, right)
    if a.ndim == 1:
        y = y.squeeze(-2)
    return y.squeeze(-1) if b.ndim == 1 else y


def _text(x: Tensor) -> str:
    return "x".join(map(str, x.shape))


def _exactly(name: str, ndim: int, *tensors: Tensor) -> None:
    for tensor in tensors:
        if tensor.ndim != ndim:
            raise RuntimeError(f"{name}: expected {ndim}D tensors, found shape {list(tensor.shape)}")


def mm(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices."""
    _exactly("mm", 2, a, b)
    return matmul(a, b)


def mv(a: Tensor, b: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    _exactly("mv", 2, a)
    _exactly("mv", 1, b)
    return matmul(a, b)


def bmm(a: Tensor, b: Tensor) -> Tensor:
    """The products of two stacks of matrices of equal number."""
    _exactly("bmm", 3, a, b)
    if a.shape[0] != b.shape[0]:
        raise RuntimeError(f"bmm: expected the same batch size, found {a.shape[0]} and {b.shape[0]}")
    return matmul(a, b)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the products of two vectors."""
    _exactly("dot", 1, a, b)
    if a.shape != b.shape:
        raise RuntimeError(f"inconsistent tensor size, expected {a.shape[0]} and {b.shape[0]} to be equal")
    return matmul(a, b)


def outer(a: Tensor, b: Tensor) -> Tensor:
    """The matrix of all products of two vectors' elements."""
    _exactly("outer", 1, a, b)
    return a.unsqueeze(1) * b.unsqueeze(0)


def addmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * bias + alpha * (a @ b)`."""
    return beta * bias + alpha * mm(a, b)


class Triangle(Function):
    """The elements on one side of a diagonal; the others are 0"""

    @staticmethod
    def forward(ctx, x, name, diagonal):
        ctx.args = name, diagonal
        return Tensor._make(getattr(library(x.device), name)(x.array, diagonal), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        name, diagonal = ctx.args
        return (
            Tensor._make(getattr(library(grad_y.device), name)(grad_y.array, diagonal), grad_y.device),
            None,
            None,
        )


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """x on and below a diagonal, 0 above it."""
    return Triangle.apply(x, "tril", diagonal)


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """x on and above a diagonal, 0 below it."""
    return Triangle.apply(x, "triu", diagonal)


class Concatenate(Function):
    """y = the tensors one after the other; each gets its part of dy"""

    @staticmethod
    def forward(ctx, dim, *tensors):
        ctx.dim, ctx.sizes = dim, [t.shape[dim] for t in tensors]
        device = tensors[0].device
        return Tensor._make(library(device).concatenate([t.array for t in tensors], axis=dim), device)

    @staticmethod
    def backward(ctx, grad_y):
        return None, *grad_y.split(ctx.sizes, ctx.dim)


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`; their other extents are equal.

    Raises:
        RuntimeError: nothing to join, or extents that differ.
    """
    from .promotion import promote_types

    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("torch.cat(): expected a non-empty list of Tensors")
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(tensor).__name__}")
        if tensor.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    dtype, device = tensors[0].dtype, tensors[0].device
    for tensor in tensors:
        dtype = promote_types(dtype, tensor.dtype)
        if tensor.device != device:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{tensor.device}"
            )
    parts = [t.to(dtype) for t in tensors if t.shape != (0,)] or [tensors[0].to(dtype)]
    first = parts[0]
    dim = wrap_dim(dim, first.ndim)
    for i, part in enumerate(parts):
        if part.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {part.ndim}")
        for d in range(first.ndim):
            if d != dim and part.shape[d] != first.shape[d]:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {first.shape[d]} but got "
                    f"size {part.shape[d]} for tensor number {i} in the list."
                )
    return Concatenate.apply(dim, *parts)


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension.

    Raises:
        RuntimeError: nothing to stack, or shapes that differ.
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, tensor in enumerate(tensors):
        if tensor.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(tensor.shape)} at entry {i}"
            )
    return cat([t.unsqueeze(dim) for t in tensors], wrap_dim(dim, tensors[0].ndim + 1))
