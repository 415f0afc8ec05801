r"""Packing of a list: sequences of different lengths become one `PackedSequence`, and back.

Use it when there is a list of tensors; a tensor that is padded already goes through `pack_padded_sequence`.

## Forward

`pack_sequence` is `pad_sequence`, then `pack_padded_sequence` with the lengths of the list: the second one
removes the padding that the first one adds. `unpack_sequence` is `pad_packed_sequence`, then `unpad_sequence`.

## Worked example

>>> import reftorch as torch
>>> from reftorch.nn.utils.rnn import pack_sequence, unpack_sequence
>>> packed = pack_sequence([torch.tensor([1, 2]), torch.tensor([3, 4, 5])], enforce_sorted=False)
>>> packed.data
tensor([3, 1, 4, 2, 5])
>>> packed.batch_sizes
tensor([2, 2, 1])
>>> unpack_sequence(packed)
[tensor([1, 2]), tensor([3, 4, 5])]

## Questions

**Why does the longer sequence come first in `data`?**

Packed sequences are sorted, the longest first. `sorted_indices` keeps the order, and `unpack_sequence` restores it.

>>> packed.sorted_indices
tensor([1, 0])

**What is the sum of `batch_sizes`?**

The number of all elements, without padding: 2 + 3 of the example.

>>> packed.batch_sizes.sum() == len(packed.data)
tensor(True)

**What happens if the sequences are not sorted and `enforce_sorted` is True, the default?**

An error is raised. The caller has to sort them, so that the packed sequence needs no permutation.

>>> try:
...     pack_sequence([torch.tensor([1, 2]), torch.tensor([3, 4, 5])])
... except RuntimeError as error:
...     print(str(error).partition(": ")[2])
with enforce_sorted=False it is sorted here
"""

from __future__ import annotations

from reftorch.nn.utils.rnn.pack_padded_sequence import pack_padded_sequence
from reftorch.nn.utils.rnn.pad_packed_sequence import pad_packed_sequence
from reftorch.nn.utils.rnn.pad_sequence import pad_sequence, unpad_sequence


def pack_sequence(sequences, enforce_sorted=True):
    """The sequences (T_n, *) as a `PackedSequence`. With `enforce_sorted` the longest must be the first.

    Raises:
        RuntimeError: as `pad_sequence` and `pack_padded_sequence`.
    """
    lengths = [each.size(0) for each in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The list of sequences in a `PackedSequence`, in the order in which they were packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
