"""From a dataset to batches, with torch's names: `Dataset`, `TensorDataset`, `DataLoader`.

With the same seeds the batches are those of `torch.utils.data.DataLoader`: the same images in the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import reftorch
from reftorch import random
from reftorch.tensor import Tensor


class Dataset:
    """Anything with `len(dataset)` and `dataset[i]`. Inherit and write both to train on data of your own."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs a method __len__(self)")


class TensorDataset(Dataset):
    """Tensors side by side: sample i is `(tensors[0][i], tensors[1][i], ...)`.

    Raises:
        AssertionError: the tensors differ in the size of their first dimension.
    """

    def __init__(self, *tensors: Tensor):
        sizes = [tensor.shape[0] for tensor in tensors]
        if len(set(sizes)) > 1:
            raise AssertionError(f"Size mismatch between tensors: their first dimensions are {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])


class DataLoader:
    """Goes through a dataset in batches.

    Args:
        batch_size: samples in a batch.
        shuffle: a new order each time, instead of that of the dataset.
        drop_last: leave out a last batch that would be smaller.
        generator: where the order comes from; the default generator if None.

    Raises:
        ValueError: `batch_size` is no positive int, or there is nothing to shuffle.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: random.Generator | None = None,
    ):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got {batch_size=}")
        if shuffle and len(dataset) == 0:
            raise ValueError("num_samples should be a positive integer value, but got an empty dataset")
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.shuffle, self.generator = shuffle, generator

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[Any]:
        random.integers((), generator=self.generator)  # torch draws a seed for worker processes here
        return self._batches()

    def _batches(self) -> Iterator[Any]:
        order = self._order()
        while indices := list(itertools.islice(order, self.batch_size)):
            if self.drop_last and len(indices) < self.batch_size:
                return
            if type(self.dataset) is TensorDataset:  # one copy a tensor, not one a sample
                yield list(self.dataset[reftorch.tensor(indices)])
            else:
                yield collate([self.dataset[i] for i in indices])

    def _order(self) -> Iterator[int]:
        n = len(self.dataset)
        if not self.shuffle:
            yield from range(n)
            return
        generator = self.generator
        if generator is None:  # one number of the default generator, however large the dataset
            seed = int(random.integers(()))
            generator = random.Generator().manual_seed(seed)
        yield from random.randperm(n, generator).tolist()
        random.randperm(n, generator)  # torch draws an order more than it needs


def collate(samples: Sequence[Any]) -> Any:
    """One batch out of samples: tensors and arrays are stacked, numbers become a tensor, tuples are gone through.

    Raises:
        TypeError: samples of another kind.
    """
    first = samples[0]
    if isinstance(first, Tensor):
        return reftorch.stack(list(samples))
    if isinstance(first, np.ndarray):
        return reftorch.from_numpy(np.stack(samples))
    if isinstance(first, float):
        return reftorch.tensor(samples, dtype=reftorch.float64)
    if isinstance(first, (bool, int)):
        return reftorch.tensor(samples)
    if isinstance(first, (tuple, list)):
        return [collate(column) for column in zip(*samples)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers or tuples; found {type(first)}"
    )
