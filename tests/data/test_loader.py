"""Batches: the same samples in the same order as torch's DataLoader gives for the same seeds."""

import numpy as np
import pytest

import reftorch
from reftorch.data import DataLoader, Dataset, TensorDataset


def tensors(n):
    return reftorch.arange(2 * n).float().reshape(n, 2), reftorch.arange(n)


def batches(loader):
    return [labels.tolist() for _, labels in loader]


@pytest.mark.parametrize("n, size, drop_last, sizes", [(7, 3, False, [3, 3, 1]), (7, 3, True, [3, 3])])
def test_order_and_last_batch(n, size, drop_last, sizes):
    loader = DataLoader(TensorDataset(*tensors(n)), size, drop_last=drop_last)
    assert len(loader) == len(sizes)
    found = batches(loader)
    assert [len(batch) for batch in found] == sizes
    assert sum(found, []) == list(range(sum(sizes)))


def test_samples_stay_together():
    generator = reftorch.Generator().manual_seed(1)
    loader = DataLoader(TensorDataset(*tensors(10)), 4, shuffle=True, generator=generator)
    seen = []
    for pair, labels in loader:
        assert pair.shape == (len(labels), 2)
        assert (pair.numpy()[:, 0] == 2 * labels.numpy()).all()
        seen += labels.tolist()
    assert sorted(seen) == list(range(10)) and seen != list(range(10))


def test_same_seed_same_order_and_a_new_order_each_epoch():
    def two_epochs():
        generator = reftorch.Generator().manual_seed(5)
        loader = DataLoader(TensorDataset(*tensors(20)), 6, shuffle=True, generator=generator)
        return batches(loader), batches(loader)

    first, second = two_epochs()
    assert first != second
    assert (first, second) == two_epochs()


class Pairs(Dataset):
    def __init__(self, kind):
        self.kind = kind

    def __getitem__(self, index):
        return {
            "tensors": (reftorch.full((2,), float(index)), index),
            "arrays": (np.full(2, index, np.float32), index),
            "floats": (index / 2, index),
            "bools": (index > 1, index),
        }[self.kind]

    def __len__(self):
        return 5


@pytest.mark.parametrize("kind", ["tensors", "arrays", "floats", "bools"])
def test_a_dataset_of_ones_own(kind):
    first, labels = list(DataLoader(Pairs(kind), batch_size=2))[1]
    assert labels.tolist() == [2, 3]
    wanted = {"tensors": [[2.0, 2.0], [3.0, 3.0]], "floats": [1.0, 1.5], "bools": [True, True]}
    assert first.tolist() == wanted.get(kind, wanted["tensors"])


@pytest.mark.parametrize("kind", ["tensors", "arrays", "floats", "bools"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("size, drop_last", [(2, False), (2, True), (5, True), (6, True)])
def test_torch_gives_the_same_batches(kind, shuffle, own_generator, size, drop_last):
    torch = pytest.importorskip("torch")

    def run(library, loader_class, dataset):
        library.manual_seed(3)
        generator = library.Generator().manual_seed(4) if own_generator else None
        loader = loader_class(dataset, size, shuffle=shuffle, drop_last=drop_last, generator=generator)
        found = [[t.tolist() for t in batch] for _ in range(2) for batch in loader]
        dtypes = [str(t.dtype) for batch in loader for t in batch]
        return (
            found,
            dtypes,
            library.rand(3, generator=generator).tolist(),
            library.rand(3).tolist(),
        )

    class TorchPairs(Pairs):
        def __getitem__(self, index):
            first, label = super().__getitem__(index)
            return torch.tensor(first.numpy()) if kind == "tensors" else first, label

    ours = run(reftorch, DataLoader, Pairs(kind))
    assert ours == run(torch, torch.utils.data.DataLoader, TorchPairs(kind))


def test_errors():
    data = TensorDataset(*tensors(4))
    for size in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="batch_size"):
            DataLoader(data, batch_size=size)
    with pytest.raises(ValueError, match="empty"):
        DataLoader(TensorDataset(reftorch.zeros(0)), shuffle=True)
    with pytest.raises(AssertionError, match=r"\[4, 3\]"):
        TensorDataset(reftorch.zeros(4), reftorch.zeros(3))
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]

    class Strange(Pairs):
        def __getitem__(self, index):
            return object()

    with pytest.raises(TypeError, match="object"):
        next(iter(DataLoader(Strange("none"))))
