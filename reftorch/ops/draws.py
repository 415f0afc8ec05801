"""Random tensors, with the numbers of PyTorch's CPU generator: for every device they are drawn on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from .. import random, types
from ..autograd import is_grad_enabled
from ..room import needs_room
from ..tensor import Tensor
from .arguments import tensor_first
from .backend import quietly
from .creation import empty_like, finish, like, sizes
from .inplace import copy_, write
from .promotion import default_dtype


def _check_numbers(function: str, **given: Any) -> None:
    """Raise TypeError if one of them is not a real number; a text that holds one is not, either."""
    for name, value in given.items():
        if not isinstance(value, (Real, Tensor)):
            raise TypeError(f"{function}(): argument '{name}' must be float, not {type(value).__name__}")


def _numpy(dtype: Any) -> np.dtype:
    return (types.as_dtype(dtype) or default_dtype()).numpy


@needs_room
def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any
) -> Tensor:
    """Numbers from the uniform distribution on [0, 1)."""
    numbers = random.uniform(sizes("rand", size, more), 0.0, 1.0, dtype=_numpy(dtype), generator=generator)
    return finish(numbers, device, requires_grad)


@needs_room
def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any
) -> Tensor:
    """Numbers from the normal distribution with mean 0 and standard deviation 1."""
    numbers = random.normal(sizes("randn", size, more), 0.0, 1.0, dtype=_numpy(dtype), generator=generator)
    return finish(numbers, device, requires_grad)


@needs_room
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers of the given mean and standard deviation, each a number or a tensor.

    Raises:
        RuntimeError: a negative standard deviation.
        TypeError: what is neither a number nor a tensor.
    """
    _check_numbers("normal", mean=mean, std=std)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal() of two numbers expects a size: normal(mean, std, size)")
        numbers = random.normal(sizes("normal", (size,)), mean, std, dtype=_numpy(dtype), generator=generator)
        return finish(numbers, device, requires_grad)
    if isinstance(std, Tensor) and bool((std < 0).any()) or not isinstance(std, Tensor) and std < 0:
        raise RuntimeError(f"normal expects all elements of std >= 0.0, found {std}")
    shape = (mean * 0 + std).shape
    kind = mean if isinstance(mean, Tensor) else std
    return randn(shape, generator=generator, dtype=kind.dtype, device=kind.device) * std + mean


