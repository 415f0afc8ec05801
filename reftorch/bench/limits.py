"""Measures the limits of the machine: multiply-adds per second, and bytes per second from each level of memory.

Two times bound a case from below: the time that its operations need at the peak, and the time that its bytes need at the memory's
bandwidth. The larger of the two is the limit that counts. The share that a case reaches is this time divided by the measured time.
This is the roofline model: S. Williams, A. Waterman, D. Patterson, Communications of the ACM 52 (4), 2009.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from reftorch.bench.costs import FLOAT, Work
from reftorch.fast.tile import COLS, ROWS, multiply_tile
from reftorch.kernel import PARALLEL, cuda, njit, prange

DEPTH = 256  # multiply-adds for each sum, before it is written


@dataclass(frozen=True)
class Level:
    """A level of memory: how many bytes of it were used, and the bytes per second."""

    name: str
    size: int
    bandwidth: float


@dataclass(frozen=True)
class Limits:
    """The peak in operations per second, and the levels of memory, nearest first."""

    peak: float
    levels: tuple[Level, ...]

    def level(self, moved: int) -> Level:
        """The nearest level that can hold `moved` bytes; each level was measured half full."""
        return next((level for level in self.levels if moved <= 2 * level.size), self.levels[-1])

    def share(self, work: Work, seconds: float) -> tuple[float, str]:
        """The share of the limit that counts, and its name: "arithmetic" or a level of memory."""
        level = self.level(work.bytes)
        arithmetic, memory = work.operations / self.peak, work.bytes / level.bandwidth
        return max(arithmetic, memory) / seconds, "arithmetic" if arithmetic >= memory else level.name


# ## Multiply-adds
#
# The register tile of `reftorch.fast`'s matrix product, with operands in the first cache. Its sums stay in registers, every k uses the
# same row of b, and a multiply-add waits only for the previous one of its own sum. Each thread computes its own tile.
@njit(**PARALLEL)
def multiply_add_cpu(a, line, start, sums, repeats):
    for t in prange(sums.shape[0]):
        for _ in range(repeats):
            multiply_tile(a, line, start, 0, sums[t])


# ## Bytes
#
# The triad of the STREAM benchmark (J. McCalpin): two numbers are read and one is written, 12 bytes in float32.
@njit(**PARALLEL)
def triad_cpu(x, y, z, factor):
    for i in prange(x.size):
        z[i] = x[i] + factor * y[i]


@cuda.jit
def multiply_add_cuda(z, factor, repeats):
    i = cuda.grid(1)
    if i >= z.size:
        return
    a = z[i]
    b, c, d = a + factor, a - factor, a * factor
    for _ in range(repeats):
        a = a * factor + b
        b = b * factor + c
        c = c * factor + d
        d = d * factor + a
    z[i] = a + b + c + d


@cuda.jit
def triad_cuda(x, y, z, factor):
    i = cuda.grid(1)
    if i >= z.size:
        return
    z[i] = x[i] + factor * y[i]


def best(call, seconds: float) -> float:
    """The shortest time of the calls that fit into `seconds`; at least three calls."""
    call()  # compiles
    shortest, left = math.inf, seconds
    for number in range(1_000_000):
        if left < 0 and number >= 3:
            break
        start = time.perf_counter()
        call()
        took = time.perf_counter() - start
        shortest, left = min(shortest, took), left - took
    return shortest


def cache_sizes() -> dict[str, int]:
    """Bytes of the second and the third cache; usual sizes where the system does not report them."""
    sizes = {"L2": 2**20, "L3": 32 * 2**20}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            name, text = "L" + (index / "level").read_text().strip(), (index / "size").read_text().strip()
            if name in sizes and text.endswith("K"):
                sizes[name] = int(text[:-1]) * 1024
        except (OSError, ValueError):
            continue
    return sizes


def cpu_limits(threads: int, seconds: float = 0.3, scale: float = 1.0) -> Limits:
    """The limits of this number of threads. `scale` makes the arrays smaller, for tests."""
    numba.set_num_threads(threads)
    repeats = max(1, int(200 * scale))
    a, line, start = np.ones((ROWS, DEPTH), np.float32), np.ones(COLS, np.float32), np.zeros(DEPTH, np.int64)
    sums = np.zeros((threads, ROWS, COLS), np.float32)
    peak = (
        threads * repeats * ROWS * COLS * DEPTH / best(lambda: multiply_add_cpu(a, line, start, sums, repeats), seconds)
    )
    caches = cache_sizes()
    used = {"L2": caches["L2"] * threads // 2, "L3": caches["L3"] // 2, "DRAM": 4 * caches["L3"]}
    levels = []
    for name, size in used.items():
        n = max(16, int(size * scale) // (3 * FLOAT))
        x, y, z = (np.ones(n, np.float32) for _ in range(3))
        calls = max(
            1, int(scale * 2**24) // (3 * FLOAT * n)
        )  # a sample of a small array takes as long as one of a large array

        def sweep(x=x, y=y, z=z, calls=calls):
            for _ in range(calls):
                triad_cpu(x, y, z, np.float32(0.5))

        levels.append(Level(name, size, 3 * FLOAT * n * calls / best(sweep, seconds)))
    return Limits(peak, tuple(levels))


def cuda_limits(seconds: float = 0.3, n: int = 2**26, repeats: int = 4096) -> Limits:
    """The limits of the GPU: four multiply-adds per iteration in each of many threads, and the triad in its memory."""
    block, few, factor = 256, min(n, 2**20), np.float32(0.5)
    z = cuda.to_device(np.ones(few, np.float32))

    def multiply_add() -> None:
        multiply_add_cuda[-(-few // block), block](z, factor, repeats)
        cuda.synchronize()

    peak = 4 * few * repeats / best(multiply_add, seconds)
    x, y, out = (cuda.to_device(np.ones(n, np.float32)) for _ in range(3))

    def triad() -> None:
        triad_cuda[-(-n // block), block](x, y, out, factor)
        cuda.synchronize()

    return Limits(peak, (Level("memory", 3 * FLOAT * n, 3 * FLOAT * n / best(triad, seconds)),))
