"""Attention in blocks against the reference kernels."""

import math

import numba
import numpy as np
import pytest

import reftorch
import reftorch.nn.functional as F
from reftorch.fast import attention, workers
from reftorch.fast.attention import KEYS, QUERIES


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    """With two, even the smallest batch is shared; and no batch is too small for the fast form."""
    monkeypatch.setattr(attention, "WORTH", 1)
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    if request.param == 2:
        monkeypatch.setattr(workers, "SHARE", 1)
    yield
    numba.set_num_threads(before)


def drawn(*shape, seed=0, scale=1.0):
    numbers = np.random.default_rng(seed).standard_normal(shape) * scale
    return reftorch.from_numpy(numbers.astype(np.float32))


def both(query, key, value, **kwargs):
    """Output and gradients, by the reference kernels and in blocks."""
    found = []
    for which in ("reference", "fast"):
        inputs = [part.clone().requires_grad_() for part in (query, key, value)]
        reftorch.manual_seed(0)
        with reftorch.kernels(which):
            y = F.scaled_dot_product_attention(*inputs, **kwargs)
            y.backward(drawn(*y.shape, seed=9))
        found.append([y.detach().numpy(), *(part.grad.numpy() for part in inputs)])
    return found


def agree(reference, found, size=1):
    """`size` is the largest number in the inputs, by which roundings are multiplied in the gradients."""
    for wanted, got in zip(reference, found):
        largest = max(size, np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
        assert np.allclose(wanted, got, rtol=0, atol=4e-6 * largest, equal_nan=True)


# L, S, E, D: one number, less than a block, whole blocks, blocks and their ends, long vectors
SIZES = [(1, 1, 1, 1), (5, 7, 3, 2), (QUERIES, KEYS, 16, 16), (QUERIES + 1, 2 * KEYS + 5, 20, 30), (3, 4, 400, 200)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("is_causal", [False, True], ids=["all", "causal"])
def test_sizes(size, is_causal):
    L, S, E, D = size
    agree(*both(drawn(3, L, E), drawn(3, S, E, seed=1), drawn(3, S, D, seed=2), is_causal=is_causal))


def test_a_later_block_has_the_largest_score():
    """Everything before is multiplied by e^(old - new), which may be 0. The scores are exact: whole numbers and halves."""
    query, key = drawn(2, 9, 4, scale=3).round(), drawn(2, 2 * KEYS + 3, 4, seed=1).round()
    key[0, KEYS + 1] = 7
    key[1, -1] = 500
    reference, found = both(query, key, drawn(2, 2 * KEYS + 3, 6, seed=2))
    agree(reference[:1], found[:1])
    agree(reference, found, size=500)


def test_masks_of_each_sequence_and_blocks_that_are_masked():
    mask = drawn(2, QUERIES + 4, 2 * KEYS, seed=3)
    mask[0, :, :KEYS] = -math.inf  # the first block of keys
    mask[1, 2] = -math.inf  # one query sees nothing
    mask[1, QUERIES:] = -math.inf  # a block of queries sees nothing
    sizes = drawn(2, QUERIES + 4, 8), drawn(2, 2 * KEYS, 8, seed=1), drawn(2, 2 * KEYS, 8, seed=2)
    reference, found = both(*sizes, attn_mask=mask)
    agree(reference, found)
    assert (found[0][1, 2] == 0).all() and (found[0][1, QUERIES:] == 0).all()


def test_a_mask_of_large_numbers_is_no_infinity():
    """A query all of whose keys are masked so sees all of them alike: sums of 1e9 and a score of less than 32 are equal."""
    mask = reftorch.zeros(70, KEYS + 4)
    mask[:, KEYS:] = mask[7] = -1e9
    sizes = drawn(2, 70, 8), drawn(2, KEYS + 4, 8, seed=1), drawn(2, KEYS + 4, 8, seed=2)
    reference, found = both(*sizes, attn_mask=mask)
    agree(reference, found)
    assert np.allclose(found[0][:, 7], sizes[2].numpy().mean(1), atol=1e-6)


def test_dropout():
    sizes = drawn(2, 70, 8), drawn(2, 200, 8, seed=1), drawn(2, 200, 8, seed=2)
    agree(*both(*sizes, dropout_p=0.3))
    agree(*both(*sizes, dropout_p=0.3, is_causal=True))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 3e38])
def test_special_numbers(number):
    query, key, value = drawn(3, 6, 4), drawn(3, 200, 4, seed=1), drawn(3, 200, 4, seed=2)
    query[0, 2, 1] = key[1, 3, 2] = value[2, 150, 0] = number
    (reference, *_), (found, *_) = both(query, key, value)
    assert (np.isfinite(reference) == np.isfinite(found)).all()
    agree([reference], [found])


def test_no_weights_are_stored():
    query = drawn(2, 300, 8).requires_grad_()
    y = F.scaled_dot_product_attention(query, query, query)
    kept = [tensor.numel() for tensor in y.grad_fn.next_functions[0][0].saved_tensors]
    assert max(kept) <= 300 * 300  # the mask and the factors of dropout: one for both sequences
