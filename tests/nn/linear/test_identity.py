"""Identity against torch: any input, any arguments."""

import oracle
import reftorch
from oracle import ModuleCase, array
from reftorch import nn

CASES = [
    ModuleCase("Identity", [(2, 3)]),
    ModuleCase("Identity", [(2, 3)], args=(54, "any"), kwargs=dict(unused=0.1), id="arguments"),
    ModuleCase("Identity", [array([1, 2])], train=False, id="integers"),
    ModuleCase("Identity", [(0, 3)], id="empty"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck = oracle.tests_of(__file__, CASES)[:3]


def test_the_same_object():
    x = reftorch.ones(2)
    assert nn.Identity()(x) is x and not list(nn.Identity(3, 4).parameters())
    assert nn.Identity()((x, None)) == (x, None)
