"""Lets a submission write only in its own temporary folder.

Two checks do this. First, Python calls a hook before it opens a file for writing, removes or renames one, and the hook here raises
PermissionError. This works on all systems, but not for machine code. Second, on Linux from 5.13 on, the system itself refuses (Landlock).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import Any

CHANGES = {f"os.{what}" for what in ("remove", "rmdir", "rename", "link", "symlink", "mkdir", "truncate")}
CHANGES |= {f"os.{what}" for what in ("chmod", "chown", "utime", "setxattr")}
CHANGES |= {f"shutil.{what}" for what in ("rmtree", "move", "chown", "copymode", "copystat")}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def fence(folder: Path) -> None:
    """After this call, this process and those that it starts can change no file outside `folder`. It cannot be undone."""
    inside = str(folder.resolve()) + os.sep
    nowhere = os.devnull

    def check(path: Any, directory: Any = -1) -> None:
        if isinstance(path, int):
            return  # the file is already open
        name = os.fsdecode(path)
        free = os.path.isabs(name) or directory in (-1, None)
        if name != nowhere and not (free and (os.path.realpath(name) + os.sep).startswith(inside)):
            raise PermissionError(f"a submission may write only in its own folder, not to {name}")

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if path is not None and isinstance(flags, int) and flags & WRITES:
                check(path)
        elif event in CHANGES:
            check(arguments[0], arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1)
            if event in ("os.rename", "os.link", "os.symlink", "shutil.move"):
                check(arguments[1])

    sys.addaudithook(hook)
    with contextlib.suppress(Exception):  # a system without Landlock has only the first check
        _landlock(folder)


# ----------------------------------------------------------------------------------------------------- Landlock
CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, on all processors alike
WRITE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 13, 1 << 14
CHANGE = WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # write, remove, make


def _landlock(folder: Path) -> None:
    """Ask Linux to refuse writing outside of the folder. Raises OSError where it cannot."""
    if not sys.platform.startswith("linux"):
        return
    system = ctypes.CDLL(None, use_errno=True).syscall
    system.restype = ctypes.c_long
    version = system(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        raise OSError(ctypes.get_errno(), "no Landlock")
    handled = CHANGE | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    rules = system(CREATE, ctypes.byref(ctypes.c_uint64(handled)), ctypes.c_size_t(8), ctypes.c_uint32(0))
    _must(rules)
    for path, rights in ((str(folder), handled), (os.devnull, handled & (WRITE_FILE | TRUNCATE))):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _must(system(ADD, rules, 1, ctypes.byref(_Beneath(rights, place)), ctypes.c_uint32(0)))
        os.close(place)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    _must(prctl(38, 1, 0, 0, 0))  # no new privileges
    _must(system(RESTRICT, rules, ctypes.c_uint32(0)))
    os.close(rules)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("place", ctypes.c_int32)]


def _must(answer: int) -> None:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused")
