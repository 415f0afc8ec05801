"""pack_padded_sequence against torch: lengths, orders, shapes, dtypes."""

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, array, distinct, integers
from reftorch.nn.utils.rnn import pack_padded_sequence


def packed(given, lengths, id, **options):
    def run(torch, x):
        found = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, **options)
        return [part for part in found if part is not None]

    on_cpu = {"gradcheck": not isinstance(given, oracle.Spec) or given.grad}
    return ScriptCase("pack_padded_sequence", run=parts_on(run), inputs=[given], id=id, **on_cpu)


def parts_on(run):
    """Sizes stay on the CPU, also when the data is elsewhere."""

    def moved(torch, x):
        return [part.to(x.device) for part in run(torch, x)]

    return moved


CASES = [
    packed((3, 2), [3, 2], "numbers"),
    packed((4, 3, 2), [4, 2, 1], "vectors"),
    packed((3, 4, 2), [1, 3, 2, 3], "unsorted", enforce_sorted=False),
    packed((2, 6), [1, 2, 1, 2, 1, 2], "ties", enforce_sorted=False),
    packed((3, 4, 2), [1, 4, 2], "batch first", batch_first=True, enforce_sorted=False),
    packed((3, 2, 2, 2), [3, 1], "matrices"),
    packed((5, 2, 1), [3, 2], "shorter than the tensor"),
    packed((3, 1, 2), [3], "one sequence"),
    packed(integers(0, 9, 3, 2), [3, 2], "integers"),
    packed(array([[True, False], [False, True]]), [2, 1], "bools"),
    packed(distinct(60, 40, 7), list(range(60, 20, -1)), "large"),
]


def of(shape, lengths, **options):
    def call(torch):
        torch.nn.utils.rnn.pack_padded_sequence(torch.zeros(*shape), lengths, **options)

    return call


ERRORS = [
    ErrorCase(of((3, 2), [2, 3]), ["decreasing", "enforce_sorted=False", "[2, 3]"], id="unsorted"),
    ErrorCase(of((3, 2), [3, 0]), ["greater than 0", "[3, 0]"], id="length 0"),
    ErrorCase(of((3, 2), [3, -1]), ["greater than 0"], id="negative length"),
    ErrorCase(of((3, 2), [3]), ["len(lengths)", "1", "batch_size=2"], id="too few lengths"),
    ErrorCase(of((0, 2), [1, 1]), ["empty"], id="no time"),
    ErrorCase(of((3, 0), []), ["empty"], id="no sequence"),
    ErrorCase(of((3, 2), [4, 1]), ["length 4", "3 times"], RuntimeError, id="length greater than T"),
    ErrorCase(of((3,), [3]), ["(T, N, *)", "[3]"], RuntimeError, id="one dimension"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_a_list_is_no_input():
    with pytest.raises(TypeError, match="pack_sequence"):
        pack_padded_sequence([1], [1])


@pytest.mark.parametrize("lengths", [reftorch.tensor([3, 2]), reftorch.tensor([3.0, 2.9]), (3, 2), [3.0, 2.0]])
def test_lengths_may_be_tensors_or_floats(lengths):
    found = pack_padded_sequence(reftorch.zeros(3, 2), lengths)
    assert found.batch_sizes.tolist() == [2, 2, 1]
    assert found.batch_sizes.dtype is reftorch.int64
    assert found.sorted_indices is None and found.unsorted_indices is None


def test_padding_does_not_matter():
    x = reftorch.tensor([[1.0, 2], [3, float("nan")]])
    assert pack_padded_sequence(x, [2, 1]).data.tolist() == [1, 2, 3]
