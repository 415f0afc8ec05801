"""Kernels under one thread and several, under Python threads that call at once, and in forked processes.

Each test runs a process of its own, because a mistake here ends the process, or never ends.
"""

import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import reftorch

ROOT = pathlib.Path(reftorch.__file__).parents[1]
LAYERS = ("omp", "workqueue")

# What every process begins with: `results(seed)` of a training step through the components that use threads, large enough for it.
BEGIN = """
import os, sys, threading, time
import numba
import numpy as np
import reftorch
from reftorch import nn


def results(seed):
    random = np.random.default_rng(seed)
    draw = lambda *shape: reftorch.from_numpy(random.standard_normal(shape, np.float32))
    network = nn.Sequential(nn.Conv2d(4, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    linear = nn.Linear(16 * 14 * 14, 64)
    params = [*network.parameters(), *linear.parameters()]
    for p in params:
        p.data.copy_(draw(*p.shape) * 0.05)
    optimizer = reftorch.optim.SGD(params, lr=0.1, momentum=0.9)
    x = draw(16, 4, 28, 28).requires_grad_()
    y = linear(network(x).flatten(1))
    loss = nn.CrossEntropyLoss()(y, reftorch.from_numpy(random.integers(0, 64, 16)))
    loss.backward()
    gradients = [x.grad, *(p.grad for p in params)]
    optimizer.step()
    return [np.array(t.detach().numpy()) for t in (y, loss, *gradients, *params)]


def same(first, second):
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(first, second, strict=True))
"""

# For the tests of forking: the end of a child is awaited for two minutes, and told.
FORK = """
def child(work):
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    for _ in range(2400):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "it hangs"
"""


