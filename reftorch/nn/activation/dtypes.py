"""Dtypes of activations that also take integers, as in PyTorch: sigmoid, tanh, softsign, tanhshrink, hardtanh and threshold."""

from __future__ import annotations

import numpy as np

from reftorch.nn.arguments import check_tensors
from reftorch.ops.promotion import default_dtype
from reftorch.tensor import Tensor
from reftorch.types import bool as bool_
from reftorch.types import dtype, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64

INTEGERS = (int8, int16, int32, int64, uint8, uint16, uint32, uint64)


def as_floating(function: str, input: Tensor, bools: bool = True, inplace: bool = False) -> Tensor:
    """Convert the input to a dtype that the kernels take: integers, and bools if allowed, to the default dtype, float16 to float32.

    Raises:
        TypeError: the input is not a tensor.
        NotImplementedError: there is no kernel for this dtype.
        RuntimeError: the operation is in place, and the result has fractions that integers cannot hold.
    """
    others = INTEGERS + (bool_,) * bools
    check_tensors(function, (float32, float64) + (float16,) * (not inplace) + others, input=input)
    if input.dtype in others:
        if inplace:
            raise RuntimeError(
                f"{function}: result type {default_dtype()} can't be cast to {input.dtype}, which holds no fractions: "
                "convert the input with x.float(), or do not compute in place"
            )
        return input.to(default_dtype())
    return input.float() if input.dtype is float16 else input


def check_fits(function: str, dtype: dtype, **numbers: float) -> None:
    """Check that an integer dtype can hold these numbers after truncation. Other dtypes are not checked.

    Raises:
        RuntimeError: a number is outside the range of the dtype.
    """
    if dtype not in INTEGERS:
        return
    limits = np.iinfo(dtype.numpy)
    for name, value in numbers.items():
        if not limits.min <= int(value) <= limits.max:
            raise RuntimeError(
                f"{function}: {name} is {value}, which cannot be converted to {dtype} without overflow: it holds numbers from "
                f"{limits.min} to {limits.max}"
            )
