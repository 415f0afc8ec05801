"""The CUDA rungs of convolution: in Numba's simulator, and thread by thread in every order, where a missing barrier is a race."""

import numpy as np
import pytest

import house
from planted import without_barrier
from reftorch import simt
from reftorch.fast.ladder import conv2d, conv2d_cuda
from reftorch.kernel import cuda

SIZES = [
    (1, 2, 5, 4, 3, 3, 1),
    (2, 1, 3, 6, 5, 2, 0),
    (1, 3, 2, 2, 1, 1, 0),
    (1, 1, 3, 3, 4, 3, 3),
]  # N C H W C_out K pad
KERNELS = {
    "plain": conv2d_cuda.plain_kernel,
    "shared tile": conv2d_cuda.shared_tile_kernel,
    "register tile": conv2d_cuda.register_tile_kernel,
}
SMALL = (("TILE", 4), ("MOST", 3), ("SPAN", 6), ("PER", 2))
each_rung = pytest.mark.parametrize("name, rung", conv2d_cuda.RUNGS, ids=[name for name, _ in conv2d_cuda.RUNGS])


@pytest.fixture
def small(monkeypatch):
    """Blocks of 4 x 4 threads and filters of at most 3 x 3: several blocks, and borders within them."""
    for name, number in SMALL:
        monkeypatch.setattr(conv2d_cuda, name, number)


def problem(N, C_in, H, W, C_out, K, pad):
    """x, weight, an empty y, pad, and the result, by the formula."""
    rng = np.random.default_rng(H)
    x, weight = (rng.integers(-9, 10, s).astype(np.float32) for s in ((N, C_in, H, W), (C_out, C_in, K, K)))
    y = np.full((N, C_out, H + 2 * pad - K + 1, W + 2 * pad - K + 1), np.nan, np.float32)
    conv2d.formula.py_func(x, weight, wanted := y.copy(), pad)
    return x, weight, y, pad, wanted


@pytest.mark.simulator
@each_rung
def test_in_the_simulator(small, name, rung):
    for size in SIZES:
        x, weight, y, pad, wanted = problem(*size)
        rung(x, weight, y, pad)
        assert np.array_equal(y, wanted), size


@pytest.mark.gpu
@each_rung
def test_on_a_gpu(name, rung):
    for size in [*SIZES, (2, 5, 40, 33, 19, 7, 3)]:
        x, weight, y, pad, wanted = problem(*size)
        on_device = [cuda.to_device(array) for array in (x, weight, y)]
        rung(*on_device, pad)
        assert np.array_equal(on_device[2].copy_to_host(), wanted), size


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@each_rung
def test_no_order_of_threads_matters(small, name, rung, order):
    for size in SIZES:
        x, weight, y, pad, wanted = problem(*size)
        grid, block = conv2d_cuda.blocks(weight, y, conv2d_cuda.PER if name == "register tile" else 1)
        report = simt.run(KERNELS[name], grid, block, x, weight, y, pad, order=order, empty=[y])
        assert not report.faults and np.array_equal(y, wanted), size


@pytest.mark.parametrize("name", ["shared_tile_kernel", "register_tile_kernel"])
@pytest.mark.parametrize("barrier", [0, 1])
def test_without_a_barrier_it_is_a_fault(tmp_path, name, barrier):
    module = without_barrier(conv2d_cuda, name, barrier, tmp_path)
    for constant, number in SMALL:
        setattr(module, constant, number)
    x, weight, y, pad, _ = problem(1, 2, 4, 4, 2, 3, 1)
    with pytest.raises((simt.NeverWritten, simt.DataRace)[barrier]):
        simt.run(getattr(module, name), *module.blocks(weight, y, 2), x, weight, y, pad)


def test_each_rung_brings_less_from_memory(small):
    """For 4 x 4 pixels of 4 filters of 3 x 3 over 2 channels, none of them at the border."""
    x, weight, y, pad, _ = problem(1, 2, 6, 6, 4, 3, 0)
    reads = []
    for name, kernel in KERNELS.items():
        grid, block = conv2d_cuda.blocks(weight, y, conv2d_cuda.PER if name == "register tile" else 1)
        reads.append(simt.run(kernel, grid, block, x, weight, y, pad).counts["global reads"])
    pixels, weights = 2 * 6 * 6, 4 * 2 * 3 * 3
    assert reads == [2 * 4 * 16 * 2 * 9, 4 * pixels + weights, 2 * pixels + weights]


def test_larger_filters_are_refused():
    with pytest.raises(ValueError, match="8 by 8.*room for 7 by 7"):
        conv2d_cuda.plain(None, np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 1, 1)), 0)


def test_each_rung_has_its_idea_above_it():
    with open(conv2d_cuda.__file__) as file:
        headings = house.headings(file.read().replace("\n# ##", "\n##"))
    assert [heading.lower() for heading in headings] == [name for name, _ in conv2d_cuda.RUNGS]
