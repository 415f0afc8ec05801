"""Functions that are called when a gradient passes by."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away again; also a context manager."""

    _ids = itertools.count()

    def __init__(self, hooks: dict, extra_dict: Any = ()):
        self.id = next(self._ids)
        self._dicts = [weakref.ref(d) for d in (hooks, *extra_dict)]

    def remove(self) -> None:
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def add_hook(hooks: OrderedDict, hook: Callable) -> RemovableHandle:
    """Append `hook` to an ordered dictionary of hooks."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def replaced(answer: Any, before: list) -> list:
    """The gradients after a hook: its answer, if it gave one."""
    if answer is None:
        return before
    answer = list(answer) if isinstance(answer, (tuple, list)) else [answer]
    if len(answer) != len(before):
        raise RuntimeError(
            f"hook has returned an incorrect number of values: got {len(answer)}, expected {len(before)}"
        )
    return answer
