"""From a dataset to batches: torch's `DataLoader`.

With the same seeds the batches are those of `torch.utils.data.DataLoader`: the same samples in the same order.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import reftorch
from reftorch import random
from reftorch.data.collate import default_collate, default_convert
from reftorch.data.dataset import IterableDataset, TensorDataset
from reftorch.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Goes through a dataset in batches.

    Args:
        dataset: anything with a length and samples by number, or an `IterableDataset`.
        batch_size: samples in a batch; None gives one sample after the other, without a dimension for the batch.
        shuffle: a new order each time, instead of that of the dataset.
        sampler: which samples, in which order, instead of `shuffle`.
        batch_sampler: lists of the numbers of the samples of each batch, instead of `batch_size`, `shuffle` and `sampler`.
        num_workers: processes that load. Here there are none: the samples are loaded in this process, and a warning says so.
        collate_fn: makes a batch of a list of samples.
        pin_memory: taken as PyTorch takes it; it changes nothing here.
        drop_last: leave out a last batch that would be smaller.
        generator: where the order comes from; the default generator if None.

    Raises:
        ValueError: `batch_size` is no positive int, there is nothing to shuffle, or two arguments exclude each other.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable | None = None,
        multiprocessing_context: Any = None,
        generator: random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_exclusive(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        elif sampler is None:
            sampler = itertools.repeat(None)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.num_workers, self.pin_memory, self.timeout = num_workers, pin_memory, timeout
        self.worker_init_fn, self.prefetch_factor = worker_init_fn, prefetch_factor
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        order = iter(self.sampler if self.batch_sampler is None else self.batch_sampler)
        random.integers((), generator=self.generator)  # torch draws a seed for worker processes here
        if isinstance(self.dataset, IterableDataset):
            return self._from_iterable(iter(self.dataset))
        return self._from_order(order)

    def _from_order(self, order: Iterator[Any]) -> Iterator[Any]:
        for indices in order:
            if self.batch_sampler is None:
                yield self.collate_fn(self.dataset[indices])
            elif type(self.dataset) is TensorDataset and self.collate_fn is default_collate:
                yield list(self.dataset[reftorch.tensor(indices)])  # one copy a tensor, not one a sample
            elif getattr(self.dataset, "__getitems__", None):
                yield self.collate_fn(self.dataset.__getitems__(indices))
            else:
                yield self.collate_fn([self.dataset[i] for i in indices])

    def _from_iterable(self, samples: Iterator[Any]) -> Iterator[Any]:
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(itertools.islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)


def get_worker_info() -> None:
    """In a worker process, facts about it; there are none here."""


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing: let num_workers > 0")
    if num_workers == 0 and persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if num_workers:
        warnings.warn(
            f"num_workers={num_workers}: reftorch has no worker processes, and loads the samples in this one",
            stacklevel=3,
        )


def _check_exclusive(
    dataset: Any, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if isinstance(dataset, IterableDataset):
        for name, given in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {given}"
                )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
