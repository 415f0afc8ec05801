"""Runs a kernel once, in a debugger or to record it."""

from __future__ import annotations

import ast
import bdb
import contextlib
import copy
import os
import pdb
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, TracebackType
from typing import Any

import numpy as np

import reftorch

from ..kernel import interpreted
from ..simt.device import source_of
from ..simt.launch import Launch
from ..trace import Recording, record, record_cuda
from ..trace.checked import parsed
from ..trace.interpreted import AS_COMPILED, HIDDEN
from ..trace.interpreted import run as run_interpreted

OWN = (*HIDDEN, "reftorch.step.*")
KEYS = "n: next line   p acc: show a variable   until 99: run to line 99   c: run to the end   q: quit   h: more"


def run_in_debugger(kernel: Any, arguments: tuple, launch: tuple | None, thread: int) -> None:
    """Run the kernel and stop at its first line; with a `launch` (grid, block), in that thread of the CUDA kernel."""
    before = [array.copy() for _, array in _arrays(kernel, arguments)]
    where = f"thread {thread} of {launch[0] * launch[1]}" if launch else ""
    print(f"\n{source_of(kernel).__name__} {where}".rstrip() + ": " + _described(kernel, arguments))
    if _is_pdb():
        print(KEYS)
    sys.stdout.flush()
    with post_mortem(_is_pdb(), source_of(kernel)), debugger():
        if launch is None:
            run_interpreted(stopping(interpreted(kernel, AS_COMPILED), lambda: True), *arguments)
        else:
            run: list[Launch] = []
            stop = stopping(source_of(kernel), lambda: run[0].current.number == thread)
            options: dict[str, Any] = dict(
                order="ascending", seed=0, check=True, strict=True, dynamic=0, limit=sys.maxsize
            )
            run.append(Launch(stop, launch[0], launch[1], **options))
            run[0].run(arguments)
    print(f"\n{source_of(kernel).__name__} has ended.")
    for (name, array), old in zip(_arrays(kernel, arguments), before):
        if not np.array_equal(array, old, equal_nan=array.dtype.kind == "f"):
            shown = repr(reftorch.tensor(array))  # as in a worked example
            print(f"{name} = {shown}".replace("\n", "\n" + " " * len(f"{name} = ")))


def make_recording(kernel: Any, arguments: tuple, launch: tuple | None, thread: int | None, limit: int) -> Recording:
    """Run the kernel and record it; with a `launch` (grid, block), the CUDA kernel, or one thread of it."""
    if launch is None:
        return record(kernel, *arguments, limit=limit)
    return record_cuda(kernel, *launch, *arguments, thread=thread, limit=limit)


# ---------------------------------------------------------------------------------------------------------- debuggers
def _is_pdb() -> bool:
    """Whether `breakpoint()` opens pdb, and not another debugger."""
    return sys.breakpointhook is sys.__breakpointhook__ and not os.environ.get("PYTHONBREAKPOINT")


class KernelPdb(pdb.Pdb):
    """A pdb that opens at the next line. From Python 3.13 on, pdb would open in the middle of the current line."""

    def set_stepinstr(self) -> None:
        self.set_step()


@contextlib.contextmanager
def debugger() -> Iterator[None]:
    """Inside the block, `breakpoint()` opens a pdb that skips the code that launches kernels, or another debugger if one is set."""
    if not _is_pdb():
        yield
        return

    sys.breakpointhook = lambda *_, **__: KernelPdb(skip=OWN).set_trace(sys._getframe(1))
    try:
        yield
    finally:
        sys.breakpointhook = sys.__breakpointhook__


@contextlib.contextmanager
def post_mortem(wanted: bool, function: FunctionType) -> Iterator[None]:
    """If the kernel raises an exception, print it and open pdb at that line, where its variables can be read. Then raise it."""
    try:
        yield
    except bdb.BdbQuit:
        raise
    except Exception as error:
        place = place_of(error, function.__code__.co_filename)
        if wanted and place is not None:
            sys.settrace(None)
            print(f"\n{type(error).__name__}: {error}\n{KEYS}")
            sys.stdout.flush()
            shell = KernelPdb(skip=OWN)
            shell.reset()
            shell.interaction(None, place)
        raise


def place_of(error: BaseException, file: str) -> TracebackType | None:
    """The traceback of the last line of `file` that an exception came through, and of no other line."""
    found, entry = None, error.__traceback__
    while entry is not None:
        if entry.tb_frame.f_code.co_filename == file:
            found = TracebackType(None, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        entry = entry.tb_next
    return found


class Condition:
    """Says whether to stop. It is an object: the code that runs CUDA kernels takes a function for a part of the kernel."""

    def __init__(self, holds: Callable[[], bool]):
        self.holds = holds

    def __call__(self) -> bool:
        return self.holds()


def stopping(function: FunctionType, holds: Callable[[], bool]) -> FunctionType:
    """The function with a `breakpoint()` on the line of its `def`, called if `holds()`. No line number changes.

    Debuggers stop at the next line, the first of the body. Without source text, the function is returned unchanged.
    """
    code = _with_breakpoint(function.__code__)
    known = {**function.__globals__, "__stop__": Condition(holds)}
    closure = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    cells = tuple(closure[name] for name in code.co_freevars)
    return FunctionType(code, known, function.__name__, function.__defaults__, cells)


def _with_breakpoint(code: CodeType) -> CodeType:
    tree = parsed(code)
    if tree is None:
        return code
    definition = copy.deepcopy(tree)
    definition.decorator_list, definition.returns = [], None
    stop = ast.parse("__stop__() and breakpoint()").body[0]
    for node in ast.walk(stop):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = definition.lineno  # type: ignore[attr-defined]
    definition.body.insert(1 if ast.get_docstring(definition) else 0, stop)
    outer = ast.parse(f"def outer({', '.join(code.co_freevars)}): pass")
    outer.body[0].body = [definition]  # type: ignore[attr-defined]
    compiled = compile(outer, code.co_filename, "exec", dont_inherit=True)
    (outer_code,) = [part for part in compiled.co_consts if isinstance(part, CodeType)]
    return next(p for p in outer_code.co_consts if isinstance(p, CodeType) and p.co_name == code.co_name)


# ---------------------------------------------------------------------------------------------------------- arguments
def _arrays(kernel: Any, arguments: tuple) -> list[tuple[str, np.ndarray]]:
    """The arrays among the arguments, with names; those in tuples, too."""
    code = source_of(kernel).__code__
    found = []
    for name, value in zip(code.co_varnames, arguments):
        parts = value if isinstance(value, tuple) else (value,)
        names = [f"{name}[{i}]" for i in range(len(parts))] if isinstance(value, tuple) else [name]
        found += [(n, part) for n, part in zip(names, parts) if isinstance(part, np.ndarray)]
    return found


def _described(kernel: Any, arguments: tuple) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in _arrays(kernel, arguments))
