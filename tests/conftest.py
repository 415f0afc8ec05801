"""Decides, before numba is imported, what CUDA means for this run of the tests: the real GPU if there is one, else the simulator.

    pytest                     # whichever there is, on all processors
    pytest -n 0                # in one process, as a debugger wants it
    pytest --device gpu        # fail unless there is a usable GPU
    pytest --device simulator  # the simulator even if there is a GPU
    pytest --agreement FILE    # write how far each component is from torch, as JSON
    pytest --seconds-per-file 20  # list the files of tests that take longest
    pytest --kernel-types FILE # write the types that each CUDA kernel was launched with, without a GPU: see cuda_compile.py

Compiled kernels are kept in reftorch's ordinary cache, which is keyed on the sources: a second run compiles nothing, and the
subprocesses that tests start share it.
"""

from __future__ import annotations

import collections
import ctypes
import datetime
import gc
import importlib.util
import json
import os
import sys

import pytest

GPU = pytest.StashKey[bool]()
LAUNCHES = pytest.StashKey[dict]()
LEFT_OUT = pytest.StashKey[int]()

COMPILED = "tests/cuda_on_cpu/test_package.py::test_component["  # begins a test of the kernels of one component
SITE = "tests/site/"  # these files share the site, its pages and its search index: one worker takes them all
BROWSER = "tests/site/browser/"  # these need the site only: with one that is built already, each goes to any worker
LONGEST = (  # they begin first, so that at the end no worker waits for one of them; many tests of little work each need no place here
    SITE,
    "tests/site/browser/test_axe.py",
    "tests/cuda_on_cpu/test_package.py",
    "tests/bench/test_precompile.py",
    "tests/course/test_assignments.py",
    "tests/simt/test_package.py",
    "tests/train/test_command.py",
    "tests/course/test_hostile.py",
    "tests/test_native.py",
    "tests/bench/test_bench_ladder.py",
    "tests/trace/test_every_kernel.py",
    "tests/fast/test_fast_grid_sample.py",
    "tests/fast/test_fast_conv2d.py",
    "tests/distributed/test_ends.py",
    "tests/test_threads.py",
    "tests/fast/test_tile.py",
    "tests/course/test_make.py",
    "tests/course/test_gradescope.py",
    "tests/course/test_large.py",
    "tests/autograd/test_saved_tensors.py",
    "tests/cuda_on_cpu/test_launch.py",
    "tests/course/test_grade.py",
    "tests/distributed/test_mutants.py",
    "tests/distributed/test_two_hosts.py",
    "tests/test_conftest.py",
    "tests/train/test_sequences.py",
    "tests/bench/test_bench_command.py",  # long after test_precompile.py: at once, both would compile the same kernels
)


def usable_gpu() -> bool:
    """Whether the NVIDIA driver finds a GPU and numba-cuda is there to compile for it. Imports neither."""
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def pytest_addoption(parser):
    group = parser.getgroup("reftorch")
    group.addoption("--device", choices=["auto", "gpu", "simulator"], default="auto", help="what CUDA means")
    group.addoption("--agreement", metavar="FILE", help="write the largest errors against torch to FILE")
    group.addoption("--kernel-types", metavar="FILE", help="write the types of all CUDA launches to FILE")
    group.addoption("--seconds-per-file", type=int, metavar="N", help="list the N files of tests that take longest")


def pytest_configure(config):
    device = config.getoption("--device")
    gpu = device != "simulator" and os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "0" and usable_gpu()
    if device == "gpu" and not gpu:
        raise pytest.UsageError("--device gpu: no usable GPU (driver with a device, numba-cuda installed)")
    if not gpu:
        if "numba" in sys.modules:
            raise pytest.UsageError("numba was imported before the tests could turn on its CUDA simulator")
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
        import cuda_compile

        config.stash[LAUNCHES] = cuda_compile.record_launches()
    elif config.getoption("--kernel-types"):
        raise pytest.UsageError("--kernel-types notes launches without a GPU: add --device simulator")
    config.stash[GPU] = gpu


def pytest_report_header(config):
    torch = importlib.util.find_spec("torch")
    return [
        f"CUDA: {'a real GPU' if config.stash[GPU] else 'the simulator (no usable GPU)'}",
        f"torch, the oracle: {'installed' if torch else 'NOT INSTALLED: tests against it are skipped'}",
    ]


@pytest.hookimpl(trylast=True)  # after -k has chosen
def pytest_collection_modifyitems(config, items):
    """Leave out what this machine cannot run, and say so at the end; for workers, put the files in their order."""
    mark = "simulator" if config.stash[GPU] else "gpu"
    left_out = [item for item in items if item.get_closest_marker(mark)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker(mark)]
    config.stash[LEFT_OUT] = len(left_out)
    if hasattr(config, "workerinput"):
        units = collections.Counter(unit_of(item.nodeid) for item in items)
        items.sort(key=lambda item: longest_first(unit_of(item.nodeid), units))


def unit_of(nodeid) -> str:
    """What goes to one worker: a file, or all files of the site; those of browsers only if the site has to be built first.

    Large cases of a component's CUDA kernels go with the component's own tests, so that each kernel is compiled by one worker only.
    """
    if nodeid.startswith(COMPILED):
        component = nodeid.removeprefix(COMPILED).removesuffix("]")
        return "tests/{0}/test_{2}.py".format(*component.rpartition("/"))
    alone = nodeid.startswith(BROWSER) and "REFTORCH_BUILT_SITE" in os.environ
    return SITE if nodeid.startswith(SITE) and not alone else nodeid.partition("::")[0]


