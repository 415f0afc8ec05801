"""What the tests of the CUDA arithmetic share: operands, and the comparison with NumPy."""

import math

import numpy as np
import pytest

from reftorch.ops import on_cuda

FLOATS = [np.float32, np.float64]
TYPES = [*FLOATS, np.int64, np.int32, np.uint8, np.bool_]


def each(name, types):
    """Run the test once for each of the dtypes."""
    return pytest.mark.parametrize(name, types, ids=lambda t: np.dtype(t).name)


def numbers(*shape, dtype=np.float32, low=-9):
    """Different small whole numbers, so that sums and products are exact in any order."""
    return ((np.arange(math.prod(shape)) * 7) % 19 + low).astype(dtype).reshape(shape)


def same(found, wanted, ulp=0):
    """`found`, on the device, equals the NumPy array `wanted`, to `ulp` units in the last place."""
    wanted = np.asarray(wanted)
    assert tuple(found.shape) == wanted.shape
    assert found.dtype == wanted.dtype
    host = on_cuda.to_host(found)
    if ulp:
        np.testing.assert_allclose(host, wanted, rtol=ulp * np.finfo(wanted.dtype).eps, atol=0)
    else:
        np.testing.assert_array_equal(host, wanted)


def quietly(f, *arguments, **options):
    """f of the arguments, without NumPy's warnings of overflow and NaN."""
    with np.errstate(all="ignore"):
        return f(*arguments, **options)
