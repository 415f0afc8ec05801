"""Compile every CUDA kernel of the package for compute capability 9.0 (H100, H200), on a machine without a GPU.

    pytest --kernel-types kernels.json           # without a GPU: notes the types each kernel is launched with
    python tests/cuda_compile.py kernels.json    # with numba-cuda: compiles for these types, to PTX and to machine code

The second environment needs numba-cuda[cu13] and no CUDA toolkit. A kernel that the tests never launched is an error, for its
types are unknown; so is arithmetic in float64 in a kernel whose arrays are float32 (most GPUs do it 32 to 64 times slower).
Prints registers and spilled bytes for each kernel.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numba
from numba import types

PACKAGE = Path(__file__).parents[1] / "reftorch"
COMPUTE_CAPABILITY, ARCHITECTURE = (9, 0), "sm_90"


# ------------------------------------------------------------------------------- types as JSON, and what is launched
def describe(kind: types.Type) -> object:
    """A Numba type as JSON: "int64", ["array", "float32", 4, "C"] or ["tuple", ...]."""
    if isinstance(kind, types.Array):
        return ["array", str(kind.dtype), kind.ndim, kind.layout]
    if isinstance(kind, types.BaseTuple):
        return ["tuple", *map(describe, kind.types)]
    return str(kind)


def restore(given: object) -> types.Type:
    """The Numba type that `describe` described."""
    if isinstance(given, str):
        return types.boolean if given == "bool" else getattr(types, given)
    if given[0] == "array":
        return types.Array(restore(given[1]), given[2], given[3])
    return types.Tuple([restore(inner) for inner in given[1:]])


def record_launches() -> dict[str, list]:
    """From now on, note the types of every launch on the simulator or compiled for the CPU; returns the dictionary that fills up."""
    from numba.cuda.simulator.kernel import FakeCUDAKernel

    on_cpu = importlib.import_module("reftorch.cuda_on_cpu.launch")
    launches: dict[str, list] = {}
    in_simulator, compiled = FakeCUDAKernel.__call__, on_cpu.launch

    def array_of(argument):
        if isinstance(argument, tuple):
            return tuple(map(array_of, argument))
        return getattr(argument, "_ary", argument)

    def note(function, arguments):
        signature = [describe(numba.typeof(array_of(argument))) for argument in arguments]
        known = launches.setdefault(f"{function.__module__}:{function.__name__}", [])
        if signature not in known:
            known.append(signature)

    @functools.wraps(in_simulator)
    def noted_in_simulator(kernel, *arguments):
        if not kernel._device:
            note(kernel.fn, arguments)
        return in_simulator(kernel, *arguments)

    @functools.wraps(compiled)
    def noted_compiled(kernel, grid, block, *arguments, **options):
        note(on_cpu.source_function(kernel), arguments)
        return compiled(kernel, grid, block, *arguments, **options)

    FakeCUDAKernel.__call__, on_cpu.launch = noted_in_simulator, noted_compiled
    return launches


# ------------------------------------------------------------------------------------------------------ checks
def kernels_of_package(package: Path = PACKAGE) -> set[str]:
    """All kernels, as "module:name": functions under @cuda.jit that are not device functions."""
    found = set()
    for file in package.rglob("*.py"):
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", [])]
            if any(d.startswith("cuda.jit") and "device=True" not in d for d in decorators):
                found.add(f"{module}:{node.name}")
    return found


def arrays_in(signature: list) -> set[str]:
    """The element types of the arrays among the arguments, those in tuples included."""
    found = set()
    for given in signature:
        if isinstance(given, list):
            found |= {given[1]} if given[0] == "array" else arrays_in(given[1:])
    return found


# NVIDIA's own sine, cosine and tangent of float32 reduce large angles by one product with pi / 2^65 in float64.
LARGE_ANGLE = re.compile(r"cvt\.rn\.f64\.s64\s+(%fd\d+), %rd\d+;\s*mul\.f64\s+%fd\d+, \1, 0d3BF921FB54442D19;")


def float64_arithmetic(ptx: str) -> list[str]:
    """The instructions that compute in float64. Taking a float64 argument and rounding it to float32 is none."""
    ptx = LARGE_ANGLE.sub("", ptx)
    lines = [line.strip() for line in ptx.splitlines() if ".f64" in line and not line.strip().startswith((".", "//"))]
    return [line for line in lines if not re.match(r"(@%p\d+ )?(ld\.param|mov|cvt\.rn\.f32)\.f64", line)]


# -------------------------------------------------------------------------------------------------- compilation
def pretend_device() -> None:
    """Numba asks the current device for its compute capability before it compiles a device function; here is none."""
    from numba.cuda import compiler, dispatcher

    device = SimpleNamespace(compute_capability=COMPUTE_CAPABILITY)
    for module in (compiler, dispatcher):
        module.get_current_device = lambda: device


def compile_kernel(name: str, signature: list) -> tuple[str, str, int]:
    """A kernel's PTX, the linker's remarks on its registers, and the size of its machine code."""
    from cuda.core import Linker, LinkerOptions, ObjectCode
    from numba import cuda

    module, function = name.split(":")
    kernel = getattr(importlib.import_module(module), function)
    argument_types = types.void(*map(restore, signature))
    ptx, _ = cuda.compile(
        kernel.py_func,
        argument_types,
        cc=COMPUTE_CAPABILITY,
        output="ptx",
        device=False,
        abi="numba",
        fastmath=kernel.targetoptions.get("fastmath", False),
    )
    ptx = ptx.decode() if isinstance(ptx, bytes) else ptx
    options = LinkerOptions(arch=ARCHITECTURE, ptxas_options=["-v"])
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    code = linker.link("cubin").code
    return ptx, linker.get_info_log(), len(code)


def compile_all(name: str, signatures: list) -> tuple[str, list[str]]:
    """The row of a kernel in the table, and the complaints about it."""
    start, registers, spilled, size, complaints = time.perf_counter(), 0, 0, 0, []
    for signature in signatures:
        try:
            ptx, remarks, length = compile_kernel(name, signature)
        except Exception as error:  # any failure of the compiler is a finding
            complaints.append(f"{name} {signature}: {type(error).__name__}: {error}")
            continue
        registers = max([registers, *map(int, re.findall(r"Used (\d+) registers", remarks))])
        spilled = max([spilled, *map(int, re.findall(r"(\d+) bytes spill stores", remarks))])
        size = max(size, length)
        kinds = arrays_in(signature)
        doubles = float64_arithmetic(ptx)
        if doubles and "float32" in kinds and "float64" not in kinds:
            complaints.append(f"{name} {signature}: float64 in a float32 kernel: {doubles[:3]}")
    seconds = time.perf_counter() - start
    short = name.removeprefix("reftorch.")
    return f"{short:<60} {len(signatures):>5} {registers:>9} {spilled:>7} {size:>7} {seconds:>7.1f}", complaints


def main(file: str) -> int:
    """Compile everything in the file, on all processors; the number of complaints."""
    launches = json.loads(Path(file).read_text())
    complaints = [f"{name}: never launched" for name in sorted(kernels_of_package() - set(launches))]
    print(f"{'kernel':<60} {'types':>5} {'registers':>9} {'spilled':>7} {'bytes':>7} {'seconds':>7}")
    with multiprocessing.get_context("spawn").Pool(initializer=pretend_device) as pool:
        for row, found in pool.starmap(compile_all, sorted(launches.items()), chunksize=4):
            print(row, flush=True)
            complaints += found
    print(f"{len(launches)} kernels, {sum(map(len, launches.values()))} signatures, {len(complaints)} complaints")
    print(*complaints, sep="\n")
    return len(complaints)


if __name__ == "__main__":
    os.environ.pop("NUMBA_ENABLE_CUDASIM", None)
    sys.path.insert(0, str(PACKAGE.parent))
    sys.exit(bool(main(sys.argv[1])))
