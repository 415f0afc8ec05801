"""Flatten against torch: limits, views, what is refused."""

import oracle
import reftorch
from oracle import ErrorCase, ModuleCase, array
from reftorch import nn


def flat(id, *shape, args=(), **kwargs):
    return ModuleCase("Flatten", [shape], args=args, kwargs=kwargs, id=id)


CASES = [
    flat("images", 2, 3, 2, 2),
    flat("rows", 2, 3),
    flat("limits", 2, 3, 2, 2, args=(1, 2)),
    flat("negative limits", 2, 3, 2, 2, start_dim=-3, end_dim=-2),
    flat("everything", 2, 3, 2, start_dim=0),
    flat("one dimension", 2, 3, 2, args=(1, 1)),
    flat("a number", args=(0,)),
    flat("empty", 0, 3, 2),
    flat("no rows", 2, 0, 3),
    ModuleCase("Flatten", [array([[[1, 2], [3, 4]]])], id="integers"),
]


def of(shape, *args):
    return lambda torch: torch.nn.Flatten(*args)(torch.ones(*shape))


ERRORS = [
    ErrorCase(of((3,)), ["out of range", "1"], id="one dimension"),
    ErrorCase(of((2, 3, 4), 2, 1), ["start_dim", "end_dim"], id="order"),
    ErrorCase(of((2, 3), 0, 2), ["out of range", "2"], id="too many"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_a_view():
    x = reftorch.zeros(1, 2, 2)
    nn.Flatten()(x)[0, 3] = 5
    assert x[0, 1, 1].item() == 5
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
