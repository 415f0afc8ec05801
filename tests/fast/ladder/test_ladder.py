"""Every rung against the reference kernels. With whole numbers sums are exact, and results equal."""

import numpy as np
import pytest

import house
from reftorch.fast import registers
from reftorch.fast.ladder import LADDERS, attention, conv2d, matmul
from reftorch.nn.convolution.conv2d import conv2d_forward_cpu, conv2d_output_size
from reftorch.nn.linear.linear import linear_forward_cpu
from reftorch.nn.transformer.attention import attention_forward_cpu

ROWS, COLS = registers.ROWS, registers.COLS
PRODUCTS = [
    (1, 1, 1),
    (3, 5, 2),
    (ROWS, 4, COLS),
    (ROWS + 1, matmul.SLICE + 3, COLS + 1),
    (2 * ROWS - 1, 7, 2 * COLS - 1),
    (matmul.ROWS_OF_Y + 2, 9, matmul.WIDTH + 5),
    (4, 0, 3),
]
IMAGES = [  # N, C_in, H, W, C_out, K_h, K_w, pad
    (1, 1, 1, 1, 1, 1, 1, 0),
    (2, 3, 7, 9, 5, 3, 2, 1),
    (1, 2, 5, 4, ROWS + 1, 4, 3, 2),
    (2, 2, 20, 30, 2, 5, 5, 0),
    (1, 1, 3, 3, 1, 2, 2, 3),  # outputs that meet nothing but padding
]


def whole(rng, *shape):
    return rng.integers(-9, 10, shape).astype(np.float32)


def rungs(ladder):
    return [pytest.param(run, id=name) for name, run in ladder]


@pytest.mark.parametrize("rung", rungs(matmul.RUNGS))
def test_matmul(rung):
    for M, K, N in PRODUCTS:
        rng = np.random.default_rng(M)
        a, b = whole(rng, M, K), whole(rng, K, N)
        y, wanted = np.full((M, N), np.nan, np.float32), np.empty((M, N), np.float32)
        linear_forward_cpu(a, np.ascontiguousarray(b.T), np.zeros(N, np.float32), wanted)
        rung(a, b, y)
        assert np.array_equal(y, wanted), (M, K, N)


@pytest.mark.parametrize("rung", rungs(conv2d.RUNGS))
def test_conv2d(rung):
    for N, C_in, H, W, C_out, K_h, K_w, pad in IMAGES:
        rng = np.random.default_rng(C_out)
        x, weight = whole(rng, N, C_in, H, W), whole(rng, C_out, C_in, K_h, K_w)
        size = conv2d_output_size((H, W), (K_h, K_w), (1, 1), (2 * pad, 2 * pad), (1, 1))
        y, wanted = (np.full((N, C_out, *size), np.nan, np.float32) for _ in range(2))
        conv2d_forward_cpu(x, weight, np.zeros(C_out, np.float32), wanted, 1, 1, pad, pad, 1, 1, 1)
        rung(x, weight, y, pad)
        assert np.array_equal(y, wanted), x.shape


# N, L, S, E, D: one number, more than a block of keys, queries that fill columns and more, vectors of odd sizes
SEQUENCES = [
    (1, 1, 1, 1, 1),
    (2, 3, attention.KEYS + 5, 4, 4),
    (1, COLS + 1, 7, 5, 9),
    (2, 2 * COLS, 2 * attention.KEYS, 16, 8),
]


@pytest.mark.parametrize("rung", rungs(attention.RUNGS))
def test_attention(rung):
    """Exponentials are no whole numbers: here results are equal up to rounding."""
    for N, L, S, E, D in SEQUENCES:
        rng = np.random.default_rng(L)
        query, key, value = (rng.standard_normal(shape, np.float32) for shape in ((N, L, E), (N, S, E), (N, S, D)))
        key[:, -1] *= 4  # the largest score is often the last
        y, wanted = (np.full((N, L, D), np.nan, np.float32) for _ in range(2))
        mask, keep, weights = (
            np.zeros((1, L, S), np.float32),
            np.ones((1, L, S), np.float32),
            np.empty((N, L, S), np.float32),
        )
        attention_forward_cpu(query, key, value, mask, keep, weights, wanted, 1 / E**0.5)
        rung(query, key, value, y)
        assert np.allclose(y, wanted, rtol=0, atol=2e-6), (L, S, E, D)


def test_a_ladder_starts_with_the_formula_and_names_no_rung_twice():
    for name, ladder in LADDERS.items():
        names = [rung for rung, _ in ladder]
        assert len(set(names)) == len(names) > 2, name
    assert matmul.RUNGS[0][1] is matmul.formula and conv2d.RUNGS[0][1] is conv2d.formula
    assert attention.RUNGS[0][1] is attention.formula


@pytest.mark.parametrize("module", [matmul, conv2d, attention], ids=["matmul", "conv2d", "attention"])
def test_each_rung_has_its_idea_above_it(module):
    """The heading of the comment is the rung's name, in their order: the page is made of these."""
    with open(module.__file__) as file:
        headings = house.headings(file.read().replace("\n# ##", "\n##"))
    names = [heading.lower() for heading in headings]
    assert names[-1] == "the finished form"
    assert names[:-1] == [name for name, _ in module.RUNGS[:-1]]
