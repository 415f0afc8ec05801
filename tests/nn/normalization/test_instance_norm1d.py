"""InstanceNorm1d against torch: with and without scales, statistics and a dimension of samples."""

import warnings

import oracle
from batch_norm_cases import LEARNT, SEEN, layers
from oracle import ErrorCase, ScriptCase

layer = layers("InstanceNorm1d")
BOTH = dict(affine=True, track_running_stats=True)


def statistics_that_stay(torch, x):
    """With momentum None, and the count of batches in any case."""
    m = torch.nn.InstanceNorm1d(3, momentum=None, track_running_stats=True).to(x.dtype).to(x.device)
    return m(x), m.running_mean, m.running_var, m.num_batches_tracked


def with_other_channels(torch, x):
    """Without scales it normalizes any number of channels, and warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = torch.nn.InstanceNorm1d(3)(x)
    return y, len(caught), "num_features" in str(caught[0].message)


CASES = [
    layer("begins", 2, 3, 4, state={}),
    layer("affine", 2, 3, 4, state=LEARNT, affine=True),
    layer("tracked", 2, 3, 4, state=SEEN, track_running_stats=True, momentum=0.3),
    layer("both", 2, 3, 4, **BOTH),
    layer("both, evaluation", 2, 3, 4, train=False, **BOTH),
    layer("evaluation", 2, 3, 4, state={}, train=False),
    layer("eps", 2, 3, 4, state={}, eps=0.5),
    layer("positional", 2, 3, 4, args=(3, 0.1, 0.3, True, True)),
    layer("no bias", 2, 3, 4, state=dict(weight=LEARNT["weight"]), affine=True, bias=False),
    layer("one sample", 3, 4, **BOTH),
    layer("one sample, evaluation", 3, 4, train=False, **BOTH),
    layer("one place, evaluation", 2, 3, 1, state=SEEN, train=False, track_running_stats=True),
    layer("empty batch", 0, 3, 4, state={}),
    layer("large", 8, 3, 200, **BOTH),
    ScriptCase("InstanceNorm1d", run=statistics_that_stay, inputs=[(2, 3, 4)], id="momentum None"),
    ScriptCase("InstanceNorm1d", run=with_other_channels, inputs=[(2, 4, 5)], id="other channels", gradcheck=False),
]


def load(metadata):
    """Statistics into a layer that keeps none; a plain dict has no versions."""

    def call(torch):
        state = torch.nn.InstanceNorm1d(3, track_running_stats=True).state_dict()
        torch.nn.InstanceNorm1d(3).load_state_dict(state if metadata else dict(state))

    return call


def of(*shape, **options):
    return lambda torch: torch.nn.InstanceNorm1d(3, **options)(torch.ones(*shape))


ERRORS = [
    ErrorCase(of(3), ["2D or 3D", "1D", "[3]"], id="dimensions"),
    ErrorCase(of(2, 4, 4, affine=True), ["num_features (3)", "4"], id="channels"),
    ErrorCase(of(2, 4, 4, track_running_stats=True), ["running_mean"], id="channels, tracked"),
    ErrorCase(of(2, 3, 1), ["more than 1 spatial element"], id="one place"),
    ErrorCase(load(metadata=True), ["running_mean", "Unexpected"], id="state with statistics"),
    ErrorCase(load(metadata=False), ["running_mean", "track_running_stats=True"], id="older state with statistics"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
