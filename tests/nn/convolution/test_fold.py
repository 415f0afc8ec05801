"""Fold against torch. The property test of any sizes is in test_unfold.py: each leads back from the other."""

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, array


def layer(*args, size, id="", **kwargs):
    return ModuleCase("Fold", args=args, kwargs=kwargs, inputs=[size], id=id)


CASES = [
    layer(3, 2, size=(1, 8, 4), id="one number for all"),
    layer((4, 3), (3, 2), size=(1, 12, 4), id="oblong"),
    layer((4, 3), (2, 3), stride=(2, 1), padding=(1, 2), size=(1, 6, 15), id="stride and padding"),
    layer((5, 4), (3, 2), dilation=(1, 2), padding=(2, 1), stride=(3, 2), size=(2, 6, 6), id="all unequal"),
    layer((5, 5), 2, stride=2, size=(1, 4, 4), id="rows that no block reaches"),
    layer((2, 3), 2, size=(4, 2), id="unbatched"),
    layer([2, 3], [2, 2], [1, 1], [0, 0], [1, 1], size=(0, 4, 2), id="lists, empty batch"),
    layer((17, 23), (3, 5), padding=2, stride=2, size=(3, 60, 120), id="large"),
    FunctionCase("fold", [(1, 4, 2)], ((2, 3), 2), id="functional"),
    FunctionCase(
        "fold", [array([[[True, False], [False, False], [True, True], [True, False]]])], ((2, 3), 2), id="bool"
    ),
]


def call(*args, size=(2, 12, 20), dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.fold(torch.ones(size, dtype=getattr(torch, dtype)), *args, **kwargs)


ERRORS = [
    ErrorCase(call((5, 6), 2, size=(1, 2, 12, 20)), ["2D or 3D", "[1, 2, 12, 20]"], id="four dimensions"),
    ErrorCase(call((5, 6), 2, size=(20,)), ["[20]"], id="one dimension"),
    ErrorCase(call((5, 6), 2, size=(2, 0, 20)), ["[2, 0, 20]"], id="no channels"),
    ErrorCase(call((5, 6), 2, size=(2, 12, 19)), ["4 * 5 = 20", "19"], id="a block missing"),
    ErrorCase(call((5, 6), 2, size=(2, 13, 20)), ["divisible", "13", "(2, 2)"], id="channels and size of a block"),
    ErrorCase(call((5, 6), 2, dtype="int64"), ["int64"], id="integers"),
    ErrorCase(call((5,), 2), ["output_size", "size 1"], id="one output size in a tuple"),
    ErrorCase(call(5.0, 2), ["output_size", "5.0"], id="output size 5.0"),
    ErrorCase(call((5, 6), 0), ["kernel size", "0"], id="size 0"),
    ErrorCase(call((5, 6), 2, stride=0), ["stride", "0"], id="stride 0"),
    ErrorCase(call((5, 6), 2, padding=-1), ["padding", "-1"], id="negative padding"),
    ErrorCase(call(1, 2, size=(2, 12, 1)), ["(0, 0)"], id="block larger than the image"),
    ErrorCase(lambda torch: torch.nn.functional.fold(None, 2, 2), ["input", "NoneType"], id="None"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_it_counts_the_blocks_of_each_pixel():
    counts = F.fold(F.unfold(reftorch.ones(1, 1, 3, 4), 2), (3, 4), 2)
    assert counts.tolist() == [[[[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]]]]


def test_it_is_the_gradient_of_unfold():
    x = reftorch.randn(2, 3, 5, 4, requires_grad=True)
    columns = F.unfold(x, (2, 3), padding=1, stride=(2, 1))
    grad = reftorch.randn_like(columns)
    columns.backward(grad)
    assert reftorch.equal(F.fold(grad, (5, 4), (2, 3), padding=1, stride=(2, 1)), x.grad)
