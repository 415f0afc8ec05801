"""pad_sequence and unpad_sequence against torch."""

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, integers
from reftorch.nn.utils.rnn import unpad_sequence


def padded(inputs, id, **options):
    def run(torch, *sequences):
        return torch.nn.utils.rnn.pad_sequence(list(sequences), **options)

    return ScriptCase("pad_sequence", run=run, inputs=inputs, id=id, gradcheck=isinstance(inputs[0], tuple))


def unpadded(given, lengths, id, **options):
    def run(torch, x):  # of a copy: torch exchanges the dimensions of its argument
        return torch.nn.utils.rnn.unpad_sequence(x * 1, torch.tensor(lengths), **options)

    return ScriptCase("unpad_sequence", run=run, inputs=[given], id=id)


CASES = [
    padded([(3,), (1,), (2,)], "numbers"),
    padded([(3, 2), (4, 2)], "vectors", padding_value=-1.5),
    padded([(3, 2), (1, 2)], "batch first", batch_first=True),
    padded([(3, 2), (1, 2)], "left", padding_side="left", padding_value=5),
    padded([(2,), (0,)], "nothing in one"),
    padded([(0, 2), (0, 2)], "nothing in all"),
    padded([integers(0, 9, 3), integers(0, 9, 1)], "integers", padding_value=7),
    padded([integers(0, 9, 3, dtype="int32"), integers(0, 9, 1, dtype="int64")], "the first dtype counts"),
    unpadded((3, 2, 2), [3, 1], "unpad"),
    unpadded((2, 4), [0, 4], "unpad, batch first", batch_first=True),
    unpadded((2, 4), [9, 2], "unpad, too long", batch_first=True),
]


def of(*shapes, **options):
    return lambda torch: torch.nn.utils.rnn.pad_sequence([torch.zeros(*s) for s in shapes], **options)


ERRORS = [
    ErrorCase(of(), ["empty list"], id="nothing"),
    ErrorCase(of((2, 3), (2, 4)), ["[2, 3]", "[2, 4]"], id="sizes"),
    ErrorCase(of((2,), padding_side="middle"), ["padding_side", "middle"], id="side"),
    ErrorCase(lambda torch: torch.nn.utils.rnn.pad_sequence(3), ["iterable", "int"], id="a number"),
    ErrorCase(lambda torch: torch.nn.utils.rnn.pad_sequence([1, 2]), ["list of Tensors", "int"], id="numbers"),
    ErrorCase(
        lambda torch: torch.nn.utils.rnn.unpad_sequence(torch.zeros(3, 2), torch.tensor([1])),
        ["2 sequences", "1"],
        id="unpad, lengths",
    ),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_a_tensor_is_a_list_of_its_rows():
    x = reftorch.arange(6).reshape(2, 3)
    assert reftorch.equal(reftorch.nn.utils.rnn.pad_sequence(x, batch_first=True), x)


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_padded_tensor_stays_as_it_is(batch_first):
    x = reftorch.arange(4).reshape(2, 2)
    parts = unpad_sequence(x, reftorch.tensor([2, 1]), batch_first)
    parts[0][0] = 9
    assert x.tolist() == [[0, 1], [2, 3]]
