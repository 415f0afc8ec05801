"""A bilinear layer by matrix products gives what the reference loops give, in one piece and in several."""

import numpy as np
import pytest

from reftorch.fast import feature_pairs as fast
from reftorch.nn.linear import bilinear


def results(N, D_out, D_u, D_v, dtype, run, change=None):
    """y and the gradients of u, v and the weight, by `run(name, reference, ...)`."""
    rng = np.random.default_rng(0)
    shapes = (N, D_u), (N, D_v), (D_out, D_u, D_v), (D_out,), (N, D_out)
    u, v, weight, bias, grad_y = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    if change:
        change(u, v, weight, grad_y)
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


def test_what_is_left_to_the_reference():
    left = []

    def run(name, *arrays):
        getattr(fast, name)(lambda *given: left.append(given), *arrays)

    results(2, 3, 4, 5, "int64", run)
    for empty in ((0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)):
        results(*empty, "float32", run)
    assert len(left) == 20


INFINITE = {
    "u": (["forward", "backward_v"], lambda u, v, weight, grad_y: u.__setitem__((1, 0), np.inf)),
    "v": (["forward", "backward_u"], lambda u, v, weight, grad_y: v.__setitem__((0, 1), np.nan)),
    "grad_y": (["backward_u", "backward_v"], lambda u, v, weight, grad_y: grad_y.__setitem__((1, 1), -np.inf)),
    "weight": ([], lambda u, v, weight, grad_y: weight.__setitem__((0, 1, 2), np.inf)),
}


@pytest.mark.parametrize("name", INFINITE)
def test_what_is_not_finite_is_left_to_the_reference(name):
    """Where the order of the sums decides between NaN and infinity."""
    left, (wanted, change) = [], INFINITE[name]
    run = lambda name, *arrays: getattr(fast, name)(lambda *given: left.append(name), *arrays)  # noqa: E731
    results(3, 2, 4, 5, "float32", run, change)
    assert left == [f"bilinear_{each}" for each in wanted]


@pytest.mark.parametrize("place", [(0, 1, 2), (1, 0, 0)])
def test_an_infinite_weight_gives_what_the_reference_gives(place):
    def change(u, v, weight, grad_y):
        weight[place], u[0, place[1]], v[1, place[2]], grad_y[2, place[0]] = np.inf, 0, 0, 0

    wanted = results(5, 2, 4, 5, "float32", by_reference, change)
    for found, exact in zip(results(5, 2, 4, 5, "float32", by_products, change), wanted):
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)
