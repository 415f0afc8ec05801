"""Arithmetic that rounds as PyTorch's compiled kernels do, in NumPy: fused multiply-add; float32 log, sin and cos."""

from __future__ import annotations

from typing import Any

import numpy as np


def fma(a: np.ndarray, b: Any, c: Any) -> np.ndarray:
    """a * b + c rounded once, as the processor's fused multiply-add does it, for a, b, c of one floating-point type.

    float64 holds the product of two float32 numbers exactly. For float64 the rounding errors of product and sum are
    computed (Dekker, 1971; Knuth's two-sum) and added at the end.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite mean or std is no error
        if a.dtype == np.float32:
            return (np.multiply(a, b, dtype=np.float64) + c).astype(np.float32)
        product = a * b
        total = product + c
        (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
        lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
        added = total - product
        lost += (product - (total - added)) + (c - added)
        return np.where(np.isfinite(lost), total + lost, total)


def _halves(x: Any) -> tuple[Any, Any]:
    """x as the sum of two float64 numbers of 26 bits, whose products are exact."""
    high = x * 134217729.0  # 2**27 + 1
    high = high - (high - x)
    return high, x - high


# --------------------------------------------------- log, sin and cos as PyTorch's vectorised float32 code has them
# The coefficients and the order of operations are those of the Cephes library's logf and sinf (S. Moshier), whose
# results depend on both in the last bit. Each `fma` is one instruction there.
_LOG = [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1]
_LOG += [-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]
_LOG_2 = (np.float32(-2.12194440e-4), np.float32(0.693359375))  # log 2 = small + large
_PI_4 = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)  # pi / 4 in three parts
_SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]
_COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]


def _polynomial(x: np.ndarray, coefficients: list[float]) -> np.ndarray:
    """The polynomial by Horner's rule, highest power first."""
    y = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        y = fma(y, x, np.float32(coefficient))
    return y


def log_float32(x: np.ndarray) -> np.ndarray:
    """log x for normal float32 x > 0: x = 2**e (1 + m) with m from sqrt(1/2) - 1 to sqrt(2) - 1, and a series in m."""
    fraction, exponent = np.frexp(x)
    low = fraction < np.float32(np.sqrt(0.5))
    e = (exponent - low).astype(np.float32)
    m = np.where(low, fraction + fraction, fraction) - np.float32(1)
    square = m * m
    y = fma(_polynomial(m, _LOG) * m, square, e * _LOG_2[0])
    return fma(e, _LOG_2[1], m + fma(-square, np.float32(0.5), y))


def sin_cos_float32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sin x and cos x for 0 <= x <= 2 pi: x less the nearest multiple of pi / 2, two polynomials, and who is who."""
    octant = (x * np.float32(4 / np.pi)).astype(np.int32)
    quarter = (octant + 1) >> 1
    eighths = (2 * quarter).astype(np.float32)
    for part in _PI_4:
        x = fma(eighths, np.float32(-part), x)
    square, half = x * x, np.float32(0.5)
    cos_part = _polynomial(square, _COS) * square
    cos = fma(cos_part, square, -square * half) + np.float32(1)
    sin = fma(_polynomial(square, _SIN) * square, x, x)
    odd = quarter % 2 == 1
    sign_sin = np.where(quarter & 2, np.float32(-1), np.float32(1))
    sign_cos = np.where((quarter + 1) & 2, np.float32(-1), np.float32(1))
    return sign_sin * np.where(odd, cos, sin), sign_cos * np.where(odd, sin, cos)
