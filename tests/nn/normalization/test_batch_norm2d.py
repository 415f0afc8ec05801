"""BatchNorm2d against torch: training and evaluation, and the same numbers as BatchNorm1d of flattened dimensions."""

import oracle
import reftorch
from batch_norm_cases import LEARNT, SEEN, layers
from oracle import ErrorCase
from reftorch import nn

layer = layers("BatchNorm2d")
CASES = [
    layer("training", 2, 3, 4, 3),
    layer("evaluation", 2, 3, 4, 3, train=False),
    layer("one sample", 1, 3, 4, 3),
    layer("one place", 2, 3, 1, 1),
    layer("eps, momentum", 2, 3, 4, 3, eps=0.5, momentum=0.7),
    layer("momentum None", 2, 3, 4, 3, momentum=None),
    layer("not affine", 2, 3, 4, 3, state=SEEN, affine=False),
    layer("not tracked", 2, 3, 4, 3, state=LEARNT, track_running_stats=False),
    layer("not tracked, evaluation", 2, 3, 4, 3, state=LEARNT, track_running_stats=False, train=False),
    layer("no bias", 2, 3, 4, 3, state=SEEN, bias=False),
    layer("begins", 2, 3, 4, 3, state={}),
    layer("empty batch", 0, 3, 4, 3),
    layer("large", 8, 3, 20, 21),
    layer("large, evaluation", 8, 3, 20, 21, train=False),
]


def of(*shape):
    return lambda torch: torch.nn.BatchNorm2d(3)(torch.ones(*shape))


ERRORS = [
    ErrorCase(of(2, 3, 4), ["4D", "3D", "[2, 3, 4]"], id="dimensions"),
    ErrorCase(of(2, 4, 4, 3), ["3", "4", "channels"], id="channels"),
    ErrorCase(of(1, 3, 1, 1), ["more than 1 value"], id="one value"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_the_places_may_be_arranged_otherwise():
    x = reftorch.randn(2, 3, 4, 3)
    one, more = nn.BatchNorm1d(3), nn.BatchNorm2d(3)
    assert reftorch.equal(more(x).flatten(2), one(x.flatten(2)))
    assert reftorch.equal(more.running_var, one.running_var)
