r"""$e^x$ and related functions in float64, for results that are float32.

If a formula has several operations after its exponential, each of them rounds, and in float32 the error can be three or four units in the
last place. In float64 these errors are too small to matter: the result is rounded once, at the end. Intermediate results do not overflow
or underflow either, because a float64 can hold e to the power of ±700. A register holds half as many float64 numbers, so this takes up to
twice as long as `exponential.py`, whose steps are the same. The polynomials are as exact as a float32 needs: to $2^{-32}$ of the result.

    exp64          e^x
    expm1_64       e^x - 1, without loss of digits near 0
    log1p_unit64   log(1 + z) for z from 0 to 1, without loss of digits near 0

Numbers above 700 are replaced by 700, and e^x is 0 for those below -700. NaN stays NaN.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import IN_ORDER
from reftorch.kernel import njit

LOG2_E, LN2 = np.float64(1 / math.log(2)), np.float64(math.log(2))
# A float64 near this number is a whole number: a number that is added to it is rounded, and the last bits of the sum are the rounded
# number + 1023.
ROUND, MANTISSA = np.float64(1.5 * 2**52 + 1023), np.int64(52)
LIMIT, ZERO, ONE, TWO = np.float64(700), np.float64(0), np.float64(1), np.float64(2)


@njit(**IN_ORDER)
def power_and_rest64(x):
    """2^n and e^r - 1, where x = n ln 2 + r. The last bits of `rounded` are n + 1023, and move to where 2^n has its exponent."""
    x = LIMIT if x > LIMIT else x
    x = -LIMIT if x < -LIMIT else x
    rounded = np.float64(x * LOG2_E + ROUND)
    r = x - (rounded - ROUND) * LN2
    p = np.float64(1.984587789387532e-4) * r + np.float64(1.394062726828071e-3)
    p = p * r + np.float64(8.333389368646471e-3)
    p = p * r + np.float64(4.166636091417845e-2)
    p = p * r + np.float64(1.666666637046611e-1)
    p = p * r + np.float64(5.00000004416364e-1)
    return np.int64(rounded.view(np.int64) << MANTISSA).view(np.float64), p * (r * r) + r


@njit(**IN_ORDER)
def exp64(x):
    """e to the power of a float64."""
    power, rest = power_and_rest64(x)
    y = power * rest + power
    return ZERO if x < -LIMIT else y


@njit(**IN_ORDER)
def expm1_64(x):
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1). The last bracket is 0 for a small x."""
    power, rest = power_and_rest64(x)
    return power * rest + (power - ONE)


@njit(**IN_ORDER)
def log1p_unit64(z):
    """log(1 + z) = 2 artanh(s) = 2 s + 2 s³ / 3 + ... with s = z / (2 + z), for 0 <= z <= 1."""
    s = z / (TWO + z)
    q = s * s
    p = np.float64(1.215083615481164e-1) * q + np.float64(1.07137388748518e-1)
    p = p * q + np.float64(1.430844988434950e-1)
    p = p * q + np.float64(1.999943863020903e-1)
    p = p * q + np.float64(3.33333378133558e-1)
    s = s + s
    return s + s * (q * p)
