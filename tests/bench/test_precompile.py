"""`reftorch compile`: whoever trains afterwards waits for no kernel.

Compiling all of it takes minutes: that is a step of CI. Here it compiles what a convolutional network is trained with.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reftorch
from reftorch import precompile

ROOT = Path(reftorch.__file__).parents[1]

TRAIN = """
    heard = []
    with kernel.compiling(lambda name: heard.append(name) if name else None):
        assert cli.main(["train", "--limit", "100", "--epochs", "1"]) == 0
        for threads in {1, numba.config.NUMBA_NUM_THREADS}:
            numba.set_num_threads(threads)
            train(reftorch, lenet(reftorch.nn), reftorch.randn(64, 1, 28, 28))
            train(reftorch, lenet(reftorch.nn), reftorch.randn(3, 1, 28, 28))
"""
COMPILE = """
    heard, trained = [], ("Conv2d", "CrossEntropyLoss", "LeNet", "Linear", "MaxPool2d", "Normalize", "ReLU", "SGD", "matmul")
    precompile.CASES = tuple(case for case in precompile.CASES if case.component in trained)
    with kernel.compiling(lambda name: heard.append(name) if name else None):
        assert precompile.main() == 0
"""
TOLD = """
    found = {name: [str(signature) for signature in signatures] for name, signatures in precompile.compiled().items()}
    print(json.dumps(dict(heard=heard, kernels=found)))
"""


def in_a_process(body):
    """What TOLD tells after `body`, in a process that begins with nothing but the cache that all tests share."""
    head = "import json, numba, reftorch\nfrom reftorch import cli, kernel, precompile\n"
    head += "from reftorch.bench.worker import lenet, train\nif True:"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_ENABLE_CUDASIM": "0"}
    call = [sys.executable, "-c", head + body + TOLD]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, timeout=1500)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def ahead():
    return in_a_process(COMPILE)


@pytest.fixture(scope="module")
def training(ahead):
    return in_a_process(TRAIN)


def test_a_training_compiles_nothing_after_it(training):
    assert training[1]["heard"] == []


def test_every_kernel_of_a_training_is_among_those_compiled_ahead(ahead, training):
    """With each of its signatures: the cache may have held one from before, this list does not."""
    missing = {
        (name, signature)
        for name, signatures in training[1]["kernels"].items()
        for signature in signatures
        if signature not in ahead[1]["kernels"].get(name, [])
    }
    assert len(training[1]["kernels"]) > 10 and not missing


def test_a_second_time_there_is_nothing_to_do(ahead):
    output, told = in_a_process(COMPILE)
    assert told["heard"] == [] and "0 compiled now" in output
    assert f"{len(told['kernels'])} kernels for" in output
    assert set(told["kernels"]) <= set(ahead[1]["kernels"])  # what others call is cached inside them


def test_the_count_leaves_out_what_another_kernel_calls():
    count = precompile.Count()
    told = [count.told(name) for name in ("outer", "inner", None, None, "another", None)]
    assert told == [True, False, False, False, True, False] and count.kernels == 2


def test_every_case_of_the_benchmark_that_is_small_enough_is_planned(monkeypatch):
    monkeypatch.setattr(precompile, "LARGEST", 10**20)
    monkeypatch.setattr(precompile, "available", lambda: 5)
    assert len(list(precompile.plan())) == 2 * len(precompile.CASES) + 4
    monkeypatch.setattr(precompile, "available", lambda: 1)
    assert len(list(precompile.plan())) == len(precompile.CASES) + 4
    monkeypatch.setattr(precompile, "LARGEST", -1)
    assert len(list(precompile.plan())) == 4  # digits, class probabilities, and dates with two models
