"""PackedSequence and invert_permutation against torch."""

import copy

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase


def made(torch, **options):
    data, sizes, order = torch.arange(5.0), torch.tensor([2, 2, 1]), torch.tensor([1, 0])
    return torch.nn.utils.rnn.PackedSequence(data, sizes, order, **options)


def converted(torch, x):
    packed = torch.nn.utils.rnn.PackedSequence(x, torch.tensor([2, 1]))
    return [part.data for part in (packed.double(), packed.float(), packed.long(), packed.int(), packed.half())]


def fields(torch, x):
    data, batch_sizes, sorted_indices, unsorted_indices = made(torch)
    return data, batch_sizes, sorted_indices, unsorted_indices


CASES = [
    ScriptCase("PackedSequence", run=fields, inputs=[(1,)], id="fields", tiny=False, cuda=False),
    ScriptCase("PackedSequence", run=converted, inputs=[(3, 2)], id="converted", gradcheck=False),
    ScriptCase(
        "invert_permutation",
        run=lambda torch, p: torch.nn.utils.rnn.invert_permutation(p),
        inputs=[oracle.array([2, 0, 3, 1])],
    ),
]
ERRORS = [
    ErrorCase(
        lambda torch: torch.nn.utils.rnn.PackedSequence(torch.zeros(3)), ["length 2", "pack_sequence"], id="no sizes"
    ),
    ErrorCase(lambda torch: torch.nn.utils.rnn.PackedSequence(3), ["length 2", "int"], id="a number"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_text_and_equality():
    torch = pytest.importorskip("torch")
    assert repr(made(reftorch)) == repr(made(torch))


def test_nothing_to_convert_gives_itself():
    packed = made(reftorch)
    assert packed.cpu() is packed and packed.float() is packed and packed.to("cpu") is packed
    assert not packed.is_cuda
    double = packed.double()
    assert double.batch_sizes is packed.batch_sizes and double.unsorted_indices.tolist() == [1, 0]


def test_a_pair():
    packed = reftorch.nn.utils.rnn.PackedSequence((reftorch.zeros(3), reftorch.tensor([2, 1])))
    assert packed.batch_sizes.tolist() == [2, 1] and packed.sorted_indices is None


def test_copies():
    packed = copy.deepcopy(made(reftorch))
    assert type(packed) is reftorch.nn.utils.rnn.PackedSequence and packed.data.tolist() == [0, 1, 2, 3, 4]


def test_none_stays_none():
    assert reftorch.nn.utils.rnn.invert_permutation(None) is None
