"""DistributedSampler: torch's indices."""

import itertools

import pytest

import reftorch
from reftorch.data import DataLoader, TensorDataset
from reftorch.data.distributed import DistributedSampler

SIZES, RANKS = (1, 2, 7, 8, 30), (1, 2, 3, 8)


@pytest.mark.parametrize("shuffle, drop_last", list(itertools.product([True, False], [True, False])))
def test_the_indices_are_torchs(shuffle, drop_last):
    theirs_of = pytest.importorskip("torch.utils.data.distributed").DistributedSampler
    for size, ranks, seed in itertools.product(SIZES, RANKS, (0, 3)):
        if drop_last and size < ranks:
            continue  # torch counts a negative number of samples there
        for rank in range(ranks):
            ours, theirs = (
                kind(range(size), ranks, rank, shuffle, seed, drop_last) for kind in (DistributedSampler, theirs_of)
            )
            for epoch in (0, 1):
                ours.set_epoch(epoch)
                theirs.set_epoch(epoch)
                assert list(ours) == list(theirs) and len(ours) == len(theirs) == len(list(ours))


def test_all_samples_are_somebodys():
    parts = [list(DistributedSampler(range(10), 3, rank)) for rank in range(3)]
    assert sorted({*parts[0], *parts[1], *parts[2]}) == list(range(10)) and {len(part) for part in parts} == {4}


def test_in_a_loader():
    dataset = TensorDataset(reftorch.arange(6))
    sampler = reftorch.utils.data.distributed.DistributedSampler(dataset, 2, 1, shuffle=False)
    assert [batch[0].tolist() for batch in DataLoader(dataset, 2, sampler=sampler)] == [[1, 3], [5]]


def test_a_rank_that_is_not_there():
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        DistributedSampler(range(3), 2, 2)
    with pytest.raises(ValueError, match="init_process_group"):
        DistributedSampler(range(3))
