"""The CUDA rungs: in Numba's simulator, and thread by thread in every order, where a missing barrier would be a race."""

import numpy as np
import pytest

import house
from planted import without_barrier
from reftorch import simt
from reftorch.fast.ladder import matmul_cuda
from reftorch.kernel import cuda

SIZES = [(5, 6, 9), (8, 4, 8), (1, 3, 2), (3, 0, 2)]
KERNELS = {
    "plain": (matmul_cuda.plain_kernel, "TILE"),
    "shared tile": (matmul_cuda.shared_tile_kernel, "TILE"),
    "register tile": (matmul_cuda.register_tile_kernel, "WIDE"),
}
each_rung = pytest.mark.parametrize("name, rung", matmul_cuda.RUNGS, ids=[name for name, _ in matmul_cuda.RUNGS])


@pytest.fixture
def small(monkeypatch):
    """Blocks of 4 x 4 threads: more than one of them, borders within them, and several slices of k."""
    for name, number in (("TILE", 4), ("PER", 2), ("WIDE", 8)):
        monkeypatch.setattr(matmul_cuda, name, number)


def factors(M, K, N):
    rng = np.random.default_rng(M)
    return (rng.integers(-9, 10, shape).astype(np.float32) for shape in ((M, K), (K, N)))


def unwritten(M, N):
    return np.full((M, N), np.nan, np.float32)


@pytest.mark.simulator
@each_rung
def test_in_the_simulator(small, name, rung):
    for M, K, N in SIZES:
        (a, b), y = factors(M, K, N), unwritten(M, N)
        rung(a, b, y)
        assert np.array_equal(y, a @ b), (M, K, N)


@pytest.mark.simulator
def test_the_launch_as_it_is_on_a_gpu():
    """With the constants of the file, once."""
    (a, b), y = factors(17, 18, 19), unwritten(17, 19)
    matmul_cuda.shared_tile(a, b, y)
    assert np.array_equal(y, a @ b)


@pytest.mark.gpu
@each_rung
def test_on_a_gpu(name, rung):
    for M, K, N in [*SIZES, (64, 64, 64), (130, 70, 200)]:
        a, b = factors(M, K, N)
        on_device = [cuda.to_device(array) for array in (a, b, unwritten(M, N))]
        rung(*on_device)
        assert np.array_equal(on_device[2].copy_to_host(), a @ b), (M, K, N)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@each_rung
def test_no_order_of_threads_matters(small, name, rung, order):
    kernel, edge = KERNELS[name]
    for M, K, N in SIZES[:3]:
        (a, b), y = factors(M, K, N), unwritten(M, N)
        grid, block = matmul_cuda.blocks(y, getattr(matmul_cuda, edge))
        report = simt.run(kernel, grid, block, a, b, y, order=order, empty=[y])
        assert not report.faults and np.array_equal(y, a @ b), (M, K, N)


@pytest.mark.parametrize("name", ["shared_tile_kernel", "register_tile_kernel"])
@pytest.mark.parametrize("barrier", [0, 1])
def test_without_a_barrier_it_is_a_fault(small, tmp_path, name, barrier):
    module = without_barrier(matmul_cuda, name, barrier, tmp_path)
    module.TILE, module.PER, module.WIDE = 4, 2, 8
    (a, b), y = factors(8, 8, 8), unwritten(8, 8)
    with pytest.raises((simt.NeverWritten, simt.DataRace)[barrier]):
        simt.run(getattr(module, name), *module.blocks(y, 8), a, b, y)


def test_each_rung_brings_less_from_memory(small):
    """Numbers read from global memory: 2 K for each element, then that over TILE, then over WIDE."""
    a, b = factors(8, 8, 8)
    reads = []
    for kernel, edge in KERNELS.values():
        y = unwritten(8, 8)
        report = simt.run(kernel, *matmul_cuda.blocks(y, getattr(matmul_cuda, edge)), a, b, y)
        reads.append(report.counts["global reads"])
    assert reads == [8 * 8 * 16, 8 * 8 * 16 // 4, 8 * 8 * 16 // 8]


def test_each_rung_has_its_idea_above_it():
    with open(matmul_cuda.__file__) as file:
        headings = house.headings(file.read().replace("\n# ##", "\n##"))
    assert [heading.lower() for heading in headings] == [name for name, _ in matmul_cuda.RUNGS]
