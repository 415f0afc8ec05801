r"""$e^x$ and related functions in float32, for many numbers at once.

`math.exp` in a loop calls the system's function for each number. This took 4.5 ns on the machine where it was measured. A polynomial
consists of additions and multiplications, which the processor computes for a whole register of numbers: 0.4 to 0.6 ns each.

1. With $n = \lfloor x / \ln 2 + \frac{1}{2} \rfloor$ and $r = x - n \ln 2$ we have $e^x = 2^n e^r$, and $|r| \le \frac{1}{2} \ln 2$.
   $\ln 2$ is given in two parts; the first has so few digits that its product with $n$ is exact.
2. For such a small $r$, $e^r - 1 \approx r + r^2 P(r)$ with a polynomial of degree 5 (its coefficients are those of Cephes' `expf`).
3. A float32 holds its exponent plus 127 in bits 23 to 30. So $2^n$ is made by writing $n + 127$ there.

    exp32          numbers up to 88; a result below the smallest normal number becomes 0 (this is enough for softmax)
    exp32_full     all numbers: results that are too large are infinite, and those below the smallest normal number are right
    exp32_scaled   2^64 e^x for numbers that are not above 0: the scale keeps the digits of results below the smallest normal number
    expm1_32       e^x - 1, without loss of digits near 0
    log1p_unit32   log(1 + z) for z from 0 to 1, without loss of digits near 0
    tanh32         the hyperbolic tangent
    erf32          the error function

The error of each is below 1.5 units in the last place. NaN stays NaN. The coefficients of the other polynomials were fitted by least
squares at Chebyshev points, with weights that equalize the largest errors (Lawson's algorithm).
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import INLINE
from reftorch.kernel import njit

LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
SMALLEST = np.float32(-87.33654)  # the logarithm of the smallest normal number
LARGEST, NOTHING, MINUS_ONE = (
    np.float32(89),
    np.float32(-104),
    np.float32(-40),
)  # e^x is infinite, is 0, is lost beside 1
HALF, ONE, TWO, ZERO = np.float32(0.5), np.float32(1), np.float32(2), np.float32(0)
UP = 64  # exp32_scaled's results are multiplied by 2**UP
# A float32 near this number is a whole number: a number that is added to it is rounded, and the last bits of the sum are the rounded
# number + 127 + UP.
ROUND = np.float32(1.5 * 2**23 + 127 + UP)
DOWN, VANISHED = np.float32(2.0**-UP), np.float32(-110)  # x e^x is 0 below it
P0, P1, P2 = np.float32(5.0000001201e-1), np.float32(1.6666665459e-1), np.float32(4.1665795894e-2)
P3, P4, P5 = np.float32(8.3334519073e-3), np.float32(1.3981999507e-3), np.float32(1.9875691500e-4)


# The order of these operations must not change: two large numbers are subtracted one after the other, and r is small.
IN_ORDER = {**INLINE, "fastmath": {"contract"}}


@njit(**IN_ORDER)
def rest_of(x, n):
    """e^r - 1, where x = n ln 2 + r."""
    r = x - n * LN2_HIGH - n * LN2_LOW
    p = P5 * r + P4
    p = p * r + P3
    p = p * r + P2
    p = p * r + P1
    p = p * r + P0
    return p * (r * r) + r


@njit(**IN_ORDER)
def power_and_rest(x):
    """n and e^r - 1, where x = n ln 2 + r."""
    n = np.floor(x * LOG2_E + HALF)
    return np.int32(n), rest_of(x, n)


@njit(**IN_ORDER)
def power_of_two(n):
    """2^n for -127 < n < 128: a float32 of these bits."""
    return np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(**IN_ORDER)
def exp32(x):
    """e to the power of a float32, which is at most 88."""
    n, q = power_and_rest(x)
    y = (q + ONE) * power_of_two(n)
    if x < SMALLEST:
        y = ZERO
    return y


@njit(**IN_ORDER)
def exp32_full(x):
    """e to the power of any float32. 2^n may be too large or too small for a float32, but 2^n is a product of two numbers that are not."""
    x = LARGEST if x > LARGEST else x
    x = NOTHING if x < NOTHING else x
    n, q = power_and_rest(x)
    half = n >> np.int32(1)
    return (q + ONE) * power_of_two(half) * power_of_two(n - half)


@njit(**IN_ORDER)
def exp32_scaled(x):
    """2^64 e^x for x <= 0. The last bits of `rounded` are n + 127 + 64, and move to where 2^(n + 64) has its exponent."""
    rounded = np.float32(x * LOG2_E + ROUND)
    power = np.int32(rounded.view(np.int32) << np.int32(23)).view(np.float32)
    y = (rest_of(x, rounded - ROUND) + ONE) * power
    return ZERO if x < VANISHED else y


@njit(**IN_ORDER)
def expm1_32(x):
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1). The last bracket is exact, and 0 for a small x."""
    x = LARGEST if x > LARGEST else x
    x = MINUS_ONE if x < MINUS_ONE else x
    n, q = power_and_rest(x)
    half = n >> np.int32(1)
    a, b = power_of_two(half), power_of_two(n - half)
    return (q * a + (a - power_of_two(half - n))) * b


# With s = z / (2 + z) we have log(1 + z) = 2 artanh(s) = 2 s + 2 s³ / 3 + ..., and 2 s = z - s z. The largest term, z, is added last, so
# that only the rounding of this addition matters.
@njit(**IN_ORDER)
def log1p_unit32(z):
    """log(1 + z) for 0 <= z <= 1."""
    s = z / (TWO + z)
    q = s * s
    p = np.float32(1.401223282e-1) * q + np.float32(1.399956970e-1)
    p = p * q + np.float32(2.001084959e-1)
    p = p * q + np.float32(3.333320656e-1)
    half = HALF * z * z
    return z - (half - s * (half + TWO * q * p))


@njit(**IN_ORDER)
def tanh32(x):
    """tanh(x): x + x³ P(x²) near 0, elsewhere 1 - 2 / (e^2|x| + 1) with the sign of x."""
    size, s = abs(x), x * x
    p = np.float32(-5.155104446e-3) * s + np.float32(2.011164691e-2)
    p = p * s + np.float32(-5.356698408e-2)
    p = p * s + np.float32(1.332924303e-1)
    p = p * s + np.float32(-3.333319661e-1)
    near = x + x * (s * p)
    far = ONE - TWO / (exp32_full(size + size) + ONE)
    far = far if x > ZERO else -far
    return near if size < np.float32(0.7) else far


@njit(**IN_ORDER)
def erf32(x):
    """erf(x): x + x P(x²) near 0, elsewhere 1 - e^(t Q(t)) with t = |x| and the sign of x. From 4 on it is 1."""
    size, s = abs(x), x * x
    p = np.float32(-5.976893803e-4) * s + np.float32(4.990980254e-3)
    p = p * s + np.float32(-2.676556700e-2)
    p = p * s + np.float32(1.128180277e-1)
    p = p * s + np.float32(-3.761249432e-1)
    p = p * s + np.float32(1.283791500e-1)
    near = x + x * p
    t = np.float32(4) if size > np.float32(4) else size
    q = np.float32(2.145958794e-4) * t + np.float32(-3.219982040e-3)
    q = q * t + np.float32(2.290605055e-2)
    q = q * t + np.float32(-1.052868826e-1)
    q = q * t + np.float32(-6.356993486e-1)
    q = q * t + np.float32(-1.28519958e-1)
    far = ONE - exp32_full(q * t - t)
    far = far if x > ZERO else -far
    return near if size < np.float32(0.93) else far
