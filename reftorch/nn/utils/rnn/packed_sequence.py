r"""A batch of sequences of different lengths, packed: the elements of all sequences, time by time, without padding.

A recurrent layer takes it in place of a padded tensor, and then computes no step for padding.

Use it when the lengths in a batch differ much; it is made by `pack_sequence` or `pack_padded_sequence` and not by hand.

## Forward

Let the sequences be sorted, the longest first. At time $t$ some of them have not ended yet; their number is $B_t$, and they are
the first $B_t$ ones. `data` has the $B_0$ elements of time 0, then the $B_1$ elements of time 1, and so on. So the elements of
time $t$ are the rows

$$S_t, \; S_t + 1, \; \dots, \; S_t + B_t - 1 \qquad S_t = \sum_{u < t} B_u$$

and sequence $b$ has its element of time $t$ in row $S_t + b$.

## Worked example

The sequences a = (1, 2, 3), b = (4, 5) and c = (6). At time 0 there are three elements, at time 1 two, at time 2 one:

>>> import reftorch as torch
>>> from reftorch.nn.utils.rnn import pack_sequence
>>> packed = pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5]), torch.tensor([6])])
>>> packed.data
tensor([1, 4, 6, 2, 5, 3])
>>> packed.batch_sizes
tensor([3, 2, 1])

The elements of time 1 are $B_1 = 2$ rows from row $S_1 = 3$ on:

>>> packed.data[3:3 + 2]
tensor([2, 5])

## Questions

**Why are the sequences sorted?**

Because then those that have not ended are the first ones: a recurrent layer takes the first $B_t$ rows of its state at time
$t$ and needs no list of the sequences that have not ended.

**How many steps of the cell are saved?**

One for each element of padding. Padded to length 3, the example has 9 elements; packed it has 6.

>>> 3 * 3 - len(packed.data)
3

**What are the sorted and the unsorted indices?**

`sorted_indices[b]` is the sequence that came to place $b$, and `unsorted_indices` is the inverse permutation. With them a layer
brings its states into the order in which the sequences were given.

>>> packed = pack_sequence([torch.tensor([6]), torch.tensor([1, 2, 3]), torch.tensor([4, 5])], enforce_sorted=False)
>>> packed.sorted_indices, packed.unsorted_indices
(tensor([1, 2, 0]), tensor([2, 0, 1]))
"""

from __future__ import annotations

from typing import Any, NamedTuple

import reftorch
from reftorch.ops import arange, scatter
from reftorch.tensor import Tensor


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences without padding: a tuple of `data`, `batch_sizes`, `sorted_indices` and `unsorted_indices`.

    Args:
        data: the elements of all sequences, time by time; or the pair (data, batch_sizes).
        batch_sizes: how many sequences have an element at each time. It stays on the CPU.
        sorted_indices: which sequence came to which place; None if they were sorted.
        unsorted_indices: the inverse permutation; computed from `sorted_indices` if it is None.

    Raises:
        ValueError: `batch_sizes` is not on the CPU.
        AssertionError: there are no `batch_sizes`, and `data` is not a pair.
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError(
                    f"Expected data to be a list or tuple of length 2 when there are no batch_sizes, found {type(data).__name__}; "
                    "pack_sequence(...) makes a PackedSequence out of a list of tensors"
                )
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                f"batch_sizes should always be on CPU, found {batch_sizes.device}. Instances of PackedSequence should never "
                "be created manually: pack_sequence and pack_padded_sequence make them"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """`data` converted or moved as `Tensor.to` does, and the indices moved with it; itself if nothing changes."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = [i if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *indices)

    def cuda(self, device=None) -> PackedSequence:
        return self.to("cuda" if device is None else device)

    def cpu(self) -> PackedSequence:
        return self.to("cpu")

    def double(self) -> PackedSequence:
        return self.to(reftorch.float64)

    def float(self) -> PackedSequence:
        return self.to(reftorch.float32)

    def half(self) -> PackedSequence:
        return self.to(reftorch.float16)

    def long(self) -> PackedSequence:
        return self.to(reftorch.int64)

    def int(self) -> PackedSequence:
        return self.to(reftorch.int32)

    def short(self) -> PackedSequence:
        return self.to(reftorch.int16)

    def char(self) -> PackedSequence:
        return self.to(reftorch.int8)

    def byte(self) -> PackedSequence:
        return self.to(reftorch.uint8)

    @property
    def is_cuda(self) -> bool:
        return self.data.is_cuda


def invert_permutation(permutation):
    """The order that undoes this one: if place i takes from j, then place j takes from i. None stays None.

    >>> import reftorch as torch
    >>> from reftorch.nn.utils.rnn import invert_permutation
    >>> invert_permutation(torch.tensor([1, 2, 0]))
    tensor([2, 0, 1])
    """
    if permutation is None:
        return None
    return scatter(permutation, 0, permutation, arange(permutation.numel(), device=permutation.device))
