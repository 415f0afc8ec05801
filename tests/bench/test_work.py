"""What the cases are, and what they cost."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

import reftorch
from bench_cases import SMALL
from reftorch.bench.cases import CASES, LENET, Case, conv, pool
from reftorch.bench.jobs import prepare
from reftorch.bench.loss_work import LOSS_PARTS
from reftorch.bench.work import Work, elements, work
from reftorch.bench.worker import lenet


def find(component, name, cases=SMALL):
    (case,) = (case for case in cases if (case.component, case.name) == (component, name))
    return case


def test_no_two_cases_have_one_name():
    names = [(case.component, case.name) for case in CASES]
    assert len(set(names)) == len(names)


def test_the_eight_are_measured_and_networks_name_the_sizes():
    eight = {"Module", "Conv2d", "MaxPool2d", "Linear", "ReLU", "Normalize", "CrossEntropyLoss", "SGD"}
    assert eight <= {case.component for case in CASES}
    for network in ("LeNet", "VGG", "ResNet", "Transformer"):
        assert sum(network in case.name for case in CASES) > 1, network


@pytest.mark.parametrize("component", ["ReLU", "MaxPool2d", "CrossEntropyLoss", "Normalize", "SGD"])
def test_from_a_thousand_elements_to_ten_million(component):
    sizes = [elements(case) for case in CASES if case.component == component]
    assert min(sizes) <= 1100 and max(sizes) >= 9_900_000
    for power in (10_000, 100_000, 1_000_000):
        assert any(0.9 <= size / power <= 2 for size in sizes), power


def test_every_kind_of_convolution_is_measured():
    kinds = [case.options for case in CASES if case.component == "Conv2d"]
    for option in ("stride", "dilation", "groups"):
        assert any(o.get(option, 1) > 1 for o in kinds)
    assert any(o["kernel_size"] == 1 for o in kinds)
    assert any(o.get("groups") == o["in_channels"] == o["out_channels"] and o.get("stride") == 2 for o in kinds)


def test_operations_are_those_of_the_loops():
    """Counted by hand: products of extents."""
    assert work(find("Conv2d", "small"), "forward").operations == (2 * 4 * 6 * 7) * (3 * 3 * 3)
    grouped = conv("", (2, 4, 9, 8), 6, 3, stride=2, groups=2, dilation=2)
    assert work(grouped, "forward") == Work(
        (2 * 6 * 3 * 2) * (2 * 3 * 3), 4 * (2 * 4 * 9 * 8 + 6 * 2 * 9 + 6 + 2 * 6 * 3 * 2)
    )
    assert work(find("Conv1d", "small"), "forward").operations == (2 * 4 * 7) * (3 * 3)
    assert work(find("Conv3d", "small"), "forward").operations == (2 * 2 * 4 * 5 * 6) * (3 * 27)
    assert work(find("ConvTranspose2d", "small"), "forward").operations == (2 * 3 * 4 * 5) * (4 * 9)
    overlapping = pool("", (1, 2, 7, 9), 3, stride=2, padding=1)
    assert work(overlapping, "forward").operations == 2 * 4 * 5 * 9
    assert work(find("Linear", "small"), "forward").operations == 5 * 6 * 7
    assert work(find("matmul", "small"), "backward").operations == 2 * 3 * 4 * 5
    assert work(find("MaxPool2d", "small"), "forward").operations == 2 * 3 * 6 * 8
    assert work(find("SGD", "small"), "step") == Work(2 * 17, 5 * 4 * 17)
    assert work(find("Adam", "small"), "step") == Work(6 * 17, 7 * 4 * 17)
    assert work(find("Adagrad", "small"), "step") == Work(4 * 17, 5 * 4 * 17)
    # 6 ids of 5 rows: 5 * (1 - 0.8 ** 6) = 3.7 rows are expected to occur
    assert work(find("SparseAdam", "small"), "step") == Work(4 * (6 + 6 * 4), 4 * 4 * (6 + 7 * 4) + 8 * 6)
    assert work(find("grid_sample", "volumes"), "forward").operations == (2 * 3 * 2 * 4 * 5) * 8
    assert work(find("affine_grid", "small"), "forward").operations == (2 * 4 * 5 * 2) * 3
    assert work(find("FractionalMaxPool2d", "small"), "forward").operations == (2 * 3 * 4 * 5) * 4
    assert work(find("MaxPool3d", "small"), "forward").operations == (2 * 3 * 2 * 3 * 4) * 27
    assert work(find("AvgPool3d", "small"), "forward").operations == (2 * 3 * 2 * 3 * 4) * 9
    assert work(find("clip_grad_norm_", "small"), "step") == Work(2 * 17, 3 * 4 * 17)
    assert work(find("GRUCell", "small"), "forward").operations == 2 * (3 * 4) * (3 + 4)
    assert work(find("MultiheadAttention", "small"), "forward").operations == 2 * (4 * 3 * 8 * 8 + 2 * 3 * 3 * 8)
    # of 20 samples, log(6 / 3) / log(13) are in the first cluster, 5.4, and log(13 / 6) / log(13) in the second, 6.0
    clusters = 5 * (16 * 4 + 4 * 3) + 6 * (16 * 1 + 1 * 7)
    assert work(find("AdaptiveLogSoftmaxWithLoss", "small"), "forward").operations == 20 * 16 * (2 + 2) + clusters
    assert work(find("Bilinear", "small"), "forward").operations == 2 * 3 * 4 * 5 * 2
    assert work(find("pdist", "small"), "forward").operations == (5 * 4 // 2) * 6 * 2
    assert work(find("MultiLabelMarginLoss", "small"), "forward").operations == 6 * (2 * 3) * 2
    assert work(find("LinearCrossEntropyLoss", "small"), "forward").operations == 6 * 5 * (4 + 1)
    attention = find("scaled_dot_product_attention", "small")
    assert work(attention, "forward").operations == 2 * (1 * 2) * 3 * 3 * 4


@pytest.mark.parametrize(
    "case", [c for c in SMALL if c.directions[0] == "forward"], ids=lambda c: f"{c.component} {c.name}"
)
def test_bytes_are_those_of_the_tensors(case):
    """Forwards, inputs are read and the output written; backwards at least the gradients of all leaves are written."""
    job = prepare(reftorch, case)
    adaptive = case.component == "AdaptiveLogSoftmaxWithLoss"  # which gives nothing but the mean
    if case.component in LOSS_PARTS and not adaptive:  # the losses before the reduction
        job = prepare(reftorch, dataclasses.replace(case, options={**case.options, "reduction": "none"}))
    tensors = {id(t): t.numpy(force=True).nbytes for t in (*job.leaves, *getattr(job, "targets", ()), job.y)}
    wanted = sum(tensors.values())
    if "MaxPool" in case.component:  # and the places
        wanted += 8 * job.y.numel()
    if "MaxUnpool" in case.component:
        wanted += 8 * job.x.numel()
    if case.options.get("need_weights"):  # attention weights, (N, L, L)
        wanted += 4 * case.x[1] * case.x[0] ** 2
    if case.component == "LSTMCell":  # and the memory
        wanted += job.y.numpy(force=True).nbytes
    if case.component == "CrossEntropyLoss":  # reads x and keeps as many probabilities, and the loss alone
        wanted += job.x.numpy(force=True).nbytes - job.y.numpy(force=True).nbytes
    if case.component == "NLLLoss":  # reads one number of each sample
        wanted += job.y.numpy(force=True).nbytes - job.x.numpy(force=True).nbytes
    if case.component.startswith("Embedding"):  # of the table only the chosen rows are read
        (table,), ids = job.leaves, job.x.numel()
        wanted += ids * (8 + 4 * table.shape[1]) - table.numpy(force=True).nbytes
    assert work(case, "forward").bytes == wanted
    assert work(case, "backward").bytes >= sum(leaf.numpy(force=True).nbytes for leaf in job.leaves)
    assert work(case, "both") == work(case, "forward") + work(case, "backward")


def test_every_case_costs_something_but_calls_of_modules():
    for case in CASES:
        for direction in case.directions:
            assert all(number > 0 for number in work(case, direction)) == (case.component != "Module"), case


def test_lenet_is_the_network_whose_parameters_are_listed():
    shapes = tuple(tuple(p.shape) for p in lenet(reftorch.nn).parameters())
    assert shapes == LENET
    step = work(find("LeNet", "training step, batch 64", CASES), "step")
    convolutions = 64 * (6 * 28 * 28 * 25 * 2 + 16 * 10 * 10 * 6 * 25 * 3)
    linear = 3 * 64 * (400 * 120 + 120 * 84 + 84 * 10)
    assert 1 < step.operations / (convolutions + linear) < 1.05


def test_elements():
    assert elements(Case("ReLU", "", (5, 6))) == 30
    assert elements(find("SGD", "small")) == 17
    assert np.prod(find("Conv2d", "small").x) == elements(find("Conv2d", "small"))


def test_threads_that_pytorch_shares_start_no_threads_of_their_own():
    program = """
        import ctypes, json, reftorch
        from reftorch.bench.worker import limit_threads, loaded
        levels = lambda: [ctypes.CDLL(path).omp_get_max_active_levels() for path in sorted(loaded("gomp"))]
        reftorch.ones(100_000).relu()  # starts Numba's threads
        before = levels()
        limit_threads(reftorch, 1)
        print(json.dumps([before, levels()]))
    """
    call = [sys.executable, "-c", "if True:" + program]
    before, after = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    assert after == [1] * len(before)  # none where Numba's threads are not those of GNU's OpenMP