def longest_first(unit, tests):
    """A key to sort by: those that are known to take long, and then those of many tests."""
    return LONGEST.index(unit) if unit in LONGEST else len(LONGEST), -tests[unit], unit


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays to the end: the collector of cycles would look at it again and again, and find nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With --dist=loadfile, `unit_of` says what goes to one worker, and they go out in the order of the collection."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        """After each test, xdist counts all tests of its worker, also those of finished units, which takes minutes in all."""

        def __init__(self, config, log=None):
            super().__init__(config, log)
            self.finished = set()

        def _split_scope(self, nodeid):
            return unit_of(nodeid)

        def _pending_of(self, workload):
            left = {
                unit: list(done.values()).count(False) for unit, done in workload.items() if unit not in self.finished
            }
            self.finished |= {unit for unit in left if not left[unit]}
            return sum(left.values())

        def add_node_collection(self, node, collection):
            super().add_node_collection(node, collection)
            if node in self.registered_collections:  # else it is not what the other workers have
                self.registered_collections[node] = Numbered(collection)

    return Units(config, log)


class Numbered(list):
    """A list of different elements in which `index` does not search."""

    def __init__(self, elements):
        super().__init__(elements)
        self.numbers = {element: number for number, element in enumerate(elements)}

    def index(self, element):
        return self.numbers[element]


def pytest_terminal_summary(terminalreporter, config):
    """With --seconds-per-file: the files that take longest, so that one that takes too much is seen."""
    count = config.getoption("--seconds-per-file")
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "duration")]
    for seconds, tests, file in slowest_files(reports)[: count or 0]:
        terminalreporter.write_line(f"{seconds:8.1f} s  {tests:5d} tests  {file}")


def slowest_files(reports) -> list[tuple[float, int, str]]:
    """Seconds, number of tests and name of each file with tests, the slowest first."""
    seconds, tests = {}, {}
    for report in reports:
        file = report.nodeid.partition("::")[0]
        seconds[file] = seconds.get(file, 0.0) + report.duration
        tests[file] = tests.get(file, 0) + (report.when == "call")
    return sorted(((seconds[file], tests[file], file) for file in seconds), reverse=True)


def pytest_unconfigure(config):
    """The last lines of all: how many tests were left out, and how many comparisons were not made."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workeroutput"):
        left_out = config.stash.get(LEFT_OUT, 0)
        if left_out:
            why = "the real GPU takes the simulator's place" if config.stash[GPU] else "there is no GPU here"
            said = f"{left_out:,} {'test was' if left_out == 1 else 'tests were'} left out: {why}"
            reporter.write_line(said, yellow=True)
        line = comparisons_not_made(reporter.stats.get("skipped", []))
        if line:
            reporter.write_line(line, yellow=True)


def comparisons_not_made(skipped) -> str:
    """A line about those of the skipped tests that PyTorch was missing for; empty if there are none."""
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    count = sum("torch" in reason.lower() for reason in reasons)
    if not count:
        return ""
    made = "comparison with PyTorch was" if count == 1 else "comparisons with PyTorch were"
    return f"{count:,} {made} not made: PyTorch is not installed. To make them: pip install torch==2.13.0, then pytest again"


def pytest_sessionfinish(session):
    """Write the files that were asked for; a worker of pytest-xdist hands over what they are made of."""
    if hasattr(session.config, "workeroutput"):
        rows = [[*key, row] for key, row in oracle_rows().items()]
        session.config.workeroutput["measured"] = {
            "agreement": rows,
            "launches": session.config.stash.get(LAUNCHES, {}),
            "left out": session.config.stash.get(LEFT_OUT, 0),
        }
        return
    agreement = session.config.getoption("--agreement")
    if agreement:
        import torch

        rows = [dict(component=name, dtype=dtype, **row) for (name, dtype), row in sorted(oracle_rows().items())]
        today = datetime.date.today().isoformat()
        write(agreement, {"torch": torch.__version__, "date": today, "components": rows})
    kernel_types = session.config.getoption("--kernel-types")
    if kernel_types:
        launches = session.config.stash[LAUNCHES]
        write(kernel_types, {k: launches[k] for k in sorted(launches) if k.startswith("reftorch.")})


def oracle_rows() -> dict:
    """What the oracle measured in this process; nothing without torch."""
    return sys.modules["oracle"].AGREEMENT if "oracle" in sys.modules else {}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """A worker has ended: add what it measured to this process's."""
    measured = getattr(node, "workeroutput", {}).get("measured", {"agreement": [], "launches": {}, "left out": 0})
    for component, dtype, row in measured["agreement"]:
        import oracle

        oracle.add_agreement(component, dtype, **row)
    if measured["left out"]:  # each worker has left out all of them
        node.config.stash[LEFT_OUT] = measured["left out"]
    launches = node.config.stash.get(LAUNCHES, {})
    for kernel, signatures in measured["launches"].items():
        known = launches.setdefault(kernel, [])
        known += [signature for signature in signatures if signature not in known]


def write(file, content):
    with open(file, "w") as out:
        json.dump(content, out, indent=1)


@pytest.fixture
def launches(pytestconfig) -> dict:
    """The types of all launches so far, on the simulator or compiled for the CPU."""
    return pytestconfig.stash[LAUNCHES]


@pytest.fixture
def cuda_device() -> str:
    """The device string "cuda": a real GPU or the simulator. Skips where numba has neither."""
    import reftorch

    if not reftorch.cuda.is_available():
        pytest.skip("neither a GPU nor the simulator")
    return "cuda"
