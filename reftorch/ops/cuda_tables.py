"""Tables of operations for the CUDA map kernels: a number chooses what is computed from one or two elements.

An operation inside a kernel is chosen by a number (`ADD`, `EXP`, ...), so that one compilation for each dtype serves all of
them. All threads take the same branch, which costs a GPU next to nothing.

`real(2)` is the number 2 in the data's own type. A bare 2 or 0.5 beside a float32 would make the compiler widen both to
float64, which most GPUs compute 32 to 64 times slower.
"""

from __future__ import annotations

import math
import types

import numba
import numpy as np

from ..kernel import cuda

SIMULATED = bool(numba.config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
if SIMULATED:
    # Python's math raises OverflowError or ValueError where a GPU and NumPy return infinity or NaN.
    math = types.SimpleNamespace(  # type: ignore[assignment]
        exp=np.exp, expm1=np.expm1, log=np.log, log1p=np.log1p, log2=np.log2, log10=np.log10,
        sqrt=np.sqrt, sin=np.sin, cos=np.cos, tan=np.tan, sinh=np.sinh, cosh=np.cosh, tanh=np.tanh,
        asin=np.arcsin, acos=np.arccos, atan=np.arctan, asinh=np.arcsinh, acosh=np.arccosh,
        atanh=np.arctanh, atan2=np.arctan2, floor=np.floor, ceil=np.ceil, trunc=np.trunc,
        fabs=np.fabs, fmod=np.fmod, pow=np.power, copysign=np.copysign, erf=math.erf,
    )  # fmt: skip

EXP, EXPM1, LOG, LOG1P, LOG2, LOG10, SQRT, SIGMOID, ERF, SINH, COSH, TANH = range(12)
SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, ARCSINH, ARCCOSH, ARCTANH = range(12, 21)
ABSOLUTE, SIGN, FLOOR, CEIL, TRUNC, RINT = range(21, 27)

ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER, MAXIMUM, MINIMUM = range(9)
ARCTAN2, BITWISE_AND, BITWISE_OR, BITWISE_XOR = range(9, 13)

EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL = range(6)
LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR = range(6, 9)


# ---------------------------------------------------------------------------------------- tables: one operand
@cuda.jit(device=True)
def exponential(code, x, real):
    if code == EXP:
        return math.exp(x)
    if code == EXPM1:
        return math.expm1(x)
    if code == LOG:
        return math.log(x)
    if code == LOG1P:
        return math.log1p(x)
    if code == LOG2:
        return math.log2(x)
    if code == LOG10:
        return math.log10(x)
    if code == SQRT:
        return math.sqrt(x)
    if code == SIGMOID:
        return real(1) / (real(1) + math.exp(-x))
    if code == ERF:
        return real(math.erf(x))
    if code == SINH:
        return math.sinh(x)
    if code == COSH:
        return math.cosh(x)
    return math.tanh(x)


@cuda.jit(device=True)
def trigonometric(code, x):
    if code == SIN:
        return math.sin(x)
    if code == COS:
        return math.cos(x)
    if code == TAN:
        return math.tan(x)
    if code == ARCSIN:
        return math.asin(x)
    if code == ARCCOS:
        return math.acos(x)
    if code == ARCTAN:
        return math.atan(x)
    if code == ARCSINH:
        return math.asinh(x)
    if code == ARCCOSH:
        return math.acosh(x)
    return math.atanh(x)


@cuda.jit(device=True)
def rounding(code, x, real):
    if code == ABSOLUTE:
        return math.fabs(x)
    if code == SIGN:
        if x > real(0):
            return real(1)
        return real(-1) if x < real(0) else x - x  # 0 of zeros, NaN of NaN
    if code == CEIL:
        return math.ceil(x)
    if code == TRUNC:
        return math.trunc(x)
    below = math.floor(x)
    if code == RINT:
        rest = x - below
        odd = math.fmod(below, real(2)) != real(0)
        half = real(1) / real(2)
        if rest > half or (rest == half and odd):  # halves go to the even neighbour
            below += real(1)
        return math.copysign(below, x)
    return below


# ---------------------------------------------------------------------------------------- tables: two operands
@cuda.jit(device=True)
def larger(a, b):
    return a if a > b or a != a else b  # a != a: NaN wins, as in NumPy


@cuda.jit(device=True)
def smaller(a, b):
    return a if a < b or a != a else b


@cuda.jit(device=True)
def float_remainder(a, b, real):
    """a - b floor(a / b), with the sign of b: as Python's %."""
    rest = math.fmod(a, b)
    if rest == real(0):
        return math.copysign(rest, b)
    return rest + b if (rest < real(0)) != (b < real(0)) else rest


@cuda.jit(device=True)
def float_floor_divide(a, b, real):
    """floor(a / b), from the exact remainder: the rounded quotient 1.0 / 0.1 is 10, but 0.1 fits only 9 times."""
    if b == real(0):
        return a / b
    rest = math.fmod(a, b)
    quotient = (a - rest) / b  # an integer but for rounding
    if rest != real(0) and (rest < real(0)) != (b < real(0)):
        quotient -= real(1)
    whole = math.floor(quotient)
    if quotient - whole > real(1) / real(2):
        whole += real(1)
    return whole if whole != real(0) else math.copysign(real(0), a / b)


@cuda.jit(device=True)
def integer_power(a, b):
    """a^b modulo the type's range, by squaring. A negative power is the integer part of the fraction 1 / a^-b."""
    if b < 0:
        if a != 1 and a != -1:
            return a * 0
        b = -b
    power = a * 0 + 1
    while b > 0:
        if b & 1:
            power = power * a
        a = a * a
        b >>= 1
    return power


@cuda.jit(device=True)
def float_binary(code, a, b, real):
    if code == ADD:
        return a + b
    if code == SUBTRACT:
        return a - b
    if code == MULTIPLY:
        return a * b
    if code == DIVIDE:
        return a / b
    if code == FLOOR_DIVIDE:
        return float_floor_divide(a, b, real)
    if code == REMAINDER:
        return float_remainder(a, b, real)
    if code == POWER:
        return math.pow(a, b)
    if code == ARCTAN2:
        return math.atan2(a, b)
    if code == MAXIMUM:
        return larger(a, b)
    return smaller(a, b)


@cuda.jit(device=True)
def integer_binary(code, a, b):
    if code == ADD:
        return a + b
    if code == SUBTRACT:
        return a - b
    if code == MULTIPLY:
        return a * b
    if code == FLOOR_DIVIDE:
        return a // b if b != 0 else a * 0  # integers have no infinity
    if code == REMAINDER:
        return a % b if b != 0 else a * 0
    if code == POWER:
        return integer_power(a, b)
    if code == BITWISE_AND:
        return a & b
    if code == BITWISE_OR:
        return a | b
    if code == BITWISE_XOR:
        return a ^ b
    if code == MAXIMUM:
        return larger(a, b)
    return smaller(a, b)


@cuda.jit(device=True)
def relation(code, a, b, zero):
    if code == EQUAL:
        return a == b
    if code == NOT_EQUAL:
        return a != b
    if code == LESS:
        return a < b
    if code == LESS_EQUAL:
        return a <= b
    if code == GREATER:
        return a > b
    if code == GREATER_EQUAL:
        return a >= b
    if code == LOGICAL_AND:
        return a != zero and b != zero
    if code == LOGICAL_OR:
        return a != zero or b != zero
    return (a != zero) != (b != zero)


# ---------------------------------------------------------------------------------------- tables: reductions
SUM, PROD, MAX, MIN = range(4)


@cuda.jit(device=True)
def combine(code, a, b):
    if code == SUM:
        return a + b
    if code == PROD:
        return a * b
    if code == MAX:
        return larger(a, b)
    return smaller(a, b)


@cuda.jit(device=True)
def beats(code, a, i, b, j):
    """Whether a, at index i, goes before b, at index j: NaN first, then the extreme, of equal ones the earlier."""
    if a != a or b != b:
        return a != a and (b == b or i < j)
    if a == b:
        return i < j
    return a > b if code == MAX else a < b
