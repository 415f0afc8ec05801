r"""Activations and their slopes as functions of one float32, without a branch: what the loops of `activations.py` compute.

Both sides of a case are computed, and one is chosen: so the processor can do a register of numbers at once. Formulas are in the
files of the components; here is only what differs from them.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import (
    HALF,
    IN_ORDER,
    ONE,
    TWO,
    ZERO,
    erf32,
    exp32_full,
    expm1_32,
    log1p_unit32,
    tanh32,
)
from reftorch.kernel import njit

ROOT_HALF, DENSITY = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))
SLOPE, CUBIC = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)  # of gelu with tanh


@njit(**IN_ORDER)
def sigmoid32(x):
    e = exp32_full(-abs(x))
    return (ONE if x > ZERO else e) / (ONE + e)


@njit(**IN_ORDER)
def elu32(x, alpha, scale, inner):
    below = alpha * expm1_32(inner * x)
    return scale * (x if x > ZERO else below)


@njit(**IN_ORDER)
def elu_slope32(x, alpha, scale, inner):
    below = alpha * inner * exp32_full(inner * x)
    return scale * (ONE if x > ZERO else below)


@njit(**IN_ORDER)
def softplus32(x, beta, threshold):
    z = beta * x
    curve = ((z if z > ZERO else ZERO) + log1p_unit32(exp32_full(-abs(z)))) / beta
    return x if z > threshold else curve


@njit(**IN_ORDER)
def softplus_slope32(x, beta, threshold):
    z = beta * x
    curve = sigmoid32(z)
    return ONE if z > threshold else curve


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
    return x / (ONE + exp32_full(-x))


@njit(**IN_ORDER)
def silu_slope32(x):
    s = sigmoid32(x)
    return s * (ONE + x * (ONE - s))


# tanh(log(1 + e^x)) = e^x (e^x + 2) / (e^x (e^x + 2) + 2), no logarithm; above 0 both are divided by e^2x, which could overflow.
@njit(**IN_ORDER)
def tanh_of_softplus32(x):
    e = exp32_full(-abs(x))
    above = (ONE + TWO * e) / (ONE + TWO * e + TWO * e * e)
    below = e * (e + TWO) / (e * (e + TWO) + TWO)
    return above if x > ZERO else below


@njit(**IN_ORDER)
def mish_slope32(x):
    t = tanh_of_softplus32(x)
    return t + x * sigmoid32(x) * (ONE - t * t)
