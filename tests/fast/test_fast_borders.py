"""Padding in slices, and blocks added up in slices, against the reference loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.nn.convolution.fold import fold_forward_cpu
from reftorch.nn.padding import circular_pad, constant_pad, reflection_pad, replication_pad

PADS = {
    "circular": circular_pad,
    "constant": constant_pad,
    "reflection": reflection_pad,
    "replication": replication_pad,
}
MOST = {
    "circular": 0,
    "constant": -4,
    "reflection": 1,
    "replication": -4,
}  # a border is so much narrower than the input


def never(*arguments):
    raise AssertionError("the fast form left the work to the reference loop")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(PADS)), st.data())
def test_borders_are_those_of_the_loop(name, data):
    L = data.draw(st.integers(1, 6))
    before, after = (data.draw(st.integers(0, L - MOST[name])) for _ in range(2))
    outer, inner = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 3))
    rng, value = np.random.default_rng(0), (1.5,) if name == "constant" else ()
    x, grad_y = rng.standard_normal((outer, L, inner)), rng.standard_normal((outer, L + before + after, inner))
    for direction, source, shape, numbers in (("forward", x, grad_y.shape, value), ("backward_x", grad_y, x.shape, ())):
        found, wanted = np.full(shape, np.nan), np.full(shape, np.nan)
        getattr(fast, f"{name}_pad_{direction}")(never, source, found, before, *numbers)
        getattr(PADS[name], f"{name}_pad_{direction}_cpu").py_func(source, wanted, before, *numbers)
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=4), st.permutations(range(4))
)
def test_a_border_of_one_value_around_several_dimensions(axes, order):
    """As one dimension after the other, in any order."""
    widths = [(dim, before, after) for dim, (_, before, after) in zip(order, axes)]
    shape = [2] * 4
    for dim, (extent, *_) in zip(order, axes):
        shape[dim] = extent
    x = np.random.default_rng(0).standard_normal(shape)
    pad = [(0, 0)] * 4
    for dim, before, after in widths:
        pad[dim] = before, after
    found = fast.framed(x, widths, 1.5)
    np.testing.assert_array_equal(found, np.pad(x, pad, constant_values=1.5))
    inside = fast.unframed(found, widths)
    np.testing.assert_array_equal(inside, x)
    assert found.flags.c_contiguous and inside.flags.c_contiguous and not np.may_share_memory(inside, found)


@pytest.mark.parametrize("name", ["constant", "reflection", "replication"])
@pytest.mark.parametrize("before, L_out", [(-1, 4), (1, 3)])
def test_what_cuts_off_is_left_to_the_loop(name, before, L_out):
    called = []
    x, y = np.zeros((1, 4, 1)), np.zeros((1, L_out, 1))
    value = (0.0,) if name == "constant" else ()
    getattr(fast, f"{name}_pad_forward")(lambda *_: called.append("forward"), x, y, before, *value)
    getattr(fast, f"{name}_pad_backward_x")(lambda *_: called.append("backward"), y, x, before)
    assert called == ["forward", "backward"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 3)] * 4, st.integers(0, 3), st.integers(1, 3)), min_size=2, max_size=2))
def test_blocks_are_added_as_the_loop_adds_them(axes):
    sizes, options = [], []
    for K, counts, dil, stride, pad, _ in axes:
        sizes.append((K, counts, max(1, (counts - 1) * stride + dil * (K - 1) + 1 - 2 * pad)))
        options.append((stride, pad, dil))
    (K_h, H_out, H_in), (K_w, W_out, W_in) = sizes
    x = np.random.default_rng(0).standard_normal((2, 3, K_h, K_w, H_out, W_out))
    found, wanted = np.full((2, 3, H_in, W_in), np.nan), np.full((2, 3, H_in, W_in), np.nan)
    numbers = [option for pair in zip(*options) for option in pair]
    fast.fold_forward(never, x, found, *numbers)
    fold_forward_cpu.py_func(x, wanted, *numbers)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)
