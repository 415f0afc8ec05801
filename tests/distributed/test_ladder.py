"""Four ways to an all-reduce: the sum, and as many rounds and bytes as the formulas of the guide say."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from reftorch.distributed import ladder

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "all-reduce.md"
FORMULAS = {  # rounds, and bytes for W ranks and n bytes
    ladder.everybody_to_everybody: lambda W, n: (W - 1, (W - 1) * n),
    ladder.through_rank_0: lambda W, n: (2 * (W - 1), 2 * (W - 1) * n),
    ladder.ring: lambda W, n: (2 * (W - 1), 2 * (W - 1) * n // W),
    ladder.halving_and_doubling: lambda W, n: (2 * (W.bit_length() - 1), 2 * (W - 1) * n // W),
}
each_way = pytest.mark.parametrize("way", FORMULAS, ids=lambda way: way.__name__)


def arrays(W, elements):
    return [np.random.default_rng(r).integers(-9, 9, elements) for r in range(W)]


@each_way
@pytest.mark.parametrize("W", [1, 2, 4, 8, 16])
def test_the_sum_and_the_counts(way, W):
    ranks, network = arrays(W, 32), ladder.Network()
    total = sum(ranks)
    way(ranks, network)
    assert all((array == total).all() for array in ranks)
    assert (network.rounds, network.bytes) == FORMULAS[way](W, total.nbytes)


@each_way
@pytest.mark.parametrize("W, elements", [(3, 7), (5, 3), (6, 100), (4, 5), (8, 3)])
def test_any_number_of_ranks_and_elements(way, W, elements):
    ranks = arrays(W, elements)
    total = sum(ranks)
    if way is ladder.halving_and_doubling and W & (W - 1):
        with pytest.raises(ValueError, match=f"found {W}"):
            way(ranks, ladder.Network())
        return
    way(ranks, ladder.Network())
    assert all((array == total).all() for array in ranks)


@pytest.mark.parametrize("way", [ladder.ring, ladder.through_rank_0, ladder.halving_and_doubling])
def test_all_ranks_have_the_same_bits(way):
    ranks = [np.random.default_rng(r).standard_normal(1000).astype(np.float32) for r in range(8)]
    way(ranks, ladder.Network())
    assert len({array.tobytes() for array in ranks}) == 1


def test_a_rank_sends_one_message_a_round():
    one = np.ones(1)
    for messages in ([(0, 1, one), (0, 2, one)], [(0, 1, one), (2, 1, one)]):
        with pytest.raises(ValueError, match="two messages in one round"):
            ladder.Network().exchange(messages)


@each_way
def test_the_guide_shows_this_code(way):
    if not GUIDE.exists():
        pytest.skip("the tests run without the sources beside them")
    assert inspect.getsource(way) in GUIDE.read_text(encoding="utf-8")
