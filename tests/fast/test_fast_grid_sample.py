"""Sampling with tables gives what the reference loops give, with one thread and with several."""

import numpy as np
import pytest

from reftorch.fast import grid_sample as fast
from reftorch.kernel import interpreted
from reftorch.nn.vision import grid_sample as images
from reftorch.nn.vision import grid_sample3d as volumes
from reftorch.nn.vision import grid_sample_bicubic as bicubic

SIZES = {2: ((3, 5), (4, 5)), 3: ((2, 3, 4), (2, 2, 4))}  # of the input and of the output
CLOSE = {"float64": dict(rtol=1e-11, atol=1e-12), "float32": dict(rtol=1e-5, atol=1e-5)}


def kernels(mode, n):
    """Both versions of the three passes, and the number of pixels as an argument, if there is one."""
    module = bicubic if mode == "bicubic" else images if n == 2 else volumes
    name = {2: "grid_sample", 3: "grid_sample3d"}[n] + ("_bicubic" if mode == "bicubic" else "")
    quick = "grid_sample_bicubic" if mode == "bicubic" else "grid_sample"
    passes = ("forward", "backward_x", "backward_grid")
    references = [interpreted(getattr(module, f"{name}_{each}_cpu")) for each in passes]
    taps = {"bicubic": (), "nearest": (1,), "linear": (2,)}[mode]
    return references, [getattr(fast, f"{quick}_{each}") for each in passes], taps


def inputs(n, dtype, C=2, size_out=None):
    """Places inside and outside, far away too; none of them where a result jumps or bends."""
    rng, (size_in, usual) = np.random.default_rng(0), SIZES[n]
    size_out = size_out or usual
    spaced = (np.arange(2 * n * np.prod(size_out)) + 0.37) * 6 / (2 * n * np.prod(size_out)) - 3
    grid = rng.permutation(spaced).reshape(2, *size_out, n)
    return [
        a.astype(dtype) for a in (rng.standard_normal((2, C, *size_in)), grid, rng.standard_normal((2, C, *size_out)))
    ]


@np.errstate(all="ignore")
def agree(mode, n, x, grid, grad_y, padding, aligned):
    references, quick, taps = kernels(mode, n)
    close = CLOSE[str(x.dtype)]
    wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
    references[0](x, grid, wanted, *taps, padding, aligned)
    quick[0](None, x, grid, found, *taps, padding, aligned)
    np.testing.assert_allclose(found, wanted, **close)
    wanted, found = np.zeros_like(x), np.zeros_like(x)
    references[1](grad_y, grid, wanted, *taps, padding, aligned)
    quick[1](None, grad_y, grid, found, *taps, padding, aligned)
    np.testing.assert_allclose(found, wanted, **close)
    if mode != "nearest":
        wanted, found = np.full_like(grid, 7), np.full_like(grid, 7)
        references[2](grad_y, x, grid, wanted, padding, aligned)
        quick[2](None, grad_y, x, grid, found, padding, aligned)
        np.testing.assert_allclose(found, wanted, **close)


@pytest.fixture(params=[1, 2])
def workers(request, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(request.param, pieces))


@pytest.mark.parametrize("mode, n", [("linear", 2), ("nearest", 2), ("bicubic", 2), ("linear", 3), ("nearest", 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_as_the_reference(mode, n, dtype, workers):
    x, grid, grad_y = inputs(n, dtype)
    for padding in (0, 1, 2):
        for aligned in (False, True):
            agree(mode, n, x, grid, grad_y, padding, aligned)
            agree(mode, n, x[..., :1], grid, grad_y, padding, aligned)  # one column


@pytest.mark.parametrize("mode, n", [("linear", 2), ("bicubic", 2), ("linear", 3)])
def test_more_places_than_a_block(mode, n, workers):
    x, grid, grad_y = inputs(n, "float64", C=1, size_out={2: (13, 41), 3: (3, 13, 14)}[n])
    x, grid, grad_y = x[:1], grid[:1], grad_y[:1]  # one image: its blocks are shared out
    assert np.prod(grad_y.shape[2:]) > 2 * fast.BLOCK
    agree(mode, n, x, grid, grad_y, 0, False)


@pytest.mark.parametrize("mode, n", [("linear", 2), ("nearest", 2), ("bicubic", 2), ("linear", 3), ("nearest", 3)])
def test_places_that_are_not_finite(mode, n):
    x, grid, grad_y = inputs(n, "float32")
    grid.reshape(-1)[::5] = np.nan
    grid.reshape(-1)[1::7] = np.inf
    grid.reshape(-1)[2::7] = -np.inf
    grid.reshape(-1)[3::7] = 1e20
    for padding in (0, 1, 2):
        agree(mode, n, x, grid, grad_y, padding, False)


def test_infinite_numbers_and_what_is_empty_are_left_to_the_reference():
    """Without a warning; a batch without images, or images without channels, are empty."""
    left, both = [], np.array([np.inf, -np.inf, 1, np.nan]).reshape(1, 1, 2, 2)
    for x in (both, np.zeros((0, 1, 2, 2)), np.zeros((1, 0, 2, 2))):
        grid = np.zeros((len(x), 2, 2, 2))
        leave = lambda *given: left.append(given)  # noqa: E731
        fast.grid_sample_forward(leave, x, grid, x, 2, 0, False)
        fast.grid_sample_backward_x(leave, x, grid, x, 2, 0, False)
        fast.grid_sample_backward_grid(leave, x, x, grid, grid, 0, False)
        fast.grid_sample_bicubic_forward(leave, x, grid, x, 0, False)
        fast.grid_sample_bicubic_backward_x(leave, x, grid, x, 0, False)
        fast.grid_sample_bicubic_backward_grid(leave, x, x, grid, grid, 0, False)
    assert len(left) == 3 * 6
