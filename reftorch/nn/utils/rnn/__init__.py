"""Sequences of different lengths: padded to one length, or packed without padding.

The names are imported at once, since functions and files have the same names: `pad_sequence` must be the function.
"""

from reftorch.nn.utils.rnn.pack_padded_sequence import pack_padded_sequence
from reftorch.nn.utils.rnn.pack_sequence import pack_sequence, unpack_sequence
from reftorch.nn.utils.rnn.packed_sequence import PackedSequence, invert_permutation
from reftorch.nn.utils.rnn.pad_packed_sequence import pad_packed_sequence
from reftorch.nn.utils.rnn.pad_sequence import pad_sequence, unpad_sequence

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]
