"""Unflatten and Tensor.unflatten against torch: sizes, -1, what is refused."""

import oracle
import reftorch
from oracle import ErrorCase, ModuleCase, ScriptCase
from reftorch import nn


def layer(id, *shape, args, **kwargs):
    return ModuleCase("Unflatten", [shape], args=args, kwargs=kwargs, id=id)


CASES = [
    layer("images", 2, 12, args=(1, (3, 2, 2))),
    layer("list", 2, 6, args=(1, [2, 3])),
    layer("inferred", 2, 12, args=(1, (3, -1))),
    layer("first dimension", 6, 2, args=(0, (2, 3))),
    layer("negative dimension", 2, 6, 2, args=(-2, (2, 3))),
    layer("one size", 2, 6, args=(1, (6,))),
    layer("empty", 0, 6, args=(1, (2, 3))),
    layer("named", 2, 6, args=(), dim=1, unflattened_size=reftorch.Size((3, 2))),
    ScriptCase("unflatten", run=lambda torch, x: x.unflatten(1, (2, -1)), inputs=[(2, 6)], id="method"),
]


def of(dim, size, shape=(2, 6)):
    return lambda torch: torch.nn.Unflatten(dim, size)(torch.ones(*shape))


ERRORS = [
    ErrorCase(of(1, 6), ["unflattened_size", "tuple of ints", "int", "(6,)"], id="int"),
    ErrorCase(of(1, (2.0, 3)), ["float", "pos 0"], id="float"),
    ErrorCase(of(1, (2, 2)), ["[2, 2]", "6"], id="other product"),
    ErrorCase(of(1, (4, -1)), ["[4, -1]", "6"], id="not divisible"),
    ErrorCase(of(1, (-1, -1)), ["one dimension can be inferred"], id="-1 twice"),
    ErrorCase(of(1, ()), ["non-empty"], id="no sizes"),
    ErrorCase(of(3, (2, 3)), ["out of range", "3"], id="dimension"),
    ErrorCase(lambda torch: torch.ones(2, 6).unflatten(1, (2.0, 3)), ["float"], id="method, float"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_a_view():
    x = reftorch.zeros(1, 4)
    nn.Unflatten(1, (2, 2))(x)[0, 1, 1] = 5
    assert x[0, 3].item() == 5
