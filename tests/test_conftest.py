"""What the tests say about themselves."""

import functools
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ALONE = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
WITHOUT = "import sys; sys.modules['torch'] = None"


@pytest.fixture
def last_line(tmp_path):
    """The last line of a run without PyTorch, which Python's own start takes away, from the workers too."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    environment = {**ALONE, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(TESTS.parent)])}
    return functools.partial(run_tests, environment)


@pytest.fixture
def conftest(pytestconfig):
    return pytestconfig.pluginmanager.get_plugin(str(TESTS / "conftest.py"))


def run_tests(environment, *arguments):
    call = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(call, cwd=TESTS.parent, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip().splitlines()[-1]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_comparisons_that_were_not_made_are_counted(last_line, workers):
    """A file that is skipped as a whole, two tests that compare, and others that do not."""
    files = [str(TESTS / name) for name in ("test_random_torch.py", "test_serialize.py")]
    said = last_line("-n", workers, "-k", "torch_reads or number_stays or check_writable", *files)
    assert said.startswith("3 comparisons with PyTorch were not made"), said
    assert "pip install torch==2.13.0" in said


def test_nothing_is_said_where_nothing_is_missing(last_line):
    assert " passed" in last_line("-n", "0", str(TESTS / "data" / "test_idx.py"))


def test_the_slowest_files_are_listed():
    call = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--seconds-per-file", "1"]
    done = subprocess.run(
        [*call, "tests/test_names.py"],
        cwd=TESTS.parent,
        env=ALONE,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.strip().endswith("tests/test_names.py")]
    assert " tests " in row and float(row.split()[0]) > 0


@pytest.mark.parametrize("workers", ["0", "2"])
def test_tests_that_need_a_gpu_are_counted(workers):
    """Each worker leaves them out, and they are counted once."""
    file = str(TESTS / "test_cli.py")
    said = run_tests(ALONE, "-n", workers, "--device", "simulator", "-k", "doctor_on_a_gpu or doctor_describes", file)
    assert said == "1 test was left out: there is no GPU here"


def test_the_longest_files_come_first(conftest):
    """Of the others, those with most tests. What is said to take long is there."""
    assert [name for name in conftest.LONGEST if not (TESTS.parent / name).exists()] == []
    tests = {"tests/a.py": 3, "tests/b.py": 7, conftest.LONGEST[1]: 1, conftest.SITE: 1}
    order = sorted(tests, key=lambda unit: conftest.longest_first(unit, tests))
    assert order == [conftest.SITE, conftest.LONGEST[1], "tests/b.py", "tests/a.py"]


def test_kernels_are_compiled_by_the_worker_that_has_the_tests_of_their_component(conftest):
    file = "tests/cuda_on_cpu/test_package.py"
    assert conftest.unit_of(f"{file}::test_component[nn/loss/l1_loss]") == "tests/nn/loss/test_l1_loss.py"
    assert conftest.unit_of(f"{file}::test_rungs_of_the_matrix_product[plain]") == file


def test_all_files_of_a_site_that_has_to_be_built_are_one_unit(conftest, monkeypatch):
    files = [f"tests/{name}.py" for name in ("site/test_build", "site/browser/test_live", "test_cli")]
    monkeypatch.delenv("REFTORCH_BUILT_SITE", raising=False)
    assert [conftest.unit_of(f"{file}::test[a::b]") for file in files] == [conftest.SITE, conftest.SITE, files[2]]
    monkeypatch.setenv("REFTORCH_BUILT_SITE", "site")
    assert [conftest.unit_of(f"{file}::test[a::b]") for file in files] == [conftest.SITE, *files[1:]]


class Node:
    """A worker that is told which tests to run."""

    def __init__(self, name):
        self.gateway = types.SimpleNamespace(id=name)
        self.told, self.done, self.shutting_down = [], 0, False

    def send_runtest_some(self, numbers):
        self.told += numbers

    def shutdown(self):
        self.shutting_down = True


def run_on_two_workers(scheduler, nodeids):
    """Which worker ran which test, in the order in which they ended: the second worker is twice as fast."""
    nodes, ran = [Node("gw0"), Node("gw1")], []
    for node in nodes:
        scheduler.add_node(node)
    for node in nodes:
        scheduler.add_node_collection(node, list(nodeids))
    scheduler.schedule()
    while any(node.done < len(node.told) for node in nodes):
        for node in (nodes[0], nodes[1], nodes[1]):
            if node.done < len(node.told):
                number, node.done = node.told[node.done], node.done + 1
                ran.append((node.gateway.id, nodeids[number]))
                scheduler.mark_test_complete(node, number)
    assert scheduler.tests_finished and not scheduler.has_pending and all(node.shutting_down for node in nodes)
    return ran


def test_files_go_to_workers_as_xdist_sends_them(conftest):
    """Each worker gets a file when two tests are left to it: files of 1 to 7 tests, the last ones shorter."""
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

    values = dict(dist="loadfile", tx=["2*popen"], loadscopereorder=False)
    config = types.SimpleNamespace(getoption=values.get, getvalue=values.get, option=types.SimpleNamespace(**values))
    log = Producer("", enabled=False)
    nodeids = [f"tests/test_{file}.py::test[{i}]" for file in range(40) for i in range((40 - file) % 7 + 1)]
    ran = run_on_two_workers(conftest.pytest_xdist_make_scheduler(config, log), nodeids)
    assert ran == run_on_two_workers(LoadFileScheduling(config, log), nodeids)
    assert sorted(nodeid for _, nodeid in ran) == sorted(nodeids) and len({worker for worker, _ in ran}) == 2
