"""Runs the worked example of a component up to the launch of one of its kernels."""

from __future__ import annotations

import contextlib
import doctest
import linecache
from collections.abc import Callable
from typing import Any

from ..kernel import debug, launching
from .components import Component, NotFound, components


class Caught(Exception):
    """Ends the example after the call of `act`."""


def run_example(component: Component, kernel: str, act: Callable[[Any, Any, int, tuple], Any], go_on: bool) -> None:
    """Execute the worked example; call `act(cpu_kernel, cuda_kernel, threads, arguments)` in place of the kernel's first launch.

    If no kernel is named, the first one that the example launches is taken.

    The other kernels run as plain Python, which takes less time than compiling them for one small example. With `go_on` the example
    runs to its end; without it, it ends after `act`. If the example in the kernel's own file does not launch the kernel, the example
    of another component that uses it is run.

    Raises:
        NotFound: the example does not launch that kernel.
    """
    caught = False

    def choose(device: Any, cpu_kernel: Any, cuda_kernel: Any, threads: int) -> Callable | None:
        if caught or kernel and cpu_kernel.__name__ != f"{kernel}_cpu":
            return None

        def run(*arguments: Any) -> None:
            nonlocal caught
            caught = True
            act(cpu_kernel, cuda_kernel, threads, arguments)
            if not go_on:
                raise Caught

        return run

    others = [other for other in components().values() if other is not component and kernel]
    with debug(), launching(choose):
        for owner in (component, *others):
            if not caught and (
                owner is component or hasattr(owner.module(), f"{kernel}_cpu")
            ):  # its own, or one that uses it
                with contextlib.suppress(Caught):
                    _execute(owner)
    if not caught:
        if not kernel:
            raise NotFound(f"the worked example of {component.name} launches no kernel")
        raise NotFound(
            f"no worked example launches {kernel}: step through a call of your own with "
            f"`reftorch step {component.file.name}:{kernel}_cpu --args FILE.npz`, FILE holding the kernel's arguments by name"
        )


def _execute(component: Component) -> None:
    """Run the statements below "## Worked example", as one file whose lines debuggers can show."""
    text = (component.module().__doc__ or "").partition("## Worked example")[2].split("\n## ")[0]
    file = f"<worked example of {component.name}>"
    examples = doctest.DocTestParser().get_examples(text)
    source = "".join(example.source for example in examples)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__", "print": lambda *_, **__: None}
    line = 0
    for example in examples:
        code = compile("\n" * line + example.source, file, "exec")
        line += example.source.count("\n")
        try:
            exec(code, names)
        except Exception:
            if example.exc_msg is None:  # the example does not expect this exception
                raise


def launched(component: Component) -> list[str]:
    """The kernels that the worked example launches, without _cpu or _cuda, in the order of their first launches."""
    found: dict[str, None] = {}

    def choose(device: Any, cpu_kernel: Any, cuda_kernel: Any, threads: int) -> None:
        if cpu_kernel.__name__.endswith("_cpu"):
            found[cpu_kernel.__name__.removesuffix("_cpu")] = None

    with debug(), launching(choose):
        _execute(component)
    return list(found)
