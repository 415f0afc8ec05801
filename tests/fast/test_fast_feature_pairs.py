"""A bilinear layer by matrix products gives what the reference loops give, in one piece and in several."""

import numpy as np
import pytest

from reftorch.fast import feature_pairs as fast
from reftorch.nn.linear import bilinear


def results(N, D_out, D_u, D_v, dtype, run, spoil=False):
    """y and the gradients of u, v and the weight, by `run(name, reference, ...)`."""
    rng = np.random.default_rng(0)
    shapes = (N, D_u), (N, D_v), (D_out, D_u, D_v), (D_out,), (N, D_out)
    u, v, weight, bias, grad_y = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    if spoil:
        v[1, 0], grad_y[2, 0] = np.nan, np.inf
    y, grad_u, grad_v, grad_weight = (np.full_like(each, 7) for each in (grad_y, u, v, weight))
    with np.errstate(all="ignore"):
        run("bilinear_forward", u, v, weight, bias, y)
        run("bilinear_backward_u", grad_y, v, weight, grad_u)
        run("bilinear_backward_v", grad_y, u, weight, grad_v)
        run("bilinear_backward_weight", grad_y, u, v, grad_weight)
    return y, grad_u, grad_v, grad_weight


def by_reference(name, *arrays):
    getattr(bilinear, f"{name}_cpu").py_func(*arrays)


def by_products(name, *arrays):
    getattr(fast, name)(None, *arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [64, 3])
@pytest.mark.parametrize("N, D_out, D_u, D_v", [(7, 3, 5, 4), (8, 1, 9, 2), (1, 4, 3, 6), (5, 2, 1, 1), (6, 1, 1, 17)])
def test_the_same_as_the_reference(N, D_out, D_u, D_v, rows, dtype, monkeypatch):
    monkeypatch.setattr(fast, "ROOM", 1)
    monkeypatch.setattr(fast, "SAMPLES", rows)
    close = dict(rtol=1e-5, atol=1e-5) if dtype == "float32" else dict(rtol=1e-12, atol=1e-12)
    wanted = results(N, D_out, D_u, D_v, dtype, by_reference)
    for found, exact in zip(results(N, D_out, D_u, D_v, dtype, by_products), wanted):
        np.testing.assert_allclose(found, exact, **close)


def test_what_is_not_finite_spoils_its_own_sample_only():
    wanted = results(5, 3, 4, 2, "float32", by_reference, spoil=True)
    for found, exact in zip(results(5, 3, 4, 2, "float32", by_products, spoil=True), wanted):
        assert np.array_equal(np.isfinite(found), np.isfinite(exact)) and not np.isfinite(exact).all()
        np.testing.assert_allclose(found[np.isfinite(exact)], exact[np.isfinite(exact)], rtol=1e-5, atol=1e-5)


def test_what_is_left_to_the_reference():
    left = []

    def run(name, *arrays):
        getattr(fast, name)(lambda *given: left.append(given), *arrays)

    results(2, 3, 4, 5, "int64", run)
    for empty in ((0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)):
        results(*empty, "float32", run)
    assert len(left) == 20
