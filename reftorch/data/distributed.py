"""DistributedSampler: which samples of an epoch are those of this rank. With the same seeds they are torch's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from reftorch import random
from reftorch.data.sampler import Sampler


class DistributedSampler(Sampler):
    """Each rank gets a part of the samples: all ranks have the same order, and rank r takes number r, r + W, r + 2W, ...

    Args:
        dataset: anything with a length.
        num_replicas: the number of ranks, W; default that of the process group.
        rank: default that of this process.
        shuffle: a new order in each epoch: call `set_epoch` before each.
        seed: of the order; the same on all ranks.
        drop_last: leave samples out so that all ranks have the same number; otherwise some come twice.

    Raises:
        ValueError: there is no such rank, or no process group to take them from.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            from reftorch import distributed

            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank, self.epoch = dataset, num_replicas, rank, 0
        self.shuffle, self.seed, self.drop_last = shuffle, seed, drop_last
        n = len(dataset)
        dropped = num_replicas if drop_last and n % num_replicas else 0
        self.num_samples = math.ceil((n - dropped) / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = list(range(n))
        if self.shuffle:
            order = random.randperm(n, random.Generator().manual_seed(self.seed + self.epoch)).tolist()
        if not self.drop_last:
            missing = self.total_size - n
            order += (order * math.ceil(missing / max(n, 1)))[:missing]
        return iter(order[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The number of the epoch, which is added to the seed: so all ranks agree on a new order without a message."""
        self.epoch = epoch
