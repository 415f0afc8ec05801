"""pad_packed_sequence against torch: padding values, orders, total length; and there and back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, integers
from reftorch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def padded(given, sizes, id, order=None, **options):
    """`data` and `sizes` become a PackedSequence; `order` are its sorted indices."""

    def run(torch, data):
        indices = None if order is None else torch.tensor(order).to(data.device)
        packed = torch.nn.utils.rnn.PackedSequence(data, torch.tensor(sizes), indices)
        y, lengths = torch.nn.utils.rnn.pad_packed_sequence(packed, **options)
        return y, lengths.to(data.device)

    return ScriptCase("pad_packed_sequence", run=run, inputs=[given], id=id, gradcheck=isinstance(given, tuple))


CASES = [
    padded((5,), [2, 2, 1], "numbers"),
    padded((6, 2), [3, 2, 1], "vectors"),
    padded((6, 2), [3, 2, 1], "padding value", padding_value=-1.5),
    padded((6, 2), [3, 2, 1], "unsorted", order=[2, 0, 1]),
    padded((6, 2), [3, 2, 1], "batch first", order=[1, 0, 2], batch_first=True),
    padded((5, 2), [2, 2, 1], "total length", total_length=5, padding_value=2),
    padded((4, 2, 3), [2, 1, 1], "matrices"),
    padded((3, 2), [1, 1, 1], "one sequence"),
    padded(integers(0, 9, 5), [2, 2, 1], "integers", padding_value=7.9),
    padded((820, 7), list(range(40, 0, -1)), "large"),
]


def too_short(torch):
    packed = torch.nn.utils.rnn.PackedSequence(torch.zeros(5), torch.tensor([2, 2, 1]))
    torch.nn.utils.rnn.pad_packed_sequence(packed, total_length=2)


ERRORS = [ErrorCase(too_short, ["total_length=2", "3"], id="total length")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6), batch_first=st.booleans())
def test_there_and_back(lengths, batch_first):
    N, T = len(lengths), max(lengths)
    x = np.random.default_rng(0).standard_normal((T, N, 2))
    x[np.arange(T)[:, None] >= np.array(lengths)] = 0
    given = reftorch.from_numpy(x.swapaxes(0, 1).copy() if batch_first else x)
    with reftorch.debug():
        packed = pack_padded_sequence(given, lengths, batch_first, enforce_sorted=False)
        y, found = pad_packed_sequence(packed, batch_first)
    assert packed.batch_sizes.sum().item() == len(packed.data) == sum(lengths)
    assert reftorch.equal(y, given) and found.tolist() == lengths
