"""From words to distributions: NumPy arrays of samples, drawn in the order in which PyTorch's CPU kernels draw them.

Every function takes a `generator` (the default one if None) and returns a new array. Nothing is drawn for an empty shape.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from reftorch.random.generator import Generator, default_generator
from reftorch.random.rounding import fma, log_float32, sin_cos_float32

Shape = Any  # an int or a sequence of ints
DType = Any  # what np.dtype() accepts


# ------------------------------------------------------------------------------------- continuous distributions
def uniform(
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    dtype: DType = np.float32,
    generator: Generator | None = None,
) -> np.ndarray:
    """Samples of the uniform distribution on [low, high).

    Raises:
        RuntimeError: low > high, or the bounds or their distance exceed the dtype.
        NotImplementedError: `dtype` is no floating-point type.
    """
    dtype, work = _float_types(dtype, "uniform_")
    low, high, largest = float(low), float(high), float(np.finfo(dtype).max)
    for name, bound in (("from", low), ("to", high)):
        if not abs(bound) <= largest:
            raise RuntimeError(f"{name} is out of bounds for {dtype}: uniform_ got {name}={bound}")
    if low > high:
        raise RuntimeError(f"uniform_ expects from <= to, but found from={low} > to={high}")
    if high - low > largest:
        raise RuntimeError(f"uniform_ found from={low}, to={high}: too far apart for {dtype}")
    first, last = work.type(low), work.type(high)
    unit = (generator or default_generator)._unit(_size(shape), work)
    if low == 0 and high == 1 and work == dtype:  # the numbers are there as they stand
        return unit.reshape(shape)
    samples = fma(unit, last - first, first).astype(dtype, copy=False)
    samples[samples == dtype.type(high)] = low  # rounding may reach the bound that is excluded
    return samples.reshape(shape)


def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DType = np.float32,
    generator: Generator | None = None,
    contiguous: bool = True,
) -> np.ndarray:
    """Samples of the normal distribution, by the method of Box and Muller (1958).

    From 16 elements on, numbers are made 16 at a time in the dtype's own precision; below 16, and for memory that is
    not `contiguous`, two at a time in float64, where the second one is kept for the next such call.

    Raises:
        RuntimeError: std is negative or NaN.
        NotImplementedError: `dtype` is no floating-point type.
    """
    dtype, work = _float_types(dtype, "normal_")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    generator, n = generator or default_generator, _size(shape)
    if n < 16 or not contiguous:
        samples = fma(_normal_pairs(n, generator), np.float64(std), np.float64(mean))
    else:
        whole = n - n % 16
        unit = generator._unit(whole if dtype == np.float16 else n, work)
        samples = np.empty(n, work)
        samples[:whole] = _box_muller_16(unit[:whole], work.type(mean), work.type(std))
        if whole < n:  # the last 16 are drawn anew, though some of them are there already
            unit = generator._unit(16, work)
            samples[-16:] = _box_muller_16(unit, work.type(mean), work.type(std))
    return samples.astype(dtype, copy=False).reshape(shape)


def exponential(
    shape: Shape, lambd: float = 1.0, dtype: DType = np.float32, generator: Generator | None = None
) -> np.ndarray:
    """Samples of the exponential distribution with rate `lambd`, by inversion: -log(1 - u) / lambd in float64.

    Raises:
        RuntimeError: lambd is not positive, or `dtype` is no floating-point type.
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise RuntimeError(f"exponential_ makes fractions: wanted a float dtype, but got {dtype}")
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    unit = (generator or default_generator)._unit(_size(shape), np.dtype(np.float64))
    return (-1.0 / lambd * np.log1p(-unit)).astype(dtype).reshape(shape)


def _normal_pairs(n: int, generator: Generator) -> np.ndarray:
    """n standard normal numbers in float64: uniform u, v give sqrt(-2 log(1 - v)) times the cosine and sine of 2 pi u."""
    pairs = (max(n - generator._spare.size, 0) + 1) // 2
    u, v = generator._unit(2 * pairs, np.dtype(np.float64)).reshape(pairs, 2).T
    radius, angle = np.sqrt(-2.0 * np.log1p(-v)), 2.0 * np.pi * u
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    samples = np.concatenate([generator._spare, both.ravel()])
    generator._spare = samples[n:].copy()
    return samples[:n]


def _box_muller_16(unit: np.ndarray, mean: Any, std: Any) -> np.ndarray:
    """Normal numbers out of uniform ones: in each group of 16, the first 8 give the radii, the last 8 the angles."""
    block = 2**15  # numbers that the caches hold
    if unit.size > block:
        parts = (unit[i : i + block] for i in range(0, unit.size, block))
        return np.concatenate([_box_muller_16(part, mean, std) for part in parts])
    u, v = unit.reshape(-1, 2, 8).swapaxes(0, 1)
    two_pi, minus_two = unit.dtype.type(2 * np.pi), unit.dtype.type(-2)
    single = unit.dtype == np.float32
    log, sin_cos = (log_float32, sin_cos_float32) if single else (np.log, _sin_cos_float64)
    radius = np.sqrt(minus_two * log(1 - u))
    sin, cos = sin_cos(two_pi * v)
    return np.stack([fma(radius * cos, std, mean), fma(radius * sin, std, mean)], axis=1).ravel()


