"""Samples of every kind and every option of the loader: what torch's DataLoader gives, or the error that it raises."""

import collections
import types
import warnings

import numpy as np
import pytest

import reftorch
from both import builtin_outcome, needs_pytorch, pytorch

Point = collections.namedtuple("Point", "x y")


class Samples:
    """A dataset of given samples, which are made with a library's functions."""

    def __init__(self, samples):
        self.samples = samples

    def __getitem__(self, index):
        return self.samples[index]

    def __len__(self):
        return len(self.samples)


class Thing:
    def __repr__(self):
        return "Thing()"


SAMPLES = {
    "numpy numbers": lambda torch: [(np.float32(i / 2), np.int64(i)) for i in range(5)],
    "numpy float64": lambda torch: [np.float64(i / 2) for i in range(5)],
    "rows of arrays": lambda torch: [(x, y) for x, y in zip(np.eye(5, dtype=np.float32), np.arange(5))],
    "numpy bools": lambda torch: [np.bool_(i > 1) for i in range(5)],
    "floats": lambda torch: [i / 2 for i in range(5)],
    "ints": lambda torch: list(range(5)),
    "bools": lambda torch: [i > 1 for i in range(5)],
    "text": lambda torch: ["a", "b", "c", "d", "e"],
    "bytes": lambda torch: [b"a", b"b", b"c", b"d", b"e"],
    "dicts": lambda torch: [{"x": torch.ones(2) * i, "name": f"n{i}", "y": i} for i in range(5)],
    "ordered dicts": lambda torch: [collections.OrderedDict(x=i) for i in range(5)],
    "read-only mappings": lambda torch: [types.MappingProxyType({"x": i}) for i in range(5)],
    "named tuples": lambda torch: [Point(torch.ones(1), i) for i in range(5)],
    "tuples": lambda torch: [(torch.ones(2), i, "a") for i in range(5)],
    "lists": lambda torch: [[i, i / 2] for i in range(5)],
    "nested": lambda torch: [{"a": [(i, np.ones(2)), "t"]} for i in range(5)],
    "lists of different lengths": lambda torch: [[1, 2, 3], [4]],
    "tensors of different sizes": lambda torch: [torch.ones(2), torch.ones(3)],
    "arrays of different sizes": lambda torch: [np.ones(2), np.ones(3)],
    "arrays of text": lambda torch: [np.array(["a"])] * 2,
    "None": lambda torch: [None, None],
    "objects": lambda torch: [Thing(), Thing()],
    "keys that are not there": lambda torch: [{"a": 1}, {"b": 2}],
    "empty tuples": lambda torch: [(), ()],
    "ranges": lambda torch: [range(2), range(2)],
}
OPTIONS = {
    "plain": lambda torch, data: dict(batch_size=2),
    "default": lambda torch, data: {},
    "one after the other": lambda torch, data: dict(batch_size=None),
    "own collate_fn": lambda torch, data: dict(batch_size=2, collate_fn=lambda batch: ("batch", len(batch))),
}


