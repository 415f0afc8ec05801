"""What is timed does what it says, and the same in both libraries."""

import math

import numpy as np
import pytest

import reftorch
from bench_cases import RELU, SMALL
from reftorch.bench import jobs
from reftorch.bench.cases import Case, sgd
from reftorch.bench.clock import Budget
from reftorch.bench.jobs import disagreement, find_torch, prepare
from reftorch.bench.overhead import overheads

LENET = Case("LeNet", "small", (2, 1, 28, 28), dict(lr=0.01, momentum=0.9))
FOREACH = sgd("foreach", (3, 4), (5,), foreach=True)


@pytest.mark.parametrize("case", [*SMALL, LENET, FOREACH], ids=lambda case: f"{case.component} {case.name}")
def test_both_libraries_do_the_same_work(case):
    torch = pytest.importorskip("torch")
    ours, theirs = prepare(reftorch, case).results(), prepare(torch, case).results()
    assert len(ours) == len(theirs) and (ours or case.component == "Module")
    assert disagreement(ours, theirs) < 1e-5
    assert [a.shape for a in ours] == [b.shape for b in theirs]


@pytest.mark.parametrize("case", [*SMALL, LENET], ids=lambda case: f"{case.component} {case.name}")
def test_every_direction_can_be_called_again_and_again(case):
    job = prepare(reftorch, case)
    for direction in case.directions * 2:
        getattr(job, direction)()


def test_backward_fills_the_gradients_of_all_leaves():
    for case in SMALL:
        if case.directions[0] == "forward":
            job = prepare(reftorch, case)
            job.clear()
            assert all(leaf.grad is None for leaf in job.leaves)
            job.forward()
            assert all(leaf.grad is None for leaf in job.leaves)
            job.backward()
            assert all(leaf.grad is not None for leaf in job.leaves), case


def test_gradients_are_set_anew_each_time():
    """To add to those of the call before would be timed as well."""
    job = prepare(reftorch, SMALL[0])
    wanted = job.results()[1:]
    for again in (job.backward, job.backward, job.both):
        again()
        assert all(np.array_equal(leaf.grad.numpy(), grad) for leaf, grad in zip(job.leaves, wanted))


def test_turned_factors_are_views_of_what_is_turned():
    job = prepare(reftorch, next(case for case in SMALL if case.name == "turned"))
    assert [tuple(leaf.shape) for leaf in job.leaves] == [(4, 3), (5, 4)] and tuple(job.y.shape) == (3, 5)


@pytest.mark.simulator
@pytest.mark.parametrize("case", RELU)
def test_on_the_gpu(case):
    job = prepare(reftorch, case, "cuda")
    assert job.x.device.type == job.y.device.type == "cuda"
    assert disagreement(job.results(), prepare(reftorch, case).results()) == 0


def test_disagreement():
    a = [np.array([1.0, -4.0]), np.zeros(2)]
    assert disagreement(a, a) == 0
    assert disagreement([np.array([1.0, -4.1]), np.zeros(2)], a) == pytest.approx(0.1 / 4)
    assert disagreement([a[0], np.array([0, 0.5])], a) == 0.5  # where all should be zeros, absolute
    assert disagreement([np.array([1.0, math.nan]), np.zeros(2)], a) == 1
    with pytest.raises(ValueError):
        disagreement(a[:1], a)


def test_pytorch_is_absent(monkeypatch):
    monkeypatch.setitem(jobs.importlib.sys.modules, "torch", None)
    assert find_torch() is None and find_torch("cuda") is None


def test_what_python_adds():
    rows = overheads(None, Budget(rounds=2, seconds=0.002))
    assert [row["name"] for row in rows] == [
        "of that, module call to kernel entry, and back" if i == 1 else row["name"] for i, row in enumerate(rows)
    ]
    assert len({row["name"] for row in rows}) == len(rows) == 6
    assert all(row["seconds"] >= 0 and row["torch_seconds"] is None for row in rows)


def test_no_kernel_runs_where_python_alone_is_measured(monkeypatch):
    from reftorch.bench import overhead

    ran = []
    monkeypatch.setattr(overhead, "nothing", lambda *arguments: ran.append(len(arguments)))
    overheads(None, Budget(rounds=1, seconds=0))
    assert set(ran) == {2, 3}  # relu forwards takes two arrays, backwards three
