r"""The natural logarithm in float32, for many numbers at once.

`math.log` in a loop calls the system's function for each number. As in `exponential.py`, arithmetic operations replace it:

1. A positive float32 is $m \cdot 2^n$, and its bits hold $m$ and $n$. They are chosen so that $\sqrt{1/2} \le m < \sqrt{2}$. Then
   $\log x = \log m + n \ln 2$, and the first term is small.
2. With $z = m - 1$ we have $\log m \approx z - \frac{1}{2} z^2 + z^3 P(z)$ with a polynomial of degree 8 (its coefficients are those of
   Cephes' `logf`).
3. $\ln 2$ is given in two parts; the first has so few digits that its product with $n$ is exact.

    log32        the logarithm of any float32: of 0 it is minus infinity, of a negative number NaN
    log1m32      log(1 - x) for x from 0 to 1, without loss of digits near 0

The error is below 1.5 units in the last place. NaN stays NaN.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import HALF, IN_ORDER, LN2_HIGH, LN2_LOW, ONE, ZERO
from reftorch.kernel import njit

SMALLEST_NORMAL, SCALE, SCALE_BITS = np.float32(2.0**-126), np.float32(2.0**24), np.float32(24)
ROOT_HALF, INFINITY, NAN = np.float32(math.sqrt(0.5)), np.float32(math.inf), np.float32(math.nan)
FRACTION, HALF_BITS = np.int32(0x007FFFFF), np.int32(0x3F000000)  # the bits of m, and those of 1/2
P = [np.float32(p) for p in (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1)]
P += [np.float32(p) for p in (-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)]
P0, P1, P2, P3, P4, P5, P6, P7, P8 = P


@njit(**IN_ORDER)
def log32(x):
    """The logarithm of a float32. Numbers below the smallest normal one are scaled up first."""
    tiny = x < SMALLEST_NORMAL
    bits = np.float32(x * (SCALE if tiny else ONE)).view(np.int32)
    n = np.float32(np.int32((bits >> np.int32(23)) - np.int32(126))) - (SCALE_BITS if tiny else ZERO)
    m = np.int32((bits & FRACTION) | HALF_BITS).view(np.float32)
    low = m < ROOT_HALF
    n = n - ONE if low else n
    z = m + m - ONE if low else m - ONE
    p = P0 * z + P1
    p = p * z + P2
    p = p * z + P3
    p = p * z + P4
    p = p * z + P5
    p = p * z + P6
    p = p * z + P7
    p = p * z + P8
    s = z * z
    y = p * (z * s) + n * LN2_LOW
    y = (y - HALF * s) + z + n * LN2_HIGH
    y = y if x < INFINITY else x  # infinity, and NaN
    y = -INFINITY if x == ZERO else y
    return NAN if x < ZERO else y


@njit(**IN_ORDER)
def log1m32(x):
    """log(1 - x) for 0 <= x <= 1. The difference u = 1 - x is rounded, and its error c is added: log(u + c) = log(u) + c / u."""
    u = ONE - x
    lost = (ONE - u) - x
    return log32(u) + (lost / u if u > ZERO else ZERO)
