"""Interpolation one dimension after the other gives what the reference loops give, with one thread and with several."""

import importlib

import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import separable

SIZES = {
    "linear1d": [((5,), (9,)), ((4,), (3,)), ((1,), (3,)), ((3,), (1,))],
    "trilinear3d": [((2, 3, 4), (3, 2, 5)), ((1, 1, 1), (2, 1, 3)), ((3, 2, 2), (3, 2, 2))],
    "bicubic2d": [((4, 5), (7, 3)), ((1, 1), (3, 2)), ((6, 2), (1, 5))],
    "antialias2d": [((4, 9), (7, 3)), ((1, 1), (3, 2)), ((8, 5), (2, 1))],
}
CASES = [(name, *pair, option) for name, pairs in SIZES.items() for pair in pairs for option in (False, True)]
CASES = [case for case in CASES if case[0] != "antialias2d"]
CASES += [("antialias2d", *pair, reach) for pair in SIZES["antialias2d"] for reach in (1, 2, 3)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name, size_in, size_out, option", CASES)
def test_the_same_as_the_reference(name, size_in, size_out, option, workers, monkeypatch):
    monkeypatch.setattr(separable, "threads_for", lambda work, pieces: min(workers, pieces))
    component = importlib.import_module(f"reftorch.nn.vision.upsample_{name}")
    kernels = [getattr(component, f"upsample_{name}_{each}_cpu").py_func for each in ("forward", "backward_x")]
    short = name[:-2].removeprefix("tri")
    forward = getattr(fast, f"{short}_interpolation_forward")
    backward = getattr(fast, f"{short}_interpolation_backward_x")
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, 3, *size_in)), rng.standard_normal((2, 3, *size_out))
    scales = [n / m for n, m in zip(size_in, size_out)]
    if option is True:  # aligned corners
        scales = [(n - 1) / (m - 1) if m > 1 else 0.0 for n, m in zip(size_in, size_out)]
    wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
    kernels[0](x, wanted, *scales, option)
    forward(None, x, found, *scales, option)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)
    wanted, found = np.empty_like(x), np.empty_like(x)
    kernels[1](grad_y, wanted, *scales, option)
    backward(None, grad_y, found, *scales, option)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


def test_empty_batches_are_left_to_the_reference():
    left, x = [], np.zeros((0, 1, 2))
    fast.linear_interpolation_forward(lambda *given: left.append(given), x, x, 1.0, False)
    fast.linear_interpolation_backward_x(lambda *given: left.append(given), x, x, 1.0, False)
    assert len(left) == 2
