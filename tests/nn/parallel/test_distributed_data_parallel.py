"""DistributedDataParallel on two and three ranks: against its definition, one rank with the whole batch, and PyTorch's."""

import importlib.util
import inspect

import numpy as np
import pytest

import ddp_cases
import oracle
import ranks
import reftorch
from oracle import ScriptCase, distinct
from reftorch.nn.parallel import DistributedDataParallel
from reftorch.nn.parallel.distributed_data_parallel import average_into, bucket_sizes
from reftorch.nn.parallel.reducer import buckets_of

WAYS = ["definition", "one bucket", "small buckets", "views", "find unused"]
pytestmark = ranks.needs_mpi


def into_bucket(torch, grad):
    """Half of the gradient, written over what the bucket held."""
    if torch is not reftorch:
        return grad.detach() / 2
    return average_into(grad.detach(), torch.full(grad.shape, 7.0, dtype=grad.dtype, device=grad.device), 1 / 2)


CASES = [
    ScriptCase("average_into", run=into_bucket, inputs=[distinct(2, 3)], gradcheck=False),
    ScriptCase("average_into", run=into_bucket, inputs=[distinct(0, 3)], id="empty", gradcheck=False),
    ScriptCase("average_into", run=into_bucket, inputs=[(70, 70)], id="large", gradcheck=False),
]
test_matches_torch, test_all_modes_agree, _, _, test_mutants = oracle.tests_of(__file__, CASES)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return ranks.run_on(3, ddp_cases.training, tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two ranks; with PyTorch in the same processes where it is installed."""
    folder = tmp_path_factory.mktemp("two")
    if importlib.util.find_spec("torch") is None:
        return ranks.run_on(2, ddp_cases.cases, folder)
    return ranks.run_on(2, ddp_cases.against_pytorch, folder, str(folder))


@pytest.fixture(scope="module")
def alone():
    return ddp_cases.trained(reftorch, lambda net: net, 0, 1)[0]


def largest_difference(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs))


@pytest.mark.parametrize("way", WAYS)
def test_ranks_stay_equal_and_train_as_one_rank_does(three, alone, way):
    assert len({answer[way][1] for answer in three}) == 1
    assert largest_difference(three[0][way][0], alone) < 2e-6


def test_two_ranks_get_the_bits_of_the_definition(two):
    """A sum of two numbers has one order, and halving is exact: so buckets and their sizes change no bit."""
    assert {answer[way][1] for answer in two for way in WAYS} == {two[0]["definition"][1]}


@pytest.mark.parametrize("way", WAYS[1:])
def test_three_ranks_differ_from_the_definition_by_rounding(three, way):
    """A third is rounded, and MPI's order of a sum depends on the size of a message."""
    assert largest_difference(three[0]["definition"][0], three[0][way][0]) < 2e-6
    assert three[0]["small buckets"][1] == three[0]["views"][1]


def test_as_pytorchs(two, alone):
    if "theirs" not in two[0]:
        pytest.skip("PyTorch is not installed")
    for answer in two:
        assert largest_difference(answer["one bucket"][0], answer["theirs"][0]) < 2e-6
        assert largest_difference(answer["one bucket"][0], alone) < 2e-6
        assert answer["keys"][0] == answer["keys"][1] == ["module.weight", "module.bias"]
        assert {what: answer[what] for what in answer["compared"]} == answer["compared"]


ON_BOTH = {
    "after no_sync": [[6.0]],
    "steps True True": [[2.0]],
    "steps True False": [[2.0]],
    "steps False True": [[2.0]],
    "steps False False": [[2.0]],
    "forwards without backward": [[2.0]],
    "two forwards, one backward": [[4.0]],
    "after evaluation": [[6.0]],
    "different branches": [[[2.0]], [[0.5]], [[1.5]], None],
    "same branch": [[[2.0]], [[2.0]], None, None],
    "shared weight": [[4.0]],
    "frozen": [[[2.0]], None],
    "float32 and float64": [("torch.float32", [[2.0]]), ("torch.float64", [[2.0]])],
    "gpu": ("cuda", [[2.0]]),
    "delayed from 0": ([[2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]], 0),
    "delayed from 0, weights": [1.0, 1.0, 1.0],
    "delayed from 1": ([[2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]], 1),
    "delayed from 1, weights": [1.0, 1.0, 1.0],
    "skipped": [[2.0, 2.0, None, None]] * 3,
    "skipped buckets": [False, False, True, True],
}


@pytest.mark.parametrize("what", ON_BOTH)
def test_both_ranks_get(two, what):
    assert [answer[what] for answer in two] == [ON_BOTH[what]] * 2


def test_no_sync_adds_up_alone(two):
    assert [answer["within no_sync"] for answer in two] == [[[2.0]], [[6.0]]]


def test_a_group_in_the_second_place(two):
    for answer in two:
        found, warned = answer["group in the second place"]
        assert found == [[2.0]] and "process_group=" in warned[0]


def test_buckets_leave_while_backward_runs(two):
    for answer in two:
        assert answer["order"] == (8, [1, 2, 3, 4, 5, 6, 7, 8])


def test_buffers(two):
    """After two forwards: rank 0's mean 0.9 * (0.9 * 0 + 0.2) + 0.2 = 0.38; rank 1 adds 0.4 to rank 0's 0.2, or to its own.

    Where the buffers are not sent at the beginning either, rank 1 begins with 1: 0.9 * (0.9 * 1 + 0.4) + 0.4 = 1.57. The last
    number counts the warnings: `broadcast_buffers` is deprecated.
    """
    assert two[0]["buffers"] == [(0.38, 0.38, 2, warnings) for warnings in (0, 0, 1, 1)]
    assert two[1]["buffers"] == [(0.58, 0.38, 2, 0), (0.76, 0.76, 2, 0), (1.57, 1.57, 2, 1), (0.58, 0.38, 2, 1)]


ERRORS = {
    "unused": [
        "RuntimeError: Expected to have finished reduction",
        "b.weight",
        "never.weight",
        "find_unused_parameters=True",
    ],
    "unused, definition": ["RuntimeError: 2 of 4 parameters got no gradient"],
    "shapes": [
        "module of rank 1 differs from that of rank 0: weight (2, 1) torch.float32",
        "weight (1, 1) torch.float32",
    ],
    "names": ["RuntimeError: the module of rank 1 differs", "2.weight", "1.weight"],
    "number": ["RuntimeError: the module of rank 1 has 4 parameters, that of rank 0 has 2"],
    "nothing to learn": [
        "RuntimeError: DistributedDataParallel is not needed when a module doesn't have any parameter"
    ],
    "device_ids": ["ValueError: DistributedDataParallel device_ids and output_device arguments only work with"],
    "arrived twice": ["RuntimeError: the gradient of weight arrived twice"],
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors_are_the_same_on_all_ranks(two, what):
    for answer in two:
        assert [word for word in ERRORS[what] if word not in answer[what]] == []


# ------------------------------------------------------------------------------------------------ without ranks
def test_the_buckets():
    parameters = [reftorch.nn.Parameter(reftorch.ones(size)) for size in (1, 2, 3, 4)]
    parameters.insert(1, reftorch.nn.Parameter(reftorch.ones(5, dtype=reftorch.float64)))
    sizes = [[p.numel() for p in bucket.parameters] for bucket in buckets_of(parameters, [4, 20])]
    assert sizes == [[4], [3, 2], [5], [1]]
    sizes = [[p.numel() for p in bucket.parameters] for bucket in buckets_of(parameters, [28, 1])]
    assert sizes == [[4, 3], [2], [5], [1]]
    (bucket,) = buckets_of(parameters[:1], [100])
    bucket.part[parameters[0]].fill_(3.0)
    assert bucket.flat.tolist() == [3.0]


def test_the_sizes_of_buckets():
    assert bucket_sizes(None, None) == bucket_sizes(None, []) == [2**20, 25 * 2**20]
    assert bucket_sizes(3, None) == [3 * 2**20]
    assert bucket_sizes(3, [2, 0.5]) == [2 * 2**20, 2**19]


def test_the_signature_is_pytorchs():
    torch = pytest.importorskip("torch")
    theirs, ours = (
        [(p.name, p.default, p.kind) for p in inspect.signature(made).parameters.values()]
        for made in (torch.nn.parallel.DistributedDataParallel, DistributedDataParallel)
    )
    assert ours == theirs


@pytest.mark.parametrize(
    "options, error, says",
    [
        (dict(mixed_precision="half"), NotImplementedError, "mixed_precision=half.*leave it out"),
        (dict(device_mesh="a mesh"), NotImplementedError, "device_mesh=a mesh.*process_group="),
        (dict(delay_all_reduce_named_params=[]), ValueError, "need to be set at the same time"),
        (dict(param_to_hook_all_reduce=reftorch.nn.Parameter(reftorch.ones(1))), ValueError, "at the same time"),
    ],
)
def test_options_that_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        DistributedDataParallel(reftorch.nn.Linear(1, 1), **options)


def test_without_a_group():
    with pytest.raises(ValueError, match="init_process_group"):
        DistributedDataParallel(reftorch.nn.Linear(1, 1))
