"""InstanceNorm2d against torch: with and without scales, statistics and a dimension of samples."""

import oracle
from batch_norm_cases import LEARNT, SEEN, layers
from oracle import ErrorCase

layer = layers("InstanceNorm2d")
BOTH = dict(affine=True, track_running_stats=True)

CASES = [
    layer("begins", 2, 3, 2, 3, state={}),
    layer("affine", 2, 3, 2, 3, state=LEARNT, affine=True),
    layer("tracked", 2, 3, 2, 3, state=SEEN, track_running_stats=True, momentum=0.3),
    layer("both", 2, 3, 2, 3, **BOTH),
    layer("both, evaluation", 2, 3, 2, 3, train=False, **BOTH),
    layer("evaluation", 2, 3, 2, 3, state={}, train=False),
    layer("eps", 2, 3, 2, 3, state={}, eps=0.5),
    layer("positional", 2, 3, 2, 3, args=(3, 0.1, 0.3, True, True)),
    layer("no bias", 2, 3, 2, 3, state=dict(weight=LEARNT["weight"]), affine=True, bias=False),
    layer("one sample", 3, 2, 3, **BOTH),
    layer("one sample, evaluation", 3, 2, 3, train=False, **BOTH),
    layer("one place, evaluation", 2, 3, 1, 1, state=SEEN, train=False, track_running_stats=True),
    layer("empty batch", 0, 3, 2, 3, state={}),
    layer("large", 8, 3, 20, 21, **BOTH),
]


def of(*shape, **options):
    return lambda torch: torch.nn.InstanceNorm2d(3, **options)(torch.ones(*shape))


ERRORS = [
    ErrorCase(of(3, 4), ["3D or 4D", "2D", "[3, 4]"], id="dimensions"),
    ErrorCase(of(2, 4, 2, 3, affine=True), ["num_features (3)", "4"], id="channels"),
    ErrorCase(of(2, 4, 2, 3, track_running_stats=True), ["running_mean"], id="channels, tracked"),
    ErrorCase(of(2, 3, 1, 1), ["more than 1 spatial element"], id="one place"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
