"""Max unpooling along flat channels: equal to the reference to the last bit, also where places occur twice."""

import importlib

import numpy as np
import pytest

from reftorch.fast import max_unpool as fast
from reftorch.threads import on_one_thread


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size_in, size_out", [((3, 4), (5, 8)), ((4, 1), (9, 1)), ((2, 3, 2), (4, 3, 5))])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_the_same_as_the_reference(size_in, size_out, dtype, workers, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(workers, pieces))
    name = f"max_unpool{len(size_in)}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    rng = np.random.default_rng(0)
    x, grad_y = (rng.integers(1, 100, (2, 3, *size)).astype(dtype) for size in (size_in, size_out))
    index = rng.integers(0, np.prod(size_out), x.shape)
    wanted, found = np.full_like(grad_y, 7), np.full_like(grad_y, 7)
    kernels = [getattr(component, f"{name}_{end}_cpu") for end in ("forward", "backward_x")]
    if dtype != "float32":  # in float32 the reference has threads, else it is in the form that other tests compile, too
        kernels = [on_one_thread(kernel) for kernel in kernels]
    kernels[0](x, index, wanted)
    fast.max_unpool_forward(None, x, index, found)
    assert np.array_equal(found, wanted)
    wanted, found = np.full_like(x, 7), np.full_like(x, 7)
    kernels[1](grad_y, index, wanted)
    fast.max_unpool_backward_x(None, grad_y, index, found)
    assert np.array_equal(found, wanted)


def test_an_empty_batch():
    x = np.zeros((0, 2, 3, 3), np.float32)
    fast.max_unpool_forward(None, x, x.astype(np.int64), x)
    fast.max_unpool_backward_x(None, x, x.astype(np.int64), x)