def run(code, **environment):
    """What a process that begins as above prints."""
    code = BEGIN + textwrap.dedent(code)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The results of one thread, in a file."""
    path = tmp_path_factory.mktemp("threads") / "one.npz"
    run(f"np.savez({str(path)!r}, *results(0))", NUMBA_NUM_THREADS="1")
    assert len(np.load(path).files) == 11
    return path


# ------------------------------------------------------------------------------------------------- number of threads
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(reference, layer, threads):
    said = run(
        f"""
        first = results(0)
        wanted = list(np.load({str(reference)!r}).values())
        print(numba.get_num_threads(), numba.threading_layer(), same(first, wanted))
        """,
        NUMBA_NUM_THREADS=str(threads),
        NUMBA_THREADING_LAYER=layer,
    )
    assert said == f"{threads} {layer} True"


def test_the_number_may_change_between_calls():
    said = run(
        """
        kept = []
        for threads in (3, 1, 2, 3):
            numba.set_num_threads(threads)
            kept.append(results(0))
        print([same(kept[0], other) for other in kept])
        """,
        NUMBA_NUM_THREADS="3",
    )
    assert said == "[True, True, True, True]"


def test_the_comparison_can_fail():
    said = run("a = results(0); b = results(1); print(same(a, a), same(a, b))")
    assert said == "True False"


# ----------------------------------------------------------------------------------------------------- Python threads
@pytest.mark.parametrize("layer", LAYERS)
def test_python_threads_may_call_at_once(layer):
    said = run(
        """
        wanted = [results(seed) for seed in range(4)]
        right = [0] * 4

        def work(seed):
            for _ in range(5):
                right[seed] += same(results(seed), wanted[seed])

        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        print(numba.threading_layer(), right)
        """,
        NUMBA_NUM_THREADS="2",
        NUMBA_THREADING_LAYER=layer,
    )
    assert said == f"{layer} [5, 5, 5, 5]"


def test_python_threads_may_compile_at_once(tmp_path):
    """The first calls, with nothing compiled before."""
    said = run(
        """
        x = reftorch.arange(-3.0, 4.0)
        found = []
        work = lambda: found.append(nn.ReLU()(x).tolist())
        workers = [threading.Thread(target=work) for _ in range(3)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        print(found == [[0, 0, 0, 0, 1, 2, 3]] * 3)
        """,
        REFTORCH_CACHE_DIR=str(tmp_path),
    )
    assert said == "True"


# -------------------------------------------------------------------------------------------------------------- fork
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@forks
@pytest.mark.parametrize("layer", LAYERS)
def test_a_forked_process_computes_the_same(layer):
    said = run(
        FORK
        + textwrap.dedent("""
        wanted = results(0)
        grandchild = lambda: child(lambda: same(results(0), wanted)) == 0
        print(child(lambda: same(results(0), wanted)), child(grandchild), same(results(0), wanted))
        """),
        NUMBA_NUM_THREADS="2",
        NUMBA_THREADING_LAYER=layer,
    )
    assert said == "0 0 True"


@forks
@pytest.mark.parametrize("layer", LAYERS)
def test_fork_while_another_thread_computes(layer):
    said = run(
        FORK
        + textwrap.dedent("""
        wanted = results(0)
        going = True

        def work():
            while going:
                results(1)

        other = threading.Thread(target=work)
        other.start()
        codes = [child(lambda: same(results(0), wanted)) for _ in range(3)]
        going = False
        other.join()
        print(codes)
        """),
        NUMBA_NUM_THREADS="2",
        NUMBA_THREADING_LAYER=layer,
    )
    assert said == "[0, 0, 0]"


@forks
def test_fork_while_another_thread_compiles():
    said = run(
        FORK
        + textwrap.dedent("""
        wanted = results(0)
        going = True

        def work():
            while going:
                numba.njit(lambda x: x + 1)(1)

        other = threading.Thread(target=work)
        other.start()
        codes = {child(lambda: same(results(0), wanted)) for _ in range(5)}
        going = False
        other.join()
        print(codes)
        """),
    )
    assert said == "{0}"


@forks
def test_fork_while_another_thread_draws_random_numbers():
    said = run(
        FORK
        + textwrap.dedent("""
        going = True

        def work():
            while going:
                reftorch.rand(20_000)

        other = threading.Thread(target=work)
        other.start()
        codes = {child(lambda: reftorch.rand(3).max().item() < 1) for _ in range(20)}
        going = False
        other.join()
        print(codes)
        """),
    )
    assert said == "{0}"


@forks
def test_a_process_forked_before_the_first_kernel_uses_threads():
    said = run(
        FORK
        + textwrap.dedent("""
        from reftorch import threads

        def work():
            return all(np.isfinite(part).all() for part in results(0)) and not threads.forked
        print(child(work), child(lambda: not threads.forked))
        results(0)
        print(child(lambda: threads.forked and threads.available() == 1))
        """),
        NUMBA_THREADING_LAYER="omp",
    )
    assert said.split() == (["0", "0", "0"] if sys.platform == "linux" else ["0", "0", "1"])


@forks
def test_a_pool_of_processes():
    said = run(
        """
        import multiprocessing
        wanted = [results(seed) for seed in range(3)]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map_async(results, range(3)).get(timeout=120)
        print([same(a, b) for a, b in zip(found, wanted)])
        """,
        NUMBA_NUM_THREADS="2",
    )
    assert said == "[True, True, True]"


# ----------------------------------------------------------------------------------------------- kernels on one thread
def test_the_twin_has_no_threads_and_the_same_results():
    """Kernels that others call are replaced too, and there is one twin only."""
    said = run(
        """
        from reftorch.kernel import PARALLEL, SERIAL, njit, prange
        from reftorch.threads import on_one_thread
        free = dict(cache=False)

        @njit(**{**PARALLEL, **free})
        def fill(y, value):
            for i in prange(y.size):
                y[i] = value

        @njit(**{**SERIAL, **free})
        def fill_twice(y):
            fill(y, 1)
            fill(y, 2)

        @njit(**{**SERIAL, **free})
        def nothing_parallel(y):
            y[0] = 3

        twin = on_one_thread(fill_twice)
        inner = twin.py_func.__globals__["fill"]
        print(inner is not fill, inner is on_one_thread(fill), inner.targetoptions["parallel"])
        print(on_one_thread(nothing_parallel) is nothing_parallel, on_one_thread(print) is print)
        """
    )
    assert said == "True True False\nTrue True"
