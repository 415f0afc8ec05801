"""Memory that was freed is used again: the system hands out no new pages for it."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import numpy as np
import reftorch
def step():
    held = [np.ones(1_200_000, np.uint8) for _ in range(8)]
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
before = pages()
for _ in range(20):
    step()
print((pages() - before) // 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have rules of their own")
def test_a_step_gets_the_pages_of_the_one_before():
    run = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 10  # without `keep_freed`, two thousand
