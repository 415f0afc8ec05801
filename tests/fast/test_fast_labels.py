"""The gradient of the negative log-likelihood with one number for each sample is that of the reference loop."""

import numpy as np
import pytest

from reftorch import fast
from reftorch.nn.loss.nll_loss import nll_loss_backward_x_cpu


@pytest.mark.parametrize("shape", [(4, 3, 1), (2, 5, 6), (0, 3, 1)])
@pytest.mark.parametrize("ignore_index", [-100, 1])
def test_the_same_as_the_reference(shape, ignore_index):
    N, C, D = shape
    rng = np.random.default_rng(0)
    grad_loss, weight, target = rng.standard_normal((N, D)), rng.random(C), rng.integers(0, C, (N, D))
    target[:1, :1] = ignore_index
    wanted, found = np.full(shape, 7.0), np.full(shape, 8.0)
    nll_loss_backward_x_cpu.py_func(grad_loss, target, weight, wanted, ignore_index)
    fast.nll_loss_backward_x(None, grad_loss, target, weight, found, ignore_index)
    np.testing.assert_array_equal(found, wanted)
