"""Runs one case, and packs its results as data that another process can read safely."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import reftorch
from reftorch import simt
from reftorch.course.draw import Draw
from reftorch.course.large import as_large, as_usual
from reftorch.course.overwritten import Kernels, run_script
from reftorch.kernel import cuda, geometry, kernels, launching
from reftorch.simt.session import patched
from reftorch.trace.interpreted import stepped

PRINTED = 4_000  # characters that are kept of the output of a case
LARGEST = 1 << 28  # bytes in all arrays of an answer
NOTHING: dict[str, Any] = {"results": {}, "error": None, "faults": [], "reads": {}, "printed": "", "seconds": 0.0}
NOTHING |= {"notes": [], "forbidden": [], "overwritten": [], "changed": [], "launches": []}
TEXTS = ("notes", "forbidden", "overwritten", "changed")  # lists of texts
FAULT = {"type": str, "kind": str, "text": str, "array": str, "file": str, "line": int}
STEPS = 4_000_000  # accesses that a CUDA kernel may make
ROUNDS = 5  # runs of a case whose time is measured; the first one compiles


def run_case(code: str, results: tuple[str, ...], seed: str, mode: str, asked: tuple[str, ...], module: Any) -> dict:
    """Run one case; returns its results as JSON-like data, with arrays under "arrays".

    mode: "interpreted" runs all kernels as Python; "compiled" compiles the asked ones; "speed" also runs them several times, and gives
    the shortest time; "cuda" runs CUDA kernels under `reftorch.simt`; "large" compiles CUDA kernels for the CPU (`large.py`), and
    "usual" gives the right results for it. In the result, "overwritten" names the kernels that changed arguments which they should only
    read, and "changed" the tensors of the script that hold other numbers at the end.
    """
    told: dict[str, Any] = {"results": {}, "error": None, "faults": [], "reads": {}, "printed": "", "arrays": []}
    told |= {"overwritten": [], "changed": []}
    printed, seconds = Bounded(), []
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler warns about loops that it could not run in parallel
        for _ in range(ROUNDS if mode == "speed" else 1):
            names = Draw(seed, "cuda" if mode in ("cuda", "large") else "cpu").names()
            start = time.perf_counter()
            try:
                with MODES[mode](asked, module, told):
                    run_script(code, names, [] if mode == "speed" else told["changed"])
            except BaseException as error:  # the student's code may raise SystemExit and KeyboardInterrupt, too
                told["error"] = describe(error)
                break
            seconds.append(time.perf_counter() - start)
    told |= {"seconds": min(seconds, default=0.0), "printed": printed.text}
    for name in results:
        if name in names:
            told["results"][name] = pack(names[name], told["arrays"])
    return told


class Bounded(io.TextIOBase):
    """Keeps the beginning of what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        if len(self.text) < PRINTED:
            self.text += str(text)[: PRINTED - len(self.text)]
        return len(text)

    def writable(self) -> bool:
        return True


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as text, with the last line of the submission that it passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != "<case>"]
    cause = error.__cause__ if isinstance(error, simt.KernelFailed) and error.__cause__ else error
    frames += traceback.extract_tb(cause.__traceback__) if cause is not error else []
    kind = type(cause)
    name = kind.__name__ if kind.__module__ in ("builtins", "numba.core.errors") else "an exception"
    if isinstance(cause, simt.SimtError):
        name = type(cause).__name__
    try:
        message = str(cause)[:1000]
    except Exception:
        message = ""
    where = [[Path(f.filename).name, f.lineno or 0, f.name] for f in frames]
    return {"type": name, "message": message, "where": where[-40:]}


# ------------------------------------------------------------------------------------------------------- modes
@contextlib.contextmanager
def as_python(asked: tuple[str, ...], module: Any, told: dict) -> Iterator[None]:
    """CPU kernels run as Python, and CUDA kernels with more threads than there are elements."""
    assert module.__spec__ is not None and module.__spec__.origin is not None
    known = Kernels(Path(module.__spec__.origin).read_text(encoding="utf-8"), asked)

    def choose(device: Any, cpu: Callable, twin: Any, threads: int) -> Callable:
        if device.type == "cpu":
            return known.guarded(cpu, stepped(cpu))
        return twin[geometry(threads)]

    def call(kernel: Any, *arguments: Any) -> None:
        known.guarded(kernel, functools.partial(launched, kernel))(*arguments)

    kind = type(cuda.jit(_nothing))
    launched = kind.__call__
    try:
        with launching(choose), patched(kind, "__call__", call):
            yield
    finally:
        told["overwritten"] = known.found


def _nothing() -> None:
    pass


@contextlib.contextmanager
def as_compiled(asked: tuple[str, ...], module: Any, told: dict) -> Iterator[None]:
    """The asked kernels run compiled, all others as Python: compiling the others would only take time."""
    own = [vars(module).get(name) for name in asked]

    def choose(device: Any, cpu: Callable, cuda: Any, threads: int) -> Callable | None:
        if device.type != "cpu" or any(cpu is kernel for kernel in own):
            return None
        return stepped(cpu)

    with kernels("reference"), launching(choose):
        yield


