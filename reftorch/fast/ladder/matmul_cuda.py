r"""A matrix product on a GPU, by ever fewer journeys to its memory: $y_{mn} = \sum_k a_{mk} b_{kn}$.

A GPU has thousands of threads at work, so nobody has to be asked to work in parallel, and the loops over m and n are the launch. What
holds it up is memory, which brings one number in the time of some twenty multiply-adds. All rungs take float32 matrices of any size.
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
# A thread for each element of y. Threads that stand side by side take columns that do, so what they read of b and write to y lies
# together. Yet each multiply-add asks the memory for two numbers, which other threads ask for too.
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
# The threads of a block compute a square of y, for which they need the same rows of a and columns of b. Of each they bring a square
# into the memory that they share, a number each, and wait for one another. Then all multiply, and wait again before the next squares
# take the place. A number from memory is used TILE times. Beyond the border stand zeros, and all threads go on to the barriers.
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
# Shared memory is near, but it too brings only a number or two for each multiply-add. So a thread computes PER x PER elements, in
# registers: the PER numbers of a and PER of b that it reads for a k serve PER * PER multiply-adds. Its rows and columns are TILE
# apart, so that at each step threads side by side still read what lies side by side.
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
