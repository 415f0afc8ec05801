"""The sum of losses: the CPU loop and the tree of CUDA threads."""

import numpy as np
import pytest

import reftorch
from reftorch.nn.loss.reduction import BLOCK, loss_sum, reduction_name

SIZES = [0, 1, 2, 3, 7, 8, 9, 31]
LARGE = [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]  # each about half a second in the simulator


@pytest.mark.parametrize("size", SIZES + LARGE)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_each_value_is_added_once(size, device, request):
    if device == "cuda":
        request.getfixturevalue("cuda_device")
    values = 2.0 ** (np.arange(size) % 20) + np.arange(size)  # exact in float64, in any order
    total = loss_sum(reftorch.from_numpy(values).to(device))
    assert total.shape == () and total.item() == values.sum()


@pytest.mark.parametrize("mode", [True, False])
def test_cpu_sums_in_float64(mode):
    values = np.full(20_001, 0.1, np.float32)
    values[0] = 2.0**24  # from here on float32 alone would add 0.1 and get nowhere
    with reftorch.debug(mode):
        total = loss_sum(reftorch.from_numpy(values))
    assert total.dtype is reftorch.float32
    assert total.item() == np.float32(values.sum(dtype=np.float64))


def test_shape_does_not_matter():
    values = reftorch.arange(12).float().reshape(3, 4).t()
    assert loss_sum(values).item() == 66


@pytest.mark.parametrize(
    "size_average, reduce, wanted",
    [
        (None, True, "mean"),
        (None, False, "none"),
        (False, None, "sum"),
        (True, None, "mean"),
        (False, False, "none"),
    ],
)
def test_deprecated_names(size_average, reduce, wanted):
    with pytest.warns(UserWarning, match=f"reduction='{wanted}'"):
        assert reduction_name("anything", size_average, reduce) == wanted