def described(value):
    """The value with tensors as dtype and numbers."""
    if hasattr(value, "requires_grad"):
        return str(value.dtype), value.tolist()
    if isinstance(value, collections.abc.Mapping):
        return type(value).__name__, {key: described(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value).__name__, [described(part) for part in value]
    return repr(value)


def data_of(torch):
    return reftorch.utils.data if torch is reftorch else torch.utils.data


@needs_pytorch
@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("options", OPTIONS)
def test_samples_of_every_kind(samples, options):
    def batches(torch):
        data = Samples(SAMPLES[samples](torch))
        loader = data_of(torch).DataLoader(data, **OPTIONS[options](torch, data))
        return [len(loader), *map(described, loader)]

    assert builtin_outcome(batches, reftorch) == builtin_outcome(batches, pytorch)


def test_lists_of_different_lengths_say_what_to_do():
    with pytest.raises(RuntimeError, match=r"of equal size: found the lengths \[1, 3\].*collate_fn"):
        list(reftorch.utils.data.DataLoader([[1, 2, 3], [4]], batch_size=2))


CALLS = {
    "sampler": lambda d, g: d.DataLoader(range(6), 4, sampler=[3, 1, 2]),
    "sampler that draws": lambda d, g: d.DataLoader(range(6), 4, sampler=d.RandomSampler(range(6), generator=g())),
    "more samples than there are": lambda d, g: d.DataLoader(range(5), 4, sampler=d.RandomSampler(range(5), num_samples=12)),
    "with replacement": lambda d, g: d.DataLoader(range(9), 4, sampler=d.RandomSampler(range(9), True, 70, g())),
    "subset": lambda d, g: d.DataLoader("abcdef", 2, sampler=d.SubsetRandomSampler([5, 0, 3], g())),
    "weighted": lambda d, g: d.DataLoader(range(4), 3, sampler=d.WeightedRandomSampler([1, 0, 2, 5], 9, generator=g())),
    "weighted, none twice": lambda d, g: d.DataLoader(range(4), 3, sampler=d.WeightedRandomSampler([1, 3, 2, 5], 3, False, g())),
    "batch_sampler": lambda d, g: d.DataLoader(range(6), batch_sampler=[[0, 5], [1]]),
    "BatchSampler": lambda d, g: d.DataLoader(range(7), batch_sampler=d.BatchSampler(d.SequentialSampler(range(7)), 3, True)),
    "shuffle, own generator": lambda d, g: d.DataLoader(range(7), 3, True, generator=g()),
    "shuffle, one after the other": lambda d, g: d.DataLoader(range(7), None, shuffle=True),
    "all by position": lambda d, g: d.DataLoader(range(7), 3, False, None, None, 0, None, False, True),
    "no workers": lambda d, g: d.DataLoader(range(3), num_workers=0, pin_memory=False, persistent_workers=False),
    "random_split": lambda d, g: [list(part) for part in d.random_split(range(10), [7, 3], generator=g())],
    "random_split, default generator": lambda d, g: [list(part) for part in d.random_split(range(10), [7, 3])],
    "random_split of fractions": lambda d, g: [list(part) for part in d.random_split(range(11), [0.5, 0.3, 0.2], g())],
    "random_split of wrong lengths": lambda d, g: d.random_split(range(10), [7, 4]),
    "random_split of wrong fractions": lambda d, g: d.random_split(range(10), [1.5, -0.5]),
    "Subset": lambda d, g: [d.Subset("abcdef", [4, 2])[0], len(d.Subset("abcdef", [4, 2]))],
    "ConcatDataset": lambda d, g: [list(map(d.ConcatDataset(["abc", "de"]).__getitem__, [0, 2, 3, 4, -1])), len(d.ConcatDataset(["ab", "c"]))],
    "ConcatDataset of nothing": lambda d, g: d.ConcatDataset([]),
    "beyond a ConcatDataset": lambda d, g: d.ConcatDataset(["ab"])[-3],
    "sampler and shuffle": lambda d, g: d.DataLoader(range(6), shuffle=True, sampler=[1]),
    "batch_sampler and batch_size": lambda d, g: d.DataLoader(range(6), 2, batch_sampler=[[1]]),
    "drop_last without batches": lambda d, g: d.DataLoader(range(6), None, drop_last=True),
    "batch_size 0": lambda d, g: d.DataLoader(range(6), 0),
    "batch_size 2.0": lambda d, g: d.DataLoader(range(6), 2.0),
    "nothing to shuffle": lambda d, g: d.DataLoader([], shuffle=True),
    "nothing": lambda d, g: d.DataLoader([]),
    "negative workers": lambda d, g: d.DataLoader(range(6), num_workers=-1),
    "negative timeout": lambda d, g: d.DataLoader(range(6), timeout=-1),
    "prefetch_factor alone": lambda d, g: d.DataLoader(range(6), prefetch_factor=2),
    "persistent_workers alone": lambda d, g: d.DataLoader(range(6), persistent_workers=True),
    "no samples to draw": lambda d, g: d.RandomSampler([1], num_samples=0),
    "replacement of another type": lambda d, g: d.RandomSampler([1], replacement=1),
    "weights in two dimensions": lambda d, g: d.WeightedRandomSampler([[1.0]], 1),
    "get_worker_info": lambda d, g: [d.get_worker_info()],
}  # fmt: skip


@needs_pytorch
@pytest.mark.parametrize("call", CALLS)
def test_orders_and_errors(call):
    def twice(torch):
        torch.manual_seed(3)
        loader = CALLS[call](data_of(torch), lambda: torch.Generator().manual_seed(5))
        found = [described(batch) for _ in range(2) for batch in loader]
        return found, torch.rand(2).tolist()  # the default generator is as far

    assert builtin_outcome(twice, reftorch) == builtin_outcome(twice, pytorch)


@needs_pytorch
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": None},
        {"shuffle": True},
        {"sampler": [1]},
    ],
)
def test_iterable_datasets(options):
    def batches(torch):
        class Numbers(data_of(torch).IterableDataset):
            def __iter__(self):
                return iter(range(7))

        loader = data_of(torch).DataLoader(Numbers(), **options)
        chain = data_of(torch).ChainDataset([Numbers(), Numbers()])
        return list(map(described, loader)), list(chain), list(Numbers() + Numbers())

    assert builtin_outcome(batches, reftorch) == builtin_outcome(batches, pytorch)


def test_datasets_that_fetch_whole_batches():
    class Table(reftorch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert [batch.tolist() for batch in reftorch.utils.data.DataLoader(Table(), 2)] == [[0, 10], [20, 30], [40]]


def test_workers_are_this_process_and_a_warning_says_so():
    with pytest.warns(UserWarning, match="num_workers=2: reftorch has no worker processes"):
        loader = reftorch.utils.data.DataLoader(range(3), num_workers=2, prefetch_factor=4, persistent_workers=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [batch.tolist() for batch in loader] == [[0], [1], [2]]


def test_import_paths():
    from reftorch.data import DataLoader as here
    from reftorch.utils.data import DataLoader, Dataset, TensorDataset

    assert DataLoader is here and issubclass(TensorDataset, Dataset)
    for name in reftorch.utils.data.__all__:
        assert getattr(reftorch.utils.data, name) is getattr(reftorch.data, name)
