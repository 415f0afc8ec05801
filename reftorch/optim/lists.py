"""Checks and conversions of an optimizer's lists of parameters, gradients and states.

The kernels of an optimizer read a tensor of any shape as one row of elements, and write to it in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reftorch.autograd import is_grad_enabled
from reftorch.kernel import arrays
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


def rows(*tensors: Tensor) -> list:
    """The arrays of tensors on one device, each as one row of elements: the tensor's own memory where it is contiguous.

    Raises:
        RuntimeError: the tensors are on different devices.
    """
    return [array.ravel() for array in arrays(*tensors)]


def changed(tensor: Tensor, new: Tensor) -> None:
    """Record that a kernel wrote to `new`, the contiguous form of `tensor`, and copy it back if it is another tensor."""
    if new is tensor:
        tensor._counter.bump()  # backward must notice the change if the tape saved it
    else:
        tensor.copy_(new)


def is_recording(*values: Any) -> bool:
    """Whether a step with these tensors (and other values) must be recorded on the tape."""
    return is_grad_enabled() and any(isinstance(v, Tensor) and v.requires_grad for v in values)


def check_lists(params: Sequence[Tensor], **lists: list) -> None:
    """Raise unless each of the `lists` has for each parameter a tensor like it, or None.

    A tensor of another floating dtype is replaced by a converted one, except in the list called "gradients".

    Raises:
        IndexError: a list is longer or shorter than `params`.
        NotImplementedError: a parameter is neither float32 nor float64.
        RuntimeError: a tensor has another shape than its parameter, or a gradient another dtype.
    """
    for i, param in enumerate(params):
        if param.dtype not in (float32, float64):
            raise NotImplementedError(
                f"optimizers step in float32 and float64, but parameter {i} is {param.dtype}: convert it with .float()"
            )
    for name, tensors in lists.items():
        what = name.replace("_", " ")
        if len(tensors) != len(params):
            raise IndexError(f"{len(params)} parameters, but {len(tensors)} {what} (those that are None count)")
        for i, (param, tensor) in enumerate(zip(params, tensors)):
            if tensor is None or tensor.is_sparse:
                continue  # operations of sparse tensors check them
            if tensor.array.shape != param.array.shape:
                raise RuntimeError(
                    f"The size of parameter {i}, {list(param.shape)}, must match the size of number {i} of the {what}, "
                    f"{list(tensor.shape)}: was that made for another parameter?"
                )
            if tensor.dtype is not param.dtype:
                if name == "gradients":
                    raise RuntimeError(
                        f"parameter {i} is {param.dtype} but its gradient {tensor.dtype}: they must be the same"
                    )
                tensors[i] = tensor.to(param.dtype)  # the model was converted since