# ---------------------------------------------------------------------------------------- discrete distributions
def randint(
    low: int,
    high: int,
    shape: Shape,
    dtype: DType = np.int64,
    generator: Generator | None = None,
) -> np.ndarray:
    """Whole numbers from low to high - 1: low + word % (high - low), of 64-bit words if high - low >= 2**28, else 32-bit.

    In a floating-point dtype the bounds should be whole numbers that it can hold.

    Raises:
        RuntimeError: low >= high, or a bound does not fit in the dtype.
    """
    dtype, low, high = np.dtype(dtype), operator.index(low), operator.index(high)
    if low >= high:
        raise RuntimeError(f"random_ expects from < to, but got from={low} >= to={high}")
    smallest, largest = _integers(dtype)
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not smallest <= bound <= largest:
            limits = f"[{smallest}, {largest}]"
            raise RuntimeError(f"{name} is out of bounds for {dtype}: {bound} is not in {limits}")
    generator, n = generator or default_generator, _size(shape)
    words = generator._words64(n) if high - low >= 2**28 else generator._words32(n)
    if high - low == 2**64:
        return words.view(np.int64).reshape(shape)  # each word is one of the numbers as it stands
    numbers = (words % np.uint64(high - low)).view(np.int64) + np.int64(low)
    return numbers.astype(dtype).reshape(shape)


def integers(shape: Shape, dtype: DType = np.int64, generator: Generator | None = None) -> np.ndarray:
    """Whole numbers from 0 to the largest that the dtype holds (2**24 in float32, 2**53 in float64).

    The words are 64-bit for int64 and float64, 32-bit for the rest, whatever the range.
    """
    dtype = np.dtype(dtype)
    generator, n = generator or default_generator, _size(shape)
    words = generator._words64(n) if dtype.itemsize == 8 else generator._words32(n)
    return (words % np.uint64(_integers(dtype)[1] + 1)).astype(dtype).reshape(shape)


def randperm(n: int, generator: Generator | None = None) -> np.ndarray:
    """The numbers 0 to n - 1, shuffled (Fisher and Yates): place i is exchanged with one of those from i on. int64.

    Raises:
        RuntimeError: n is negative.
    """
    n = operator.index(n)
    if n < 0:
        raise RuntimeError(f"randperm expects a number of things to shuffle, but got n={n}")
    words = (generator or default_generator)._words32(max(n - 1, 0))
    partners = np.arange(words.size, dtype=np.int64)
    partners += (words % np.arange(n, n - words.size, -1, dtype=np.uint64)).astype(np.int64)
    shuffled = list(range(n))  # one exchange after the other: quicker in a list than in an array
    for i, j in enumerate(partners.tolist()):
        shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
    return np.array(shuffled, dtype=np.int64)


def bernoulli(
    p: Any,
    shape: Shape | None = None,
    dtype: DType = np.float32,
    generator: Generator | None = None,
) -> np.ndarray:
    """Ones with probability p, else zeros. `p` is one number, or an array (one probability an element; the default shape).

    One number is compared with float64 uniforms, as is a float64 array; a float32 array with float32 ones.

    Raises:
        RuntimeError: a probability outside [0, 1].
        NotImplementedError: an array of probabilities that are no floating-point numbers.
    """
    wide = not isinstance(p, np.ndarray) or p.dtype == np.float64
    if isinstance(p, np.ndarray) and p.dtype.kind != "f":
        raise NotImplementedError(f"bernoulli expects p in a float dtype, but got {p.dtype}")
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        found = p if np.ndim(p) == 0 else f"a minimum of {np.min(p)} and a maximum of {np.max(p)}"
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={found}")
    shape = np.shape(p) if shape is None else shape
    unit_type = np.dtype(np.float64 if wide else np.float32)
    unit = (generator or default_generator)._unit(_size(shape), unit_type).reshape(shape)
    return (unit < p).astype(dtype)


# -------------------------------------------------------------------------------------------------- small parts
def in_memory_order(array: np.ndarray) -> np.ndarray:
    """A view of `array` whose elements come in the order they have in memory, in which PyTorch fills a tensor.

    `view = in_memory_order(a); view[...] = uniform(view.shape)` is what `uniform_` does to a transposed matrix.
    """
    return array.transpose(memory_order(array.strides))


def empty_in_order(shape: Sequence[int], strides: Sequence[int], dtype: DType) -> np.ndarray:
    """A new array of this shape, whose dimensions lie in memory in the order of these strides."""
    order = memory_order(strides)
    return np.empty([shape[dim] for dim in order], dtype).transpose(np.argsort(order))


def memory_order(strides: Sequence[int]) -> list[int]:
    """The dimensions of a tensor with these strides, the slowest in memory first: so PyTorch lays out and fills `empty_like` of it.

    A dimension with the stride 0, as `expand` makes it, is slower or faster than no other. So it stays in its place where the others
    are sorted.
    """
    order = list(range(len(strides)))[::-1]  # the fastest first
    for i in range(1, len(order)):
        at = i
        for j in range(i - 1, -1, -1):
            fast, slow = strides[order[j]], strides[order[at]]
            if fast == 0 or slow == 0 or fast == slow:
                continue
            if fast < slow:
                break
            order[j], order[at], at = order[at], order[j], j
    return order[::-1]


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _float_types(dtype: DType, name: str) -> tuple[np.dtype, np.dtype]:
    """`dtype` and the type that its samples are computed in: float16 borrows float32's."""
    dtype = np.dtype(dtype)
    if dtype not in (np.float16, np.float32, np.float64):
        raise NotImplementedError(f"{name} makes fractions: wanted a float dtype, got {dtype}")
    return dtype, np.dtype(np.float32) if dtype == np.float16 else dtype


def _integers(dtype: np.dtype) -> tuple[int, int]:
    """The smallest and largest whole number up to which `dtype` holds all."""
    if dtype.kind == "f":
        largest = 2 ** (np.finfo(dtype).nmant + 1)
        return -largest, largest
    return (0, 1) if dtype == np.bool_ else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def _sin_cos_float64(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.sin(x), np.cos(x)
