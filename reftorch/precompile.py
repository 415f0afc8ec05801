"""`reftorch compile`: compile the kernels of a training loop ahead, so that a class does not wait for them one by one.

What is compiled is what a training in float32 calls: a run of each component over small tensors, forwards and backwards, fills
the same cache that every later process reads.
"""

from __future__ import annotations

import functools
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import numba
from numba.core.dispatcher import Dispatcher
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import reftorch
from reftorch import kernel, kernel_cache
from reftorch.bench.cases import CASES, Case
from reftorch.bench.jobs import prepare
from reftorch.bench.work import work
from reftorch.bench.worker import digits_network, train
from reftorch.doctor import measure
from reftorch.threads import available, on_one_thread

LARGEST = (
    50_000_000  # the most operations of a case that is run to compile its kernels; other sizes may need other kernels
)


def main(console: Console | None = None) -> int:
    """Compile, and print how many kernels and where they are kept; returns the exit code."""
    console = console or Console()
    count = Count()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    planned = list(plan())
    with Progress(*columns, TextColumn("{task.fields[doing]}"), console=console, transient=True) as bar:
        task = bar.add_task("compiling", total=len(planned), doing="")
        live = console.is_terminal and not console.is_dumb_terminal

        def told(name: str | None) -> None:
            began = count.told(name)
            bar.update(task, doing=name or "")
            if began and not live:
                console.print(f"compiling {name}", highlight=False, markup=False)

        with kernel.compiling(told):
            for run in planned:
                run()
                bar.advance(task)
    kernels = compiled()
    signatures = sum(map(len, kernels.values()))
    folder = kernel_cache.folder()
    kept = f"They are in {folder} ({measure(folder)[1] / 2**20:.1f} MiB)." if folder else "They are not kept."
    console.print(
        f"{len(kernels)} kernels for {signatures} signatures are ready: {count.kernels} compiled now in {count.seconds:.1f} s, "
        f"the others before.\n{kept}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 0


def plan() -> Iterator[Callable[[], Any]]:
    """Runs that call all kernels of a training loop. Kernels have a form for one thread and one for several."""
    for case in CASES:
        if work(case, case.directions[0]).operations <= LARGEST:
            for threads in sorted({1, available()}):
                yield functools.partial(run_case, case, threads)
    yield lambda: train(reftorch, digits_network(reftorch), reftorch.randn(32, 1, 8, 8))
    yield class_probabilities
    for model in ("transformer", "lstm"):
        yield functools.partial(rewrite_dates, model)


def run_case(case: Case, threads: int) -> None:
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        prepare(reftorch, case).results()
    finally:
        numba.set_num_threads(before)


def class_probabilities() -> None:
    """The loss of a target that is no class index."""
    x = reftorch.randn(4, 3, requires_grad=True)
    reftorch.nn.CrossEntropyLoss()(x, reftorch.rand(4, 3)).backward()


def rewrite_dates(model: str) -> None:
    """A step of `reftorch train sequences`, and greedy decoding, on one thread as there."""
    from reftorch.train.dates import prepare as prepare_dates
    from reftorch.train.options import settle

    options = Namespace(job="sequences", model=model, limit=128, seed=0, device="cpu", load=None, data=None)
    vars(options).update(dict.fromkeys(("epochs", "batch_size", "lr", "momentum", "ranks")))
    settle(options)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        training = prepare_dates(options)
        texts, answers = next(iter(training.batches))
        training.learn(texts, answers)[0].backward()
        training.optimizer.step()
        with reftorch.no_grad():
            training.judge(training.held_inputs, training.held_truth)
    finally:
        numba.set_num_threads(before)


def compiled() -> dict[str, list]:
    """The kernels that this process has compiled or loaded, and the signatures of each."""
    found: dict[str, list] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("reftorch."):
            for value in vars(module).values():
                if not isinstance(value, Dispatcher) or value.__module__ != name:
                    continue
                signatures = [*dict.fromkeys(value.signatures + on_one_thread(value).signatures)]
                if signatures and not value.targetoptions.get("no_cpython_wrapper"):  # which says: only kernels call it
                    found[f"{name}.{value.py_func.__name__}"] = signatures
    return found


class Count:
    """How many kernels were compiled, and for how many seconds; those that another one calls are part of it."""

    def __init__(self) -> None:
        self.kernels, self.seconds = 0, 0.0
        self._depth, self._began = 0, 0.0

    def told(self, name: str | None) -> bool:
        """`name` begins to compile; None: one is done. Returns whether it is one that no other calls."""
        self._depth += 1 if name else -1
        if name and self._depth == 1:
            self.kernels, self._began = self.kernels + 1, time.perf_counter()
            return True
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._began
        return False