@contextlib.contextmanager
def as_cuda(asked: tuple[str, ...], module: Any, told: dict) -> Iterator[None]:
    """CUDA kernels run thread by thread; the faults that the runner finds go into `told`."""
    try:
        with simt.runner(strict=told.get("strict", False), max_steps=STEPS) as session, as_python(asked, module, told):
            yield
    finally:
        told["faults"] = [fault_of(fault) for fault in session.faults][:20]
        for report in session.reports:
            if report.kernel in asked:
                told["reads"][report.kernel] = told["reads"].get(report.kernel, 0) + report.counts["global reads"]


def fault_of(fault: Any) -> dict[str, Any]:
    where = fault.places[0] if fault.places else None
    return {
        "type": type(fault).__name__,
        "kind": fault.kind,
        "text": fault.text,
        "array": str(fault.array),
        "file": Path(where.file).name if where else "",
        "line": where.line if where else 0,
    }


MODES: dict[str, Callable] = {"interpreted": as_python, "compiled": as_compiled, "speed": as_compiled, "cuda": as_cuda}
MODES |= {"large": as_large, "usual": as_usual}


# ------------------------------------------------------------------------------------------------------ packing
def pack(value: Any, arrays: list[np.ndarray], depth: int = 0) -> Any:
    """Pack tensors, arrays, numbers, text, and lists and dictionaries of them. Of anything else, only the name of its type is kept."""
    if isinstance(value, reftorch.Tensor):
        arrays.append(np.array(value.detach().cpu().numpy()))
        return {"tensor": len(arrays) - 1, "dtype": str(value.dtype)}
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.array(value))
        return {"tensor": len(arrays) - 1, "dtype": "numpy"}
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value if not isinstance(value, int) or abs(value) < 2**200 else str(value)}
    if isinstance(value, list | tuple) and depth < 8:
        return {"list": [pack(inner, arrays, depth + 1) for inner in value]}
    if isinstance(value, dict) and depth < 8:
        return {"dict": [[str(key), pack(inner, arrays, depth + 1)] for key, inner in value.items()]}
    return {"other": type(value).__name__}


def to_bytes(told: dict) -> bytes:
    """JSON, preceded by its length, then the arrays as .npz."""
    arrays = told.pop("arrays", [])
    text = json.dumps(told).encode()
    stream = io.BytesIO()
    safe = [array if array.dtype.kind in "biufc" else np.zeros(0) for array in arrays]
    np.savez(stream, *safe)
    return len(text).to_bytes(8, "big") + text + stream.getvalue()


def from_bytes(data: bytes) -> dict:
    """Unpack what `to_bytes` packed. Raises ValueError for anything else. The data cannot execute code or take much more memory."""
    try:
        size = int.from_bytes(data[:8], "big")
        told = {**NOTHING, **json.loads(data[8 : 8 + size])}
        packed = io.BytesIO(data[8 + size :])
        with zipfile.ZipFile(packed) as archive:
            _demand(sum(entry.file_size for entry in archive.infolist()) <= LARGEST)
        with np.load(packed, allow_pickle=False) as archive:
            told["arrays"] = [archive[f"arr_{i}"] for i in range(len(archive.files))]
        _demand(all(array.dtype.kind in "biufc" for array in told["arrays"]))
        told["results"] = {name: unpack(value, told["arrays"]) for name, value in told["results"].items()}
        _well_formed(told)
        return told
    except Exception as error:
        raise ValueError(f"not a result: {type(error).__name__}") from None


def _well_formed(told: dict) -> None:
    """Raises ValueError unless every field has the right type: the process that sent the data may have sent anything."""
    for name, value in NOTHING.items():
        _demand(name == "error" or type(told[name]) is type(value) or (name == "seconds" and type(told[name]) is int))
    _demand(all(type(text) is str for name in TEXTS for text in told[name]))
    _demand(all(type(count) is int for count in told["reads"].values()))
    _demand(all([type(part) for part in launch] == [int, int] and min(launch) > 0 for launch in told["launches"]))
    for fault in told["faults"]:
        _demand({name: type(value) for name, value in fault.items()} == FAULT)
    if told["error"] is not None:
        kind, message, where = (told["error"][name] for name in ("type", "message", "where"))
        _demand(type(kind) is type(message) is str)
        _demand(all([type(part) for part in place] == [str, int, str] for place in where))


def _demand(true: bool) -> None:
    if not true:
        raise ValueError


def unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    """The inverse: a tensor becomes an `Array`."""
    if "tensor" in value:
        return Array(arrays[value["tensor"]], str(value["dtype"]))
    if "list" in value:
        return [unpack(inner, arrays) for inner in value["list"]]
    if "dict" in value:
        return {str(key): unpack(inner, arrays) for key, inner in value["dict"]}
    if "other" in value:
        return Other(str(value["other"]))
    return value["value"]


class Array:
    """A tensor that came from another process: numbers and the name of a dtype."""

    def __init__(self, numbers: np.ndarray, dtype: str):
        self.numbers, self.dtype = numbers, dtype


class Other:
    """An object that was not sent; only the name of its type was."""

    def __init__(self, kind: str):
        self.kind = kind
