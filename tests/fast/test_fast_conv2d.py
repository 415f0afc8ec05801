"""Fast convolution against the reference kernels. With whole numbers every sum is exact: results are equal, to the last bit."""

import concurrent.futures
import itertools
import os

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.fast import workers
from reftorch.fast.conv2d_layout import forward_plan
from reftorch.fast.registers import COLS, LANES, ROWS
from reftorch.nn.convolution import conv2d as component
from reftorch.threads import on_one_thread

THREADS = "REFTORCH_TILE" not in os.environ  # with the tile of another processor, the reference is compiled once more


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    """With two, even the smallest batch is shared."""
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    if request.param == 2:
        monkeypatch.setattr(workers, "SHARE", 1)
    yield
    numba.set_num_threads(before)


def problem(
    N, C_in, size, C_out, kernel, stride=(1, 1), pad=(0, 0), dil=(1, 1), groups=1, dtype="float32", seed=0, below=(0, 0)
):
    """Arrays of whole numbers and the options. `below` is padding on the other side only, as padding="same" may need."""
    rng = np.random.default_rng(seed)
    out = [
        (e + 2 * p + q - d * (k - 1) - 1) // s + 1 for e, k, s, p, d, q in zip(size, kernel, stride, pad, dil, below)
    ]
    shapes = dict(x=(N, C_in, *size), weight=(C_out, C_in // groups, *kernel), bias=(C_out,), grad_y=(N, C_out, *out))
    given = {name: rng.integers(-9, 10, shape).astype(dtype) for name, shape in shapes.items()}
    return given, (*stride, *pad, *dil, groups)


def agree(given, options, left_to_reference=None):
    """All four results, by the reference kernel and by the fast form; `left_to_reference` collects what the fast form declines.

    The reference runs with threads in float32, and else on one thread: that form is compiled fast, and for other tests, too.
    """
    x, weight, bias, grad_y = given.values()
    for name, arguments, like in (
        ("forward", (x, weight, bias), grad_y),
        ("backward_x", (grad_y, weight), x),
        ("backward_weight", (grad_y, x), weight),
        ("backward_bias", (grad_y,), bias),
    ):
        kernel, rest = getattr(component, f"conv2d_{name}_cpu"), () if name == "backward_bias" else options
        kernel = kernel if x.dtype == np.float32 and THREADS else on_one_thread(kernel)
        wanted, found = np.full_like(like, 7), np.full_like(like, 8)
        kernel(*arguments, wanted, *rest)

        def reference(*given, name=name, kernel=kernel):
            if left_to_reference is not None:
                left_to_reference.add(name)
            kernel(*given)

        getattr(fast, f"conv2d_{name}")(reference, *arguments, found, *rest)
        assert np.array_equal(wanted, found, equal_nan=True), (name, x.shape, weight.shape, options)


# N, C_in, (H, W), C_out, (K_h, K_w), stride, pad, dil, groups
BORDERS = [
    # one image, so that threads share its filters; the last ones fill no tile
    (1, 3, (9, 8), 19, (3, 3), (1, 1), (1, 1)),
    (1, 4, (6, 5), 40, (3, 2), (2, 1), (0, 1), (1, 1), 2),
    (1, 1, (1, 1), 1, (1, 1)),
    (2, 2, (5, 4), 3, (3, 2)),
    (2, 2, (5, 4), 3, (2, 3), (2, 1)),
    (2, 2, (7, 6), 3, (3, 2), (1, 3), (2, 1)),
    (2, 2, (5, 4), 3, (2, 3), (1, 1), (1, 2), (2, 1)),
    (2, 2, (5, 4), 3, (2, 2), (2, 3), (3, 2), (1, 2)),
    (2, 4, (4, 3), 6, (3, 2), (1, 1), (0, 0), (1, 1), 2),
    (5, 3, (6, 5), 3, (3, 3), (1, 1), (1, 1), (1, 1), 3),
    (2, 2, (5, 5), 6, (2, 3), (2, 2), (0, 0), (1, 1), 2),
    (2, 3, (4, 3), 4, (1, 1)),
    (2, 3, (4, 3), 4, (1, 1), (2, 2)),
    (2, 3, (4, 3), 4, (1, 1), (1, 1), (2, 1)),
    (1, 1, (2, 1), 1, (1, 1), (1, 2)),  # as many outputs as pixels, though the filter moves by two
    (1, 2, (2, 2), 3, (1, 1), (2, 2), (1, 1)),
    (1, 2, (7, 6), 3, (2, 2), (4, 4)),
    (1, 2, (3, 2), 3, (1, 2), (5, 7)),
    (2, 2, (2, 2), 3, (4, 4), (1, 1), (3, 3)),
    (2, 2, (2, 2), 3, (4, 4), (3, 2), (4, 3)),
    (0, 2, (5, 4), 3, (2, 2)),
    (1, 1, (1, COLS), ROWS, (1, 2)),
    (1, 1, (1, COLS + 1), ROWS + 1, (1, 2)),
    (1, 3, (2, COLS - 1), ROWS - 1, (1, 1), (1, 1), (0, 1)),
    (3, ROWS + 2, (9, 2 * COLS + 3), 2 * ROWS + 1, (3, 3), (1, 1), (1, 1)),
    (20, 16, (8, 8), 17, (3, 3), (1, 1), (1, 1)),
    (7, 9, (8, 7), 16, (3, 3), (2, 2), (1, 1)),
    (2, 40, (6, 6), 5, (2, 2), (1, 1), (1, 1)),
    (3, 1, (28, 28), 6, (5, 5)),
    (3, 6, (12, 12), 16, (5, 5)),
    (2, 5, (40, 40), 3, (3, 3), (1, 1), (2, 2), (2, 2)),
    # whole registers of pixels and channels, and the rest of both
    (2, 2 * LANES + 3, (3, LANES + 3), 5, (3, 2), (1, 1), (1, 1)),
    (2, 2 * LANES + 2, (2, 2 * LANES), 6, (2, 2), (2, 1), (0, 0), (1, 1), 2),
    (2, LANES + 1, (3, LANES), 9, (1, 1)),
    (3, LANES, (2, LANES - 1), 5, (1, 2)),
]


@pytest.mark.parametrize("case", BORDERS, ids=str)
def test_borders(case):
    left = set()
    agree(*problem(*case), left)
    assert left <= {"backward_bias"} or 0 in case[:1]


@pytest.mark.parametrize("below", [(1, 0), (0, 1), (3, 2)])
def test_padding_on_one_side_only(below):
    agree(*problem(2, 2, (5, 4), 3, (4, 3), pad=(1, 0), below=below))


@st.composite
def problems(draw):
    size, kernel, stride, pad, dil = [], [], [], [], []
    for _ in "hw":
        k, d, p = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 4))
        smallest = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(draw(st.integers(smallest, smallest + 20)))
        kernel.append(k), stride.append(draw(st.integers(1, 4))), pad.append(p), dil.append(d)
    groups = draw(st.integers(1, 3))
    C_in, C_out = groups * draw(st.integers(1, 10)), groups * draw(st.integers(1, 18))
    dtype, seed = draw(st.sampled_from(["float32", "float64"])), draw(st.integers(0, 999))
    return problem(draw(st.integers(1, 6)), C_in, size, C_out, kernel, stride, pad, dil, groups, dtype, seed)