@needs_room
def randint(
    *bounds: Any,
    low: int = 0,
    high: int | None = None,
    size: Any = None,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from low (0 if left out) up to, but not including, high: `randint(high, size)` or `randint(low, high, size)`.

    Raises:
        RuntimeError: no integer lies between.
    """
    given = list(bounds)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if len(given) == 2:
        low, high = given
    elif len(given) == 1:
        low, high = (0, given[0]) if high is None else (given[0], high)
    if size is None or high is None or len(given) > 2:
        raise TypeError(f"randint() expects randint(high, size) or randint(low, high, size), found {bounds}")
    kind = (types.as_dtype(dtype) or types.int64).numpy
    return finish(random.randint(low, high, sizes("randint", (size,)), kind, generator), device, requires_grad)


@needs_room
def randperm(n: int, *, generator: Any = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    numbers = random.randperm(n, generator=generator)
    return finish(np.asarray(numbers).astype((types.as_dtype(dtype) or types.int64).numpy, copy=False), device, False)


@tensor_first
def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """Ones with the probabilities in the input, else zeros."""
    drawn = random.bernoulli(input.detach().cpu().array, None, input.dtype.numpy, generator)
    return finish(drawn, input.device, False)


@tensor_first
def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`rand` of the input's shape, dtype and device, and in its order in memory."""
    return uniform_(empty_like(input, dtype=dtype, device=device)).requires_grad_(requires_grad)


@tensor_first
def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randn` of the input's shape, dtype and device, and in its order in memory."""
    return normal_(empty_like(input, dtype=dtype, device=device)).requires_grad_(requires_grad)


@tensor_first
def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None, device: Any = None) -> Tensor:
    """`randint` of the input's shape, dtype and device."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, **like(input, dtype, device))


# ------------------------------------------------------------------------------------------------ in place


@needs_room
def _draw_into(x: Tensor, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Tensor:
    """Random numbers into x, without a gradient, in the order that x has in memory: torch fills x.t() as it fills x."""
    x._check_inplace(is_grad_enabled() and x.requires_grad)
    if x.device.type == "cpu":
        memory = random.in_memory_order(x.array)
        memory[...] = draw(memory.shape)
    else:
        write(x, Tensor._make(draw(x.shape)))
    x._counter.bump()
    return x


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from [a, b)."""
    _check_numbers("uniform_", **{"from": a, "to": b})
    return _draw_into(x, lambda shape: random.uniform(shape, a, b, x.dtype.numpy, generator))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from the normal distribution."""
    _check_numbers("normal_", mean=mean, std=std)
    whole = x.is_contiguous()
    return _draw_into(x, lambda shape: random.normal(shape, mean, std, x.dtype.numpy, generator, whole))


def log_normal_(x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Independent numbers whose logarithm has the normal distribution with this mean and standard deviation."""
    _check_numbers("log_normal_", mean=mean, std=std)
    return _draw_into(x, lambda shape: np.exp(random.normal(shape, mean, std, x.dtype.numpy, generator)))


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from the exponential distribution with rate `lambd`."""
    _check_numbers("exponential_", lambd=lambd)
    return _draw_into(x, lambda shape: random.exponential(shape, lambd, x.dtype.numpy, generator))


def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Independent ones with probability p (a number, or a tensor that broadcasts to x's shape), else zeros."""
    _check_numbers("bernoulli_", p=p)
    if isinstance(p, Tensor):
        chances = np.broadcast_to(p.detach().cpu().array, x.shape)
        return copy_(x, Tensor._make(random.bernoulli(chances, None, x.dtype.numpy, generator)))
    return _draw_into(x, lambda shape: random.bernoulli(p, shape, x.dtype.numpy, generator))


def random_(x: Tensor, *bounds: Any, generator: Any = None) -> Tensor:
    """Integers from [0, end) of `random_(end)`, from [start, end) of `random_(start, end)`; without an end, or with None,
    up to the largest that x's dtype holds exactly."""
    if not bounds:
        return _draw_into(x, lambda shape: random.integers(shape, x.dtype.numpy, generator))
    start, end = (0, *bounds) if len(bounds) == 1 else bounds
    if end is None:
        floating = x.dtype.is_floating_point
        end = 2 ** (np.finfo(x.dtype.numpy).nmant + 1) if floating else types.iinfo(x.dtype).max + 1
    return _draw_into(x, lambda shape: random.randint(start, end, shape, x.dtype.numpy, generator))


@tensor_first
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Indices drawn with probabilities proportional to the elements of a vector, or of each row of a matrix.

    Without replacement no index is drawn twice.

    Raises:
        RuntimeError: not 1 or 2 dimensions of floating-point numbers, one of them negative or not finite, none of them
            positive, or more indices than there are.
    """
    weights = input.detach().cpu().array
    _check_weights(input, weights, num_samples, replacement)
    if not replacement or num_samples == 1:  # the smallest of exponential times, each divided by its rate
        times = random.exponential(weights.shape, 1.0, dtype=weights.dtype, generator=generator)
        scores = Tensor._make(quietly(np.divide, weights, times))
        found = scores.argmax(-1, keepdim=True) if num_samples == 1 else scores.topk(num_samples).indices
        return found.to(input.device)
    total = np.cumsum(np.atleast_2d(weights), axis=1, dtype=weights.dtype)
    total /= total[:, -1:].copy()
    total[:, -1] = 1
    unit = random.uniform((len(total), num_samples), 0.0, 1.0, dtype=np.float64, generator=generator)
    found = np.array([np.searchsorted(row.astype(np.float64), u) for row, u in zip(total, unit)], np.int64)
    return finish(found.reshape(*weights.shape[:-1], num_samples), input.device, False)


def _check_weights(input: Tensor, weights: np.ndarray, num_samples: int, replacement: bool) -> None:
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype}")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, found {input.ndim}")
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: {num_samples}")
    if not replacement and num_samples > input.shape[-1]:
        raise RuntimeError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {num_samples} of {input.shape[-1]}"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights.sum(-1) > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
