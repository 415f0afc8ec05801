"""The fast gradient of max pooling against the plain kernel. With whole numbers sums are exact, and results equal."""

import numpy as np
import pytest

import reftorch
from reftorch import fast
from reftorch.fast import workers
from reftorch.nn import functional as F
from reftorch.nn.pooling.max_pool2d import max_pool2d_backward_x_cpu


@pytest.mark.parametrize("share", [workers.SHARE, 1], ids=["one thread", "shared"])
@pytest.mark.parametrize(
    "shape, options",
    [
        ((2, 3, 6, 5), dict(kernel_size=2)),
        ((1, 1, 5, 7), dict(kernel_size=(3, 2), stride=1)),  # windows overlap
        ((2, 2, 6, 5), dict(kernel_size=3, stride=2, padding=1, ceil_mode=True)),
        ((3, 1, 2, 9), dict(kernel_size=2, dilation=(1, 2), padding=1)),
        ((1, 2, 1, 3), dict(kernel_size=2, stride=2, padding=1, dilation=2)),  # some windows see no pixel
        ((0, 2, 4, 4), dict(kernel_size=2)),
    ],
)
def test_gradient(shape, options, share, monkeypatch):
    monkeypatch.setattr(workers, "SHARE", share)
    rng = np.random.default_rng(0)
    x = reftorch.from_numpy(rng.integers(-3, 4, shape).astype(np.float32))  # many pixels are equal
    y, index = F.max_pool2d(x, **options, return_indices=True)
    grad_y = rng.integers(-9, 10, tuple(y.shape)).astype(np.float32)
    layer = reftorch.nn.MaxPool2d(**options)
    rows = [
        value if isinstance(value, int) else value[0]
        for value in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    ]
    plain, found = np.full(shape, 7, np.float32), np.full(shape, 8, np.float32)
    max_pool2d_backward_x_cpu(grad_y, index.numpy(), plain, *rows)
    fast.max_pool2d_backward_x(max_pool2d_backward_x_cpu, grad_y, index.numpy(), found, *rows)
    assert np.array_equal(plain, found)
