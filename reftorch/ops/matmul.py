"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..autograd.node import named
from ..kernel import fast_forms
from ..tensor import Tensor
from ..types import CPU
from .arguments import no_bools, one_device, tensor_first
from .backend import library, quietly
from .out import write_out


class Matmul(Function):
    """Y = A B;  dA = dY Bᵀ,  dB = Aᵀ dY, for matrices and stacks of them"""

    @staticmethod
    def forward(ctx, a, b):
        needs_a, needs_b = ctx.needs_input_grad
        ctx.save_for_backward(a if needs_b else None, b if needs_a else None)
        x, y = a.array, b.array
        ctx.torch_name = "MmBackward0" if x.ndim == y.ndim == 2 else "BmmBackward0"
        if a.device is CPU and x.ndim == y.ndim == 2 and x.dtype.kind == "f" and _is_large(x, y) and fast_forms():
            from ..fast.matmul import matmul as fast_matmul  # imported when there is a large product

            product = np.empty((x.shape[0], y.shape[1]), x.dtype)
            fast_matmul(x, y, product)
            return Tensor._make(product, CPU, a.dtype)
        if x.shape[x.ndim - 1] == 1:  # one product a sum: NumPy's matmul takes ten times as long as its multiply
            return Tensor._make(quietly(library(a.device).multiply, x, y), a.device)
        made = Tensor._make(quietly(library(a.device).matmul, x, y), a.device)
        return made if made.dtype is a.dtype else made.to(a.dtype)  # NumPy multiplies bfloat16 as float32

    @staticmethod
    def backward(ctx, grad_y):
        a, b = ctx.saved_tensors
        needs_a, needs_b = ctx.needs_input_grad
        return (
            matmul(grad_y, b.transpose(-1, -2)) if needs_a else None,  # summed over stacks that were broadcast
            matmul(a.transpose(-1, -2), grad_y) if needs_b else None,
        )


def _is_large(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether NumPy's BLAS would use its own threads, which would compete with the threads of the kernels.

    Of vectors, it does so early; and NumPy's product of a column and a row, which is none of BLAS's, has only one thread.
    """
    work = a.size * b.shape[1]
    return work > (8192 if min(len(a), b.shape[1]) == 1 else 2**16 if a.shape[1] == 1 else 2**20)


@tensor_first
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of two matrices, of a matrix and a vector, of two vectors, or of stacks of matrices that broadcast.

    Raises:
        RuntimeError: a tensor without dimensions, different dtypes, or inner extents that differ.
        NotImplementedError: bools.
    """
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
        )
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {other.dtype}; convert one with "
            ".to(other.dtype)"
        )
    no_bools("matmul", input)
    one_device(input, other)
    a = input.unsqueeze(0) if input.ndim == 1 else input
    b = other.unsqueeze(1) if other.ndim == 1 else other
    _check_extents(input, other, a.shape, b.shape)
    y = Matmul.apply(a, b)
    if input.ndim == 1:
        y = y.squeeze(-2)
    if other.ndim != 1:
        return y
    return named(y.squeeze(-1), "MvBackward0" if input.ndim > 1 else "DotBackward0")


def _check_extents(input: Tensor, other: Tensor, a: tuple, b: tuple) -> None:
    if a[-1] != b[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_text(input)} and {_text(other)}): the last extent of the "
            f"first, {a[-1]}, must equal the {'only' if other.ndim == 1 else 'second to last'} one of the second, {b[-2]}"
        )
    try:
        np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise RuntimeError(
            f"the leading dimensions {list(a[:-2])} and {list(b[:-2])} of the stacks must broadcast"
        ) from None


def _text(x: Tensor) -> str:
    return "x".join(map(str, x.shape))


def _exactly(name: str, *ndims: int, **tensors: Tensor) -> None:
    for (argument, x), ndim in zip(tensors.items(), ndims):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {type(x).__name__}")
        if x.ndim != ndim:
            raise RuntimeError(f"{name}: expected {argument} to be {ndim}D, found shape {list(x.shape)}")


def mm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor:
    """The product of two matrices."""
    _exactly("mm", 2, 2, input=input, mat2=mat2)
    y = matmul(input, mat2)
    return y if out is None else write_out("mm", out, y)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    _exactly("mv", 2, 1, input=input, vec=vec)
    return matmul(input, vec)


def bmm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor:
    """The products of two stacks of matrices of equal number."""
    _exactly("bmm", 3, 3, input=input, mat2=mat2)
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: expected stacks of the same size, found {input.shape[0]} and {mat2.shape[0]}")
    y = matmul(input, mat2)
    return y if out is None else write_out("bmm", out, y)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors."""
    _exactly("dot", 1, 1, input=input, tensor=tensor)
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.numel()}] and src [{tensor.numel()}] to have the same "
            "number of elements"
        )
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The matrix of all products of two vectors' elements."""
    _exactly("outer", 1, 1, input=input, vec2=vec2)
    return input.unsqueeze(1) * vec2.unsqueeze(0)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * (mat1 @ mat2)`; for beta = 0 the input does not count, even if it is NaN."""
    return _add_product(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * (mat @ vec)`."""
    return _add_product(input, mv(mat, vec), beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * (batch1 @ batch2)` of stacks."""
    return _add_product(input, bmm(batch1, batch2), beta, alpha)


def _add_product(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    if input.dtype is not product.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {input.dtype} and {product.dtype}")
    product = product if alpha == 1 else alpha * product
    added = input.expand(product.shape)
    return product if beta == 0 else (added if beta == 1 else beta * added) + product
