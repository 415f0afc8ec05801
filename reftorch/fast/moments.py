r"""The sums of a normalization over a line of elements, computed in pieces.

A long sum needs float64, but converting an element takes longer than adding it. So a line is divided into pieces of PIECE elements. The
sum of a piece is computed in the data's type, in several registers, so that each element of a register is the sum of only a few
numbers. The sums of the pieces are added in float64.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import INLINE, window
from reftorch.kernel import njit

PIECE = 512


@njit(**INLINE)
def sum_of(line):
    """The sum of the elements."""
    total = np.float64(0)
    for start in range(0, line.size, PIECE):
        piece, part = window(line, start, min(PIECE, line.size - start)), line.dtype.type(0)
        for i in range(piece.size):
            part += piece[i]
        total += part
    return total


@njit(**INLINE)
def squares_of(line, center):
    """The sum of the squared distances from `center`."""
    total = np.float64(0)
    for start in range(0, line.size, PIECE):
        piece, part = window(line, start, min(PIECE, line.size - start)), line.dtype.type(0)
        for i in range(piece.size):
            difference = piece[i] - center
            part += difference * difference
        total += part
    return total


@njit(**INLINE)
def sums_of(gradient, line, center):
    """The sums of the gradient, and of the gradient times the distance from `center`."""
    total, along = np.float64(0), np.float64(0)
    for start in range(0, line.size, PIECE):
        size = min(PIECE, line.size - start)
        given, piece = window(gradient, start, size), window(line, start, size)
        part, part_along = line.dtype.type(0), line.dtype.type(0)
        for i in range(size):
            part += given[i]
            part_along += given[i] * (piece[i] - center)
        total += part
        along += part_along
    return total, along


@njit(**INLINE)
def scaled_sums_of(gradient, scale, line, center):
    """As `sums_of`, if each element of the gradient has its own scale."""
    total, along = np.float64(0), np.float64(0)
    for start in range(0, line.size, PIECE):
        size = min(PIECE, line.size - start)
        given, factor, piece = window(gradient, start, size), window(scale, start, size), window(line, start, size)
        part, part_along = line.dtype.type(0), line.dtype.type(0)
        for i in range(size):
            h = given[i] * factor[i]
            part += h
            part_along += h * (piece[i] - center)
        total += part
        along += part_along
    return total, along
