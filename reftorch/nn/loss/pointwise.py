"""Shared by the elementwise losses: checks of the tensors, broadcasting to one shape, conversion to one dtype, and weights."""

from __future__ import annotations

import functools
import warnings

import numpy as np

from reftorch.autograd import is_grad_enabled
from reftorch.nn.loss.reduction import _callers_level
from reftorch.ops.elementwise import check_broadcast
from reftorch.ops.promotion import promote_types
from reftorch.tensor import Tensor
from reftorch.types import bool as boolean
from reftorch.types import float32, float64


def check_are_tensors(function: str, error: type[Exception] = TypeError, **tensors: object) -> None:
    """Raise `error` unless all of them are tensors."""
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise error(
                f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}: convert it with torch.tensor(...)"
            )


def check_have_sizes(function: str, **tensors: object) -> None:
    """Raise AttributeError unless all of them are tensors, as torch does where it reads the sizes first. `weight` may be None."""
    if tensors.get("weight", ...) is None:
        del tensors["weight"]
    check_are_tensors(function, AttributeError, **tensors)


def check_differences(function: str, **tensors: Tensor) -> None:
    """Raise RuntimeError if one of them, which the formula subtracts, is bool."""
    for name, tensor in tensors.items():
        if tensor.dtype is boolean:
            raise RuntimeError(
                f"{function}: found {name} of torch.bool, and the `-` operator with a bool tensor is not supported: convert it with "
                f"{name}.float()"
            )


def check_no_gradient(function: str, **tensors: Tensor) -> None:
    """Raise RuntimeError if one of them requires a gradient that this function does not give."""
    for name, tensor in tensors.items():
        if tensor.requires_grad and is_grad_enabled():
            raise RuntimeError(
                f"The function '{function}' is not differentiable with respect to argument '{name}'. This input cannot have "
                f"requires_grad True: pass {name}.detach()"
            )


def broadcast(*tensors: Tensor, warn: bool = True) -> tuple[Tensor, ...]:
    """Expand all tensors to one shape. Different shapes are nearly always a mistake: with `warn` there is a warning, as in torch.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    first, second, *_ = shapes = [tensor.shape for tensor in tensors]
    if all(shape == first for shape in shapes):
        return tensors
    if warn:
        warnings.warn(
            f"Using a target size ({second}) that is different to the input size ({first}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=_callers_level(),
        )
    common: tuple[int, ...] = first
    for shape in shapes:
        check_broadcast(common, shape)
        common = np.broadcast_shapes(common, shape)
    return tuple(tensor.expand(common) for tensor in tensors)


def promoted(function: str, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Convert all tensors to the widest of their dtypes.

    Raises:
        NotImplementedError: this dtype is neither float32 nor float64.
    """
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) == 1 and dtypes.issubset((float32, float64)):
        return tensors
    dtype = functools.reduce(promote_types, [tensor.dtype for tensor in tensors])
    if dtype not in (float32, float64):
        raise NotImplementedError(
            f"{function} is not implemented for {dtype}: convert the input, for example with x.float()"
        )
    return tuple(tensor.to(dtype) for tensor in tensors)


def check_weight(weight: Tensor | None, input: Tensor) -> None:
    """Raise ValueError unless there is a weight for each element of the input, or none at all."""
    if weight is not None and weight.shape != input.shape:
        raise ValueError(
            f"Weights and input must have the same size: found {list(weight.shape)} and {list(input.shape)}; repeat a "
            "weight for each sample with .expand_as(input)"
        )


def weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """The weighted losses, their sum, or their weighted mean. Computed with tensors, so that the weights get a gradient too."""
    loss = loss * weight
    if reduction == "none":
        return loss
    return loss.sum() / weight.sum() if reduction == "mean" else loss.sum()


def expanded_weight(function: str, name: str, weight: Tensor | None, input: Tensor) -> Tensor | None:
    """A weight for each element of the input, in its dtype; None stays None.

    Raises:
        TypeError: it is not a tensor.
        RuntimeError: it requires a gradient, or does not broadcast to the shape of the input.
    """
    if weight is None:
        return None
    check_are_tensors(function, **{name: weight})  # type: ignore[arg-type]
    check_no_gradient(function, **{name: weight})
    check_broadcast(input.shape, weight.shape)
    if np.broadcast_shapes(input.shape, weight.shape) != tuple(input.shape):
        raise RuntimeError(
            f"{function}: {name} of shape {list(weight.shape)} does not fit the input: output with shape {list(input.shape)} doesn't "
            "match the broadcast shape; wanted a weight that can be repeated to the shape of the input"
        )
    return weight.to(input.dtype).expand(input.shape)
