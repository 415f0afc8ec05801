"""What the tests of planted faults share: the orders to find them in, and the line that a mark in a kernel stands on."""

import inspect

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
