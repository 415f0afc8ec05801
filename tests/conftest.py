"""Decides, before numba is imported, what CUDA means for this run of the tests: the real GPU if there is one, else the simulator.

    pytest                     # whichever there is, on all processors
    pytest -n 0                # in one process, as a debugger wants it
    pytest --device gpu        # fail unless there is a usable GPU
    pytest --device simulator  # the simulator even if there is a GPU
    pytest --agreement FILE    # write how far each component is from torch, as JSON
    pytest --seconds-per-file 20  # list the files of tests that take longest
    pytest --kernel-types FILE # write the types that each CUDA kernel was launched with on the simulator: see cuda_compile.py

Compiled kernels are kept in reftorch's ordinary cache, which is keyed on the sources: a second run compiles nothing, and the
subprocesses that tests start share it.
"""

from __future__ import annotations

import ctypes
import datetime
import importlib.util
import json
import os
import sys

import pytest

GPU = pytest.StashKey[bool]()
LAUNCHES = pytest.StashKey[dict]()


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
        raise pytest.UsageError("--kernel-types notes launches on the simulator: add --device simulator")
    config.stash[GPU] = gpu


def pytest_report_header(config):
    torch = importlib.util.find_spec("torch")
    return [
        f"CUDA: {'a real GPU' if config.stash[GPU] else 'the simulator (no usable GPU)'}",
        f"torch, the oracle: {'installed' if torch else 'NOT INSTALLED: tests against it are skipped'}",
    ]


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.get_closest_marker("gpu") and not config.stash[GPU]:
            item.add_marker(pytest.mark.skip(reason="needs a real GPU"))
        if item.get_closest_marker("simulator") and config.stash[GPU]:
            item.add_marker(pytest.mark.skip(reason="the real GPU takes the simulator's place"))


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
    """The last line of all: how many comparisons were not made, for it is easily lost among the skipped tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workeroutput"):
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
    measured = getattr(node, "workeroutput", {}).get("measured", {"agreement": [], "launches": {}})
    for component, dtype, row in measured["agreement"]:
        import oracle

        oracle.add_agreement(component, dtype, **row)
    launches = node.config.stash.get(LAUNCHES, {})
    for kernel, signatures in measured["launches"].items():
        known = launches.setdefault(kernel, [])
        known += [signature for signature in signatures if signature not in known]


def write(file, content):
    with open(file, "w") as out:
        json.dump(content, out, indent=1)


@pytest.fixture
def launches(pytestconfig) -> dict:
    """The types of all launches on the simulator so far."""
    return pytestconfig.stash[LAUNCHES]


@pytest.fixture
def cuda_device() -> str:
    """The device string "cuda": a real GPU or the simulator. Skips where numba has neither."""
    import reftorch

    if not reftorch.cuda.is_available():
        pytest.skip("neither a GPU nor the simulator")
    return "cuda"
