"""What the tests of planted faults share: the orders to find them in, and the line that a mark in a kernel stands on."""

import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest

ORDERS = [("ascending", 0), ("descending", 0), *(("shuffled", seed) for seed in range(5))]
every_order = pytest.mark.parametrize("order, seed", ORDERS, ids=str)


def line_of(kernel, text):
    """The number of the only line of the kernel that contains `text`."""
    lines, first = inspect.getsourcelines(getattr(kernel, "py_func", kernel))
    (found,) = [first + i for i, line in enumerate(lines) if text in line]
    return found


def lines_of(fault):
    return {place.line for place in fault.places}


def threads_of(fault):
    """(block, thread) of each, in launches of one dimension."""
    return {(name.block[0], name.thread[0]) for name in fault.threads}


def only(report, kind):
    """The only fault in the report."""
    assert [type(fault) for fault in report.faults] == [kind], str(report)
    return report.faults[0]


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def without_barrier(module, kernel, number, folder):
    """The module again, from a file in `folder` in which this kernel lacks one of its first two barriers (0 or 1)."""
    source = Path(module.__file__).read_text()
    head, name, rest = source.partition(f"def {kernel}")
    parts = rest.split("        cuda.syncthreads()\n", 2)
    parts[number : number + 2] = [parts[number] + parts[number + 1]]
    file = folder / "without_barrier.py"
    file.write_text(head + name + "        cuda.syncthreads()\n".join(parts))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    changed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(changed)
    return changed