@settings(max_examples=100, deadline=None)
@given(problems())
def test_any_shape_and_option(given_and_options):
    agree(*given_and_options)


def test_integers_are_left_to_the_reference():
    left = set()
    agree(*problem(2, 2, (5, 4), 3, (2, 2), dtype="int64"), left)
    assert left == {"forward", "backward_x", "backward_weight", "backward_bias"}


# ------------------------------------------------------------------------------------------------- NaN and infinity
SHAPES = [
    (2, 2, (5, 4), 3, (3, 2), (1, 1), (1, 1)),
    (2, 2, (5, 4), 3, (2, 2)),
    (2, 2, (6, 5), 3, (3, 3), (2, 2), (2, 1)),
    (2, 3, (4, 5), 3, (3, 3), (1, 1), (1, 1), (1, 1), 3),
    (2, 4, (4, 4), ROWS + 1, (1, 1)),
]


@pytest.mark.parametrize("case", SHAPES, ids=str)
@pytest.mark.parametrize("where", ["x", "weight", "bias", "grad_y"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_as_in_the_reference_kernel(case, where, value):
    """The reference kernel does not multiply by zeros of the padding; infinity times such a zero would be NaN."""
    for position in (0, -1):
        given, options = problem(*case)
        given[where].reshape(-1)[position] = value
        agree(given, options)


def test_weights_that_add_up_to_infinity_are_finite():
    given, options = problem(2, 2, (5, 4), 3, (3, 2), pad=(1, 1))
    x, weight, bias, y = given.values()
    weight[...], x[...] = 2.0**127, 2.0**-10
    fast.conv2d_forward(component.conv2d_forward_cpu, x, weight, bias, y, *options)
    assert np.isfinite(y).all() and y.max() > 2.0**119


# ----------------------------------------------------------------------------------------------------- other matters
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding(dtype):
    """No more than a random walk of the roundings of each product, as for any order of the sum."""
    given, options = problem(2, 16, (12, 9), 20, (3, 3), (2, 1), (1, 1), dtype=dtype)
    rng = np.random.default_rng(0)
    given = {name: rng.standard_normal(array.shape).astype(dtype) for name, array in given.items()}
    x, weight, bias, grad_y = given.values()
    calls = [(fast.conv2d_forward, (x, weight, bias), grad_y, 16 * 9)]
    calls += [(fast.conv2d_backward_x, (grad_y, weight), x, 20 * 9)]
    calls += [(fast.conv2d_backward_weight, (grad_y, x), weight, grad_y.size // 20)]
    for form, arguments, like, terms in calls:
        kernel = on_one_thread(getattr(component, f"{form.__name__}_cpu"))
        found, exact = np.empty_like(like), np.empty(like.shape)
        form(None, *arguments, found, *options)
        kernel(*[array.astype(np.float64) for array in arguments], exact, *options)
        allowed = (
            4 * np.finfo(dtype).eps * terms
        )  # products of size 1: their root mean square, times a walk of that many
        assert abs(found - exact).max() <= allowed


def test_a_long_sum_stays_exact():
    """More ones than float32 can count, on each way of adding up."""
    for C_out in (1, 12):
        given, options = problem(1, 1, (4100, 4100), C_out, (1, 1))
        x, weight, _, grad_y = given.values()
        x[...], grad_y[...] = 1, 1
        fast.conv2d_backward_weight(None, grad_y, x, weight, *options)
        assert (weight == 4100 * 4100).all()


def test_python_threads_at_once():
    shapes = list(itertools.islice(itertools.cycle(BORDERS[1:16]), 40))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(agree, *problem(*shape, seed=i)) for i, shape in enumerate(shapes)]:
            done.result()


def test_short_images_share_a_line():
    """Images of one place more than a tile leave most of a second tile empty; those of several images together waste less."""
    for width, alone in ((COLS, True), (COLS + 1, False)):
        x_shape = (64, 4, 1, width)
        slide, _ = forward_plan(x_shape, (4, 4, 1, 3), x_shape, 1, 1, 0, 1, 1, 1)
        assert (slide.images == 1) == alone
        assert slide.pitch_h == 1 and slide.pitch_w == width + 1  # one zero between them serves both
