"""Dropout and F.dropout against torch: the same masks from the same seed, training and evaluation, in place."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct
from reftorch import nn

nan, inf = math.nan, math.inf


def seeded(run):
    """The same mask at every call, so that finite differences apply."""

    def with_seed(torch, *inputs):
        torch.manual_seed(3)
        return run(torch, *inputs)

    return with_seed


def script(run, given, id, **options):
    return ScriptCase("dropout", run=seeded(run), inputs=[given], id=id, **options)


def transposed(torch, x):
    """The mask is drawn in the order that the elements have in memory."""
    return torch.nn.functional.dropout(x.t(), 0.3), torch.rand(1).to(x.device)


def channels_last(torch, x):
    return torch.nn.functional.dropout(x.permute(0, 2, 3, 1), 0.3)


def of_a_part(torch, x):
    return torch.nn.functional.dropout(x[:, ::2], 0.3)


def expanded(torch, x):
    several = [x.expand(3, 4), x.expand(5, 3, 4), x.expand(5, 3, 4).transpose(0, 2)]
    return tuple(torch.nn.functional.dropout(view, 0.3) for view in several)


def in_place(torch, x):
    y = x * 1
    returned = torch.nn.functional.dropout(y, 0.4, inplace=True)
    return returned * 3, y, torch.tensor(y._version, device=x.device)


def in_place_of_a_transpose(torch, x):
    y = x * 1
    torch.nn.Dropout(0.4, inplace=True)(y.t())
    return y


def nothing_drawn(torch, x):
    """p = 0, p = 1 and evaluation leave the generator as it is."""
    layer = torch.nn.Dropout(0.5).eval()
    dropout = torch.nn.functional.dropout
    return dropout(x, 0.0), dropout(x, 1.0), layer(x), torch.rand(2).to(x.device)


def twice(torch, x):
    return torch.nn.functional.dropout(torch.nn.functional.dropout(x, 0.2), 0.5), torch.rand(2).to(x.device)


def option(id, *args, x=(3, 4), **kwargs):
    return FunctionCase("dropout", [distinct(*x)], args=args, kwargs=kwargs, id=id, gradcheck=False, exact=True)


CASES = [
    option("default"),
    option("p", 0.2, x=(2, 3, 4)),
    option("positional", 0.7, True, False),
    option("evaluation", 0.5, False),
    option("p 0", 0.0),
    option("p 1", 1),
    option("p a tensor", array(0.5)),
    option("a number", 0.5, x=()),
    option("empty", 0.5, x=(0, 3)),
    FunctionCase("dropout", [array([nan, inf, -inf, 1.0] * 4)], id="edges", gradcheck=False),
    FunctionCase("dropout", [array([nan, inf, -1.0, 2])], args=(1.0,), id="edges, p 1", gradcheck=False),
    FunctionCase("dropout", [(60, 200)], args=(0.3,), id="large", exact=True),
    ModuleCase("Dropout", [distinct(4, 5)], args=(0.2,), id="layer", gradcheck=False),
    ModuleCase("Dropout", [distinct(4, 5)], id="layer, evaluation", train=False),
    ModuleCase("Dropout", [array(np.ones((4, 5)), grad=False)], args=(0.2, True), id="in place", changes_inputs=True),
    script(transposed, distinct(4, 6), "transposed", exact=True, gradcheck=False),
    script(channels_last, distinct(2, 3, 2, 4), "channels last", exact=True),
    script(of_a_part, distinct(4, 6), "a part", strided=False),
    script(expanded, distinct(3, 1), "expanded", strided=False),
    script(in_place, distinct(4, 5), "in place, on the tape"),
    script(in_place_of_a_transpose, distinct(4, 5), "in place, a transpose"),
    script(nothing_drawn, distinct(2, 3), "nothing drawn", gradcheck=False),
    script(twice, distinct(4, 5), "twice", gradcheck=False, strided=False),
]
MUTANT_CASES = [case for case in CASES if case.id in ("p", "layer")]


def of(value, *args, **kwargs):
    return lambda torch: torch.nn.functional.dropout(value, *args, **kwargs)


def ones(*args, dtype="float32", leaf=False, **kwargs):
    def call(torch):
        torch.nn.functional.dropout(torch.ones(4, dtype=getattr(torch, dtype), requires_grad=leaf), *args, **kwargs)

    return call


ERRORS = [
    ErrorCase(ones(1.5), ["between 0 and 1", "1.5"], id="p above 1"),
    ErrorCase(ones(-0.1), ["between 0 and 1", "-0.1"], id="p below 0"),
    ErrorCase(ones(nan), ["between 0 and 1", "nan"], id="p NaN"),
    ErrorCase(ones(nan, False), ["nan"], id="p NaN, evaluation"),
    ErrorCase(ones("0.5"), ["p", "str"], id="p a word"),
    ErrorCase(ones(0.5, 1), ["training", "bool", "int"], id="training an int"),
    ErrorCase(of([1.0]), ["input", "Tensor", "list"], id="list"),
    ErrorCase(ones(dtype="int64"), ["int64", "float()"], id="int64"),
    ErrorCase(ones(dtype="bool"), ["bool", "float()"], id="bool"),
    ErrorCase(ones(leaf=True, inplace=True), ["leaf"], id="in place, leaf"),
    ErrorCase(
        lambda torch: torch.nn.functional.dropout(torch.ones(1).expand(3), inplace=True), ["clone()"], id="expanded"
    ),
    ErrorCase(lambda torch: torch.nn.Dropout(-0.5), ["between 0 and 1", "-0.5"], id="layer, p below 0"),
    ErrorCase(lambda torch: torch.nn.Dropout("0.5"), [], id="layer, p a word"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_outside_training_the_input_itself_is_returned():
    x = reftorch.ones(3, requires_grad=True)
    assert F.dropout(x, 0.5, training=False) is x and F.dropout(x, 0.0) is x and nn.Dropout().eval()(x) is x
    whole = reftorch.ones(3, dtype=reftorch.int64)
    assert F.dropout(whole, training=False) is whole


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_place_writes_into_the_same_memory(device):
    x = reftorch.ones(100, device=device)
    assert F.dropout(x, 0.5, inplace=True) is x and x._version == 1
    assert sorted(set(x.tolist())) == [0, 2]


def test_backward_uses_the_mask_of_forward():
    x = reftorch.ones(1000, requires_grad=True)
    y = F.dropout(x, 0.3)
    F.dropout(x, 0.3)
    y.backward(reftorch.ones(1000))
    assert (x.grad == y).all()
