"""`import reftorch` is quick, compiles nothing, drags nothing in, and works whatever state CUDA is in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code, **environment):
    """What a fresh Python prints. The simulator is off unless asked for."""
    kept = {key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"}
    kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TIMED = "import time, numba; start = time.process_time(); import reftorch; print(time.process_time() - start)"


def test_takes_a_quarter_of_a_second_besides_numba(tmp_path):
    bytecode = {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(tmp_path),
    }  # kept, as Python does unless told not to
    times = [float(python(TIMED, **bytecode)) for _ in range(5)]
    assert min(times) < 0.24, (
        f"importing took {times} seconds of one processor"
    )  # others may be busy with something else


def test_reads_numba_cuda_with_the_first_file_that_has_kernels_for_it():
    known = "import sys, reftorch; print('numba.cuda' in sys.modules); "
    use = "from reftorch.kernel import cuda; print(cuda is sys.modules['numba.cuda'] is reftorch.kernel.cuda)"
    assert python(known + use).split() == ["False", "True"]


LOADED = """
import sys
from numba.core.dispatcher import Dispatcher
files = [name for name, module in sys.modules.items() if name.startswith("reftorch.")
         if any(isinstance(value, Dispatcher) for value in vars(module).values())]
print(*sorted(files))
"""


def test_reads_no_file_with_kernels():
    use = "import reftorch, reftorch.nn.functional, reftorch.optim, reftorch.transforms.functional, reftorch.fast"
    assert python(use + LOADED) == ""


def test_a_name_that_is_used_reads_its_file_and_what_that_needs():
    for use in (
        "from reftorch.nn import ReLU",
        "import reftorch; reftorch.relu",
        "from reftorch import nn; nn.functional.relu",
    ):
        assert python(use + LOADED) == "reftorch.nn.activation.relu"


def test_compiles_nothing(tmp_path):
    watched = """
from numba.core import event
compiled = []
class Listener(event.Listener):
    def on_start(self, started): compiled.append(started.data["dispatcher"].__name__)
    def on_end(self, ended): pass
event.register("numba:compile", Listener())
import reftorch, reftorch.cli, reftorch.nn.functional, reftorch.optim, reftorch.transforms
print(compiled)
"""
    assert python(watched, REFTORCH_CACHE_DIR=str(tmp_path)) == "[]"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_the_watch_above_sees_a_compilation(tmp_path):
    use = "import reftorch.nn.functional as F, reftorch; F.relu(reftorch.ones(2))"
    python(use, REFTORCH_CACHE_DIR=str(tmp_path))
    assert [file for file in tmp_path.rglob("*.nbc")]


@pytest.mark.parametrize("heavy", ["torch", "matplotlib", "rich", "safetensors", "scipy"])
def test_leaves_out(heavy):
    assert python(f"import reftorch, sys; print({heavy!r} in sys.modules)") == "False"


USE = "x = reftorch.ones(2, requires_grad=True); (x * 3).sum().backward(); print(x.grad.tolist(), reftorch.cuda.is_available())"


def test_works_on_the_simulator():
    assert python("import reftorch; " + USE, NUMBA_ENABLE_CUDASIM="1") == "[3.0, 3.0] True"


@pytest.mark.parametrize("error", ["RuntimeError", "ImportError", "OSError"])
def test_works_where_importing_numba_cuda_fails(error):
    """As numba-cuda does when the CUDA libraries are missing."""
    broken = f"""
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "numba.cuda":
            raise {error}("no CUDA libraries")
sys.meta_path.insert(0, Broken())
import reftorch
{USE}
try:
    reftorch.ones(2).to("cuda")
except RuntimeError as error:
    print(error)
"""
    first, second = python(broken).split("\n")
    assert first == "[3.0, 3.0] False"
    assert "cuda" in second.lower()
