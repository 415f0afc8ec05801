"""BatchNorm1d against torch: vectors and sequences, training and evaluation, what the layer keeps."""

import math

import oracle
import reftorch
from batch_norm_cases import LEARNT, SEEN, layers
from oracle import ErrorCase, ScriptCase
from reftorch import nn

layer = layers("BatchNorm1d")


def three_batches(torch, *batches):
    """The plain average over batches."""
    m = torch.nn.BatchNorm1d(3, momentum=None).to(batches[0].dtype).to(batches[0].device)
    outputs = [m(x) for x in batches]
    return *outputs, m.running_mean, m.running_var, m.num_batches_tracked


def train_then_evaluate(torch, x):
    m = torch.nn.BatchNorm1d(3, affine=False).to(x.dtype).to(x.device)
    return m(x), m(2 * x), m.eval()(x), m.num_batches_tracked


def switched_off(torch, x):
    """A layer that kept statistics and is told to keep none: it normalizes with them in evaluation all the same."""
    m = torch.nn.BatchNorm1d(3, affine=False).to(x.dtype).to(x.device)
    m(x)
    m.track_running_stats = False
    return m(2 * x), m.eval()(x), m.running_mean, m.num_batches_tracked


def without_a_count(torch, x):
    m = torch.nn.BatchNorm1d(3, affine=False, momentum=0.3).to(x.dtype).to(x.device)
    m.num_batches_tracked = None
    return m(x), m.running_mean, m.running_var


CASES = [
    layer("vectors", 5, 3),
    layer("sequences", 4, 3, 5),
    layer("evaluation, vectors", 5, 3, train=False),
    layer("evaluation, sequences", 4, 3, 5, train=False),
    layer("evaluation of one vector", 1, 3, train=False),
    layer("one sequence", 1, 3, 4),
    layer("sequences of one", 4, 3, 1),
    layer("positional", 4, 3, args=(3, 0.1, 0.3, True, True)),
    layer("eps, momentum", 4, 3, 2, eps=0.5, momentum=0.7),
    layer("momentum 0", 4, 3, momentum=0.0),
    layer("momentum 1", 4, 3, momentum=1),
    layer("momentum None", 4, 3, momentum=None),
    layer("momentum None, evaluation", 4, 3, momentum=None, train=False),
    layer("not affine", 4, 3, state=SEEN, affine=False),
    layer("not affine, evaluation", 4, 3, state=SEEN, affine=False, train=False),
    layer("no bias", 4, 3, state=SEEN, bias=False),
    layer("no bias, evaluation", 4, 3, 2, state=SEEN, bias=False, train=False),
    layer("not tracked", 4, 3, state=LEARNT, track_running_stats=False),
    layer("not tracked, evaluation", 4, 3, state=LEARNT, track_running_stats=False, train=False),
    layer("nothing at all", 4, 3, state={}, affine=False, track_running_stats=False),
    layer("begins", 4, 3, state={}),
    layer("empty batch", 0, 3),
    layer("empty batch, evaluation", 0, 3, train=False),
    layer("sequences of none", 2, 3, 0),
    layer("large", 64, 3, 50),
    layer("large, evaluation", 64, 3, 50, train=False),
    *[
        ScriptCase("BatchNorm1d", run=run, inputs=shapes, id=run.__name__, gradcheck=False)
        for run, shapes in [
            (three_batches, [(4, 3), (2, 3), (5, 3, 2)]),
            (train_then_evaluate, [(4, 3)]),
            (switched_off, [(4, 3)]),
            (without_a_count, [(4, 3)]),
        ]
    ],
]
ERRORS = [
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3)(torch.ones(3)), ["2D or 3D", "1D", "[3]"], id="one dimension"),
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3)(torch.ones(2, 3, 4, 5)), ["2D or 3D", "4D"], id="images"),
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3)(torch.ones(2, 4)), ["3", "4", "channels"], id="channels"),
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3)(torch.ones(1, 3)), ["more than 1 value"], id="one vector"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_sequences_are_vectors_at_more_positions():
    x, m = reftorch.randn(4, 3, 5), nn.BatchNorm1d(3)
    flat = m(x.permute(0, 2, 1).reshape(20, 3))
    assert (m(x).permute(0, 2, 1).reshape(20, 3) - flat).abs().max() < 1e-6


def test_gradient_in_evaluation_is_that_of_its_forward():
    """Also if a training step updates the statistics before backward."""
    x, m = reftorch.randn(4, 3), nn.BatchNorm1d(3)
    x.requires_grad_()
    y = m.eval()(x)
    m.train()(x + 5)
    y.sum().backward()
    assert reftorch.allclose(x.grad, reftorch.full((4, 3), 1 / math.sqrt(1 + m.eps)))


def test_a_training_step_changes_no_statistics_under_eval():
    m = nn.BatchNorm1d(3).eval()
    m(reftorch.randn(4, 3)).sum().backward()
    assert (
        m.num_batches_tracked.item() == 0 and m.running_mean.tolist() == [0] * 3 and m.running_var.tolist() == [1] * 3
    )
