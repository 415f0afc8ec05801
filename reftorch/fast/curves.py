r"""Activations and their slopes as functions of one float32, without a branch; the loops of `activations.py` call them.

Both sides of a case are computed, and one is chosen, so that the processor can compute a register of numbers at once. The formulas are
explained in the files of the components; only the differences are explained here.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import (
    DOWN,
    HALF,
    IN_ORDER,
    ONE,
    TWO,
    ZERO,
    erf32,
    exp32_full,
    exp32_scaled,
    expm1_32,
    log1p_unit32,
    tanh32,
)
from reftorch.fast.registers import lost_in
from reftorch.fast.wide import ONE as ONE64
from reftorch.fast.wide import TWO as TWO64
from reftorch.fast.wide import ZERO as ZERO64
from reftorch.fast.wide import exp64, expm1_64, log1p_unit64
from reftorch.kernel import njit

ROOT_HALF, DENSITY = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))
FOUR, TWENTY, FORTY = np.float32(4), np.float32(20), np.float64(40)
SLOPE, CUBIC = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)  # of gelu with tanh


# Sums, products and quotients are rounded. Each rounding error is itself a float32 that can be computed. Here 1 + e is d + d_lost. The
# quotient y leaves the remainder a + a_lost - y (1 + e), which is divided, too.
@njit(**IN_ORDER)
def over_one_plus32(a, a_lost, e):
    """(a + a_lost) / (1 + e) for 0 <= e <= 1 in two parts: y, and a correction to be added, which is NaN where a is infinite."""
    d = ONE + e
    d_lost = e - (d - ONE)
    part = ONE / d
    y = a * part
    return y, ((a - y * d) + (a_lost - y * d_lost)) * part


@njit(**IN_ORDER)
def sigmoid32(x):
    """1 / (1 + e^-x), or e^x / (1 + e^x) below 0."""
    e = exp32_scaled(-abs(x)) * DOWN
    y, more = over_one_plus32(ONE if x > ZERO else e, ZERO, e)
    return y + more


@njit(**IN_ORDER)
def elu32(x, alpha, scale):
    below = np.float32(alpha * scale) * expm1_32(x)
    return np.float32(scale) * x if x > ZERO else below


@njit(**IN_ORDER)
def elu_slope64(x, alpha, scale, inner):
    """scale, or scale alpha inner e^(inner x) below 0, in float64: the product with the gradient of y is rounded."""
    below = scale * alpha * inner * exp64(inner * np.float64(x))
    return scale if x > ZERO else below


@njit(**IN_ORDER)
def celu32(x, alpha):
    wide = np.float64(x)
    below = alpha * expm1_64(wide / alpha)
    return np.float32(wide if x > ZERO else below)


@njit(**IN_ORDER)
def softplus32(x, threshold):
    """softplus with beta = 1"""
    curve = (x if x > ZERO else ZERO) + log1p_unit32(exp32_full(-abs(x)))
    return x if x > threshold else curve


@njit(**IN_ORDER)
def softplus_beta32(x, beta, threshold):
    z = beta * np.float64(x)
    curve = ((z if z > ZERO64 else ZERO64) + log1p_unit64(exp64(-abs(z)))) / beta
    return x if z > threshold else np.float32(curve)


@njit(**IN_ORDER)
def softplus_slope32(x, threshold):
    curve = sigmoid32(x)
    return ONE if x > threshold else curve


@njit(**IN_ORDER)
def softplus_beta_slope32(x, beta, threshold):
    z = beta * np.float64(x)
    curve = ONE64 / (ONE64 + exp64(-z))
    return ONE if z > threshold else np.float32(curve)


@njit(**IN_ORDER)
def log_sigmoid32(x):
    return (x if x < ZERO else ZERO) - log1p_unit32(exp32_full(-abs(x)))


@njit(**IN_ORDER)
def gelu32(x):
    return HALF * x * (ONE + erf32(x * ROOT_HALF))


@njit(**IN_ORDER)
def gelu_slope32(x):
    density = exp32_full(-HALF * x * x) * DENSITY
    return HALF * (ONE + erf32(x * ROOT_HALF)) + x * density


@njit(**IN_ORDER)
def gelu_tanh32(x):
    return HALF * x * (ONE + tanh32(SLOPE * (x + CUBIC * (x * x * x))))


@njit(**IN_ORDER)
def gelu_tanh_slope32(x):
    t = tanh32(SLOPE * (x + CUBIC * (x * x * x)))
    inner_slope = SLOPE * (ONE + np.float32(3) * CUBIC * (x * x))
    return HALF * (ONE + t) + HALF * x * (ONE - t * t) * inner_slope


@njit(**IN_ORDER)
def silu32(x):
    """x / (1 + e^-x), or x e^x / (1 + e^x) below 0. e^x is 2^64 times too large until the end: so x e^x keeps its digits."""
    e = exp32_scaled(-abs(x))
    kept = ONE if x > ZERO else e
    a = x * kept
    y, more = over_one_plus32(a, lost_in(a, x, kept), e * DOWN)
    y = y + more if more == more else y
    return y * (ONE if x > ZERO else DOWN)


@njit(**IN_ORDER)
def silu_slope32(x):
    """s (1 + x (1 - s)), where both s and 1 - s are 1 / (1 + e) and e / (1 + e)."""
    e = exp32_scaled(-abs(x)) * DOWN
    part = ONE / (ONE + e)
    s, other = (part, e * part) if x > ZERO else (e * part, part)
    return s * (ONE + x * other)


# tanh(log(1 + e^x)) = w / (w + 2) with w = e^x (e^x + 2), no logarithm. From 40 on it is 1.
@njit(**IN_ORDER)
def mish32(x):
    wide = np.float64(x)
    e = exp64(wide if wide < FORTY else FORTY)
    w = e * (e + TWO64)
    return np.float32(wide * (w / (w + TWO64)))


# The derivative t + x (1 - t²) s, where s is the sigmoid: (1 - t²) s = 4 e^x (1 + e^x) / (w + 2)². From 20 on that is 0.
@njit(**IN_ORDER)
def mish_slope32(x):
    e = exp32_full(x if x < TWENTY else TWENTY)
    w = e * (e + TWO)
    part = ONE / (w + TWO)
    bend = FOUR * e * (ONE + e) * part
    return part * (w + x * (bend if x < TWENTY else ZERO))


@njit(**IN_ORDER)
def tanh_squared(x):
    """tanh² in float64, where tanh(x) = m / (m + 2) with m = e^2x - 1"""
    wide = np.float64(x)
    m = expm1_64(wide + wide)
    t = m / (m + TWO64)
    return t * t
