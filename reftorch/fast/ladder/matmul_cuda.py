r"""A matrix product on a GPU, with fewer and fewer accesses to its memory: $y_{mn} = \sum_k a_{mk} b_{kn}$.

A GPU runs thousands of threads at the same time, so all rungs are parallel: the launch replaces the loops over m and n. The memory limits
the speed: it delivers one number in the time of about twenty multiply-adds. All rungs take float32 matrices of any size.
"""

from __future__ import annotations

import numpy as np
from numba import float32

from reftorch.kernel import cuda

TILE = 16  # a block is TILE x TILE threads
PER = 4  # rows and columns of y that a thread of the last rung computes
WIDE = TILE * PER


# ## Plain
#
# A thread for each element of y. Neighbouring threads compute neighbouring columns, so the elements of b that they read, and those of y
# that they write, are neighbours in memory. But each multiply-add reads two numbers from memory, which other threads read, too.
@cuda.jit
def plain_kernel(a, b, y):
    n, m = cuda.grid(2)
    if m >= y.shape[0] or n >= y.shape[1]:
        return
    acc = np.float32(0)
    for k in range(a.shape[1]):
        acc += a[m, k] * b[k, n]
    y[m, n] = acc


# ## Shared tile
#
# The threads of a block compute a square of y, for which they need the same rows of a and columns of b. They load a square of each into
# shared memory, one number per thread, and wait for each other. Then all multiply, and wait again before the next squares overwrite these.
# A number from memory is used TILE times. Numbers outside the matrices are zeros, and all threads reach the barriers.
@cuda.jit
def shared_tile_kernel(a, b, y):
    n, m = cuda.grid(2)
    s, r = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    (M, K), N = a.shape, b.shape[1]
    acc = np.float32(0)
    for k0 in range(0, K, TILE):
        a_tile[r, s] = a[m, k0 + s] if m < M and k0 + s < K else np.float32(0)
        b_tile[r, s] = b[k0 + r, n] if k0 + r < K and n < N else np.float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            acc += a_tile[r, k] * b_tile[k, s]
        cuda.syncthreads()
    if m < M and n < N:
        y[m, n] = acc


# ## Register tile
#
# Shared memory is fast, but one or two numbers are still read from it for each multiply-add. So a thread computes PER x PER elements in
# registers: for each k it reads PER numbers of a and PER of b, and computes PER * PER multiply-adds. Its rows and columns are TILE
# apart, so that at each step neighbouring threads still read neighbouring numbers.
@cuda.jit
def register_tile_kernel(a, b, y):
    s, r = cuda.threadIdx.x, cuda.threadIdx.y
    n0, m0 = cuda.blockIdx.x * WIDE, cuda.blockIdx.y * WIDE
    a_tile = cuda.shared.array((WIDE, TILE), float32)
    b_tile = cuda.shared.array((TILE, WIDE), float32)
    acc = cuda.local.array((PER, PER), float32)
    line = cuda.local.array(PER, float32)
    (M, K), N = a.shape, b.shape[1]
    for i in range(PER):
        for j in range(PER):
            acc[i, j] = np.float32(0)
    for k0 in range(0, K, TILE):
        for i in range(PER):
            m, n = m0 + i * TILE + r, n0 + i * TILE + s
            a_tile[i * TILE + r, s] = a[m, k0 + s] if m < M and k0 + s < K else np.float32(0)
            b_tile[r, i * TILE + s] = b[k0 + r, n] if k0 + r < K and n < N else np.float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            for j in range(PER):
                line[j] = b_tile[k, j * TILE + s]
            for i in range(PER):
                factor = a_tile[i * TILE + r, k]
                for j in range(PER):
                    acc[i, j] += factor * line[j]
        cuda.syncthreads()
    for i in range(PER):
        for j in range(PER):
            m, n = m0 + i * TILE + r, n0 + j * TILE + s
            if m < M and n < N:
                y[m, n] = acc[i, j]


def blocks(y, edge):
    """The launch: as many blocks of TILE x TILE threads as cover y, if each covers edge x edge elements."""
    M, N = y.shape
    return (-(-N // edge), -(-M // edge)), (TILE, TILE)


def plain(a, b, y):
    plain_kernel[blocks(y, TILE)](a, b, y)


def shared_tile(a, b, y):
    shared_tile_kernel[blocks(y, TILE)](a, b, y)


def register_tile(a, b, y):
    register_tile_kernel[blocks(y, WIDE)](a, b, y)


RUNGS = (("plain", plain), ("shared tile", shared_tile), ("register tile", register_tile))
