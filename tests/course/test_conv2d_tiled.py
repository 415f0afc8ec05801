"""The convolution with shared memory: on the CUDA of these tests, and thread by thread in every order."""

import numpy as np
import pytest

import reftorch as torch
from reftorch import simt
from reftorch.course.components.conv2d_tiled import conv2d_tiled
from reftorch.nn.functional import conv2d


def drawn(*shapes):
    generator = np.random.default_rng(4)
    return [torch.tensor(generator.integers(-4, 5, shape).astype(np.float32)) for shape in shapes]


@pytest.mark.parametrize(
    "image, filters", [((1, 1, 3, 4), (1, 1, 2, 3)), ((2, 2, 9, 6), (3, 2, 1, 3)), ((1, 1, 10, 13), (1, 1, 5, 5))]
)
def test_it_is_the_convolution(image, filters):
    given = drawn(image, filters, filters[:1])
    y = conv2d_tiled(*(tensor.to("cuda") for tensor in given))
    assert y.device.type == "cuda" and y.cpu().tolist() == conv2d(*given).tolist() == conv2d_tiled(*given).tolist()


@pytest.mark.simulator
@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_in_any_order(order):
    """No fault, and a block of 8 by 8 outputs reads each of its 10 by 10 pixels once, a weight once, the bias 64 times."""
    given = drawn((1, 2, 10, 10), (1, 2, 3, 3), (1,))
    with simt.runner(order=order) as session:
        y = conv2d_tiled(*(tensor.to("cuda") for tensor in given))
    (report,) = session.reports
    assert not session.faults and report.counts["global reads"] == 2 * 100 + 2 * 9 + 64
    assert y.cpu().tolist() == conv2d(*given).tolist()


def test_a_filter_that_does_not_fit():
    with pytest.raises(ValueError, match=r"at most 5 by 5, which fit into the tile, found \(6, 2\)"):
        conv2d_tiled(*drawn((1, 1, 8, 8), (1, 1, 6, 2), (1,)))
